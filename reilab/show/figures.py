"""Static figures of a run, for papers and slides, reports, headless notebooks, the command line."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from reilab.disk import replacing
from reilab.record.history import History
from reilab.show.panes import ERROR_COLOURS, MEASUREMENT, PINV, TRUTH, to_pixels
from reilab.show.scene import ERROR_TITLE, Scene, Shot, scene_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANE_INCHES = 2.4
#: One inch, and one point, which letters are measured in, in millimetres.
INCH = 25.4
POINT = INCH / 72
#: Names of curves in a row.
LEGEND = 4
#: Between things on paper, in millimetres.
GAP = 1.5
DOTS_PER_INCH = 300
FORMATS = ("svg", "pdf", "png")


@dataclass(frozen=True)
class Paper:
    """What a figure is made for.

    Args:
        title: how it is called.
        width: in millimetres.
        letters: their size in points.
        panes: the most in a row.
    """

    title: str
    width: float
    letters: float
    panes: int


PAPERS: Mapping[str, Paper] = {
    "column": Paper("One column, 85 mm", 85, 6, 3),
    "page": Paper("Two columns, 178 mm", 178, 7, 6),
    "slide": Paper("Slide, 320 mm", 320, 13, 6),
}


@dataclass(frozen=True, eq=False)
class Curve:
    """A line of the chart below the images."""

    label: str
    colour: str
    dash: str
    step: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, eq=False)
class Framing:
    """How a scene is put on paper: as it is on screen.

    Args:
        hidden: keys of panes that are left out.
        errors: whether there are error maps.
        levels: the values that are black and white; those of the scene if left out.
        colours: of grey images, from black to white; grey ones if left out.
        zoom: left, right, bottom and top of the part that is seen, in pixels from bottom left.
        axis: what the curves show.
        curves: over the steps.
        notes: lines of text at the foot.
        columns: keys of the images that rows of several runs share, in order.
        heads: what stands above the row of each of several runs, by its name.
    """

    hidden: Collection[str] = ()
    errors: bool = True
    levels: tuple[float, float] | None = None
    colours: Sequence[str] = ()
    zoom: tuple[float, float, float, float] | None = None
    axis: str = ""
    curves: Sequence[Curve] = ()
    notes: Sequence[str] = ()
    columns: Sequence[str] = ()
    heads: Mapping[str, str] = field(default_factory=dict)


def plate(scene: Scene, paper: Paper, framing: Framing) -> Figure:
    """The images of a scene with captions and a scale bar, their errors, curves and notes.

    Those of several runs are below each other, in columns that all of them share.
    """
    sheet, rows = _Sheet(paper), scene.rows or [scene]
    found = [_columns(row, framing) for row in rows]
    order = dict.fromkeys([TRUTH, MEASUREMENT, *framing.columns, *chain(*found)])
    keys = [key for key in order if any(key in own for own in found)]
    in_row = max(1, ceil(len(keys) / max(1, ceil(len(keys) / paper.panes))))
    for row, own in zip(rows, found, strict=True):
        if head := framing.heads.get(row.run):
            sheet.place(GAP, paper.width - 2 * GAP, sheet.line, _text([head], paper.letters))
            sheet.top += sheet.line
        # Images of one size are zoomed together, as on screen.
        led = row is rows[0] or row.shots[0].image.shape == rows[0].shots[0].image.shape
        framed = framing if led else replace(framing, zoom=None)
        for start in range(0, len(keys), in_row):
            line = [own.get(key) for key in keys[start : start + in_row]]
            _place_row(sheet, row, framed, line, in_row, start == 0)
    if framing.errors and scene.errors and keys:
        sheet.top += sheet.line / 2
        width = paper.width / 3
        sheet.place(
            paper.width - width - 4 * GAP, width, sheet.line / 2, _scale(scene.end, paper.letters)
        )
        sheet.top += 3.5 * sheet.line
    if framing.curves:
        left = 6 * sheet.line
        height = min(0.36 * paper.width, 80.0)
        sheet.top += sheet.line * (1 + ceil(len(framing.curves) / LEGEND))
        sheet.place(left, paper.width - left - 2 * GAP, height, _chart(framing, paper.letters))
        sheet.top += height + 3.5 * sheet.line
    per_line = int((paper.width - 2 * GAP) / (0.57 * paper.letters * POINT))
    lines = [part for note in framing.notes for part in textwrap.wrap(note, per_line)]
    if lines:
        height = len(lines) * sheet.line
        sheet.place(GAP, paper.width - 2 * GAP, height, _text(lines, paper.letters))
        sheet.top += height
    return sheet.figure()


def saved(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a file of one of the ``FORMATS``; its text stays text."""
    from matplotlib import rc_context

    out = io.BytesIO()
    told: Mapping[str, Any] = {"Software": None} if kind == "png" else {"Creator": "reilab"}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "reilab", "pdf.fonttype": 42}):
        figure.savefig(out, format=kind, dpi=DOTS_PER_INCH, metadata=told)
    return out.getvalue()


