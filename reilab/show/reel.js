// A run without its lab: one slider scrubs through its moments, another swipes between two panes.

const reels = JSON.parse(document.getElementById("reels").textContent)
const part = (name) => document.getElementById(`reel-${name}`)
const [image, moment, divide, left, right] = ["image", "moment", "divide", "left", "right"].map(part)
const [stage, row, words, play, errors, scale] = ["stage", "row", "words", "play", "errors", "scale"].map(part)
const PAUSE = 700
let timer = 0

const reel = () => reels[Number(image.value)]
const pane = (key) => reel().panes.find((one) => one.key === key)
const at = (one) => Math.min(Number(moment.value), one.told.length - 1)

function options(select, names, chosen) {
  select.replaceChildren(...names.map(([value, text]) => new Option(text, value)))
  select.value = chosen
}

// A strip of pictures is moved behind its frame; the ground truth has no errors and stays.
function paint(frame, one) {
  const n = one.told.length, place = n > 1 ? 100 * at(one) / (n - 1) : 0
  const mapped = errors.checked && one.errors
  frame.style.backgroundImage = `url("${mapped ? one.errors : one.source}")`
  frame.style.backgroundSize = `100% ${100 * n}%`
  frame.style.backgroundPosition = `0 ${place}%`
  frame.setAttribute("aria-label", [mapped ? `Error of ${one.title}` : one.title, one.told[at(one)]].filter(Boolean).join(", "))
}

function figure(one) {
  const made = document.createElement("figure"), frame = document.createElement("div")
  const under = document.createElement("figcaption"), told = document.createElement("span")
  const chip = document.createElement("span")
  frame.className = "reel-frame"
  frame.style.aspectRatio = reel().aspect
  frame.setAttribute("role", "img")
  chip.className = "chip"
  chip.style.background = one.colour
  told.className = "quiet"
  under.append(chip, one.title, document.createElement("br"), told)
  made.append(frame, under)
  made.dataset.key = one.key
  return made
}

function show() {
  const step = `step ${reel().steps[Number(moment.value)].toLocaleString("en")}`
  moment.setAttribute("aria-valuetext", step)
  words.textContent = step
  for (const made of row.children) {
    const one = pane(made.dataset.key)
    paint(made.firstChild, one)
    made.querySelector(".quiet").textContent = one.told[at(one)]
  }
  const [under, over] = stage.querySelectorAll(".reel-frame")
  paint(under, pane(right.value))
  paint(over, pane(left.value))
  over.style.clipPath = `inset(0 ${100 - divide.value}% 0 0)`
  stage.querySelector(".reel-line").style.left = `${divide.value}%`
}

function build() {
  const names = reel().panes.map((one) => [one.key, one.title])
  options(left, names, reel().left)
  options(right, names, reel().right)
  moment.max = reel().steps.length - 1
  scale.textContent = `0 to ${reel().end}`
  errors.closest("label").hidden = !reel().end
  row.replaceChildren(...reel().panes.map(figure))
  for (const frame of stage.querySelectorAll(".reel-frame")) frame.style.aspectRatio = reel().aspect
  show()
}

function halt() {
  clearInterval(timer)
  timer = 0
  play.textContent = "▶ Play"
}

function start() {
  if (moment.value === moment.max) moment.value = 0
  play.textContent = "❚❚ Halt"
  show()
  timer = setInterval(() => {
    moment.value = Number(moment.value) + 1
    show()
    if (moment.value === moment.max) halt()
  }, PAUSE)
}

// Only a finger that moves sideways swipes; one that moves down scrolls the page.
function drag(event) {
  if (!event.buttons) return
  const box = stage.getBoundingClientRect()
  divide.value = 100 * (event.clientX - box.left) / box.width
  show()
}

options(image, reels.map((one, index) => [index, `${one.number}`]), "0")
image.addEventListener("change", build)
for (const control of [left, right, divide, errors]) control.addEventListener("input", show)
moment.addEventListener("input", () => { halt(); show() })
play.addEventListener("click", () => timer ? halt() : start())
stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); drag(event) })
stage.addEventListener("pointermove", drag)
build()
moment.value = moment.max
show()
