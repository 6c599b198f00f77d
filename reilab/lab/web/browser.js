// What only the browser can do: read keys, keep the address up to date, hand out files and text.

const TYPING = "input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=menuitem]"
const PRESSING = "button, a, [role=button], [role=tab], summary"

const NARROW = 600

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
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
    if (data.ask === "drawn") {
      // After the next picture: a browser that is behind has not made it yet.
      window.requestAnimationFrame(() => window.setTimeout(() => model.send_msg({drawn: true})))
    } else if (data.copy !== undefined) {
      navigator.clipboard.writeText(data.copy).catch(() => model.send_msg({failed: "copy"}))
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
    model.send_msg({dark: dark.matches, narrow: window.innerWidth < NARROW})
  }, 500)
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
  })
  const made = document.createElement("div")
  made.hidden = true
  return made
}
