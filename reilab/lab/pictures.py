"""Pictures: images and error maps of results as figures of Bokeh, fed through their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import holoviews as hv
import numpy as np
from bokeh.core.property.validation import validate
from bokeh.events import MouseEnter
from bokeh.model import Model
from bokeh.models import ColumnDataSource, CustomJS, LinearColorMapper, Plot, Range1d
from bokeh.plotting import figure
from holoviews.plotting.bokeh import BokehRenderer
from numpy.typing import NDArray

from reilab.lab.markup import description
from reilab.lab.view import ERROR_MAP, ERRORS, MAPS, View
from reilab.show.panes import MEASUREMENT, Pixels, to_pixels
from reilab.show.scene import Scene, Shot, Values

Ranges = tuple[Range1d, Range1d]
GESTURES = (Path(__file__).parent / "web" / "gestures.js").read_text(encoding="utf-8")
#: Grey values travel as whole numbers, finer than they are kept, in which the range of the image is
#: ``ONE`` and begins at ``ZERO``: a window is then the business of the browser alone.
ZERO, ONE, MOST = 2**14, 2**15, 2**16 - 1
BYTE = 255


class Pane:
    """One figure; panes with the same ranges move and zoom together.

    Args:
        shape: (H, W) for grey values, (H, W, 3) for colour.
        colours: colour map of grey values, shared by the panes that change it together.
        ranges: horizontal and vertical range, shared with other panes.
        hands: what the browser does when somebody points at it or moves it.
        description: what it shows, for those who cannot see it.
        aspect: width over height of the frame; that of the image for square pixels.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        colours: LinearColorMapper,
        ranges: Ranges,
        hands: CustomJS,
        description: str,
        aspect: float,
    ) -> None:
        self.figure = _copy(_drawn(len(shape) == 3))
        (drawn,) = self.figure.renderers
        self.source: ColumnDataSource = drawn.data_source
        self.source.data = {**self.source.data, "dw": [shape[1]], "dh": [shape[0]]}
        if len(shape) == 2:
            drawn.glyph.color_mapper = colours
        self.figure.js_on_change("inner_width", hands)
        self.figure.js_on_event(MouseEnter, hands)
        self.figure.update(
            x_range=ranges[0],
            y_range=ranges[1],
            aspect_ratio=aspect,
            # A flex container would squeeze it out of its aspect.
            styles={
                "flex": "none",
                "aspect-ratio": f"{aspect:.6g}",
                # One finger scrolls the page.
                "touch-action": "pan-x pan-y",
            },
            html_attributes={"role": "img", "aria-label": description},
        )

    def show(self, image: Values, low: float, high: float) -> None:
        """Show grey values (H, W, 1) of a range, which the colour map parts, or colours."""
        if image.shape[-1] == 3:
            packed = _with_alpha(to_pixels(image, low, high))
            self._send(packed, low, (high - low) / BYTE)
        else:
            unit = (high - low) / ONE
            zero = low - ZERO * unit
            # A half more, because what is behind the point is cut off.
            codes = image[..., 0] * (1 / unit) + (0.5 - zero / unit)
            self._send(np.clip(codes, 0, MOST).astype(np.uint16), zero, unit)

    def _send(self, codes: NDArray[np.unsignedinteger], zero: float, unit: float) -> None:
        """Replace the pixels, of which the first row is the top one: Bokeh's is the bottom one."""
        (height, width), image = codes.shape, [np.ascontiguousarray(codes[::-1])]
        shown = {"image": image, "dw": [width], "dh": [height], "zero": [zero], "unit": [unit]}
        self.source.data = {**self.source.data, **shown}

    def describe(self, words: str) -> None:
        """Say anew what it shows, for those who cannot see it."""
        if self.figure.html_attributes["aria-label"] != words:
            self.figure.html_attributes = {"role": "img", "aria-label": words}


