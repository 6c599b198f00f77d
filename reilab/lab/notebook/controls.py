"""Controls: all choices of a lab in one column."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from reilab.lab import form
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import box, replace
from reilab.lab.notebook.fields import NotebookField


class NotebookControls:
    """The column beside the views; what cannot be changed now is out of use."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        names = [name for group in form.GROUPS.values() for name in group]
        self.fields = {name: NotebookField(lab, name) for name in names}
        self.own: dict[str, NotebookField] = {}
        self._more = box("reilab-group")
        accordion = widgets.Accordion([self._more], titles=[form.FURTHER])
        groups = [
            box(
                "reilab-group",
                [_heading(title), *(self.fields[name].widget for name in group)],
            )
            for title, group in form.GROUPS.items()
        ]
        self.widget = box("reilab-controls", [*groups, accordion])
        form.follow(lab, self._offer, self._show_numbers, self._show)
        self._offer()

    def _offer(self, *_: Any) -> None:
        """What can be chosen in the task that is chosen."""
        old = self.own
        names = form.further(self._lab.choices)
        self.own = {name: old.get(name) or NotebookField(self._lab, name) for name in names}
        replace(self._more, [field.widget for field in self.own.values()])

    def _show(self, *_: Any) -> None:
        settings = self._lab.choices.further
        for name, field in {**self.fields, **self.own}.items():
            # The fields of the task that was chosen before go a moment later.
            if name not in self.own or name in settings:
                field.update()

    def _show_numbers(self, *_: Any) -> None:
        for name in form.NUMBERS:
            self.fields[name].update()


def _heading(words: str) -> widgets.HTML:
    return widgets.HTML(f"<h2>{words}</h2>")
