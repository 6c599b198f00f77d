"""Pictures: titled images side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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


def _draw(axis: Axes, title: str, image: Tensor, window: Window, colours: str) -> None:
    single = image[0] if image.ndim == 4 else image
    low, high = window
    shown = ((single.detach().cpu() - low) / (high - low)).clamp(0, 1).permute(1, 2, 0)
    axis.set_title(title, fontsize=10)
    axis.imshow(torch.squeeze(shown, 2).numpy(), cmap=colours, vmin=0, vmax=1)