@cache
def _drawn(colour: bool) -> Any:
    """A blank image as HoloViews draws it, of which the panes are copies.

    Axes and grids, which are not shown, and how the image would look if other pixels were chosen
    are left out: they were a quarter of all models of the page.
    """
    kind, shape = (hv.RGB, (1, 1, 3)) if colour else (hv.Image, (1, 1))
    blank = kind(np.zeros(shape, np.uint8), bounds=(0, 0, 1, 1))
    bare: dict[str, Any] = {"xaxis": None, "yaxis": None, "toolbar": None, "default_tools": []}
    # ``hv.render`` would leave it with the document, which keeps all.
    plot = BokehRenderer.get_plot(blank.opts(**bare)).state
    plot.renderers[0].update(selection_glyph=None, nonselection_glyph=None, muted_glyph=None)
    borders = {f"min_border_{side}": 0 for side in ("left", "right", "top", "bottom")}
    plot.update(
        # HoloViews asks for WebGL, slow without a GPU and limited to a few figures a page.
        output_backend="canvas",
        margin=0,
        outline_line_color=None,
        # Pixels may leave a hair's breadth, in which the page is seen.
        background_fill_color=None,
        border_fill_color=None,
        title=None,
        below=[],
        left=[],
        center=[],
        sizing_mode="scale_width",
        # The room that it is given is the browser's business.
        syncable=False,
        **borders,
    )
    plot.toolbar.syncable = False
    return plot


def _copy(value: Any) -> Any:
    """A copy of a model with copies of all that are within it: quicker than to draw it anew."""
    if isinstance(value, list):
        return [_copy(one) for one in value]
    if not isinstance(value, Model):
        return value
    kept = value.properties_with_values(include_defaults=False)
    # What makes a figure out of a plot are axes.
    kind = Plot if isinstance(value, figure) else type(value)
    with validate(False):
        return kind(**{name: _copy(one) for name, one in kept.items()})


def mapper(palette: tuple[str, ...]) -> LinearColorMapper:
    """Grey values to colours, from the least to the greatest of their range."""
    # What the browser does to it is told by the window.
    return LinearColorMapper(palette=list(palette), low=ZERO, high=ZERO + ONE, syncable=False)


def whole_ranges(shape: tuple[int, ...]) -> Ranges:
    """Ranges that show the whole of an image, and never more."""
    height, width = shape[:2]
    return _whole(width), _whole(height)


def stretch(ranges: Ranges, shape: tuple[int, ...]) -> None:
    """Show the whole of an image of another size."""
    for shared, length in zip(ranges, (shape[1], shape[0]), strict=True):
        if shared.reset_end != length:
            shared.update(start=0, end=length, reset_end=length)


def warm_up() -> None:
    """Draw what panes are copies of: the first takes half a second, for what HoloViews loads."""
    for colour in (False, True):
        _drawn(colour)


def _whole(length: int) -> Range1d:
    return Range1d(0, length, reset_start=0, reset_end=length)


def _with_alpha(pixels: Pixels) -> NDArray[np.uint32]:
    """Red, green, blue and full opacity in the four bytes of each pixel."""
    opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    # What is cut out of a stack may lie in memory in any order.
    pixels = np.ascontiguousarray(pixels)
    packed: NDArray[np.uint32] = np.concatenate([pixels, opaque], axis=2).view(np.uint32)[..., 0]
    return packed


LEAST_WINDOW = 0.01


