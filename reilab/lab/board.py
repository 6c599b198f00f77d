"""Board: the images of results side by side, or two over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import panel as pn

from reilab.lab.imagetools import tool
from reilab.lab.markup import (
    awaited_html,
    description,
    error_html,
    head_html,
    measured_html,
    scale_html,
)
from reilab.lab.pictures import ImagePair, Pane, Pictures, shown_of
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, set_html
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import put
from reilab.show.panes import MEASUREMENT, TRUTH, to_pixels
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
        self._placed: list[Card | str] = []
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
        self._items = [self._stack, *rest, *(block(awaited_html(one)) for one in scene.awaited)]
        self._arrange()
        self._tell(scene)
        # Last, because the browser does not know new figures before it has been given them.
        placed: list[Card | str] = [*self._cards.values(), *scene.awaited]
        if self._placed != placed:
            self._placed = placed
            self._stack.objects = [card for key, card in self._cards.items() if key in UNJUDGED]
            self._grid.objects = self._items

    def _arrange(self) -> None:
        """Show the panes that are chosen, as wide as there is room for them."""
        hidden = self._look.unseen
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
        hidden = self._look.unseen
        errors = ERRORS not in hidden
        for shot in shown_of(scene):
            if shot.key not in hidden:
                self._cards[shot.key].tell(shot, errors, TRUTH in hidden)
        set_html(self._scale, scale_html(scene.end if errors else 0.0))


SIDE = 560
#: Moves the line in the browser alone, so that it keeps up with the hand.
MOVE = """
top.styles = {...top.styles, "clip-path": `inset(0 ${100 - cb_obj.value}% 0 0)`}
line.styles = {...line.styles, left: `calc(${cb_obj.value}% - 1px)`}
"""
PLACE = {**TALL, "position": "relative"}
EDGE = {
    "position": "absolute",
    "top": "0",
    "width": "2px",
    "height": "100%",
    "background": "#ffd54a",
    "box-shadow": "0 0 3px #000",
    "pointer-events": "none",
}


class Swipe(pn.viewable.Viewer):
    """Two images of a scene in one place, moving and zooming with those of the board."""

    def __init__(self, view: View, pictures: Pictures) -> None:
        super().__init__()
        self._look, self._pictures = view, pictures
        self._offered = ("", "")
        self._built: tuple[object, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._left = tool("choice", "swipe-left", "Left", "inline", 210)
        self._right = tool("choice", "swipe-right", "Right", "inline", 210)
        self._slider = tool(
            "slide",
            "divide",
            "Swipe: where the left image ends",
            "inline silent",
            span=[0, 100, 1],
            value=f"{view.divide:g}",
            sizing_mode="stretch_width",
        )
        self._place = pn.Column(sizing_mode="stretch_width", margin=0)
        choice = pn.Row(
            self._left, self._right, sizing_mode="stretch_width", margin=0, styles=dict(LINE)
        )
        self._view = pn.Column(
            choice,
            self._place,
            self._slider,
            visible=False,
            sizing_mode="stretch_width",
            margin=(0, 0, 16, 0),
            styles={**TALL, "max-width": f"{SIDE}px", "gap": "8px"},
        )
        self._left.param.watch(self._choose, "value")
        self._right.param.watch(self._choose, "value")
        self._slider.param.watch(self._divide, "value")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, scene: Scene) -> None:
        """Show the two chosen images of a scene, if the swipe is on."""
        self._view.visible = self._look.swipe and len(scene.shots) > 1
        if not self._view.visible:
            return
        self._offer(scene.shots)
        by_key = {shot.key: shot for shot in scene.shots}
        low, high = self._pictures.levels(scene)
        pair = by_key[self._left.value], by_key[self._right.value]
        shape = pair[0].image.shape
        key = (scene.run, shape, id(self._pictures.ranges[0]))
        if key != self._built:
            self._build(shape)
            self._drawn = ()
        drawn = (*((shot.key, shot.sample, shot.step) for shot in pair), low, high)
        if drawn != self._drawn:
            for pane, shot in zip(self._panes, pair, strict=True):
                pane.show(to_pixels(shot.image, low, high))
                pane.describe(f"Swipe, {description(shot)}")
            self._drawn = drawn
        if key != self._built:
            # Last, because the browser does not know new figures before it has been given them.
            self._place.param.update(objects=self._layers, styles=PLACE)
            self._built = key

    def _offer(self, shots: Sequence[Shot]) -> None:
        keys = [shot.key for shot in shots]
        left = self._look.left if self._look.left in keys else keys[min(1, len(keys) - 2)]
        right = self._look.right if self._look.right in keys else keys[-1]
        options = [[shot.key, shot.title] for shot in shots]
        self._offered = (left, right)
        put(self._left, options=options, value=left)
        put(self._right, options=options, value=right)

    def _divide(self, event: Any) -> None:
        self._look.divide = float(event.new)

    def _choose(self, event: Any) -> None:
        # What was only proposed is not kept: a better one may come.
        side = "left" if event.obj is self._left else "right"
        if event.new and event.new != self._offered[side == "right"]:
            setattr(self._look, side, event.new)

    def _build(self, shape: tuple[int, ...]) -> None:
        pixels = shape[:2] if shape[2] == 1 else shape
        aspect = shape[1] / shape[0]
        self._panes = tuple(
            Pane(pixels, self._pictures.colours, self._pictures.ranges, side, aspect)
            for side in ("Left image", "Right image")
        )
        top, under = (bokeh_pane(pane) for pane in self._panes)
        at = self._look.divide
        over = {"position": "absolute", "inset": "0", "width": "100%"}
        top.styles = {**top.styles, **over, "clip-path": f"inset(0 {100 - at}% 0 0)"}
        line = pn.pane.HTML("", styles={**EDGE, "left": f"calc({at}% - 1px)"}, margin=0)
        self._layers = [under, top, line]
        self._slider.jscallback(args={"top": top, "line": line}, value=MOVE)
