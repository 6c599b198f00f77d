"""Card: one pane of the image board, with its name, its numbers and its error map."""

from __future__ import annotations

import panel as pn
from bokeh.models import LinearColorMapper

from reilab.lab.images import Pane, Ranges
from reilab.lab.markup import description, error_html, head_html, measured_html
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.show.panes import MEASUREMENT, to_pixels
from reilab.show.scene import Shot, Values


class Card(pn.viewable.Viewer):
    """A name with PSNR and SSIM, an image, and for reconstructions an error map.

    Args:
        shot: what it shows first; later ones have the same key and shape.
        grey: colour map of the images.
        hot: colour map of the error maps.
        ranges: shared with the cards that move and zoom with this one.
        aspect: width over height of the image.
    """

    def __init__(
        self,
        shot: Shot,
        grey: LinearColorMapper,
        hot: LinearColorMapper,
        ranges: Ranges,
        aspect: float,
    ) -> None:
        super().__init__()
        self.key = shot.key
        self._kind = _kind(shot)
        shape = shot.image.shape
        pixels = shape[:2] if shape[2] == 1 else shape
        self._head, self._caption = block(), block()
        self._image = Pane(pixels, grey, ranges, shot.title, aspect)
        self._view = pn.Column(
            self._head,
            bokeh_pane(self._image),
            css_classes=[f"reilab-pane-{self.key.replace('/', '-')}"],
            margin=0,
            sizing_mode="stretch_width",
            styles={**TALL, "gap": "6px"},
        )
        self._under: tuple[pn.viewable.Viewable, ...] = ()
        if shot.truth is not None:
            self._error = Pane(shape[:2], hot, ranges, f"{shot.title}: absolute error", aspect)
            self._under = (self._caption, bokeh_pane(self._error))
            self._view.extend(self._under)
        self._drawn: tuple[object, ...] = ()
        self._drawn_error: tuple[object, ...] = ()
        self._on_top = self.key != MEASUREMENT

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def fits(self, shot: Shot) -> bool:
        """Whether it can show this."""
        return self._kind == _kind(shot)

    @property
    def visible(self) -> bool:
        """Whether it is on screen."""
        return bool(self._view.visible)

    def arrange(self, shown: bool, errors: bool, alone: bool) -> None:
        """Put it in its place; ``alone`` if no ground truth stands above a measurement."""
        self._view.visible = shown
        for part in self._under:
            part.visible = errors
        if self.key == MEASUREMENT:
            self._on_top = alone

    def draw(
        self, run: str, shot: Shot, low: float, high: float, error: Values | None, end: float
    ) -> None:
        """Show an image of a run between black and white, and its errors up to ``end``."""
        moment = (run, shot.sample, shot.step)
        drawn = (*moment, low, high)
        if drawn != self._drawn:
            self._image.show(to_pixels(shot.image, low, high))
            self._drawn = drawn
        if error is not None and (*moment, end) != self._drawn_error:
            self._error.show(to_pixels(error[..., None], 0, end))
            self._drawn_error = (*moment, end)
        set_html(self._head, self._head_html(shot))
        self._image.describe(description(shot))
        if self._under:
            set_html(self._caption, error_html(shot) if error is not None else "")

    def _head_html(self, shot: Shot) -> str:
        if not self._on_top:
            return measured_html(shot)
        return head_html(shot)


def _kind(shot: Shot) -> tuple[object, ...]:
    """What cannot be changed in a card once it is made."""
    return shot.key, shot.title, shot.image.shape, shot.truth is not None


def bokeh_pane(pane: Pane) -> pn.pane.Bokeh:
    """A figure as wide as the room it is given."""
    return pn.pane.Bokeh(
        pane.figure, sizing_mode="scale_width", margin=0, styles=pane.figure.styles
    )
