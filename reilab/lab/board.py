"""Board: the images of results side by side, or two over each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from reilab.lab.markup import error_html, head_html, measured_html, scale_html
from reilab.lab.pictures import ImagePair, Pane, Pictures, shown_of
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.lab.view import ERRORS, View
from reilab.show.panes import MEASUREMENT, TRUTH
from reilab.show.scene import Scene, Shot


class Redraw:
    """Draws soon after it is asked to; asked again before it has drawn, it draws only once.

    What the browser sends may be handled without the lock of the session's document, and then no
    Bokeh model must be touched: drawing is put off until the lock is held.
    """

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw = draw
        self._asked = False

    def ask(self, *_: object) -> None:
        """Draw as soon as the document is locked; at once where there is no session."""
        if not self._asked:
            self._asked = True
            pn.state.execute(self._carry_out, schedule=True)

    def _carry_out(self) -> None:
        self._asked = False
        self._draw()


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


#: No pane gets narrower than this; they wrap to another line instead.
LEAST_WIDTH = 150
MOST_WIDTH = 340
GAP = 14
#: They share the first column: what is to be found, above what was measured of it.
UNJUDGED = {TRUTH, MEASUREMENT}
STACK = {**TALL, "display": "flex", "flex-direction": "column", "gap": "0"}
#: Where there are no error maps beside the measurement, it has a column of its own.
APART = {"display": "contents"}


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
        self._stack = pn.Row(sizing_mode="stretch_width", margin=0, styles=STACK)
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
        errors = bool(scene.errors) and ERRORS not in self._look.hidden
        self._arrange(errors)
        self._tell(scene, errors)
        # Last, because the browser does not know new figures before it has been given them.
        if self._placed != list(self._cards.values()):
            self._placed = list(self._cards.values())
            self._stack.objects = [card for card in self._placed if card.key in UNJUDGED]
            self._grid.objects = self._items

    def _arrange(self, errors: bool) -> None:
        """Show the panes that are chosen, as wide as there is room for them."""
        hidden = set(self._look.hidden)
        for key, card in self._cards.items():
            card.arrange(key not in hidden, errors)
        stacked = [key for key in UNJUDGED & self._cards.keys() if key not in hidden]
        self._stack.visible = bool(stacked)
        if self._stack.styles != (stack := STACK if errors else APART):
            self._stack.styles = stack
        columns = sum(item.visible for item in self._items)
        if not errors and stacked:
            columns += len(stacked) - 1
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

    def _tell(self, scene: Scene, errors: bool) -> None:
        hidden = set(self._look.hidden)
        for shot in shown_of(scene):
            if shot.key not in hidden:
                self._cards[shot.key].tell(shot, errors, TRUTH in hidden or not errors)
        set_html(self._scale, scale_html(scene.end if errors else 0.0, scene.note))
