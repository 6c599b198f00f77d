"""Pictures: the images of a moment side by side, each above its error map."""

from __future__ import annotations

import base64
from html import escape

import ipywidgets as widgets
import numpy as np

from reilab.lab.colours import ERROR_MAP
from reilab.lab.errors import error_maps, shared_end
from reilab.lab.markup import description, error_html, head_html, scale_html
from reilab.lab.moments import Shot, Values, measurement, shots
from reilab.lab.notebook.elements import box, close, html, set_html
from reilab.lab.view import ERRORS, View
from reilab.runs.history import History
from reilab.runs.panes import Pixels, to_pixels, to_png

#: The colours of the error maps, (256, 3).
HEAT = np.array([list(bytes.fromhex(colour[1:])) for colour in ERROR_MAP], np.uint8)


class NotebookPictures:
    """A figure for each image; one is drawn anew only when something in it has changed."""

    def __init__(self, look: View) -> None:
        self._look = look
        self.figures: dict[str, widgets.HTML] = {}
        self._drawn: dict[str, tuple[object, ...]] = {}
        self._row, self._scale = box("reilab-pictures"), html()
        self.widget = box("reilab-stack", [self._row, self._scale])

    def update(self, run: str, history: History) -> None:
        """Show the moment that is looked at, of a run that has been posed."""
        posed = history.posed
        assert posed is not None
        sample = min(self._look.sample, len(posed.pinv) - 1)
        low, high = posed.value_range
        shown = shots(history, sample, self._look.at)
        measured = measurement(history, sample)
        errors = {} if ERRORS in self._look.hidden else error_maps(shown, high - low)
        end = shared_end(shown, errors)
        self._offer([*shown, *([measured] if measured else [])])
        for shot in shown:
            self._draw(run, shot, (low, high), errors.get(shot.key), end)
        if measured:
            self._draw(run, measured, (0.0, 1.0), None, 0.0)
        set_html(self._scale, scale_html(end) if end else "")

    def _offer(self, shown: list[Shot]) -> None:
        """A figure for each, in their order."""
        keys = [shot.key for shot in shown]
        if keys == list(self.figures):
            return
        gone = self.figures.keys() - set(keys)
        old, self.figures = self.figures, {}
        for key in keys:
            self.figures[key] = old.get(key) or html("reilab-picture", f"reilab-pane-{key}")
        self._row.children = list(self.figures.values())
        for key in gone:
            self._drawn.pop(key, None)
            close(old[key])

    def _draw(
        self, run: str, shot: Shot, span: tuple[float, float], error: Values | None, end: float
    ) -> None:
        drawn = (run, shot.sample, shot.step, shot.metrics, error is None, end)
        if self._drawn.get(shot.key) == drawn:
            return
        self._drawn[shot.key] = drawn
        parts = [head_html(shot), image_html(to_pixels(shot.image, *span), description(shot))]
        if error is not None:
            colours = HEAT[to_pixels(error[..., None], 0, end)]
            parts += [error_html(shot), image_html(colours, f"{shot.title}: absolute error")]
        self.figures[shot.key].value = "".join(parts)


def image_html(pixels: Pixels, words: str) -> str:
    """An image with its pixels in it, and ``words`` for those who cannot see it."""
    data = base64.b64encode(to_png(pixels)).decode()
    height, width = pixels.shape[:2]
    # Decoded before it is shown, so that nothing flickers when it takes another's place.
    return (
        f'<img src="data:image/png;base64,{data}" alt="{escape(words, quote=True)}" '
        f'width="{width}" height="{height}" decoding="sync">'
    )
