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

export function render({model}) {
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
  const address = () => {
    const path = window.location.pathname
    window.history.replaceState(null, "", model.address ? `${path}?${model.address}` : path)
  }
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
    }
  }
  document.addEventListener("keydown", onKey)
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
  model.on("msg:custom", receive)
  model.on("remove", () => {
    document.removeEventListener("keydown", onKey)
    dark.removeEventListener("change", onTheme)
    window.clearInterval(lag)
  })
  const made = document.createElement("div")
  made.hidden = true
  return made
}
