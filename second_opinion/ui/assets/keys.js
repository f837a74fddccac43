// Single keys that press buttons of the page. They are printed on the buttons, are silent while
// somebody types, and can be turned off, which this browser keeps.
const OFF = "second_opinion_keys_off"
const KEYBOARD = "(hover: hover) and (pointer: fine)"
const TYPED_IN =
  "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true], [role=combobox], [role=listbox], [role=menu], [role=dialog]"

let presses = {}
let choices = ""
let after = ""
const printed = new CSSStyleSheet()
document.adoptedStyleSheets = [...document.adoptedStyleSheets, printed]

// Where a browser keeps nothing, the switch holds until the page is left.
let off = false
try {
  off = localStorage.getItem(OFF) !== null
} catch {}

function turn(on) {
  off = !on
  try {
    on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")
  } catch {}
  print()
}

// As rules, not on the buttons themselves: these are drawn anew whenever Streamlit likes. What
// stands behind the slash is what a screen reader says of it: nothing.
function print() {
  const letters = Object.entries(presses).map(
    ([key, part]) => `.st-key-${part} button::after { content: "${key.toUpperCase()}" / "" }`
  )
  if (choices) {
    letters.push(`.st-key-${choices} { counter-reset: choice }`)
    letters.push(`.st-key-${choices} button { counter-increment: choice }`)
    letters.push(`.st-key-${choices} button::after { content: counter(choice) / "" }`)
  }
  const parts = [...Object.values(presses), choices].filter(Boolean)
  const all = parts.map(part => `.st-key-${part} button::after`).join(", ")
  const looks = `${all || "nothing"} { font: 600 0.7rem/1 monospace; padding: 2px 5px;
    margin-inline-start: 8px; border: 1px solid currentColor; border-radius: 4px }`
  printed.replaceSync(off ? "" : `@media ${KEYBOARD} { ${looks} ${letters.join(" ")} }`)
}

function pressed(event) {
  const digit = choices && /^[1-9]$/.test(event.key)
  const part = digit ? choices : presses[event.key.toLowerCase()]
  if (!part) return null
  return document.querySelectorAll(`.st-key-${part} button`)[digit ? event.key - 1 : 0]
}

document.addEventListener("keydown", event => {
  const held = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.repeat
  if (off || held || event.isComposing || !matchMedia(KEYBOARD).matches) return
  // The path goes into shadow trees, where the JSON editor is.
  if (event.composedPath().some(place => place.matches?.(TYPED_IN))) return
  const button = pressed(event)
  if (!button || button.disabled) return
  event.preventDefault()
  button.click()
  // What is chosen is saved next: Enter does it. Not at once: the choice takes the keyboard first.
  if (button.closest(`.st-key-${choices || "nothing"}`))
    setTimeout(() => document.querySelector(`.st-key-${after} button`)?.focus(), 100)
})

export default function (component) {
  const { data, parentElement } = component
  const box = parentElement.querySelector("input")
  parentElement.querySelector(".words").textContent = data.words
  box.checked = !off
  box.onchange = () => turn(box.checked)
  ;({ presses, choices, after } = data)
  print()
  return () => {
    ;[presses, choices] = [{}, ""]
    print()
  }
}
