"""Pictures: the images of a moment side by side, each above its error map."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets
import numpy as np

from reilab.lab.colours import ERROR_MAP
from reilab.lab.errors import error_maps, shared_end
from reilab.lab.markup import description, error_html, head_html, measured_html, scale_html
from reilab.lab.moments import Shot, Values, measurement, shots
from reilab.lab.notebook.elements import box, html, replace, set_html
from reilab.lab.view import ERRORS, View
from reilab.record.history import History
from reilab.show.panes import Pixels, to_pixels, to_png

#: The colours of the error maps, (256, 3).
HEAT = np.array([list(bytes.fromhex(colour[1:])) for colour in ERROR_MAP], np.uint8)


@dataclass(frozen=True, eq=False)
class Moment:
    """What all figures of a moment share: value range, errors by key and where their scale ends."""

    run: str
    shots: Sequence[Shot]
    measurement: Shot | None
    span: tuple[float, float]
    errors: Mapping[str, Values]
    end: float


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
        moment = _moment(run, history, self._look)
        self._offer([shot.key for shot in moment.shots])
        for shot in moment.shots:
            drawn = (run, shot.sample, shot.step, shot.metrics, moment.end)
            if self._drawn.get(shot.key) != drawn:
                self._drawn[shot.key] = drawn
                self.figures[shot.key].value = figure_html(shot, moment)
        set_html(self._scale, scale_html(moment.end) if moment.end else "")

    def _offer(self, keys: list[str]) -> None:
        """A figure for each, in their order."""
        if keys == list(self.figures):
            return
        old = self.figures
        self.figures = {
            key: old.get(key) or html("reilab-picture", f"reilab-pane-{key}") for key in keys
        }
        self._drawn = {key: drawn for key, drawn in self._drawn.items() if key in self.figures}
        replace(self._row, list(self.figures.values()))


def figure_html(shot: Shot, moment: Moment) -> str:
    """An image with its name and numbers; below it its errors, or what was measured of it."""
    place = shot.image.shape
    pixels = to_pixels(shot.image, *moment.span)
    parts = [head_html(shot), image_html(pixels, description(shot), place)]
    if shot is moment.shots[0] and moment.measurement:
        measured = moment.measurement
        parts.append(measured_html(measured))
        pixels = to_pixels(measured.image, 0.0, 1.0)
        parts.append(image_html(pixels, description(measured), place))
    elif shot.key in moment.errors:
        colours = HEAT[to_pixels(moment.errors[shot.key][..., None], 0, moment.end)]
        parts.append(error_html(shot))
        parts.append(image_html(colours, f"{shot.title}: absolute error", place))
    return "".join(parts)


def image_html(pixels: Pixels, words: str, place: tuple[int, ...]) -> str:
    """An image with its pixels in it, and ``words`` for those who cannot see it.

    It fills a place of ``(height, width, …)``, whatever its own shape is.
    """
    data = base64.b64encode(to_png(pixels)).decode()
    height, width = place[:2]
    # Decoded before it is shown, so that nothing flickers when it takes another's place.
    return (
        f'<img src="data:image/png;base64,{data}" alt="{escape(words, quote=True)}" '
        f'style="aspect-ratio: {width} / {height}" decoding="sync">'
    )


def _moment(run: str, history: History, look: View) -> Moment:
    posed = history.posed
    assert posed is not None
    sample = min(look.sample, len(posed.pinv) - 1)
    low, high = posed.value_range
    shown, with_errors = shots(history, sample, look.at), ERRORS not in look.hidden
    errors = error_maps(shown, high - low) if with_errors else {}
    measured = measurement(history, sample) if with_errors else None
    return Moment(run, shown, measured, (low, high), errors, shared_end(shown, errors))
