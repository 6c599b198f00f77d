"""What a file of images holds, and which of its numbers are black and white."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from reilab.foreign import UnreadableError, check_shape, told
from reilab.registry import Registry

#: A side shorter than this is taken for something else than an image.
LEAST_SIDE = 8
COLOUR = (3, 4)
#: Bits of a screen, and of cameras and scanners, whose numbers are kept as 16-bit ones.
DEPTHS = (8, 10, 12, 14, 16)


@dataclass(frozen=True, eq=False)
class Contents:
    """Images (N, C, H, W) as they are stored; ``low`` becomes 0 in [0, 1] and ``high`` 1.

    ``note`` says what was changed in reading them, if anything; ``pixel`` is the height and the
    width of a pixel, in any unit.

    Raises:
        UnreadableError: nothing lies between black and white, or more than 32 bits can tell.
    """

    values: NDArray[np.float32]
    low: float
    high: float
    note: str = ""
    pixel: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            span = np.float32(self.high) - np.float32(self.low)
        if not 0 < span < np.inf:
            raise UnreadableError(
                f"has {self.low:g} for black and {self.high:g} for white, which is no range"
            )

    @property
    def unit(self) -> NDArray[np.float32]:
        """The images in [0, 1]; values beyond are cut off."""
        unit: NDArray[np.float32] = self.values - np.float32(self.low)
        unit /= np.float32(self.high - self.low)
        return np.clip(unit, 0, 1, out=unit)


@dataclass(frozen=True)
class FileFormat:
    """A registered format of files with images; ``spec`` reads a file.

    Args:
        name: what it is called.
        suffixes: of its files, in small letters, each with its dot.
        spec: the images of a file; raises ``UnreadableError``.
    """

    name: str
    suffixes: tuple[str, ...]
    spec: Callable[[Path], Contents]


FORMATS: Registry[FileFormat] = Registry("file format", "reilab.datasets.formats", "reilab.formats")
Read = TypeVar("Read", bound=Callable[[Path], Contents])


def file_format(name: str, *suffixes: str) -> Callable[[Read], Read]:
    """Decorator: register a function that reads the images of files with such suffixes.

    Raises:
        ValueError: the name is taken.
    """

    def register(read: Read) -> Read:
        FORMATS.add(FileFormat(name, suffixes, read))
        return read

    return register


def contents_of(array: NDArray[Any], note: str = "") -> Contents:
    """The images of an array, with the range that its numbers suggest.

    Unsigned integers of 8 and 16 bits go from 0 to the largest number of the least of ``DEPTHS``
    that holds them all: 4095 for a camera of 12 bits. Other numbers go from 0, or the least of them
    where it is negative, to the largest of them.

    Raises:
        UnreadableError: no images, see ``stack_of``, or empty ones.
    """
    values = stack_of(array)
    least, largest = float(values.min()), float(values.max())
    if least == largest:
        raise UnreadableError(f"shows nothing: all values are {largest:g}")
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        bits = next(bits for bits in DEPTHS if largest < 2**bits)
        return Contents(values, 0.0, 2.0**bits - 1, note)
    return Contents(values, min(0.0, least), largest, note)


def stack_of(array: NDArray[Any]) -> NDArray[np.float32]:
    """Images (N, C, H, W) with C = 1 or 3, from an array with 2 to 4 axes.

    (H, W) is an image; (H, W, 3 or 4) and (3, H, W) are one in colour; any other three axes are a
    stack of grey images; four axes are (N, C, H, W) or (N, H, W, C). Opacity is left out.

    Raises:
        UnreadableError: other axes, numbers that are not real, or not finite, or too few of them.
    """
    if array.dtype.kind not in "uif":
        kind = "complex numbers" if array.dtype.kind == "c" else f"the type {array.dtype}"
        raise UnreadableError(f"holds {kind}; images need real numbers")
    check_shape(array.shape)
    axes = _image_axes(array)
    if min(axes.shape, default=0) < 1 or min(axes.shape[2:]) < LEAST_SIDE:
        raise UnreadableError(f"holds an array of shape {told(array.shape)}, which is no image")
    values = np.ascontiguousarray(axes, dtype=np.float32)
    if not np.isfinite(values).all():
        raise UnreadableError("holds values that are not finite (NaN or infinity)")
    return values


def _image_axes(array: NDArray[Any]) -> NDArray[Any]:
    """Views of shape (N, C, H, W); nothing is copied."""
    shape = array.shape
    if array.ndim == 2:
        return array[None, None]
    if array.ndim == 3 and shape[2] in COLOUR:
        return np.moveaxis(array[None, :, :, :3], 3, 1)
    if array.ndim == 3:
        return array[None] if shape[0] == 3 else array[:, None]
    if array.ndim == 4 and shape[1] in (1, 3):
        return array
    if array.ndim == 4 and shape[3] in (1, *COLOUR):
        return np.moveaxis(array[..., :3], 3, 1)
    raise UnreadableError(f"holds an array of shape {told(shape)}, which is no image")
