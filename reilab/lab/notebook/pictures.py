"""Pictures: the images of a moment side by side, each above its error map."""

from __future__ import annotations

import base64
from html import escape

import ipywidgets as widgets
import numpy as np

from reilab.lab.colours import ERROR_MAP
from reilab.lab.markup import description, error_html, head_html, measured_html, scale_html
from reilab.lab.notebook.elements import box, html, replace, set_html
from reilab.lab.view import ERRORS, View
from reilab.record.history import History
from reilab.show.panes import Pixels, to_pixels, to_png
from reilab.show.scene import Scene, Shot, scene_of

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
        scene = scene_of(run, history, self._look.sample, self._look.at)
        assert scene is not None
        with_errors = ERRORS not in self._look.hidden
        end = scene.end if with_errors else 0.0
        self._offer([shot.key for shot in scene.shots])
        for shot in scene.shots:
            drawn = (run, shot.sample, shot.step, shot.metrics, with_errors, end)
            if self._drawn.get(shot.key) != drawn:
                self._drawn[shot.key] = drawn
                self.figures[shot.key].value = figure_html(shot, scene, with_errors)
        set_html(self._scale, scale_html(end) if end else "")

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


def figure_html(shot: Shot, scene: Scene, with_errors: bool) -> str:
    """An image with its name and numbers; below it its errors, or what was measured of it."""
    place = shot.image.shape
    parts = [head_html(shot), image_html(scene.pixels(shot), description(shot), place)]
    if shot is scene.shots[0] and scene.measurement and with_errors:
        measured = scene.measurement
        parts.append(measured_html(measured))
        parts.append(image_html(scene.pixels(measured), description(measured), place))
    elif with_errors and shot.key in scene.errors:
        colours = HEAT[to_pixels(scene.errors[shot.key][..., None], 0, scene.end)]
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
