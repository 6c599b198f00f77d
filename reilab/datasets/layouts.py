"""Files that say what is measured: a mask of k-space or of pixels, the angles of a tomograph.

=================  =================================================================
``.npy``           one array
``.npz``           the array ``mask`` or ``angles``, or the only one
``.pt`` ``.pth``   a tensor, or a dictionary with a tensor of these names
``.png``           a mask as a picture of two grey values: what is measured is white
``.txt`` ``.csv``  angles, in lines or apart by commas or blanks
=================  =================================================================

A mask is 1 where something is measured, and 0 elsewhere. In k-space the zero frequency is in the
centre, at (H//2, W//2).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reilab.datasets.formats.arrays import load_array
from reilab.datasets.formats.pictures import load_picture
from reilab.datasets.store import find_file
from reilab.foreign import UnreadableError, reading, told
from reilab.settings import Setting

#: The settings that name them.
KSPACE_MASK = Setting(
    "File with what of k-space is measured: numbers of columns, a 0/1 vector of columns, or a 0/1 "
    "array of all entries (npy, npz, pt, png); empty: random columns."
)
PIXEL_MASK = Setting(
    "File with which pixels are seen, a 0/1 array (npy, npz, pt, png); empty: random ones."
)
ANGLES = Setting("File with the angle of each view in degrees (txt, csv, npy); empty: evenly.")

TEXT = (".txt", ".csv")
SUFFIXES = (".npy", ".npz", ".pt", ".pth")
MASK_SUFFIXES, ANGLE_SUFFIXES = (*SUFFIXES, ".png"), (*SUFFIXES, *TEXT)


def load_kspace_mask(name: str, size: int) -> Tensor:
    """A mask (size, size) of k-space from a file, by its path or its name below the data root.

    Columns are given as a 0/1 vector, or as a list of their numbers, counted from 0.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or no such mask; names the file.
    """
    path = find_file("mask", name)
    try:
        array = _read(path, MASK_SUFFIXES, "mask")
        if array.ndim == 1:
            return torch.from_numpy(np.tile(_columns(array, size), (size, 1)))
        return torch.from_numpy(_pattern(array, size))
    except UnreadableError as error:
        raise ValueError(f"mask = {name!r}: {path} {error}") from None


def load_pixel_mask(name: str, size: int) -> Tensor:
    """A mask (size, size) of pixels from a file, by its path or its name below the data root.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or no such mask; names the file.
    """
    path = find_file("mask", name)
    try:
        return torch.from_numpy(_pattern(_read(path, MASK_SUFFIXES, "mask"), size))
    except UnreadableError as error:
        raise ValueError(f"mask = {name!r}: {path} {error}") from None


def load_angles(name: str) -> tuple[float, ...]:
    """The angles of the views in degrees from a file, by its path or name below the data root.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds no angles; names the file.
    """
    path = find_file("angles", name)
    try:
        array = _read(path, ANGLE_SUFFIXES, "angles")
        if array.ndim > 1 or array.dtype == bool:
            raise UnreadableError(
                f"holds {array.dtype} of shape {told(array.shape)}; needs a list of degrees"
            )
        if not np.isfinite(array).all():
            raise UnreadableError("holds angles that are not finite")
    except UnreadableError as error:
        raise ValueError(f"angles = {name!r}: {path} {error}") from None
    return tuple(float(angle) for angle in array)


def _read(path: Path, suffixes: tuple[str, ...], name: str) -> NDArray[Any]:
    """The array of a file without axes of length 1, one axis at least."""
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise UnreadableError(f"has an unknown suffix {suffix!r}; known: {', '.join(suffixes)}")
    array = np.atleast_1d(_stored(path, suffix, name).squeeze())
    if array.dtype.kind not in "buif" or array.size == 0:
        raise UnreadableError(f"holds no numbers ({array.dtype}, {told(array.shape)})")
    return array


def _stored(path: Path, suffix: str, name: str) -> NDArray[Any]:
    """What a file holds; of a picture, which pixels are white."""
    if suffix in TEXT:
        with reading(path, "a list of numbers"):
            words = path.read_text("utf-8").replace(",", " ").split()
            return np.array([float(word) for word in words])
    if suffix == ".png":
        return _picture(load_picture(path))
    return load_array(path, (name,))


def _picture(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    colours = pixels[..., None] if pixels.ndim == 2 else pixels[..., :3]
    if (colours != colours[..., :1]).any():
        raise UnreadableError("is a picture in colour; a mask has black and white pixels")
    grey = colours[..., 0]
    if not np.isin(grey, (0, grey.max())).all():
        values = len(np.unique(grey))
        raise UnreadableError(f"has {values} grey values; a mask has black and white pixels")
    white: NDArray[np.bool_] = grey > 0
    return white


def _columns(array: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Which columns are measured (size,), from a 0/1 vector of them or a list of their numbers."""
    if array.dtype == bool or (array.size > 2 and np.isin(array, (0, 1)).all()):
        return _ones(array, (size,))
    if (array != np.floor(array)).any():
        raise UnreadableError("holds a list that is neither 0/1 nor numbers of columns")
    numbers = array.astype(np.int64)
    if numbers.min() < 0 or numbers.max() >= size:
        raise UnreadableError(
            f"names columns from {numbers.min()} to {numbers.max()}, and k-space has 0 to "
            f"{size - 1}: set --size, or take another mask"
        )
    if len(np.unique(numbers)) < len(numbers):
        raise UnreadableError("names a column twice")
    return np.isin(np.arange(size), numbers)


def _pattern(array: NDArray[Any], size: int) -> NDArray[np.bool_]:
    return _ones(array, (size, size))


def _ones(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a 0/1 array of that shape is 1; somewhere it must be."""
    if array.shape != shape:
        raise UnreadableError(
            f"holds a mask of {told(array.shape)}, and the images need {told(shape)}: "
            "set --size, or take another mask"
        )
    if not np.isin(array, (0, 1)).all():
        others = array[~np.isin(array, (0, 1))]
        raise UnreadableError(
            f"holds {others.flat[0]:g} and {others.size - 1} more values that are neither 0 nor 1; "
            "a mask is 1 where something is measured and 0 elsewhere"
        )
    mask: NDArray[np.bool_] = array.astype(bool)
    if not mask.any():
        raise UnreadableError("is 0 everywhere: it is to be 1 where something is measured")
    return mask
