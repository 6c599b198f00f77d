"""Board: the images of results side by side, or two over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import panel as pn

from reilab.lab.markup import awaited_html, error_html, head_html, measured_html, scale_html
from reilab.lab.pictures import ImagePair, Pane, Pictures, shown_of
from reilab.lab.style import TALL
from reilab.lab.text import Text, block, quiet, set_html
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

    def at_once(self) -> None:
        """Draw now, in place of what was asked for; the document must be locked."""
        self._asked = False
        self._draw()

    def _carry_out(self) -> None:
        if self._asked:
            self.at_once()


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
        under = [self._caption, bokeh_pane(pair.error)] if pair.error else []
        self._view = pn.Column(
            self._head,
            bokeh_pane(pair.image),
            *under,
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
        self._reveal(shown=True, errors=errors)

    def wait(self, shown: bool) -> None:
        """Say that the first image is still to come."""
        self._view.visible = shown
        self._reveal(shown=False, errors=False)
        set_html(self._head, awaited_html(self.key))

    def _reveal(self, shown: bool, errors: bool) -> None:
        # Panes of Panel 1.9.4 take over what a figure was before when they are first shown again.
        self.pair.image.figure.visible = shown
        if self.pair.error:
            self._caption.visible = self.pair.error.figure.visible = errors

    def tell(self, shot: Shot, errors: bool, alone: bool) -> None:
        """Say what it shows; ``alone`` if no ground truth stands above a measurement."""
        below = self.key == MEASUREMENT and not alone
        set_html(self._head, measured_html(shot) if below else head_html(shot))
        set_html(self._caption, error_html(shot) if errors else "")


def _card(known: Card | None, key: str, pair: ImagePair) -> Card:
    """The card that shows a pair already, or a new one."""
    return known if known and known.pair is pair else Card(key, pair)


def bokeh_pane(pane: Pane) -> pn.pane.Bokeh:
    """A figure as wide as the room it is given."""
    return pn.pane.Bokeh(
        pane.figure, sizing_mode="scale_width", margin=0, styles=pane.figure.styles
    )


#: No pane gets narrower than this; they wrap to another line instead.
LEAST_WIDTH = 150
MOST_WIDTH = 340
#: Where the images of several runs are below each other.
ROW_WIDTH = 190
NOT_HERE = "not in this run"
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
        lead: the pictures that these move and zoom with.
    """

    def __init__(self, view: View, lead: Pictures | None = None) -> None:
        super().__init__()
        self._look, self.pictures = view, Pictures(view, lead)
        # A column holds a button of its own, which would take a place in the grid.
        self._grid = pn.Row(sizing_mode="stretch_width", margin=0)
        self._scale = block()
        #: The images, and what is said of them all.
        self.parts = (self._grid, self._scale)
        self._view = pn.Column(*self.parts, sizing_mode="stretch_width", margin=0)
        self._cards: dict[str, Card] = {}
        self._gaps: dict[str, Text] = {}
        self._stack = pn.Row(sizing_mode="stretch_width", margin=0, styles=STACK)
        self._items: list[Any] = []
        self._resting: dict[str, Card] = {}
        self._awaited: dict[str, Text] = {}
        self._placed: list[Any] = []
        self._whole = Redraw(self.pictures.show_whole)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def reset_view(self) -> None:
        """Show the whole image again, in every pane."""
        self._whole.ask()

    def update(self, scene: Scene, columns: Sequence[str] = ()) -> None:
        """Show a scene; cards are made only for images that were not there before.

        Args:
            scene: what there is to see.
            columns: keys of the images that have a column, in order, if other scenes share them.
        """
        if not scene.shots:
            return
        self.pictures.update(scene)
        old = {**self._resting, **self._cards}
        self._cards = {
            key: _card(old.get(key), key, pair) for key, pair in self.pictures.by_key.items()
        }
        # Where an image is waited for again, the figures are only out of sight.
        self._resting = {key: card for key, card in old.items() if key in scene.awaited}
        missing = [key for key in columns if key not in self._cards]
        self._gaps = {key: self._gaps.get(key) or quiet(NOT_HERE) for key in missing}
        self._awaited = {
            key: self._awaited.get(key) or block(awaited_html(key))
            for key in scene.awaited
            if key not in old
        }
        parts = {**self._gaps, **self._awaited, **self._resting, **self._cards}
        keys = columns or [*self._cards, *self._resting, *self._awaited]
        rest = [parts[key] for key in keys if key not in UNJUDGED]
        self._items = [self._stack, *rest]
        errors = bool(scene.errors) and ERRORS not in self._look.unseen
        self._arrange(errors, ROW_WIDTH if columns else MOST_WIDTH)
        self._tell(scene, errors)
        # Last, because the browser does not know new figures before it has been given them.
        judged = [card for card in self._cards.values() if card.key in UNJUDGED]
        if self._placed != [*judged, *self._items]:
            self._placed = [*judged, *self._items]
            self._stack.objects = judged
            self._grid.objects = self._items

    def _arrange(self, errors: bool, most: int) -> None:
        """Show the panes that are chosen, as wide as there is room for them, and at ``most``."""
        hidden = self._look.unseen
        for key, gap in {**self._gaps, **self._awaited}.items():
            gap.visible = key not in hidden
        for key, card in self._cards.items():
            card.arrange(key not in hidden, errors)
        for key, card in self._resting.items():
            card.wait(key not in hidden)
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
            "max-width": f"{(most + GAP) * columns - GAP}px",
        }
        if self._grid.styles != styles:
            self._grid.styles = styles

    def _tell(self, scene: Scene, errors: bool) -> None:
        hidden = self._look.unseen
        for shot in shown_of(scene):
            if shot.key not in hidden:
                self._cards[shot.key].tell(shot, errors, TRUTH in hidden or not errors)
        set_html(self._scale, scale_html(scene.end if errors else 0.0, scene.note))
