"""Static figures of a run, for reports, headless notebooks and the command line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from reilab.record.history import History
from reilab.record.pictures import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANE_INCHES = 2.4


def comparison(history: History, image: int = 0) -> Figure:
    """Ground truth, A†y and each method in a row; their error maps below; PSNR on each pane.

    Args:
        history: of a run that has been evaluated.
        image: which of the previewed test images.
    """
    # Loaded here because no training run needs it.
    from matplotlib.figure import Figure

    panes = _panes(history, image)
    truth = panes.get("ground truth")
    n_rows = 1 if truth is None else 2
    size = (PANE_INCHES * len(panes), PANE_INCHES * n_rows + 0.5)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    axes = figure.subplots(n_rows, len(panes), squeeze=False)
    for axis, (name, pane) in zip(axes[0], panes.items(), strict=True):
        axis.imshow(_displayed(pane), cmap="gray", vmin=0, vmax=1)
        axis.set_title(name if truth is None or pane is truth else _titled(name, pane, truth))
    for axis in axes.flat:
        axis.set_axis_off()
    if truth is not None:
        _draw_errors(figure, list(axes[1]), list(panes.values()), truth)
    return figure


def side_by_side(histories: Mapping[str, History], image: int = 0) -> Figure:
    """A row of panes for each history, as in ``comparison`` without the error maps.

    Args:
        histories: of runs that have been evaluated, by what is written beside their row.
        image: which of the previewed test images.
    """
    from matplotlib.figure import Figure

    rows = {label: _panes(history, image) for label, history in histories.items()}
    n_columns = max(map(len, rows.values()))
    inches = PANE_INCHES * 2 / 3
    size = (inches * n_columns + 0.3, (inches + 0.4) * len(rows))
    figure = Figure(figsize=size, layout="constrained", dpi=100)
    axes = figure.subplots(len(rows), n_columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], frame_on=False)
    for line, (label, panes) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(label)
        truth = panes.get("ground truth")
        for axis, (name, pane) in zip(line, panes.items(), strict=False):
            axis.imshow(_displayed(pane), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            told = name if truth is None or pane is truth else _titled(name, pane, truth)
            axis.set_title(told, fontsize=9)
    return figure


def save_comparison(history: History, path: Path) -> None:
    """Write ``comparison`` as a picture, if there is anything to compare."""
    if history.posed and any(track.evaluated for track in history.tracks.values()):
        comparison(history).savefig(path)


def small_png(figure: Figure) -> bytes:
    """A figure as a PNG in 128 colours: a third of the bytes, and hardly to be told from it."""
    stream, small = io.BytesIO(), io.BytesIO()
    figure.savefig(stream, format="png")
    with Image.open(stream) as whole:
        few = whole.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def _panes(history: History, image: int) -> dict[str, Array]:
    assert history.posed is not None
    panes: dict[str, Array] = {}
    if history.posed.truth is not None:
        panes["ground truth"] = history.posed.truth[image]
    panes["A†y"] = history.posed.pinv[image]
    for method, track in history.tracks.items():
        if track.evaluated:
            panes[method] = track.evaluated[-1].images[image]
    return {name: np.asarray(pane, dtype=np.float32) for name, pane in panes.items()}


def _displayed(pane: Array) -> Array:
    clipped: Array = np.clip(pane, 0, 1)
    return clipped[..., 0] if clipped.shape[-1] == 1 else clipped


def _titled(name: str, pane: Array, truth: Array) -> str:
    error = float(np.mean((pane - truth) ** 2))
    return f"{name}\n{-10 * np.log10(max(error, 1e-12)):.2f} dB"


def _draw_errors(figure: Figure, axes: list[Axes], panes: list[Array], truth: Array) -> None:
    errors = [np.abs(pane - truth).mean(-1) for pane in panes]
    top = float(np.quantile(errors[1], 0.99)) or 1.0
    for axis, error in zip(axes[1:], errors[1:], strict=True):
        drawn = axis.imshow(error, cmap="magma", vmin=0, vmax=top)
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="absolute error")
