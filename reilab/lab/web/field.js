// One labelled control with its unit, a help text that opens by mouse or keyboard, and for numbers
// a slider or a tenth and ten times beside it. All values are text; the lab says what is wrong.
let made = 0
// So long after the last letter what is typed is checked, in milliseconds.
const TYPING_PAUSE = 200

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}

function button(words, name, action, kind = "plain") {
  const made = element("button", {type: "button", class: kind, "aria-label": name}, words)
  made.addEventListener("click", action)
  return made
}

function scaled(text, factor) {
  const value = Number(text)
  return Number.isFinite(value) && text !== "" ? String(Number((value * factor).toPrecision(10))) : text
}

function numberInput(model, ids, send) {
  const input = element("input", {type: "text", inputmode: model.kind === "text" ? "text" : "decimal", id: ids.input, "aria-describedby": `${ids.error} ${ids.help}`})
  let timer
  // What is being typed is not written over by what comes from elsewhere, or by its own beginning.
  let typing = false
  const commit = () => {
    typing = false
    window.clearTimeout(timer)
    if (input.value !== model.value) send(input.value)
    else model.draft = input.value
  }
  input.addEventListener("input", () => {
    typing = true
    window.clearTimeout(timer)
    timer = window.setTimeout(() => { model.draft = input.value }, TYPING_PAUSE)
  })
  input.addEventListener("change", commit)
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") commit() })
  let pause = 0
  input.addEventListener("input", () => {
    clearTimeout(pause)
    if (model.kind === "text" && model.eager) pause = setTimeout(commit, 200)
  })
  const row = element("div", {class: "row"}, input)
  const parts = [input]
  if (model.scaled) {
    for (const [words, factor, way] of [["÷10", 0.1, "down"], ["×10", 10, "up"]]) {
      const step = button(words, `${model.label} ${words}`, () => send(scaled(model.value, factor)), way)
      row.append(step)
      parts.push(step)
    }
  }
  const box = element("div", {}, row)
  const thumb = slide(0, 1, 1, "")
  thumb.addEventListener("input", () => {
    input.value = thumb.value
    if (model.eager) send(thumb.value)
  })
  thumb.addEventListener("change", () => send(thumb.value))
  box.append(thumb)
  parts.push(thumb)
  const show = () => {
    if (!typing) input.value = model.value
    thumb.hidden = !model.span.length
    thumb.setAttribute("aria-label", `${model.label}, slider`)
    if (model.span.length) stretch(thumb, model.span)
    thumb.value = Number(model.value)
  }
  return {box, parts, show}
}

function choiceInput(model, ids, send) {
  const select = element("select", {id: ids.input, "aria-describedby": ids.help})
  select.addEventListener("change", () => send(select.value))
  const show = () => {
    select.replaceChildren(...model.options.map(([value, words]) => element("option", {value}, words)))
    select.value = model.value
  }
  return {box: element("div", {class: "row"}, select), parts: [select], show}
}

function checksInput(model, ids, send) {
  const box = element("div", {class: "checks", role: "group", "aria-labelledby": ids.label})
  const parts = []
  const show = () => {
    const chosen = model.value.split(" ")
    parts.length = 0
    box.replaceChildren(...model.options.map(([value, words, colour]) => {
      const input = element("input", {type: "checkbox", value})
      input.checked = chosen.includes(value)
      input.disabled = Boolean(model.locked)
      input.addEventListener("change", () => {
        const values = model.options.map((option) => option[0])
        const now = new Set(model.value.split(" ").filter(Boolean))
        if (input.checked) now.add(value)
        else now.delete(value)
        send(values.filter((one) => now.has(one)).join(" "))
      })
      parts.push(input)
      const chip = colour ? [element("span", {class: "chip", style: `background:${colour}`})] : []
      return element("label", {class: "check"}, input, ...chip, words)
    }))
  }
  return {box, parts, show}
}

// Several buttons, of which any number is pressed, or with `single` exactly one.
function togglesInput(model, ids, send, single) {
  const box = element("div", {class: "toggles", role: "group", "aria-labelledby": ids.label})
  const parts = []
  const press = (value) => {
    if (single) return send(value)
    const now = new Set(model.value.split(" ").filter(Boolean))
    if (!now.delete(value)) now.add(value)
    send(model.options.map((option) => option[0]).filter((one) => now.has(one)).join(" "))
  }
  const show = () => {
    const chosen = model.value.split(" ")
    const held = parts.indexOf(box.getRootNode().activeElement)
    parts.length = 0
    parts.push(...model.options.map(([value, words, digit]) => {
      const one = element("button", {type: "button", "data-value": value, "aria-pressed": chosen.includes(value)})
      if (digit) one.append(element("kbd", {}, digit))
      one.append(words)
      one.addEventListener("click", () => press(value))
      return one
    }))
    box.replaceChildren(...parts)
    parts[held]?.focus()
  }
  return {box, parts, show}
}

