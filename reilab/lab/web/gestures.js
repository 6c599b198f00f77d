// What a hand does to an image: a callback of its figure, run when that is laid out and when it is
// entered. Images that share a range move, zoom and show their values together, without the server.
// Arguments: colours (the map of grey values), one and zero (the codes of the range and its least value),
// window_ (black and white, told once a drag ends), probe (the pixel under the pointer).
const figure = cb_obj.origin ?? cb_obj
const view = cb_context.index.find_one(figure)
const panes = (window.reilabPanes ??= new Map())
for (const host of panes.keys()) if (!host.isConnected) panes.delete(host)
if (!view || panes.has(view.el)) return

const host = view.el, x = figure.x_range, y = figure.y_range
const SLOP = 3, DOUBLE = 350, CLOSEST = 4, STEP = 0.15, LEAST = 0.01, LIVE = 100
const between = (value, low, high) => Math.min(Math.max(value, low), high)
const finger = (event) => event.pointerType === "touch"

// Shares of the width from the left and of the height from the bottom.
function place({clientX, clientY}) {
  const {left, top, width, height} = host.getBoundingClientRect()
  return [between((clientX - left) / width, 0, 1), between(1 - (clientY - top) / height, 0, 1)]
}

// No part of a pane is ever bare: where an image ends, moving ends. Images of another size may come.
function look(range, start, length) {
  const whole = range.reset_end
  const kept = between(length, Math.min(CLOSEST, whole), whole)
  const from = between(start, 0, whole - kept)
  range.setv({start: from, end: from + kept})
}

function move(right, up) {
  look(x, x.start + right * (x.end - x.start), x.end - x.start)
  look(y, y.start + up * (y.end - y.start), y.end - y.start)
}

// Magnifies, and what is at this place stays there.
function zoom(factor, [fx, fy] = [0.5, 0.5]) {
  for (const [range, share] of [[x, fx], [y, fy]]) {
    const whole = range.reset_end
    const length = between((range.end - range.start) / factor, Math.min(CLOSEST, whole), whole)
    look(range, range.start + share * (range.end - range.start - length), length)
  }
}

const wholeSeen = () => [x, y].every((range) => range.end - range.start >= range.reset_end)
const showWhole = () => { for (const range of [x, y]) look(range, 0, range.reset_end) }

// A cross and the value of the pixel in it, over the pane.
function marks() {
  const made = ["inset:0 auto 0 0;width:1px", "inset:auto 0 0 0;height:1px", "left:4px;bottom:4px;" +
    "background:#000b;color:#fff;font:12px system-ui;padding:1px 6px;border-radius:4px;" +
    "font-variant-numeric:tabular-nums;white-space:nowrap"].map((style, index) => {
    const part = document.createElement("div")
    part.style.cssText = `position:absolute;pointer-events:none;z-index:2;${index < 2 ? "background:#ffd54acc;" : ""}${style}`
    return part
  })
  const [up, across, words] = made
  return {
    put() { if (!words.isConnected) host.shadowRoot.append(...made) },
    cross(fx, fy) { up.style.left = `${100 * fx}%`; across.style.bottom = `${100 * fy}%` },
    show(crossed, told) {
      this.put()
      for (const line of [up, across]) line.style.display = crossed ? "" : "none"
      words.style.display = told ? "" : "none"
      words.textContent = told
    },
  }
}

// What the values of the pixel in this column and row, from the bottom, are.
function value(column, row) {
  const {image: [image], zero: [zero] = [], unit: [unit] = []} = figure.renderers[0].data_source.data
  // Nothing has been shown there yet.
  if (zero === undefined) return ""
  const code = image[row * x.reset_end + column]
  if (image.BYTES_PER_ELEMENT < 4) return (zero + unit * code).toFixed(3)
  return [0, 8, 16].map((shift) => (zero + unit * ((code >> shift) & 255)).toFixed(2)).join(" ")
}

const overlay = marks()
const pane = {
  x,
  point(column, row) {
    const fx = (column + 0.5 - x.start) / (x.end - x.start), fy = (row + 0.5 - y.start) / (y.end - y.start)
    overlay.cross(fx, fy)
    overlay.show(fx >= 0 && fx <= 1 && fy >= 0 && fy <= 1, value(column, row))
  },
  tell: (words) => overlay.show(false, words),
}
panes.set(host, pane)
const together = () => [...panes.values()].filter((other) => other.x === x)