def comparison(history: History, image: int = 0) -> Figure:
    """Ground truth, A†y and each method in a row; their error maps below; metrics on each pane.

    Args:
        history: of a run that has been evaluated.
        image: which of the previewed test images.
    """
    scene = scene_of("", history, image)
    assert scene is not None
    n = len(scene.shots)
    framing = Framing(hidden=(MEASUREMENT,), errors=bool(scene.errors))
    return plate(scene, Paper("", PANE_INCHES * INCH * n, 12, n), framing)


def side_by_side(histories: Mapping[str, History], image: int = 0) -> Figure:
    """A row of panes for each history, as in ``comparison`` without the error maps.

    Args:
        histories: of runs that have been evaluated, by what is written beside their row.
        image: which of the previewed test images.
    """
    from matplotlib.figure import Figure

    found = {label: scene_of(label, history, image) for label, history in histories.items()}
    scenes = {label: scene for label, scene in found.items() if scene is not None}
    n_columns = max(1, *(len(scene.shots) for scene in scenes.values()))
    inches = PANE_INCHES * 2 / 3
    size = (inches * n_columns + 0.3, (inches + 0.4) * len(scenes))
    figure = Figure(figsize=size, layout="constrained", dpi=100)
    axes = figure.subplots(len(scenes), n_columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], frame_on=False)
    for line, (label, scene) in zip(axes, scenes.items(), strict=True):
        line[0].set_ylabel(label)
        for axis, shot in zip(line, scene.shots, strict=False):
            _draw(axis, scene, shot, fontsize=9)
    return figure


def save_comparison(history: History, path: Path) -> None:
    """Write ``comparison`` as a picture, if there is anything to compare.

    Raises:
        DiskError: the disk takes no more.
    """
    scene = scene_of("", history, 0)
    if scene and any(shot.judged for shot in scene.shots):
        with replacing(path) as partial:
            comparison(history).savefig(partial, format=path.suffix.removeprefix("."))


