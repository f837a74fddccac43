// Rows as a table with buttons, on a phone as cards; or one case as a list. What
// people or cards wrote is only ever set as text: nothing of it is read as HTML.
const LINK = /^https:\/\//

function element(name, about = {}, ...inside) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(about)) if (value != null) made.setAttribute(key, value)
  made.append(...inside)
  return made
}

// A cell is a text, or an object with its text and an address or a picture.
function content(cell, name) {
  if (typeof cell === "string") return cell
  if (cell.picture) {
    const picture = { src: cell.picture, alt: `${name}: ${cell.text}`, loading: "lazy", referrerpolicy: "no-referrer" }
    return element("img", picture)
  }
  if (!LINK.test(cell.href)) return cell.text
  return element("a", { href: cell.href, target: "_blank", rel: "noopener noreferrer" }, cell.text)
}

function button(row, about, press) {
  const made = element("button", { type: "button", class: about.name, "aria-label": `${about.label}, ${row.name || `row ${row.row}`}`, title: about.label }, about.sign)
  made.dataset.place = `${row.row} ${about.name}`
  if (about.name !== "open") made.setAttribute("aria-pressed", String(row.said === about.name))
  made.onclick = () => press(row.row, about.name)
  return made
}

function flags(row) {
  if (!row.flags.length) return ""
  const words = row.flags.join("; ")
  const mark = element("span", { class: "mark", title: words, "aria-hidden": "true" }, `⚑ ${row.flags.length}`)
  return element("span", {}, mark, element("span", { class: "words" }, words))
}

const FIXED = {
  row: (row, data, press) => button(row, { name: "open", label: data.opens, sign: row.name || String(row.row) }, press),
  verdict: (row, data, press) => {
    const buttons = data.buttons.map(about => button(row, about, press))
    const more = element("span", { class: "said" }, row.more)
    return element("div", { class: "buttons", role: "group", "aria-label": `${data.you} of row ${row.row}` }, ...buttons, more)
  },
  flags,
}

function tableRow(row, data, press) {
  const made = element("tr", { role: "row", class: row.row === data.current ? "current" : null })
  let at = 0
  for (const column of data.columns) {
    const fixed = FIXED[column.kind]
    const inside = fixed ? fixed(row, data, press) : content(row.cells[at++], column.name)
    const name = column.kind === "row" ? "th" : "td"
    const role = name === "th" ? "rowheader" : "cell"
    made.append(element(name, { role, class: column.kind + (column.number ? " number" : ""), "data-name": column.name }, inside))
  }
  return made
}

// What went wrong at a button of a row, below that row.
function fault(data) {
  const words = element("div", { role: "alert" }, data.fault)
  const cell = element("td", { role: "cell", colspan: data.columns.length }, words)
  return element("tr", { role: "row", class: "fault" }, cell)
}

function rowsOf(data, press) {
  return data.rows.flatMap(row => {
    const made = tableRow(row, data, press)
    return data.fault && row.row === data.fault_row ? [made, fault(data)] : [made]
  })
}

function table(data, press) {
  const heads = data.columns.map(column =>
    element("th", { role: "columnheader", scope: "col", class: column.kind + (column.number ? " number" : "") }, column.name)
  )
  const head = element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads))
  const body = element("tbody", { role: "rowgroup" }, ...rowsOf(data, press))
  const rows = element("table", { role: "table", "aria-label": data.label }, head, body)
  return element("div", { class: "scroll" }, rows)
}

function facts(data) {
  const pairs = data.facts.map(({ name, cell }) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, content(cell, name)))
  )
  return element("dl", { "aria-label": data.label }, ...pairs)
}

// Up and down go to the same button of the row above or below.
function move(event, root) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const place = event.target.dataset?.place
  if (!step || !place) return
  const same = [...root.querySelectorAll(`button.${CSS.escape(place.split(" ")[1])}`)]
  const next = same[same.indexOf(event.target) + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const place = parentElement.querySelector(".place")
  const root = place.getRootNode()
  const focused = root.activeElement?.dataset.place
  const before = place.querySelector(".scroll")
  const [left, top] = [before?.scrollLeft ?? 0, before?.scrollTop ?? 0]
  const press = (row, name) => setTriggerValue("pressed", { row, name })
  place.replaceChildren(data.facts ? facts(data) : table(data, press))
  place.onkeydown = event => move(event, place)
  const now = place.querySelector(".scroll")
  if (now && place.dataset.page === data.page) now.scrollTo(left, top)
  place.dataset.page = data.page
  const again = focused && [...place.querySelectorAll("button")].find(one => one.dataset.place === focused)
  if (again) again.focus({ preventScroll: true })
}
