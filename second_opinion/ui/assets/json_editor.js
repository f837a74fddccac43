// A text area over its own coloured copy: native typing, undo and screen readers, plus colours.
const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g
const PAUSE = 350

function colour(text, shown = document.createDocumentFragment()) {
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    shown.append(text.slice(end, match.index))
    const [whole, string, colon, number] = match
    const span = document.createElement("span")
    span.className = string ? (colon ? "name" : "text") : number ? "number" : "word"
    span.textContent = string ?? whole
    shown.append(span)
    if (colon) shown.append(colon)
    end = match.index + whole.length
  }
  shown.append(text.slice(end))
  return shown
}

// The lines with problems in a mark of their own; nothing else is split.
function lines(text, marked) {
  const shown = document.createDocumentFragment()
  text.split("\n").forEach((line, at) => {
    if (at) shown.append("\n")
    const isMarked = marked.includes(at + 1)
    shown.append(colour(line, isMarked ? document.createElement("mark") : undefined))
  })
  // A last line break is drawn only if something follows it.
  shown.append("\u200b")
  return shown
}

const editors = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const area = parentElement.querySelector("textarea")
  const copy = parentElement.querySelector("pre")
  const draw = () => copy.replaceChildren(lines(area.value, data.marked))
  if (!editors.has(parentElement)) {
    // Only once: an echo of what was sent would fight the cursor.
    editors.set(parentElement, { sent: data.text, timer: 0 })
    area.value = data.text
  }
  const state = editors.get(parentElement)

  parentElement.querySelector(".label").textContent = data.label
  area.setAttribute("aria-label", data.label)
  area.setAttribute("aria-invalid", data.marked.length > 0)
  draw()
  const send = () => {
    clearTimeout(state.timer)
    if (state.sent !== area.value) setStateValue("text", (state.sent = area.value))
  }
  area.oninput = () => {
    draw()
    clearTimeout(state.timer)
    state.timer = setTimeout(send, PAUSE)
  }
  area.onblur = send
}
