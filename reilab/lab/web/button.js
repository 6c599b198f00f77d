// A button that tells when it is pressed.
export function render({model}) {
  const made = document.createElement("button")
  made.type = "button"
  made.addEventListener("click", () => model.send_msg("press"))
  const show = () => {
    made.textContent = model.label
    made.className = model.look
    made.disabled = model.disabled
  }
  for (const name of ["label", "look", "disabled"]) model.on(name, show)
  show()
  return made
}