function slide(low, high, step, name) {
  return element("input", {type: "range", min: low, max: high, step, "aria-label": name})
}

function stretch(slider, [low, high, step]) {
  for (const [name, value] of Object.entries({min: low, max: high, step})) slider.setAttribute(name, value)
}

function slideInput(model, ids, send) {
  const input = slide(0, 1, 1, model.label)
  input.addEventListener("input", () => send(input.value))
  const show = () => {
    stretch(input, model.span)
    input.setAttribute("aria-label", model.label)
    if (model.words) input.setAttribute("aria-valuetext", model.words)
    input.value = model.value
  }
  return {box: input, parts: [input], show}
}

// Two thumbs on one track, and their numbers.
function windowInput(model, ids, send) {
  const [low, high, step] = model.span
  const dark = slide(low, high, step, "Black level")
  const bright = slide(low, high, step, "White level")
  const box = element("div", {class: "window"}, dark, bright)
  // A slider says its own number to those who cannot see it.
  const numbers = element("span", {class: "ends", "aria-hidden": "true"})
  const read = (moved) => {
    const [a, b] = [Number(dark.value), Number(bright.value)]
    if (a >= b) {
      if (moved === dark) dark.value = b - step
      else bright.value = a + step
    }
    send(`${dark.value} ${bright.value}`)
  }
  for (const one of [dark, bright]) one.addEventListener("input", () => read(one))
  const show = () => {
    const values = model.value.split(" ")
    numbers.textContent = values.map((value) => Number(value).toFixed(2)).join(" – ")
    dark.value = values[0]
    bright.value = values[1]
    box.style.setProperty("--from", `${100 * (values[0] - low) / (high - low)}%`)
    box.style.setProperty("--to", `${100 * (values[1] - low) / (high - low)}%`)
  }
  return {box: element("div", {class: "row"}, box, numbers), parts: [dark, bright], show}
}

const KINDS = {
  number: numberInput,
  text: numberInput,
  choice: choiceInput,
  checks: checksInput,
  toggles: (model, ids, send) => togglesInput(model, ids, send, false),
  segments: (model, ids, send) => togglesInput(model, ids, send, true),
  slide: slideInput,
  window: windowInput,
}
const LABELLED = ["number", "text", "choice"]

export function render({model}) {
  made += 1
  const ids = {input: `input-${made}`, help: `help-${made}`, label: `label-${made}`, error: `error-${made}`}
  const send = (value) => { model.value = value }
  const control = KINDS[model.kind](model, ids, send)
  const tag = LABELLED.includes(model.kind) ? "label" : "span"
  const label = element(tag, {id: ids.label, class: "name", for: tag === "label" ? ids.input : null})
  const unit = element("span", {class: "unit"})
  const help = element("p", {id: ids.help, class: "help", hidden: ""})
  const ask = button("?", `Help on ${model.label}`, () => {
    help.hidden = !help.hidden
    ask.setAttribute("aria-expanded", String(!help.hidden))
  }, "ask")
  ask.setAttribute("aria-expanded", "false")
  ask.setAttribute("aria-controls", ids.help)
  const head = element("div", {class: "head"}, label, unit, ask)
  const error = element("p", {id: ids.error, class: "fault", "aria-live": "polite"})
  const root = element("div", {class: `control of-${model.kind} ${model.place}`}, head, control.box, error, help)
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !help.hidden) ask.click()
  })
  const refresh = () => {
    label.textContent = model.label
    unit.textContent = model.unit
    // The title is for the mouse alone.
    help.textContent = `${model.locked} ${model.help}`.trim()
    ask.setAttribute("aria-label", `Help on ${model.label}`)
    ask.hidden = !help.textContent
    control.show()
    root.title = model.locked
    for (const part of control.parts) part.disabled = Boolean(model.locked)
  }
  const complain = () => {
    error.textContent = model.error
    control.box.classList.toggle("wrong", Boolean(model.error))
    for (const part of control.parts) part.setAttribute("aria-invalid", String(Boolean(model.error)))
  }
  for (const name of ["label", "unit", "help", "value", "options", "locked", "span", "words", "eager"]) model.on(name, refresh)
  model.on("error", complain)
  refresh()
  complain()
  return root
}
