// What appears on a page is said by screen readers only where a region stood before: one for all of
// it, which takes up what is new in the parts of these keys. A count that runs is said now and then.
const PARTS = { verdict_saved: 0, batch_progress: 5000 }
const said = {}
let region, waiting

function words(key) {
  const part = document.querySelector(`.st-key-${key}`)
  return part?.querySelector("p")?.innerText.trim() ?? ""
}

function look() {
  waiting = undefined
  for (const [key, pause] of Object.entries(PARTS)) {
    const text = words(key), last = said[key]
    if (!text) delete said[key]
    if (!text || text === last?.text || Date.now() - (last?.at ?? 0) < pause) continue
    said[key] = { text, at: Date.now() }
    region.textContent = text
  }
}

export default function () {
  if (document.getElementById("second-opinion-spoken")) return
  region = document.createElement("div")
  region.id = "second-opinion-spoken"
  region.setAttribute("role", "status")
  region.style.cssText = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"
  document.body.append(region)
  const later = () => (waiting ??= setTimeout(look, 250))
  new MutationObserver(later).observe(document.body, {
    childList: true, subtree: true, characterData: true,
  })
}
