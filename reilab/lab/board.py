"""ImageBoard: the images of a moment side by side, each above its error map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import panel as pn
from bokeh.models import LinearColorMapper

from reilab.lab.card import Card
from reilab.lab.colours import ERROR_MAP, MAPS
from reilab.lab.images import Ranges, mapper, whole_ranges
from reilab.lab.markup import scale_html
from reilab.lab.redraw import Redraw
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.lab.view import ERRORS, View
from reilab.show.panes import MEASUREMENT, TRUTH
from reilab.show.scene import Scene, Shot

#: No pane gets narrower than this; they wrap to another line instead.
LEAST_WIDTH = 150
MOST_WIDTH = 340
GAP = 14
LEAST_WINDOW = 0.01
HINT = "Drag to move, Ctrl + wheel or pinch to zoom, double click for the whole image."
#: They share the first column: what is to be found, above what was measured of it.
UNJUDGED = {TRUTH, MEASUREMENT}
STACK = {**TALL, "gap": "0"}


class ImageBoard(pn.viewable.Viewer):
    """Linked images and error maps; ``update`` sends only what has changed.

    Args:
        view: what is shown of a scene, and how.
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self._look = view
        # A column holds a button of its own, which would take a place in the grid.
        self._grid = pn.Row(sizing_mode="stretch_width", margin=0)
        self._scale = block()
        self._view = pn.Column(self._grid, self._scale, sizing_mode="stretch_width", margin=0)
        self._cards: dict[str, Card] = {}
        self._stack = pn.Column(sizing_mode="stretch_width", margin=0, styles=STACK)
        self._items: list[Any] = []
        self._placed: list[Card] = []
        self._grey, self._hot = mapper(MAPS[view.colours]), mapper(ERROR_MAP)
        self.ranges: Ranges = whole_ranges((1, 1))
        self._whole = Redraw(self._show_whole)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    @property
    def colours(self) -> LinearColorMapper:
        """The colour map that all images share."""
        return self._grey

    def reset_view(self) -> None:
        """Show the whole image again, in every pane."""
        self._whole.ask()

    def _show_whole(self) -> None:
        for shared in self.ranges:
            shared.update(start=shared.reset_start, end=shared.reset_end)

    def update(self, scene: Scene) -> None:
        """Show a scene; panes are made only for what was not there before."""
        if not scene.shots:
            return
        shown = [*scene.shots, *([scene.measurement] if scene.measurement else [])]
        self._build(shown)
        palette = list(MAPS[self._look.colours])
        if self._grey.palette != palette:
            self._grey.palette = palette
        self._arrange()
        self._draw(scene)
        # Last, because the browser does not know new figures before it has been given them.
        if self._placed != list(self._cards.values()):
            self._placed = list(self._cards.values())
            self._stack.objects = [card for card in self._placed if card.key in UNJUDGED]
            self._grid.objects = self._items

    def _build(self, shown: Sequence[Shot]) -> None:
        shape = shown[0].image.shape
        old = tuple(end.reset_end for end in self.ranges)
        if old != (shape[1], shape[0]):
            self._cards = {}
            self.ranges = whole_ranges(shape)
            self._zoom()
            for shared in self.ranges:
                shared.on_change("start", self._keep_zoom)
                shared.on_change("end", self._keep_zoom)
        aspect = shape[1] / shape[0]
        self._cards = {shot.key: self._card(shot, aspect) for shot in shown}
        rest = [card for key, card in self._cards.items() if key not in UNJUDGED]
        self._items = [self._stack, *rest]

    def _card(self, shot: Shot, aspect: float) -> Card:
        """The card that shows such images already, or a new one: making one takes long."""
        known = self._cards.get(shot.key)
        if known is not None and known.fits(shot):
            return known
        own = whole_ranges(shot.image.shape) if shot.key == MEASUREMENT else self.ranges
        return Card(shot, self._grey, self._hot, own, aspect)

    def _zoom(self) -> None:
        """Go to the part of the images that the view asks for."""
        if self._look.zoom:
            left, right, bottom, top = self._look.zoom
            self.ranges[0].update(start=left, end=right)
            self.ranges[1].update(start=bottom, end=top)

    def _keep_zoom(self, attr: str, old: float, new: float) -> None:
        x, y = self.ranges
        whole = (x.start, x.end, y.start, y.end) == (0, x.reset_end, 0, y.reset_end)
        at = tuple(round(float(value), 2) for value in (x.start, x.end, y.start, y.end))
        self._look.zoom = None if whole else at

    def _arrange(self) -> None:
        """Show the panes that are chosen, as wide as there is room for them."""
        hidden = set(self._look.hidden)
        for key, card in self._cards.items():
            card.arrange(key not in hidden, ERRORS not in hidden, TRUTH in hidden)
        self._stack.visible = any(self._cards[key].visible for key in UNJUDGED & self._cards.keys())
        columns = sum(item.visible for item in self._items)
        share = f"calc((100% - {GAP * (columns - 1)}px) / {max(columns, 1)})"
        least = f"max({LEAST_WIDTH}px, {share})"
        styles = {
            **TALL,
            "display": "grid",
            "grid-auto-rows": "max-content",
            "gap": f"{GAP + 4}px {GAP}px",
            "grid-template-columns": f"repeat(auto-fill, minmax({least}, 1fr))",
            "max-width": f"{MOST_WIDTH * columns}px",
        }
        if self._grid.styles != styles:
            self._grid.styles = styles

    def levels(self, scene: Scene) -> tuple[float, float]:
        """The values that are black and white."""
        span, (dark, bright) = scene.high - scene.low, self._look.window
        return scene.low + dark * span, scene.low + max(bright, dark + LEAST_WINDOW) * span

    def _draw(self, scene: Scene) -> None:
        hidden = set(self._look.hidden)
        low, high = self.levels(scene)
        # Errors that are hidden are not computed.
        errors, end = ({}, 0.0) if ERRORS in hidden else (scene.errors, scene.end)
        for shot in scene.shots:
            if shot.key not in hidden:
                error = errors.get(shot.key)
                self._cards[shot.key].draw(scene.run, shot, low, high, error, end)
        if scene.measurement and MEASUREMENT not in hidden:
            self._cards[MEASUREMENT].draw(scene.run, scene.measurement, 0.0, 1.0, None, end)
        set_html(self._scale, scale_html(end, HINT))