def small_png(figure: Figure) -> bytes:
    """A figure as a PNG in 128 colours: a third of the bytes, and hardly to be told from it."""
    stream, small = io.BytesIO(), io.BytesIO()
    figure.savefig(stream, format="png")
    with Image.open(stream) as whole:
        few = whole.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def _draw(axis: Axes, scene: Scene, shot: Shot, fontsize: float = 12) -> None:
    axis.imshow(scene.pixels(shot), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_title("\n".join(filter(None, [shot.title, shot.caption])), fontsize=fontsize)


Draw = Callable[["Axes"], None]


@dataclass
class _Sheet:
    """Paper that is filled from the top; all lengths in millimetres."""

    paper: Paper
    top: float = GAP
    boxes: list[tuple[float, float, float, float, Draw]] = field(default_factory=list)

    @property
    def line(self) -> float:
        """The height of a line of text."""
        return 1.3 * self.paper.letters * POINT

    def place(self, left: float, width: float, height: float, draw: Draw) -> None:
        """Put something where the sheet has been filled to."""
        self.boxes.append((left, self.top, width, height, draw))

    def figure(self) -> Figure:
        """All that has been placed, on a sheet that ends below it."""
        # Loaded here because no training run needs it.
        from matplotlib.figure import Figure

        wide, high = self.paper.width, self.top + GAP
        made = Figure(figsize=(wide / INCH, high / INCH), dpi=150)
        for left, top, width, height, draw in self.boxes:
            place = (left / wide, 1 - (top + height) / high, width / wide, height / high)
            draw(made.add_axes(place))
        return made


#: An image, and what stands below it: the measurement below the ground truth, or else its errors.
_Column = tuple[Shot, Shot | None]


def _columns(scene: Scene, framing: Framing) -> dict[str, _Column]:
    shown = [shot for shot in scene.panes if shot.key not in framing.hidden]
    measured = next((shot for shot in shown if shot.key == MEASUREMENT), None)
    if not framing.errors or not measured or shown[0].key != TRUTH:
        return {shot.key: (shot, None) for shot in shown}
    rest = {shot.key: (shot, None) for shot in shown[1:] if shot is not measured}
    return {TRUTH: (shown[0], measured), **rest}


def _place_row(
    sheet: _Sheet,
    scene: Scene,
    framing: Framing,
    row: Sequence[_Column | None],
    in_row: int,
    first: bool,
) -> None:
    """Images beside each other, with gaps where there are none; below them their error maps."""
    letters, part = sheet.paper.letters, _part(scene, framing)
    left, right, bottom, top = part
    width = (sheet.paper.width - GAP * (in_row + 1)) / in_row
    height = width * (top - bottom) / (right - left)
    panes = [(GAP + index * (width + GAP), *one) for index, one in enumerate(row) if one]
    sheet.top += 2.2 * sheet.line
    for place, shot, _ in panes:
        bar = first and place == panes[0][0] and shot.key != MEASUREMENT
        sheet.place(place, width, height, _image(scene, framing, shot, letters, bar))
    sheet.top += height + GAP
    if not framing.errors or not scene.errors:
        return
    sheet.top += sheet.line
    for place, shot, below in panes:
        if below:
            sheet.place(place, width, height, _image(scene, framing, below, letters))
        elif shot.key in scene.errors:
            sheet.place(place, width, height, _error(scene, shot, part, letters))
    sheet.top += height + GAP


def _part(scene: Scene, framing: Framing) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of what is seen; nothing beyond the images."""
    height, width = scene.shots[0].image.shape[:2]
    left, right, bottom, top = framing.zoom or (0, width, 0, height)
    left, right = max(left, 0), min(right, width)
    bottom, top = max(bottom, 0), min(top, height)
    return (left, right, bottom, top) if left < right and bottom < top else (0, width, 0, height)


def _image(scene: Scene, framing: Framing, shot: Shot, letters: float, bar: bool = False) -> Draw:
    measured = shot.key == MEASUREMENT
    low, high = framing.levels or (scene.low, scene.high)
    pixels = to_pixels(shot.image, *((0.0, 1.0) if measured else (low, high)))

    def draw(axis: Axes) -> None:
        from matplotlib.colors import ListedColormap

        height, width = pixels.shape[:2]
        part = (0, width, 0, height) if measured else _part(scene, framing)
        colours = ListedColormap(list(framing.colours)) if framing.colours else "gray"
        _show(axis, pixels, part, cmap=colours, vmin=0, vmax=255)
        told = filter(None, [shot.title, shot.caption])
        axis.set_title("\n".join(told), fontsize=letters, loc="left", pad=0.35 * letters)
        if shot.judged or shot.key == PINV:
            edge = axis.spines["top"]
            edge.set(visible=True, color=shot.colour, linewidth=letters / 4, capstyle="butt")
        if bar:
            _scale_bar(axis, part, letters)

    return draw


def _error(
    scene: Scene, shot: Shot, part: tuple[float, float, float, float], letters: float
) -> Draw:
    def draw(axis: Axes) -> None:
        _show(axis, scene.errors[shot.key], part, cmap=ERROR_COLOURS, vmin=0, vmax=scene.end)
        nmse = f", NMSE {shot.metrics.nmse:.4f}" if shot.metrics else ""
        axis.set_title(f"{ERROR_TITLE}{nmse}", fontsize=letters, loc="left", pad=0.35 * letters)

    return draw


def _show(axis: Axes, image: Any, part: tuple[float, float, float, float], **colours: Any) -> None:
    height, width = image.shape[:2]
    axis.imshow(
        image, extent=(0, width, 0, height), interpolation="nearest", aspect="auto", **colours
    )
    left, right, bottom, top = part
    axis.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _scale_bar(axis: Axes, part: tuple[float, float, float, float], letters: float) -> None:
    """A length in pixels, about a quarter of what is seen."""
    from matplotlib.patheffects import withStroke

    left, right, bottom, top = part
    lengths = [factor * 10**power for power in range(5) for factor in (1, 2, 5)]
    length = max([one for one in lengths if one <= (right - left) / 3.5], default=1)
    x, y = left + 0.04 * (right - left), bottom + 0.05 * (top - bottom)
    axis.plot(
        [x, x + length],
        [y, y],
        color="white",
        linewidth=letters / 4,
        solid_capstyle="butt",
        path_effects=[withStroke(linewidth=letters / 2.2, foreground="black")],
    )
    told = f"{length} pixel{'s' * (length > 1)}"
    # An outline would make shapes of the letters.
    ground = {"facecolor": "black", "alpha": 0.55, "linewidth": 0, "pad": letters / 8}
    place: dict[str, Any] = {"xytext": (0, letters / 2.5), "textcoords": "offset points"}
    axis.annotate(told, (x, y), color="white", fontsize=0.9 * letters, bbox=ground, **place)


def _scale(end: float, letters: float) -> Draw:
    """The colours of all error maps."""

    def draw(axis: Axes) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        colours = ScalarMappable(Normalize(0, end), ERROR_COLOURS)
        bar = axis.figure.colorbar(colours, cax=axis, orientation="horizontal", extend="max")
        bar.set_label(f"error {ERROR_TITLE}, of the image range", fontsize=letters)
        bar.ax.tick_params(labelsize=letters, length=letters / 3, width=letters / 12)
        bar.outline.set_linewidth(letters / 12)

    return draw


#: What other painters call the same.
DASHES = {"dotdash": "dashdot"}


def _chart(framing: Framing, letters: float) -> Draw:
    def draw(axis: Axes) -> None:
        for curve in framing.curves:
            dash = DASHES.get(curve.dash, curve.dash)
            # A line of one point would not be seen.
            marker = "." if len(curve.step) == 1 else ""
            axis.plot(
                curve.step,
                curve.values,
                color=curve.colour,
                linestyle=dash,
                linewidth=letters / 6,
                marker=marker,
                label=curve.label,
            )
        axis.set_xlabel("step", fontsize=letters)
        axis.set_ylabel(framing.axis, fontsize=letters)
        axis.tick_params(labelsize=letters, length=letters / 3, width=letters / 12)
        axis.spines[:].set_linewidth(letters / 12)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3, linewidth=letters / 12)
        axis.legend(
            frameon=False,
            fontsize=letters,
            ncols=LEGEND,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderpad=0,
            labelspacing=0.3,
        )

    return draw


def _text(lines: Sequence[str], letters: float) -> Draw:
    def draw(axis: Axes) -> None:
        axis.set_axis_off()
        axis.text(0, 1, "\n".join(lines), fontsize=letters, va="top", linespacing=1.15)

    return draw
