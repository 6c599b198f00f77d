"""Swipe: two panes laid over each other, parted by a line that can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import panel as pn

from reilab.lab.board import bokeh_pane
from reilab.lab.imagetools import tool
from reilab.lab.markup import description
from reilab.lab.pictures import Pane, Pictures
from reilab.lab.put import put
from reilab.lab.style import LINE, TALL
from reilab.lab.view import View
from reilab.show.panes import to_pixels
from reilab.show.scene import Scene, Shot

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
