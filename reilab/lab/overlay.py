"""Overlay: two images of a scene in one place: parted by a line, in turns, or their difference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import panel as pn
from bokeh.palettes import RdBu, interp_palette

from reilab.lab.board import bokeh_pane
from reilab.lab.imagetools import tool
from reilab.lab.markup import bar_html, description
from reilab.lab.pictures import Pane, Pictures, mapper
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, set_html
from reilab.lab.view import BLINK, DIFFERENCE, OVERS, SWIPE, View
from reilab.lab.web.components import FIELD_CSS, put
from reilab.show.scene import Scene, Shot, scale_end

SIDE = 560
#: Moves the line in the browser alone, so that it keeps up with the hand.
MOVE = """
top.styles = {...top.styles, "clip-path": `inset(0 ${100 - cb_obj.value}% 0 0)`}
line.styles = {...line.styles, left: `calc(${cb_obj.value}% - 1px)`}
"""
#: The name of an image stands in it.
NAMED = """
:host::after { content: var(--name); position: absolute; top: 6px; padding: 1px 7px;
  border-radius: 4px; background: #000b; color: #fff; font: 12px system-ui; pointer-events: none; }
"""
LEFT, RIGHT = ":host::after { left: 6px; }", ":host::after { right: 6px; }"
#: Each image for half a second; whoever asked for less motion gets the line instead.
MOTION = "@media (prefers-reduced-motion: no-preference)"
BLINKS = "blinks"
TURNS = f"""
@keyframes turns {{ to {{ opacity: 0; }} }}
{MOTION} {{
  :host(.{BLINKS}) {{
    clip-path: none !important; animation: turns 1s steps(2, jump-none) infinite; }}
}}
"""
#: What belongs to the line is not seen where the images take turns.
OF_LINE = f"{MOTION} {{ :host(.{BLINKS}) {{ display: none !important; }} }}"
#: White, where two images are equal, is one of an odd number of colours.
SIGNED = interp_palette(RdBu[11], 255)
PLACE = {**TALL, "position": "relative"}
OVER = {"position": "absolute", "inset": "0", "width": "100%"}
EDGE = {
    "position": "absolute",
    "top": "0",
    "width": "2px",
    "height": "100%",
    "background": "#ffd54a",
    "box-shadow": "0 0 3px #000",
    "pointer-events": "none",
}


class Overlay(pn.viewable.Viewer):
    """Two images of a scene in one place, moving and zooming with those of the board."""

    def __init__(self, view: View, pictures: Pictures) -> None:
        super().__init__()
        self._look, self._pictures = view, pictures
        self._offered = ("", "")
        self._built: tuple[object, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._names: tuple[str, ...] = ()
        self._left = tool("choice", "swipe-left", "Left", "inline", 210)
        self._right = tool("choice", "swipe-right", "Right", "inline", 210)
        self._slider = tool(
            "slide",
            "divide",
            "Swipe: where the left image ends",
            "inline silent",
            span=[0, 100, 1],
            value=f"{view.divide:g}",
            stylesheets=[FIELD_CSS, OF_LINE],
            sizing_mode="stretch_width",
        )
        self._place, self._scale = pn.Column(sizing_mode="stretch_width", margin=0), block()
        choice = pn.Row(
            self._left, self._right, sizing_mode="stretch_width", margin=0, styles=dict(LINE)
        )
        self._view = pn.Column(
            choice,
            self._place,
            self._slider,
            self._scale,
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
        """Show the two chosen images of a scene, if two are to be compared."""
        self._view.visible = self._look.swipe and len(scene.shots) > 1
        if not self._view.visible:
            return
        self._offer(scene.shots)
        by_key = {shot.key: shot for shot in scene.shots}
        pair = by_key[self._left.value], by_key[self._right.value]
        shape, over = pair[0].image.shape, self._look.over
        built = (shape, id(self._pictures.ranges[0]))
        if built != self._built:
            self._build(shape)
            self._drawn, self._names = (), ()
        self._turn_to(over)
        drawn = (
            *(scene.run, over == DIFFERENCE, *self._pictures.range(scene)),
            *((shot.key, shot.part, shot.sample, shot.step) for shot in pair),
        )
        if drawn != self._drawn:
            (self._draw_difference if over == DIFFERENCE else self._draw_pair)(scene, *pair)
            self._drawn = drawn
        if built != self._built:
            # Last, because the browser does not know new figures before it has been given them.
            self._place.param.update(objects=self._layers, styles=PLACE)
            self._built = built

    def _offer(self, shots: Sequence[Shot]) -> None:
        keys = [shot.key for shot in shots]
        proposed = proposal(keys)
        pair = (self._look.left, self._look.right)
        left, right = (a if a in keys else b for a, b in zip(pair, proposed, strict=True))
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

    def _pane(self, shape: tuple[int, ...], words: str, colours: Any) -> Pane:
        pixels = shape[:2] if shape[2] == 1 else shape
        pictures = self._pictures
        return Pane(
            pixels, colours, pictures.ranges, pictures.touch.hands, words, shape[1] / shape[0]
        )

    def _build(self, shape: tuple[int, ...]) -> None:
        """The left image over the right one, cut off at a line; and a pane for their difference."""
        colours, grey = self._pictures.touch.colours, (*shape[:2], 1)
        self._panes = [self._pane(shape, words, colours) for words in ("Left", "Right")]
        self._difference = self._pane(grey, "Difference", mapper(tuple(SIGNED)))
        for pane, style in zip(self._panes, (LEFT, RIGHT), strict=True):
            pane.figure.stylesheets = [NAMED, style, TURNS]
        top, under, difference = map(bokeh_pane, (*self._panes, self._difference))
        left = f"calc({self._look.divide}% - 1px)"
        line = pn.pane.HTML("", styles={**EDGE, "left": left}, stylesheets=[OF_LINE], margin=0)
        self._layers = [under, top, line, difference]
        self._slider.jscallback(args={"top": top, "line": line}, value=MOVE)

    def _turn_to(self, over: str) -> None:
        """Show what belongs to this way of comparing."""
        under, top, line, difference = self._layers
        difference.visible = over == DIFFERENCE
        for part in (under, top, line, self._slider):
            part.visible = over != DIFFERENCE
        classes = [BLINKS] if over == BLINK else []
        self._panes[0].figure.css_classes = classes
        for part in (line, self._slider):
            part.css_classes = [*(name for name in part.css_classes if name != BLINKS), *classes]

    def _draw_pair(self, scene: Scene, *pair: Shot) -> None:
        for pane, shot in zip(self._panes, pair, strict=True):
            pane.show(shot.image, *self._pictures.range(scene))
            pane.describe(f"{OVERS[SWIPE]}, {description(shot)}")
        set_html(self._scale, "")
        names = tuple(shot.title for shot in pair)
        if names == self._names:
            return
        self._names = names
        under, top, *_ = self._layers
        cut = {**OVER, "clip-path": f"inset(0 {100 - self._look.divide}% 0 0)"}
        for layer, more, name in zip((top, under), (cut, {}), names, strict=True):
            # A JSON string is one of CSS, too, but for its escapes of what is not ASCII.
            quoted = json.dumps(name, ensure_ascii=False)
            layer.styles = {**layer.styles, **more, "--name": quoted}

    def _draw_difference(self, scene: Scene, left: Shot, right: Shot) -> None:
        """Left minus right, averaged over the channels, as a share of the value range."""
        span = scene.span or scene.high - scene.low
        difference = (left.image - right.image).mean(-1, keepdims=True) / span
        end = scale_end([np.abs(difference[..., 0])])
        self._difference.show(difference, -end, end)
        words = f"{left.title} − {right.title}"
        self._difference.describe(f"Difference, {words}")
        bar = bar_html(f"{words}, of the image range", SIGNED, f"−{end:g}", f"{end:g}")
        set_html(self._scale, f'<div class="scale">{bar}</div>')


def proposal(keys: Sequence[str]) -> tuple[str, str]:
    """The two images that are compared first: EI and REI where they are, else the last two."""
    for one in keys:
        run, slash, method = one.rpartition("/")
        if method == "ei" and f"{run}{slash}rei" in keys:
            return one, f"{run}{slash}rei"
    return keys[-2], keys[-1]
