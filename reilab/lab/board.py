"""ImageBoard: the images of a moment side by side, each above its error map."""

from __future__ import annotations

from typing import Any

import panel as pn

from reilab.lab.card import Card
from reilab.lab.markup import scale_html
from reilab.lab.pictures import Pictures, shown_of
from reilab.lab.redraw import Redraw
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.lab.view import ERRORS, View
from reilab.show.panes import MEASUREMENT, TRUTH
from reilab.show.scene import Scene

#: No pane gets narrower than this; they wrap to another line instead.
LEAST_WIDTH = 150
MOST_WIDTH = 340
GAP = 14
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
        self._look, self.pictures = view, Pictures(view)
        # A column holds a button of its own, which would take a place in the grid.
        self._grid = pn.Row(sizing_mode="stretch_width", margin=0)
        self._scale = block()
        self._view = pn.Column(self._grid, self._scale, sizing_mode="stretch_width", margin=0)
        self._cards: dict[str, Card] = {}
        self._stack = pn.Column(sizing_mode="stretch_width", margin=0, styles=STACK)
        self._items: list[Any] = []
        self._placed: list[Card] = []
        self._whole = Redraw(self.pictures.show_whole)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def reset_view(self) -> None:
        """Show the whole image again, in every pane."""
        self._whole.ask()

    def update(self, scene: Scene) -> None:
        """Show a scene; cards are made only for images that were not there before."""
        if not scene.shots:
            return
        self.pictures.update(scene)
        old = {card.pair: card for card in self._cards.values()}
        self._cards = {
            key: old.get(pair) or Card(key, pair) for key, pair in self.pictures.by_key.items()
        }
        rest = [card for key, card in self._cards.items() if key not in UNJUDGED]
        self._items = [self._stack, *rest]
        self._arrange()
        self._tell(scene)
        # Last, because the browser does not know new figures before it has been given them.
        if self._placed != list(self._cards.values()):
            self._placed = list(self._cards.values())
            self._stack.objects = [card for card in self._placed if card.key in UNJUDGED]
            self._grid.objects = self._items

    def _arrange(self) -> None:
        """Show the panes that are chosen, as wide as there is room for them."""
        hidden = set(self._look.hidden)
        for key, card in self._cards.items():
            card.arrange(key not in hidden, ERRORS not in hidden)
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

    def _tell(self, scene: Scene) -> None:
        hidden = set(self._look.hidden)
        errors = ERRORS not in hidden
        for shot in shown_of(scene):
            if shot.key not in hidden:
                self._cards[shot.key].tell(shot, errors, TRUTH in hidden)
        set_html(self._scale, scale_html(scene.end if errors else 0.0))
