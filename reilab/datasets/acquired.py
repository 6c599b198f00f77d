"""Measurements that were acquired, as each task needs them; nobody knows their ground truth.

==========  =============================================================  =====================
task        ``y``                                                          ``mask``
==========  =============================================================  =====================
mri         k-space, zero frequency in the centre, orthonormal: complex    (W,), which columns
            (N, H, W), or real and imaginary part (N, 2, H, W); files of   were measured, or
            fastMRI and ISMRMRD as ``datasets.scanners`` reads them        (H, W), which entries
inpainting  colours (N, 3, H, W), image values from 0 to 1                 (H, W), which pixels
                                                                           were seen
ct          readings in counts (N, detectors, views), the views at the
            task's angles; or, called ``sinogram``, line integrals
            log(I₀/y)
==========  =============================================================  =====================

In ``.npz``, ``.h5``, ``.hdf5``, and ``.pt`` or ``.pth`` (a dictionary of tensors) arrays have these
names; ``.npy`` is ``y`` alone. A single measurement may leave N out. Where there is a mask, y may
also hold its measured columns (N, H, k) or pixels (N, 3, k) alone; without a mask, entries that
were not measured are NaN. One problem has one operator: all measurements share the mask, which is 1
where something was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reilab.datasets.formats.arrays import HDF5, TORCH, opened
from reilab.datasets.formats.reader import suffix_of
from reilab.datasets.samples import InMemory, Samples
from reilab.datasets.scanners import scanned
from reilab.datasets.store import find_file
from reilab.foreign import UnreadableError, stays_in
from reilab.physics.places import MANY
from reilab.settings import Setting

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

#: What a file may hold; anything else in it is left alone.
NAMES = ("y", "sinogram", "mask")
MEASURED_SUFFIXES = (".npz", ".npy", *HDF5, *TORCH)
#: The setting of a task that names them.
ACQUIRED_FILES = Setting(
    "File or folder of measurements that were acquired; empty: they are simulated from the images. "
    "Nobody knows their ground truth."
)
#: Images of measurements in sensible units reach neither less nor more than that.
DIMMEST, BRIGHTEST = 0.05, 20.0


@dataclass(frozen=True, eq=False)
class Acquired:
    """Measurements y (N, *range), and which entries the operator measures.

    ``entries`` are flat indices (k,), or a mask (H, W) in MRI.
    """

    y: Tensor
    entries: Tensor


#: Arrays of a file as measurements of a task.
#:
#: Raises:
#:     ValueError: they are not; says what is wrong, and what would be right.
Parse: TypeAlias = Callable[[Arrays], Acquired]


def load_acquired(name: str, parse: Parse, device: str) -> tuple[Tensor, Samples, Samples]:
    """The entries that were measured, and measurements to learn from and to look at.

    A folder may have ``train`` and ``test`` below it. All else is both: as nobody knows the ground
    truth, nothing can be learned by heart.

    Args:
        name: a file, a folder of files, or the name of either below the data root.
        parse: what the arrays mean.
        device: where the samples will be.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: a file that does not fit; names it.
    """
    place = find_file("measured", name)
    if all((place / split).is_dir() for split in ("train", "test")):
        train, test = (_load(place / split, parse) for split in ("train", "test"))
        _check_same(train, test, place)
    else:
        train = test = _load(place, parse)
    learned = InMemory(None, train.y.to(device))
    shown = learned if test is train else InMemory(None, test.y.to(device))
    return train.entries.to(device), learned, shown


def check_own_mask(measured: str, mask: str, operators: str) -> None:
    """Measurements that were acquired bring their mask with them, and one mask is not many.

    Raises:
        ValueError: a second one is named.
    """
    if mask and operators == MANY:
        raise ValueError(
            f"mask = {mask!r} is one, and operators = {MANY!r} draws one for each image: leave the "
            "mask empty, or choose one operator"
        )
    if measured and mask:
        raise ValueError(
            f"mask = {mask!r}, and measured = {measured!r}, which brings its own mask: leave one "
            "of them empty"
        )


def _load(place: Path, parse: Parse) -> Acquired:
    parts: list[Acquired] = []
    for file in measured_files(place):
        try:
            parts.append(parse(read_measured(file)))
        except KeyError as missing:
            raise ValueError(f"{file} has no array {missing.args[0]!r}") from None
        except ValueError as error:
            told = str(error)
            raise ValueError(told if str(file) in told else f"{file}: {told}") from None
        _check_same(parts[0], parts[-1], file)
    return Acquired(torch.cat([part.y for part in parts]), parts[0].entries)


def _check_same(first: Acquired, other: Acquired, place: Path) -> None:
    if not torch.equal(first.entries, other.entries):
        raise ValueError(
            f"{place}: its mask differs from that of the files before; one run has one mask"
        )


def measured_files(place: Path) -> list[Path]:
    """A file itself, or the files of measurements in a folder, in the order of their names.

    Raises:
        FileNotFoundError: a folder without any.
    """
    if not place.is_dir():
        return [place]
    below = (file for file in place.iterdir() if stays_in(place.resolve(), file))
    files = sorted(file for file in below if file.suffix.lower() in MEASURED_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no measurements ({', '.join(MEASURED_SUFFIXES)}) in {place}")
    return files


def read_measured(file: Path) -> Arrays:
    """The arrays of a file that have a name in ``NAMES``.

    Raises:
        ValueError: the file is damaged, of another kind, or holds no such array.
    """
    suffix = file.suffix.lower()
    if suffix not in MEASURED_SUFFIXES:
        raise ValueError(f"{file} is no file of measurements ({', '.join(MEASURED_SUFFIXES)})")
    try:
        with opened(file) as held:
            # The only array of an NPY file has no name.
            arrays = {"y": held[""]} if "" in held else scanned(held) or held
            found = {name: arrays[name] for name in NAMES if name in arrays}
    except UnreadableError as error:
        raise ValueError(f"{file} {error}") from None
    for name, array in found.items():
        if array.size == 0:
            raise ValueError(f"{file}: {name} holds no numbers ({array.shape})")
    return found


def holds_measurements(file: Path) -> bool:
    """Whether a file names its arrays as measurements, or holds complex numbers."""
    if suffix_of(file) not in MEASURED_SUFFIXES:
        return False
    try:
        arrays = read_measured(file)
    except (ValueError, OSError):
        return False
    named = file.suffix.lower() != ".npy" and bool(arrays)
    return named or any(array.dtype.kind == "c" for array in arrays.values())


def parse_kspace(size: int, multiple: int, arrays: Arrays) -> Acquired:
    """K-space of size×W images: y (N, 2, size, k) or, by entries, (N, 2, m), and its mask.

    Of H × W entries those in the middle count, as many along each axis as ``multiple`` divides:
    without its outermost frequencies an image is a little coarser, and otherwise the same.
    """
    y = arrays["y"]
    if y.dtype.kind == "c":
        y = np.stack([y.real, y.imag], -3)
    y = y[None] if y.ndim == 3 else y
    if y.ndim != 4 or y.shape[1] != 2:
        raise ValueError(
            f"y has the shape {arrays['y'].shape}; needs complex (N, H, W), or (N, 2, H, W)"
        )
    mask = _kspace_mask(arrays, y)
    if y.shape[-1] != mask.shape[1]:
        y = _spread(y, mask)
    y, mask = _middle(y, multiple), _middle(mask, multiple)
    if len(mask) != size:
        raise ValueError(
            f"y has the shape {arrays['y'].shape}, of which {len(mask)} rows count; set --size "
            f"{len(mask)}, and have the lines along the last axis"
        )
    _check_seen(y, mask)
    by_columns = (mask == mask[0]).all()
    chosen = _measured(y.reshape(len(y), 2, -1), mask.ravel())
    whole = np.zeros(mask.shape, np.complex64)
    whole[mask] = chosen[0, 0] + 1j * chosen[0, 1]
    _check_scale(float(np.abs(np.fft.ifft2(whole, norm="ortho")).max()), "the zero-filled image")
    chosen = chosen.reshape(len(y), 2, size, -1) if by_columns else chosen
    return Acquired(torch.from_numpy(np.ascontiguousarray(chosen)), torch.from_numpy(mask))


def _spread(y: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """All columns (N, 2, H, W) of those that were measured (N, 2, H, k), NaN between them."""
    if (mask != mask[0]).any():
        raise ValueError(f"y has {y.shape[-1]} columns, and the mask has no whole columns")
    columns = mask[0]
    if y.shape[-1] != columns.sum():
        raise ValueError(
            f"y has {y.shape[-1]} entries along its last axis; needs {len(columns)}, or the "
            f"{columns.sum()} that the mask has"
        )
    whole = np.full((*y.shape[:-1], len(columns)), np.nan, y.dtype)
    whole[..., columns] = y
    return whole


def _middle(array: NDArray[Any], multiple: int) -> NDArray[Any]:
    """The middle of the last two axes, with as many entries as ``multiple`` divides."""
    for axis in (-2, -1):
        kept = array.shape[axis] // multiple * multiple
        first = array.shape[axis] // 2 - kept // 2
        array = np.take(array, range(first, first + kept), axis)
    return array


def _check_seen(y: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    """Noise is nowhere zero: lines of zeros were not measured, whatever the mask says."""
    zero = ((y == 0) | ~mask).all((0, 1))
    for name, axis in (("rows", 1), ("columns", 0)):
        lost = int((zero.all(axis) & mask.any(axis)).sum())
        if lost:
            raise ValueError(
                f"{lost} of {mask.shape[1 - axis]} {name} of y are zero where the mask is 1, so "
                "they were not measured: lines are columns, the last axis, so swap the last two if "
                "they run along the other, or give a mask (H, W) that is 0 there"
            )


def parse_pixels(size: int, arrays: Arrays) -> Acquired:
    """Masked photographs of size×size pixels: y (N, 3, k) and flat indices of its pixels."""
    y = arrays["y"]
    if y.shape[-2:] == (size, size):
        y = y.reshape(*y.shape[:-2], size * size)
    wanted = f"(N, 3, {size}, {size}), or (N, 3, pixels); --size says how many"
    y = _batched(y, (3,), f"y has the shape {arrays['y'].shape}; needs {wanted}")
    mask = _mask(arrays, y, size * size)
    y = _measured(y, mask)
    _check_scale(float(y.max()), "the brightest pixel")
    return _acquired(y, mask)


def parse_readings(detectors: int, views: int, blank: float, arrays: Arrays) -> Acquired:
    """Readings in counts, y (N, 1, detectors, views), also where line integrals are given."""
    name = "sinogram" if "sinogram" in arrays else "y"
    y = arrays[name]
    y = y.reshape(-1, *y.shape[-2:])[:, None] if y.ndim >= 2 else y
    if y.shape[2:] != (detectors, views):
        raise ValueError(
            f"{name} has the shape {arrays[name].shape}; needs (N, {detectors}, {views}), "
            "detectors before views: --size or --detectors, and --views or --angles, say how many"
        )
    y = _measured(y, np.ones(views, bool))
    if name == "sinogram":
        y = np.float32(blank) * np.exp(-y)
    if not 0.01 * blank < y.max() < 10 * blank:
        raise ValueError(
            f"the readings go up to {y.max():.3g} counts, and I₀ is {blank:g}: set --blank to the "
            "reading without an object, or call line integrals 'sinogram'"
        )
    return _acquired(y, np.ones(views, bool))


def _batched(y: NDArray[Any], middle: tuple[int, ...], complaint: str) -> NDArray[Any]:
    """``y`` with an axis for N, checked but for its last axis."""
    found = y[None] if y.ndim == len(middle) + 1 else y
    if found.ndim != len(middle) + 2 or found.shape[1:-1] != middle:
        raise ValueError(complaint)
    return found


def _mask(arrays: Arrays, y: NDArray[Any], n_entries: int) -> NDArray[np.bool_]:
    """Which of the entries along the last axis were measured, (n_entries,)."""
    if "mask" not in arrays:
        # A complex NaN may have an ordinary imaginary part.
        unseen = np.isnan(y).any(1).reshape(-1, y.shape[-1]).all(0)
        if y.shape[-1] != n_entries or not unseen.any():
            raise ValueError("has no array 'mask', and y is not NaN where nothing was measured")
        seen: NDArray[np.bool_] = ~unseen
        return seen
    mask = arrays["mask"]
    if mask.size % n_entries or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"mask has the shape {mask.shape}; needs {n_entries} entries that are 0 or 1"
        )
    rows = mask.reshape(-1, n_entries).astype(bool)
    if (rows != rows[0]).any():
        raise ValueError("mask is not the same for all measurements; one run has one mask")
    if not rows[0].any():
        raise ValueError("mask is 0 everywhere: it is to be 1 where something was measured")
    one: NDArray[np.bool_] = rows[0]
    return one


def _kspace_mask(arrays: Arrays, y: NDArray[Any]) -> NDArray[np.bool_]:
    """Which entries of k-space were measured, (H, W)."""
    height, width = y.shape[-2:]
    given = arrays.get("mask", y[:, 0])
    wide = given.shape[-1] if given.ndim else 0
    if given.ndim > 1 and given.shape[-2] == height:
        held = {"mask": given.reshape(-1, height * wide)} if "mask" in arrays else {}
        return _mask(held, y.reshape(len(y), 2, -1), height * wide).reshape(height, wide)
    if wide not in (width, given.size):
        raise ValueError(f"mask has the shape {given.shape}; needs ({width},) or {(height, width)}")
    return np.tile(_mask(arrays, y, wide), (height, 1))


def _measured(y: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The measured entries, all of them finite."""
    if y.shape[-1] not in (len(mask), mask.sum()):
        raise ValueError(
            f"y has {y.shape[-1]} entries along its last axis; needs {len(mask)}, or the "
            f"{mask.sum()} that the mask has"
        )
    chosen = (y[..., mask] if y.shape[-1] == len(mask) else y).astype(np.float32)
    if not np.isfinite(chosen).all():
        raise ValueError("measured entries are not finite (NaN or infinite); leave them out")
    return chosen


def _check_scale(peak: float, what: str) -> None:
    if not DIMMEST < peak < BRIGHTEST:
        raise ValueError(
            f"{what} reaches {peak:.3g}, and image values go from 0 to 1: divide y, and its noise "
            "level, by the maximum of the images"
        )


def _acquired(y: NDArray[np.float32], mask: NDArray[np.bool_]) -> Acquired:
    return Acquired(
        torch.from_numpy(np.ascontiguousarray(y)), torch.from_numpy(mask).nonzero()[:, 0]
    )
