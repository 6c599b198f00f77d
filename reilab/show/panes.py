"""Panes: the names of images that are no method's, and images as bytes and as PNG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reilab.record.pictures import Array

TRUTH, PINV, MEASUREMENT = "truth", "pinv", "measurement"
#: The colour map of all error maps, dark where there is none.
ERROR_COLOURS = "inferno"
Pixels = NDArray[np.uint8]


def to_pixels(image: Array, low: float, high: float) -> Pixels:
    """Values (H, W, C) as bytes: (H, W) if C = 1, else (H, W, 3)."""
    pixels: Pixels = np.rint(255 * np.clip((image - low) / (high - low), 0, 1)).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def to_colours(error: Array, end: float) -> Pixels:
    """An error map (H, W) in colours (H, W, 3), from 0 to ``end``."""
    # Takes a second to load, and no training run needs it.
    from matplotlib import colormaps

    colours = colormaps[ERROR_COLOURS](to_pixels(error[..., None], 0, end))
    pixels: Pixels = np.rint(255 * colours[..., :3]).astype(np.uint8)
    return pixels


def to_png(pixels: Pixels) -> bytes:
    """A PNG file of bytes (H, W) or (H, W, 3), one pixel per pixel."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()
