"""Charts and pictures of the lessons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reilab.methods.registry import methods
from reilab.record.history import History
from reilab.show.curves import scores_of
from reilab.show.words import method_colour, method_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axis
    from matplotlib.figure import Figure

PANE_INCHES = 2.2
#: Colours for values of both signs, such as the part of an image that is lost.
SIGNED = "RdBu_r"

Window = tuple[float, float]


def row(images: Mapping[str, Tensor], window: Window = (0.0, 1.0), colours: str = "gray") -> Figure:
    """Images side by side, each under its title; see ``rows``."""
    return rows([images], window, colours)


def rows(
    images: Sequence[Mapping[str, Tensor]], window: Window = (0.0, 1.0), colours: str = "gray"
) -> Figure:
    """Rows of images, each under its title.

    Args:
        images: (C, H, W) each, C = 1 or 3; a batch (1, C, H, W) of one is as good.
        window: the values that are black and white, or the ends of the colours.
        colours: a colour map of matplotlib for images of one channel.
    """
    # Loaded here because no training run needs it.
    from matplotlib.figure import Figure

    n_columns = max(len(one) for one in images)
    size = (PANE_INCHES * n_columns, (PANE_INCHES + 0.35) * len(images))
    figure = Figure(figsize=size, layout="constrained", dpi=100)
    axes = figure.subplots(len(images), n_columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, one in zip(axes, images, strict=True):
        for axis, (title, image) in zip(line, one.items(), strict=False):
            _draw(axis, title, image, window, colours)
    return figure


def _draw(axis: Axis, title: str, image: Tensor, window: Window, colours: str) -> None:
    single = image[0] if image.ndim == 4 else image
    low, high = window
    shown = ((single.detach().cpu() - low) / (high - low)).clamp(0, 1).permute(1, 2, 0)
    axis.set_title(title, fontsize=10)
    axis.imshow(torch.squeeze(shown, 2).numpy(), cmap=colours, vmin=0, vmax=1)


if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Line:
    """Points of a line; ``error`` is drawn above and below each of them; ``style`` as in plot."""

    x: Sequence[float]
    y: Sequence[float]
    error: Sequence[float] | None = None
    style: str = "o-"


@dataclass(frozen=True)
class Axes:
    """What the axes of a chart mean; scales are ``linear`` or ``log``."""

    x: str
    y: str
    x_scale: str = "linear"
    y_scale: str = "linear"


def chart(lines: Mapping[str, Line], axes: Axes) -> Figure:
    """All lines in one chart, by name; that of a method has its colour, as everywhere."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.4), layout="constrained", dpi=100)
    axis = figure.subplots()
    for name, line in lines.items():
        style = {"fmt": line.style, "label": method_title(name), "markersize": 4, "capsize": 3}
        if name in methods():
            style["color"] = method_colour(name)
        axis.errorbar(line.x, line.y, yerr=line.error, **style)  # type: ignore[arg-type]
    axis.set(xlabel=axes.x, ylabel=axes.y, xscale=axes.x_scale, yscale=axes.y_scale)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    return figure


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean of independent values, and twice its standard error (95 % confidence)."""
    return fmean(values), 2 * stdev(values) / math.sqrt(len(values))


def psnr_lines(histories: Mapping[str, History]) -> dict[str, Line]:
    """PSNR over steps, a line for each method of each run; one name where a run has one method."""
    lines = {}
    for name, history in histories.items():
        for method, track in history.tracks.items():
            label = name if len(history.tracks) == 1 else f"{method}, {name}"
            scores = scores_of(track)
            lines[label] = Line(scores.step.tolist(), scores.psnr.tolist())
    return lines
