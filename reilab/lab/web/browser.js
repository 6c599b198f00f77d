// What only the browser can do: read keys, keep the address up to date, hand out files and text.

const TYPING = "input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=menuitem]"
const PRESSING = "button, a, [role=button], [role=tab], summary"

const NARROW = 600

const TICK = 100, TICKS = 20, LATE = 2, CALM = 4, SLOWEST = 16

// Watches how many ticks this page finds time for. Twice in a row (once may be the page being made)
// without a third of them, `tell` hears that changes should come half as often, and after some calm
// that they may come twice as often again.
function watchLag(tell) {
  let ticks = 0, late = 0, calm = 0, slower = 1, began = performance.now()
  const change = (factor) => {
    const wanted = Math.min(SLOWEST, Math.max(1, slower * factor))
    if (wanted !== slower) tell(wanted)
    slower = wanted
    late = calm = 0
  }
  return window.setInterval(() => {
    ticks += 1
    const passed = performance.now() - began
    if (passed < TICKS * TICK) return
    const share = ticks * TICK / passed
    ticks = 0
    began = performance.now()
    // Browsers hold back the ticks of a page that nobody sees.
    if (document.hidden) return
    late = share < 0.3 ? late + 1 : 0
    calm = share > 0.7 ? calm + 1 : 0
    if (late === LATE) change(2)
    else if (calm === CALM) change(0.5)
  }, TICK)
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
}

// Pages that are not served by HTTPS or from this machine have no clipboard; the old way may do.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = Object.assign(document.createElement("textarea"), {value: text})
    document.body.append(area)
    area.select()
    const copied = document.execCommand("copy")
    area.remove()
    return copied
  }
}

// What of an address is a place to come back to; the rest is how it is looked at.
const PLACES = ["tab", "run", "present"]

// The first visible element that a selector fits, wherever in the page's shadows it is.
function find(root, selector) {
  for (const one of root.querySelectorAll("*")) {
    if (one.matches(selector) && one.getClientRects().length) return one
    const found = one.shadowRoot && find(one.shadowRoot, selector)
    if (found) return found
  }
  return null
}

// What is shown with a message may come a moment after it; if it does not come, `instead` may serve.
function soon(selector, act, tries = 12, instead = null) {
  window.setTimeout(() => {
    const part = find(document, selector)
    if (part) act(part, selector)
    else if (tries) soon(selector, act, tries - 1, instead)
    else if (instead) soon(instead, act, 0)
  }, 400)
}

function hold(part) {
  part.tabIndex = -1
  part.focus({preventScroll: true})
}

function bringIntoSight(part) {
  // The tour stays above what it points at, and must not lie over its head.
  part.style.scrollMarginTop = `${(find(document, ".reilab-guide")?.offsetHeight ?? 0) + 24}px`
  part.scrollIntoView({block: "start", behavior: "smooth"})
}

// A scene that is set up draws parts anew: what it points at moves, or another takes its place. It is
// brought into sight until that has settled, or until somebody does something.
function keepInSight(selector) {
  const stop = new AbortController()
  const again = () => {
    const part = !stop.signal.aborted && find(document, selector)
    if (part) bringIntoSight(part)
  }
  for (let wait = 500; wait <= 4000; wait += 500) window.setTimeout(again, wait)
  for (const hand of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    document.addEventListener(hand, () => stop.abort(), {passive: true, capture: true, signal: stop.signal})
  }
  window.setTimeout(() => stop.abort(), 4500)
}

function point(part, selector) {
  bringIntoSight(part)
  keepInSight(selector)
  part.animate([{outline: "4px solid #e8a200", outlineOffset: "6px"}, {outline: "4px solid #e8a200", outlineOffset: "2px"}],
    {duration: 700, iterations: 8, direction: "alternate"})
}

function skipLink() {
  const link = document.createElement("a")
  link.href = "#"
  link.textContent = "Skip to the images"
  link.style.cssText = "position: fixed; top: 8px; left: 8px; z-index: 9999; padding: 8px 14px; background: #fff; "
    + "color: #12325e; font: 16px sans-serif; border-radius: 6px; clip-path: inset(50%)"
  link.addEventListener("focus", () => { link.style.clipPath = "none" })
  link.addEventListener("blur", () => { link.style.clipPath = "inset(50%)" })
  link.addEventListener("click", (event) => {
    event.preventDefault()
    soon(".reilab-transport", hold, 0)
  })
  return link
}

const AWAY = 2000