class ImagePair:
    """An image, and for reconstructions its error map; they get pixels only when these change.

    Args:
        shot: what it shows first; later ones have the same key and proportions.
        grey: colour map of the image.
        hot: colour map of the error map.
        ranges: shared with the pictures that move and zoom with this one.
        hands: see ``Pane``.
        aspect: width over height on screen.
    """

    def __init__(
        self,
        shot: Shot,
        grey: LinearColorMapper,
        hot: LinearColorMapper,
        ranges: Ranges,
        hands: CustomJS,
        aspect: float,
    ) -> None:
        self._kind, self.ranges = _kind(shot), ranges
        shape = shot.image.shape
        pixels = shape[:2] if shape[2] == 1 else shape
        self.image = Pane(pixels, grey, ranges, hands, shot.title, aspect)
        self.error: Pane | None = None
        if shot.truth is not None:
            title = f"{shot.title}: absolute error"
            self.error = Pane(shape[:2], hot, ranges, hands, title, aspect)
        self._drawn: tuple[object, ...] = ()
        self._drawn_error: tuple[object, ...] = ()

    def fits(self, shot: Shot) -> bool:
        """Whether it can show this."""
        return self._kind == _kind(shot)

    def draw(
        self, run: str, shot: Shot, low: float, high: float, error: Values | None, end: float
    ) -> None:
        """Show an image of a run with its range, and its errors up to ``end``."""
        moment = (run, shot.part, shot.sample, shot.step)
        drawn = (*moment, low, high)
        if drawn != self._drawn:
            self.image.show(shot.image, low, high)
            self._drawn = drawn
        if self.error and error is not None and (*moment, end) != self._drawn_error:
            self.error.show(error[..., None], 0, end)
            self._drawn_error = (*moment, end)
        self.image.describe(description(shot))


class Touch:
    """What all pictures of an exhibit share: colours, their window, and what a hand does to them.

    Args:
        view: colours and window; it is told when somebody has dragged the window.
    """

    def __init__(self, view: View) -> None:
        self._look = view
        grey = MAPS[view.colours]
        self.colours, self.plain, self.hot = mapper(grey), mapper(grey), mapper(ERROR_MAP)
        self._shares = [[0.0, 1.0]]
        self._window = ColumnDataSource({"shares": self._shares})
        self._window.on_change("data", self._keep_window)
        #: The column and row, from the bottom, of the pixel that is pointed at, in the browser.
        self.probe = ColumnDataSource({"at": []}, syncable=False)
        self.hands = CustomJS(
            args={
                "colours": self.colours,
                "zero": ZERO,
                "one": ONE,
                "window_": self._window,
                "probe": self.probe,
            },
            code=GESTURES,
        )

    def update(self) -> None:
        """Bring colours and window up to date."""
        palette = list(MAPS[self._look.colours])
        for grey in (self.colours, self.plain):
            if grey.palette != palette:
                grey.palette = palette
        dark, bright = self._look.window
        shares = [[dark, max(bright, dark + LEAST_WINDOW)]]
        if self._shares != shares:
            self._shares = shares
            low, high = (ZERO + ONE * share for share in shares[0])
            self.colours.update(low=low, high=high)
            self._window.data = {"shares": shares}

    def _keep_window(self, attr: str, old: object, new: Mapping[str, Sequence[Any]]) -> None:
        dark, bright = new["shares"][0]
        self._look.window = (float(dark), float(bright))


