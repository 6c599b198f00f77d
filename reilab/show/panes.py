"""Panes: the images of a run at a moment, by name, and their PNG at full resolution."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reilab.events import Images
from reilab.record.history import History
from reilab.record.pictures import Array

TRUTH, PINV, MEASUREMENT = "truth", "pinv", "measurement"
Pixels = NDArray[np.uint8]


def pane_names(history: History) -> list[str]:
    """The panes that a run has: what is given, and the methods that have been evaluated."""
    posed = history.posed
    if posed is None:
        return []
    given = {TRUTH: posed.truth, PINV: posed.pinv, MEASUREMENT: posed.measurement}
    evaluated = [method for method, track in history.tracks.items() if track.evaluated]
    return [name for name, images in given.items() if images is not None] + evaluated


def pane(history: History, name: str, sample: int, step: int) -> Array:
    """One image (H, W, C) as it was at ``step``, in float32.

    Raises:
        ValueError: there is no such pane, image or moment.
    """
    images = _images(history, name, step)
    if images is None:
        known = ", ".join(pane_names(history)) or "none yet"
        raise ValueError(f"there is no pane {name!r} at step {step}; there are: {known}")
    if not 0 <= sample < len(images):
        raise ValueError(f"there is no test image {sample}; there are {len(images)}")
    return np.asarray(images[sample], dtype=np.float32)


def pane_png(
    history: History, name: str, sample: int, step: int, window: tuple[float, float] = (0.0, 1.0)
) -> bytes:
    """The pane as a PNG, one pixel per pixel; ``window`` becomes black to white.

    Raises:
        ValueError: see ``pane``.
    """
    return to_png(to_pixels(pane(history, name, sample, step), *window))


def error_of(history: History, name: str, sample: int, step: int) -> Array:
    """The absolute error of a pane, averaged over the channels: (H, W).

    Raises:
        ValueError: there is no such pane, or no ground truth.
    """
    gap = pane(history, name, sample, step) - pane(history, TRUTH, sample, step)
    error: Array = np.abs(gap).mean(-1)
    return error


def error_png(history: History, name: str, sample: int, step: int, end: float) -> bytes:
    """The error map as a PNG in colours, from 0 to ``end``.

    Raises:
        ValueError: see ``error_of``.
    """
    # Takes a second to load, and no training run needs it.
    from matplotlib import colormaps

    error = error_of(history, name, sample, step) / end
    return to_png((colormaps["inferno"](error.clip(0, 1))[..., :3] * 255).round().astype(np.uint8))


def to_pixels(image: Array, low: float, high: float) -> Pixels:
    """Values (H, W, C) as bytes: (H, W) if C = 1, else (H, W, 3)."""
    pixels: Pixels = np.rint(255 * np.clip((image - low) / (high - low), 0, 1)).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def to_png(pixels: Pixels) -> bytes:
    """A PNG file of bytes (H, W) or (H, W, 3)."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _images(history: History, name: str, step: int) -> Images | None:
    if history.posed is None:
        return None
    given = {
        TRUTH: history.posed.truth,
        PINV: history.posed.pinv,
        MEASUREMENT: history.posed.measurement,
    }
    if name in given:
        return given[name]
    moment = history.tracks[name].at(step) if name in history.tracks else None
    return moment.images if moment else None
