// A table whose head sorts it. Rows may have a check box, a pin, and a name that opens them.
// Cells are text, with the number to sort by beside it where there is one.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}

function sorted(rows, column, down) {
  if (column < 0) return rows
  const key = (row) => row.cells[column].order ?? row.cells[column].text
  const known = (row) => row.cells[column].text !== "–"
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)]
    const way = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y))
    return down ? -way : way
  }
  return [...rows.filter(known).sort(compare), ...rows.filter((row) => !known(row))]
}

export function render({model}) {
  let column = -1
  let down = true
  const head = element("tr")
  const body = element("tbody")
  const table = element("table", {}, element("caption", {}, model.title), element("thead", {}, head), body)
  const root = element("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": model.title}, table)

  const say = (what, row) => model.send_msg({what, row})
  const drawHead = () => {
    const cells = model.columns.map(([name, unit, style], index) => {
      const sort = element("button", {type: "button"}, name)
      if (unit) sort.append(" ", element("small", {}, unit))
      const state = index !== column ? "none" : down ? "descending" : "ascending"
      if (index === column) sort.append(down ? " ▾" : " ▴")
      sort.addEventListener("click", () => {
        down = index === column ? !down : index > 0
        column = index
        draw()
      })
      return element("th", {scope: "col", "aria-sort": state, class: style}, sort)
    })
    if (model.selectable) cells.unshift(element("th", {scope: "col", class: "pick"}, chooseAll()))
    head.replaceChildren(...cells)
  }
  // Chosen are those that are shown; others keep what they are.
  const chooseAll = () => {
    const keys = JSON.parse(model.rows).map((row) => row.key)
    const n = keys.filter((key) => model.chosen.includes(key)).length
    const box = element("input", {type: "checkbox", "aria-label": "Choose all that are shown"})
    box.checked = n > 0 && n === keys.length
    box.indeterminate = n > 0 && n < keys.length
    box.addEventListener("change", () => model.send_msg({what: box.checked ? "choose all" : "leave all", row: ""}))
    return box
  }
  const drawRow = (row) => {
    const cells = row.cells.map((cell, index) => {
      // Other columns come a moment before their rows.
      const style = model.columns[index]?.[2] ?? ""
      if (style.includes("note")) return element("td", {class: style}, element("div", {title: cell.text}, cell.text))
      if (index) return element("td", {title: cell.title, class: style}, cell.text)
      const chip = row.colour ? [element("span", {class: "chip", style: `background:${row.colour}`})] : []
      const name = element(model.selectable ? "button" : "span", {class: "name", title: cell.title}, cell.text)
      if (model.selectable) name.addEventListener("click", () => say("open", row.key))
      return element("th", {scope: "row"}, ...chip, name)
    })
    if (model.selectable) {
      const box = element("input", {type: "checkbox", "aria-label": `Choose ${row.cells[0].text}`})
      box.checked = model.chosen.includes(row.key)
      box.addEventListener("change", () => say(box.checked ? "choose" : "leave", row.key))
      cells.unshift(element("td", {class: "pick"}, box))
    }
    return element("tr", {"data-key": row.key, class: row.key === model.current ? "current" : null}, ...cells)
  }
  const draw = () => {
    drawHead()
    const rows = sorted(JSON.parse(model.rows), column, down)
    const held = root.getRootNode().activeElement
    const place = held ? [...root.querySelectorAll("button, input")].indexOf(held) : -1
    body.replaceChildren(...rows.map(drawRow))
    if (place >= 0) root.querySelectorAll("button, input")[place]?.focus()
  }
  for (const name of ["rows", "chosen", "current", "columns"]) model.on(name, draw)
  draw()
  return root
}
