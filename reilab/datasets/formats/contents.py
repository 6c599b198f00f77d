"""What a file of images holds, and how whatever is wrong with one becomes one clear line."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from reilab.registry import Registry

#: More numbers than this in one array are taken for a damaged or hostile header.
MOST_VALUES = 2**30
#: A side shorter than this is taken for something else than an image.
LEAST_SIDE = 8
COLOUR = (3, 4)


class UnreadableError(ValueError):
    """A file cannot be used; the message is one line without the name of the file."""


class WithoutTruthError(Exception):
    """A file is in order but holds measurements only; the message is one line."""


@dataclass(frozen=True, eq=False)
class Contents:
    """Images (N, C, H, W) as they are stored; ``low`` becomes 0 in [0, 1] and ``high`` 1."""

    values: NDArray[np.float32]
    low: float
    high: float

    @property
    def unit(self) -> NDArray[np.float32]:
        """The images in [0, 1]; values beyond are cut off."""
        scaled = (self.values - np.float32(self.low)) / np.float32(self.high - self.low)
        unit: NDArray[np.float32] = np.clip(scaled, 0, 1)
        return unit


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


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Make one line of whatever a library says about a file that it cannot read.

    The file is foreign: a parser may raise anything about it, and warns of much that is harmless.

    Raises:
        UnreadableError: instead of what was raised inside.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UnreadableError, WithoutTruthError):
        raise
    except MemoryError:
        raise UnreadableError("asks for more memory than there is") from None
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        short = words if len(words) <= 160 else f"{words[:157]}..."
        raise UnreadableError(f"cannot be read as {kind}: {short}") from error


def check_shape(shape: Sequence[int]) -> None:
    """Refuse an array before room is made for it.

    Raises:
        UnreadableError: it is larger than any image file.
    """
    if math.prod(map(int, shape)) > MOST_VALUES:
        raise UnreadableError(f"claims the shape {told(shape)}, more than any image file has")


def contents_of(array: NDArray[Any]) -> Contents:
    """The images of an array, with the range that its type suggests.

    Unsigned integers of 8 and 16 bits range over their type; other numbers from 0, or the least of
    them where it is negative, to the largest of them.

    Raises:
        UnreadableError: no images, see ``stack_of``, or empty ones.
    """
    values = stack_of(array)
    least, largest = float(values.min()), float(values.max())
    if least == largest:
        raise UnreadableError(f"shows nothing: all values are {largest:g}")
    if array.dtype in (np.uint8, np.uint16):
        return Contents(values, 0.0, float(np.iinfo(array.dtype).max))
    return Contents(values, min(0.0, least), largest)


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


def told(shape: Sequence[int]) -> str:
    """A shape in words: ``640 × 368``."""
    return " × ".join(str(extent) for extent in shape) or "()"
