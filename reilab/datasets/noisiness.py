"""Noisiness: how strong the noise is that a file's images or measurements have already."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reilab.datasets.acquired import (
    Arrays,
    holds_measurements,
    parse_pixels,
    read_measured,
    white_kspace,
)
from reilab.datasets.formats.reader import read_file
from reilab.foreign import UnreadableError
from reilab.noise.estimate import haar_noise, outer_noise

#: The option that says what was found.
OPTION = "--sigma"


@dataclass(frozen=True)
class Noisiness:
    """The deviation of white noise, as far as it can be told: an upper bound.

    Args:
        what: what was looked into.
        unit: of the deviations.
        sigmas: one for each image or measurement.
        option: of ``reilab compare`` and others that takes such a number; empty if none does.
    """

    what: str
    unit: str
    sigmas: tuple[float, ...]
    option: str = OPTION


def noisiness(file: Path, coils: int = 1) -> Noisiness:
    """Estimate the noise of every image or measurement of a file.

    Args:
        file: of images, or of measurements.
        coils: how many measured k-space. What is whitened and scaled before training is so here.

    Raises:
        ValueError: it cannot be read, or nothing in it tells; says why.
        FileNotFoundError: there is none.
    """
    if holds_measurements(file):
        return _of_measurements(read_measured(file), coils)
    try:
        found = read_file(file)
    except UnreadableError as error:
        raise ValueError(f"{file} {error}") from None
    images = found.values / (found.high - found.low)
    return Noisiness("images", "of their range", tuple(map(haar_noise, images)))


def _of_measurements(arrays: Arrays, coils: int) -> Noisiness:
    if "sinogram" in arrays:
        lines = arrays["sinogram"]
        return Noisiness("sinograms", "of a line integral", _of_readings(lines), option="")
    y = arrays["y"]
    if y.dtype.kind == "c" or (y.shape[-3:-2] == (2,) and y.shape[-2] != 3):
        kspace, mask, sigma = white_kspace(arrays, coils)
        found = tuple(sigma or outer_noise(one[:, mask], mask) for one in kspace)
        return Noisiness("k-space", "of the image maximum", found)
    if y.shape[-3:] == (3, y.shape[-1], y.shape[-1]) or "mask" in arrays:
        side = isqrt(arrays["mask"].size) if "mask" in arrays else y.shape[-1]
        pixels = parse_pixels(side, arrays)
        whole = np.full((*pixels.y.shape[:2], side**2), np.nan, np.float32)
        whole[..., pixels.entries.numpy()] = pixels.y.numpy()
        images = whole.reshape(*whole.shape[:2], side, side)
        return Noisiness("photographs", "of image values", tuple(map(haar_noise, images)))
    return Noisiness("readings", "counts", _of_readings(y))


def _of_readings(y: NDArray[Any]) -> tuple[float, ...]:
    return tuple(map(haar_noise, y.reshape(-1, *y.shape[-2:])))