function point(event) {
  const [fx, fy] = place(event)
  const column = Math.min(Math.floor(x.start + fx * (x.end - x.start)), x.reset_end - 1)
  const row = Math.min(Math.floor(y.start + fy * (y.end - y.start)), y.reset_end - 1)
  for (const other of together()) other.point(column, row)
  const at = [column, row]
  if (String(probe.data.at[0]) !== String(at)) probe.data = {at: [at]}
}

const forget = () => { for (const other of together()) other.tell("") }

// To the right the window gets wider, upward all gets brighter.
function windowAt([dark, bright], right, up) {
  const size = between((bright - dark) * 2 ** (3 * right), LEAST, 1)
  const middle = (dark + bright) / 2 - up * (bright - dark)
  const from = between(middle - size / 2, 0, 1 - size)
  return [from, from + size].map((share) => Number(share.toFixed(2)))
}

let drag = null, told = 0

function showWindow(shares, last) {
  colours.setv({low: zero + one * shares[0], high: zero + one * shares[1]}, {sync: false})
  // Colours are mixed by the server, which is asked now and then.
  const live = figure.renderers[0].glyph.color_mapper === undefined && Date.now() - told > LIVE
  if (!last && !live) return
  told = Date.now()
  window_.data = {shares: [shares]}
}

host.addEventListener("pointerdown", (event) => {
  if (finger(event) || event.button === 1) return
  const levels = event.button === 2 || event.shiftKey
  if (levels) forget()
  drag = {levels, from: [event.clientX, event.clientY], shares: window_.data.shares[0]}
  event.composedPath()[0].setPointerCapture(event.pointerId)
})
host.addEventListener("pointermove", (event) => {
  if (finger(event)) return
  if (!drag) return point(event)
  const {width, height} = host.getBoundingClientRect()
  const right = (event.clientX - drag.from[0]) / width, up = (drag.from[1] - event.clientY) / height
  if (!drag.levels) {
    drag.from = [event.clientX, event.clientY]
    return move(-right, -up)
  }
  drag.now = windowAt(drag.shares, right, up)
  showWindow(drag.now, false)
  pane.tell(`window ${drag.now.map((share) => share.toFixed(2)).join(" to ")}`)
})
const release = () => {
  if (drag?.now) showWindow(drag.now, true)
  drag = null
}
for (const name of ["pointerup", "pointercancel"]) host.addEventListener(name, release)
host.addEventListener("pointerleave", (event) => { if (!drag && !finger(event)) forget() })
// The right button is for the window.
host.addEventListener("contextmenu", (event) => event.preventDefault())
host.addEventListener("dblclick", showWhole)

// Ctrl leaves the wheel itself to the page; a pinch on a touchpad counts as Ctrl and wheel.
host.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return
  event.preventDefault()
  zoom(2 ** (-between(event.deltaY, -200, 200) / 200), place(event))
}, {passive: false})

// One finger scrolls the page, as everywhere; two are for the image, two taps for the whole of it.
let pinch = null, touched = null, tapped = -Infinity
const spread = ([a, b]) => Math.max(Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), 1)
const middle = ([a, b]) => ({clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2})
host.addEventListener("touchstart", (event) => {
  touched = event.touches.length === 1 ? event.touches[0] : null
  pinch = event.touches.length === 2 ? [...event.touches] : null
  if (pinch) event.preventDefault()
}, {passive: false})
host.addEventListener("touchmove", (event) => {
  const [now] = event.touches
  if (touched && Math.hypot(now.clientX - touched.clientX, now.clientY - touched.clientY) > SLOP) touched = null
  if (!pinch || event.touches.length !== 2) return
  event.preventDefault()
  const fingers = [...event.touches], before = place(middle(pinch)), after = place(middle(fingers))
  zoom(spread(fingers) / spread(pinch), before)
  move(before[0] - after[0], before[1] - after[1])
  pinch = fingers
}, {passive: false})
host.addEventListener("touchend", (event) => {
  if (event.touches.length < 2) pinch = null
  if (!touched || event.touches.length) return
  if (event.timeStamp - tapped < DOUBLE) showWhole()
  else point(touched)
  tapped = event.timeStamp
  touched = null
})

const KEYS = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8),
  ArrowLeft: () => move(-STEP, 0), ArrowRight: () => move(STEP, 0),
  ArrowUp: () => move(0, STEP), ArrowDown: () => move(0, -STEP),
}
host.addEventListener("keydown", (event) => {
  // The arrows belong to the page while there is nowhere to go.
  if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in KEYS)) return
  if (event.key.startsWith("Arrow") && wholeSeen()) return
  event.preventDefault()
  event.stopPropagation()
  KEYS[event.key]()
})