// The address has the whole state of the page: as soon as the server answers, it is opened again.
async function comeBack() {
  const words = document.createElement("div")
  words.setAttribute("role", "alert")
  words.textContent = "The lab does not answer. This page comes back by itself as soon as it does."
  words.style.cssText = "position: fixed; inset: auto 0 0 0; z-index: 9999; padding: 12px; text-align: center; "
    + "background: #8c1d18; color: #fff; font: 16px sans-serif"
  document.body.append(words)
  for (;;) {
    const answer = await fetch(window.location.pathname, {method: "HEAD"}).catch(() => null)
    if (answer && answer.status < 500) return window.location.reload()
    await new Promise((resolve) => window.setTimeout(resolve, AWAY))
  }
}

// BokehJS 3.9.2 lays the whole page out for each button that comes or goes, and for each part whose
// size that has changed: more than 25 times when a run begins, for 3 s. This does it once for what
// changes at about the same time, and no more than half of the time.
function layOutOnce(page) {
  const compute = page.compute_layout.bind(page)
  let due = false, styled = true, next = 0
  page.compute_layout = () => {
    if (due) return
    due = true
    setTimeout(() => {
      const began = performance.now(), restyle = !styled
      due = false
      styled = true
      if (restyle) page.update_layout()
      compute()
      next = 2 * performance.now() - began
    }, next - performance.now())
  }
  page.invalidate_layout = () => {
    styled = false
    page.compute_layout()
  }
}

// BokehJS 3.9.2 asks for the computed style of a figure whenever it draws a line or a letter: a
// second of a new page. Nobody sets what it asks for, colours and fonts that begin with --bk-.
function drawWithoutAsking() {
  try {
    const {VisualProperties} = window.Bokeh.require("core/visuals/visual")
    VisualProperties.prototype._get_css_value = () => ""
  } catch (error) {
    console.warn("BokehJS asks for computed styles:", error)
  }
}

drawWithoutAsking()

export function render({model, view}) {
  layOutOnce(view.root)
  const dark = window.matchMedia("(prefers-color-scheme: dark)")
  const onKey = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const target = event.composedPath()[0]
    if (target.matches?.(TYPING)) return
    if (event.key === " " && target.matches?.(PRESSING)) return
    if (!model.keys.includes(event.key)) return
    event.preventDefault()
    model.send_msg({key: event.key})
  }
  const onTheme = () => model.send_msg({dark: dark.matches})
  let settled = false
  const address = () => {
    const [now, next] = [window.location.search, model.address].map((query) => new URLSearchParams(query))
    const moved = settled && PLACES.some((name) => now.get(name) !== next.get(name))
    const path = window.location.pathname
    window.history[moved ? "pushState" : "replaceState"](null, "", model.address ? `${path}?${model.address}` : path)
    settled = true
  }
  const onBack = () => model.send_msg({back: window.location.search})
  const receive = (message) => {
    const data = message.data ?? message
    if (data.copy !== undefined) {
      copy(data.copy).then((copied) => model.send_msg({copied}))
    } else if (data.name) {
      const link = document.createElement("a")
      link.href = URL.createObjectURL(new Blob([bytes(data.content)], {type: data.type}))
      link.download = data.name
      link.click()
      URL.revokeObjectURL(link.href)
    } else if (data.focus) {
      soon(`.${data.focus}`, hold)
    } else if (data.point) {
      // Controls of a narrow page are in a drawer; while it is closed, what opens it is pointed at.
      soon(`.${data.point}`, point, 5, '[aria-label="Open drawer"]')
    }
  }
  const title = () => { document.title = model.title }
  document.addEventListener("keydown", onKey)
  window.addEventListener("popstate", onBack)
  window.addEventListener("reilab-lost", comeBack)
  document.body.prepend(skipLink())
  dark.addEventListener("change", onTheme)
  // The page is laid out first.
  window.setTimeout(() => {
    model.send_msg({dark: dark.matches, narrow: window.innerWidth < NARROW, slower: 1})
  }, 500)
  const lag = watchLag((slower) => model.send_msg({slower}))
  const wake = () => {
    document.body.inert = !model.awake
    document.body.toggleAttribute("data-awake", model.awake)
  }
  wake()
  model.on("awake", wake)
  model.on("address", address)
  model.on("title", title)
  model.on("msg:custom", receive)
  model.on("remove", () => {
    document.removeEventListener("keydown", onKey)
    window.removeEventListener("popstate", onBack)
    window.removeEventListener("reilab-lost", comeBack)
    dark.removeEventListener("change", onTheme)
    window.clearInterval(lag)
  })
  const made = document.createElement("div")
  made.hidden = true
  return made
}
