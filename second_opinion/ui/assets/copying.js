// Letters without width keep markdown from making something of a text (frame.escape). They are left
// out of what is copied, which is the text as it was typed.
let mark = ""

function copy(event) {
  const field = event.composedPath()[0]
  const text = String(document.getSelection())
  if (["INPUT", "TEXTAREA"].includes(field.tagName) || !mark || !text.includes(mark)) return
  // Browsers copy a blank that does not break as a blank.
  event.clipboardData.setData("text/plain", text.replaceAll(mark, "").replaceAll("\u00a0", " "))
  event.preventDefault()
}

document.addEventListener("copy", copy)

export default function (component) {
  mark = component.data.mark
}
