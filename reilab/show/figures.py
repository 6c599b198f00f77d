"""Static figures of a run, for reports, headless notebooks and the command line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from reilab.disk import replacing
from reilab.record.history import History
from reilab.show.panes import ERROR_COLOURS, TRUTH
from reilab.show.scene import ERROR_TITLE, Scene, Shot, scene_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANE_INCHES = 2.4


def comparison(history: History, image: int = 0) -> Figure:
    """Ground truth, A†y and each method in a row; their error maps below; metrics on each pane.

    Args:
        history: of a run that has been evaluated.
        image: which of the previewed test images.
    """
    # Loaded here because no training run needs it.
    from matplotlib.figure import Figure

    scene = scene_of("", history, image)
    assert scene is not None
    n_rows = 2 if scene.errors else 1
    size = (PANE_INCHES * len(scene.shots), PANE_INCHES * n_rows + 0.5)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    axes = figure.subplots(n_rows, len(scene.shots), squeeze=False)
    for axis, shot in zip(axes[0], scene.shots, strict=True):
        _draw(axis, scene, shot)
    for axis in axes.flat:
        axis.set_axis_off()
    if scene.errors:
        _draw_errors(figure, list(axes[1]), scene)
    return figure


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


def _draw_errors(figure: Figure, axes: list[Axes], scene: Scene) -> None:
    for axis, shot in zip(axes, scene.shots, strict=True):
        if shot.key != TRUTH:
            drawn = axis.imshow(scene.errors[shot.key], ERROR_COLOURS, vmin=0, vmax=scene.end)
            drawn.set_interpolation("nearest")
    told = f"error {ERROR_TITLE}, of the image range"
    figure.colorbar(drawn, ax=axes, shrink=0.8, label=told, extend="max")
