"""Fields: the controls of the form in a notebook, one to each choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from reilab.lab.form import Control, answer, control
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import box, html, set_html, show
from reilab.lab.notebook.inputs import ChecksInput, ChoiceInput, Input, NumberInput, Send
from reilab.lab.style import slug

INPUTS: Mapping[str, Callable[[Send], Input]] = {
    "number": NumberInput,
    "text": NumberInput,
    "choice": ChoiceInput,
    "checks": ChecksInput,
}


class NotebookField:
    """A control with its help, that shows a choice and takes over what is entered."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab, self._name = lab, name
        self._showing = False
        self._input = INPUTS[control(lab, name).kind](self._hear)
        self._help = html("reilab-help")
        self.widget = box("reilab-field", [self._input.widget, self._help])
        self.widget.add_class(slug(name))
        self.update()

    def update(self) -> None:
        """Show what is chosen now."""
        now = control(self._lab, self._name)
        # Parts may take a value in between, which nobody has entered.
        self._showing = True
        try:
            self._input.show(now)
        finally:
            self._showing = False
        set_html(self._help, help_html(now))
        show(self.widget, now.shown)

    def _hear(self, text: str) -> None:
        if not self._showing and text != control(self._lab, self._name).value:
            answer(self._lab.choices, self._name, text)
            # What means the same number may be written in other ways.
            self.update()


def help_html(now: Control) -> str:
    """A question mark that opens the help, by mouse or keyboard."""
    name = escape(f"Help on {now.label}", quote=True)
    return (
        f'<details><summary aria-label="{name}" title="{name}">?</summary>'
        f"<p>{escape(now.help)}</p></details>"
    )