class Pictures:
    """All pictures of a scene; those of one shape move and zoom together.

    Args:
        view: what is shown of a scene, and how.
        lead: those that these move and zoom with, where they have the same shape.
    """

    def __init__(self, view: View, lead: Pictures | None = None) -> None:
        self._look, self._lead = view, lead
        self.touch: Touch = lead.touch if lead else Touch(view)
        self.ranges: Ranges = whole_ranges((1, 1))
        #: What is shown now, and what was and may be again: a browser takes long to make one.
        self.by_key: dict[str, ImagePair] = {}
        self.known: dict[str, ImagePair] = {}

    def update(self, scene: Scene) -> None:
        """Show a scene; pictures are made only for what was not there before."""
        self._build(shown_of(scene))
        self.touch.update()
        low, high = self.range(scene)
        # Errors that are hidden are not computed.
        errors, end = ({}, 0.0) if ERRORS in self._look.unseen else (scene.errors, scene.end)
        for shot in shown_of(scene):
            if shot.key not in self._look.unseen:
                black, white = (0.0, 1.0) if shot.key == MEASUREMENT else (low, high)
                error = errors.get(shot.key)
                self.by_key[shot.key].draw(scene.run, shot, black, white, error, end)

    def range(self, scene: Scene) -> tuple[float, float]:
        """The range with which images are sent: the colour map of grey ones has the window."""
        colour = scene.shots[0].image.shape[-1] == 3
        return self.levels(scene) if colour else (scene.low, scene.high)

    def levels(self, scene: Scene) -> tuple[float, float]:
        """The values that are black and white."""
        span, (dark, bright) = scene.high - scene.low, self._look.window
        return scene.low + dark * span, scene.low + max(bright, dark + LEAST_WINDOW) * span

    def has(self, shape: tuple[int, ...]) -> bool:
        """Whether its pictures are of this shape, (H, W, C)."""
        return tuple(end.reset_end for end in self.ranges) == (shape[1], shape[0])

    def show_whole(self) -> None:
        """Show the whole of every image again."""
        for shared in self.ranges:
            shared.update(start=shared.reset_start, end=shared.reset_end)

    def _build(self, shown: Sequence[Shot]) -> None:
        shape = shown[0].image.shape
        led = self._lead is not None and self._lead.has(shape)
        if self._lead is not None and led and self.ranges is not self._lead.ranges:
            self.known, self.ranges = {}, self._lead.ranges
        elif self.known and self._lead is None and not self.has(shape):
            # The same part of an image of another size.
            larger, zoom = shape[1] / self.ranges[0].reset_end, self._look.zoom
            stretch(self.ranges, shape)
            self._look.zoom = tuple(larger * end for end in zoom) if zoom else None
            self._zoom()
        elif not self.has(shape):
            self.known = {}
            self.ranges = whole_ranges(shape)
            self._zoom()
            for shared in self.ranges:
                shared.on_change("start", self._keep_zoom)
                shared.on_change("end", self._keep_zoom)
        aspect = shape[1] / shape[0]
        self.by_key = {shot.key: self._pair(shot, aspect) for shot in shown}
        self.known |= self.by_key

    def _pair(self, shot: Shot, aspect: float) -> ImagePair:
        """The pair that shows such images already, or a new one: making one takes long."""
        known = self.known.get(shot.key)
        if known is not None and known.fits(shot):
            if shot.key == MEASUREMENT:
                stretch(known.ranges, shot.image.shape)
            return known
        touch = self.touch
        grey, ranges = touch.colours, self.ranges
        if shot.key == MEASUREMENT:
            grey, ranges = touch.plain, whole_ranges(shot.image.shape)
        return ImagePair(shot, grey, touch.hot, ranges, touch.hands, aspect)

    def _zoom(self) -> None:
        """Go to the part of the images that the view asks for."""
        if self._look.zoom:
            left, right, bottom, top = self._look.zoom
            for shared, start, end in zip(self.ranges, (left, bottom), (right, top), strict=True):
                # An address may ask for anything.
                start, end = np.clip([start, end], 0, shared.reset_end).tolist()
                if start < end:
                    shared.update(start=start, end=end)

    def _keep_zoom(self, attr: str, old: float, new: float) -> None:
        x, y = self.ranges
        whole = (x.start, x.end, y.start, y.end) == (0, x.reset_end, 0, y.reset_end)
        at = tuple(round(float(value), 2) for value in (x.start, x.end, y.start, y.end))
        self._look.zoom = None if whole else at


def shown_of(scene: Scene) -> list[Shot]:
    """The images of a scene, and last the picture of the measurement, if there is one."""
    return [*scene.shots, *([scene.measurement] if scene.measurement else [])]


def _kind(shot: Shot) -> tuple[object, ...]:
    """What cannot be changed in a picture once it is made."""
    height, width, channels = shot.image.shape
    return shot.key, shot.title, channels, height / width, shot.truth is not None
