"""Card: one picture of the image board, with its name, its numbers and its error map."""

from __future__ import annotations

import panel as pn

from reilab.lab.images import Pane
from reilab.lab.markup import error_html, head_html, measured_html
from reilab.lab.pictures import ImagePair
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.show.panes import MEASUREMENT
from reilab.show.scene import Shot


class Card(pn.viewable.Viewer):
    """A name with PSNR and SSIM, an image, and for reconstructions an error map.

    Args:
        key: of what it shows.
        pair: the image and its error map.
    """

    def __init__(self, key: str, pair: ImagePair) -> None:
        super().__init__()
        self.key, self.pair = key, pair
        self._head, self._caption = block(), block()
        self._under: tuple[pn.viewable.Viewable, ...] = ()
        if pair.error:
            self._under = (self._caption, bokeh_pane(pair.error))
        self._view = pn.Column(
            self._head,
            bokeh_pane(pair.image),
            *self._under,
            css_classes=[f"reilab-pane-{key.replace('/', '-')}"],
            margin=0,
            sizing_mode="stretch_width",
            styles={**TALL, "gap": "6px"},
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    @property
    def visible(self) -> bool:
        """Whether it is on screen."""
        return bool(self._view.visible)

    def arrange(self, shown: bool, errors: bool) -> None:
        """Put it on screen or away, and its error map with it."""
        self._view.visible = shown
        for part in self._under:
            part.visible = errors

    def tell(self, shot: Shot, errors: bool, alone: bool) -> None:
        """Say what it shows; ``alone`` if no ground truth stands above a measurement."""
        below = self.key == MEASUREMENT and not alone
        set_html(self._head, measured_html(shot) if below else head_html(shot))
        set_html(self._caption, error_html(shot) if errors else "")


def bokeh_pane(pane: Pane) -> pn.pane.Bokeh:
    """A figure as wide as the room it is given."""
    return pn.pane.Bokeh(
        pane.figure, sizing_mode="scale_width", margin=0, styles=pane.figure.styles
    )
