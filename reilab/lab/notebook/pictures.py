"""Pictures: the images of a moment side by side, each above its error map."""

from __future__ import annotations

from typing import Any

from reilab.lab.content import Content
from reilab.lab.markup import error_html, head_html, measured_html, scale_html
from reilab.lab.notebook.elements import box, html, set_html
from reilab.lab.notebook.figures import NotebookFigures
from reilab.lab.pictures import Pictures
from reilab.lab.view import ERRORS, View
from reilab.show.panes import MEASUREMENT
from reilab.show.scene import Shot


class NotebookPictures:
    """A cell for each image; in the first one, what was measured of it."""

    def __init__(self, look: View) -> None:
        self._look = look
        self._pictures = Pictures(look)
        self.figures, self._scale = NotebookFigures("reilab-pictures"), html()
        self.widget = box("reilab-stack", [self.figures, self._scale])

    def update(self, content: Content) -> None:
        """Show the moment that is looked at."""
        scene, with_errors = content.scene, ERRORS not in self._look.hidden
        self._pictures.update(scene)
        cells = {f"reilab-pane-{shot.key}": self._cell(shot, with_errors) for shot in scene.shots}
        if with_errors and (measured := scene.measurement):
            figure = self._pictures.by_key[MEASUREMENT].image.figure
            next(iter(cells.values())).extend([measured_html(measured), figure])
        self.figures.show(cells)
        set_html(self._scale, scale_html(scene.end if with_errors else 0.0))

    def _cell(self, shot: Shot, with_errors: bool) -> list[Any]:
        pair = self._pictures.by_key[shot.key]
        parts = [head_html(shot), pair.image.figure]
        if with_errors and pair.error:
            parts += [error_html(shot), pair.error.figure]
        return parts
