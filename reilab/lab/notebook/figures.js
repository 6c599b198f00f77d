/** Figures of Bokeh among texts, in cells. The kernel has the document, and is asked for it. */

/** An element for each part of each cell: a string is a text, a number the place of a figure. */
function lay(el, cells) {
  const texts = [], figures = []
  const made = cells.map(([name, parts]) => {
    const cell = document.createElement("div")
    cell.className = `reilab-cell ${name}`
    for (const part of parts) {
      const element = cell.appendChild(document.createElement("div"))
      if (typeof part === "string") {
        element.innerHTML = part
        texts.push(element)
      } else figures[part] = element
    }
    return cell
  })
  el.replaceChildren(...made)
  return { texts, figures }
}

/** The parts of a message may share one buffer. */
const bytes = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength)

export default {
  render({ model, el }) {
    let shown = null, texts = []
    // A page may hold several versions.
    const bokeh = () => window.Bokeh?.[model.get("version")]

    async function show({ document: sent, cells, script }) {
      if (!bokeh()) {
        // Another page has asked, which has BokehJS.
        if (!script) return
        const element = document.createElement("script")
        element.textContent = script
        document.head.append(element)
      }
      const { Document } = bokeh().require("document")
      const { add_document_standalone } = bokeh().require("embed/standalone")
      shown?.clear()
      const laid = lay(el, cells)
      texts = laid.texts
      shown = Document.from_json(sent)
      // What has no place of its own, Bokeh's notifications, would take one in the grid.
      await add_document_standalone(shown, document.createElement("div"), laid.figures)
    }

    function change(message, buffers) {
      for (const [index, html] of Object.entries(message.texts)) texts[index].innerHTML = html
      const found = message.buffers.map((id, index) => [id, bytes(buffers[index])])
      if (message.patch) shown.apply_json_patch(JSON.parse(message.patch), new Map(found))
    }

    function hear(message, buffers) {
      if (message.document) show(message)
      else if (shown) change(message, buffers)
    }

    const ask = () => model.send({ script: !bokeh() })
    // What is painted keeps the colours of its theme.
    const theme = new MutationObserver(ask)
    theme.observe(document.body, { attributeFilter: ["data-jp-theme-light"] })
    model.on("msg:custom", hear)
    ask()
    return () => {
      theme.disconnect()
      model.off("msg:custom", hear)
      shown?.clear()
    }
  },
}
