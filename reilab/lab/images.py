"""Images of a run on screen: figures that are built once, and then only get new pixels."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
from bokeh.events import DoubleTap
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    LinearColorMapper,
    PanTool,
    Range1d,
    WheelZoomTool,
)
from numpy.typing import NDArray

from reilab.show.panes import Pixels

Ranges = tuple[Range1d, Range1d]
#: The browser goes back by itself, with no answer of the server to wait for.
WHOLE = """
for (const range of [x, y]) range.setv({start: range.reset_start, end: range.reset_end})
"""


class Pane:
    """One figure; panes with the same ranges move and zoom together.

    Args:
        shape: (H, W) for grey values, (H, W, 3) for colour.
        colours: colour map of grey values, shared by the panes that change it together.
        ranges: horizontal and vertical range, shared with other panes.
        description: what it shows, for those who cannot see it.
        aspect: width over height of the frame; that of the image for square pixels.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        colours: LinearColorMapper,
        ranges: Ranges,
        description: str,
        aspect: float,
    ) -> None:
        height, width = shape[:2]
        kept: dict[str, ColumnDataSource] = {}

        def keep_source(plot: Any, element: hv.Element) -> None:
            kept["source"] = plot.handles["source"]

        blank, bounds = np.zeros(shape, np.uint8), (0, 0, width, height)
        if len(shape) == 3:
            element = hv.RGB(blank, bounds=bounds)
        else:
            element = hv.Image(blank, bounds=bounds)
        bare: dict[str, Any] = {"xaxis": None, "yaxis": None, "toolbar": None, "default_tools": []}
        self.figure = hv.render(element.opts(hooks=[keep_source], **bare), backend="bokeh")
        self.source = kept["source"]
        if len(shape) == 2:
            self.figure.renderers[0].glyph.color_mapper = colours
        # Ctrl leaves the wheel itself to the page; a pinch on a touchpad counts as Ctrl and wheel.
        wheel = WheelZoomTool(modifiers="ctrl")
        self.figure.add_tools(PanTool(), wheel)
        self.figure.toolbar.active_scroll = wheel
        whole = CustomJS(args={"x": ranges[0], "y": ranges[1]}, code=WHOLE)
        self.figure.js_on_event(DoubleTap, whole)
        self.figure.update(
            # HoloViews asks for WebGL, slow without a GPU and limited to a few figures a page.
            output_backend="canvas",
            x_range=ranges[0],
            y_range=ranges[1],
            min_border_left=0,
            min_border_right=0,
            min_border_top=0,
            min_border_bottom=0,
            margin=0,
            outline_line_color=None,
            # Axes and grids that are not drawn are a fifth of all models of the page.
            below=[],
            left=[],
            center=[],
            sizing_mode="scale_width",
            aspect_ratio=aspect,
            frame_width=None,
            frame_height=None,
            # A flex container would squeeze it out of its aspect.
            styles={"flex": "none", "aspect-ratio": f"{aspect:.6g}"},
            html_attributes={"role": "img", "aria-label": description},
        )

    def show(self, pixels: Pixels) -> None:
        """Replace the pixels; the first row is the top one."""
        # Bokeh counts rows from the bottom.
        upward = np.ascontiguousarray(pixels[::-1])
        packed = _with_alpha(upward) if upward.ndim == 3 else upward
        self.source.data = {**self.source.data, "image": [packed]}

    def describe(self, words: str) -> None:
        """Say anew what it shows, for those who cannot see it."""
        if self.figure.html_attributes["aria-label"] != words:
            self.figure.html_attributes = {"role": "img", "aria-label": words}


def mapper(palette: tuple[str, ...]) -> LinearColorMapper:
    """Bytes to colours."""
    return LinearColorMapper(palette=list(palette), low=0, high=255)


def whole_ranges(shape: tuple[int, ...]) -> Ranges:
    """Ranges that show the whole of an image, with some room around it, but no way to lose it."""
    height, width = shape[:2]
    return _whole(width), _whole(height)


def warm_up() -> None:
    """Make a figure that nobody sees: the first one takes half a second, for what it loads."""
    shape = (1, 1)
    Pane(shape, mapper(("black", "white")), whole_ranges(shape), "", 1.0)


def _whole(length: int) -> Range1d:
    bounds = (-0.5 * length, 1.5 * length)
    return Range1d(0, length, reset_start=0, reset_end=length, bounds=bounds)


def _with_alpha(pixels: Pixels) -> NDArray[np.uint32]:
    """Red, green, blue and full opacity in the four bytes of each pixel."""
    opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    packed: NDArray[np.uint32] = np.concatenate([pixels, opaque], axis=2).view(np.uint32)[..., 0]
    return packed
