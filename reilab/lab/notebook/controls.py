"""Controls: all choices of a lab in one column."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets

from reilab.lab import form
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import box, replace
from reilab.lab.notebook.fields import NotebookField


class NotebookControls:
    """The column beside the views; what cannot be changed now is out of use."""

    def __init__(self, lab: Lab) -> None:
        self._more = box("reilab-group")
        self.form = form.Form(lab, NotebookField, NotebookField.show, self._place)
        groups = [
            box("reilab-group", [_heading(title), *(self.form.fields[n].widget for n in names)])
            for title, names in form.GROUPS.items()
        ]
        accordion = widgets.Accordion([self._more], titles=[form.FURTHER])
        self.widget = box("reilab-controls", [*groups, accordion])
        self.form.offer()

    def _place(self, own: Mapping[str, NotebookField]) -> None:
        replace(self._more, [field.widget for field in own.values()])


def _heading(words: str) -> widgets.HTML:
    return widgets.HTML(f"<h2>{words}</h2>")
