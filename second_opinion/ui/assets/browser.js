// What Streamlit has no command for: a cookie, and where the keyboard is.
// Ten seconds, 50 ms apart: a slow machine draws late.
const ATTEMPTS = 200
let focused = ""
let spoken = ""
let revealed = ""

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : ""
  const age = value ? 31536000 : 0
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${age}; SameSite=Lax${secure}`
}

// The class that Streamlit gives to the part of the page with a key.
function place(key) {
  return `.${CSS.escape(`st-key-${key.trim().replace(/[^a-zA-Z0-9_-]/g, "-")}`)}`
}

function typing() {
  return document.activeElement?.matches("textarea, input:not([type=checkbox], [type=radio])")
}

// The element may be drawn a moment after this component, so it is looked for until it is there.
function focus(key, token, attempts) {
  const target = document.querySelector(`${place(key)} :is(input, textarea, [role=radio], button)`)
  if (!target && attempts > 0) return setTimeout(() => focus(key, token, attempts - 1), 50)
  if (!target || !token || focused === token || typing()) return
  focused = token
  target.focus()
  target.scrollIntoView({ block: "nearest", behavior: "smooth" })
}

// A region that screen readers follow has to be one before its text changes.
function speak(key, token, attempts) {
  const target = document.querySelector(`.st-key-${key}`)
  if (!target) return attempts > 0 && setTimeout(() => speak(key, token, attempts - 1), 50)
  target.setAttribute("role", "status")
  target.tabIndex = -1
  if (!token || spoken === token || typing()) return
  spoken = token
  target.focus({ preventScroll: true })
}

// Brings a part of the page into sight, also while somebody is typing.
function reveal(key, token, attempts) {
  const target = document.querySelector(`.st-key-${key}`)
  if (!target && attempts > 0) return setTimeout(() => reveal(key, token, attempts - 1), 50)
  if (!target || revealed === token) return
  revealed = token
  target.scrollIntoView({ block: "nearest", behavior: "smooth" })
}

// A widget whose code is still on its way has its frame on the page, but nothing in it yet.
function drawn(key) {
  return document.querySelector(`${place(key)} :is(input, textarea, button)`) !== null
}

function whenDrawn(keys, tell, attempts) {
  if (keys.every(drawn)) return tell()
  if (attempts > 0) setTimeout(() => whenDrawn(keys, tell, attempts - 1), 50)
}

export default function (component) {
  const { cookie, value, key, token, part, status, drawn: keys } = component.data
  if (cookie) remember(cookie, value)
  if (key) focus(key, token, ATTEMPTS)
  if (status) speak(status, token, ATTEMPTS)
  if (part) reveal(part, token, ATTEMPTS)
  if (keys?.length) whenDrawn(keys, () => component.setTriggerValue("drawn", true), 600)
}
