"""Measurements that were acquired, as each task needs them; nobody knows their ground truth.

==========  =============================================================  =====================
task        ``y``                                                          ``mask``
==========  =============================================================  =====================
mri         k-space, zero frequency in the centre, orthonormal: complex    (W,), which columns
            (N, H, W), or real and imaginary part (N, 2, H, W); of coils   were measured, or
            (N, coils, H, W), with ``maps`` or ``noise``; files of         (H, W), which entries
            fastMRI and ISMRMRD as ``datasets.scanners`` reads them
inpainting  colours (N, 3, H, W), image values from 0 to 1                 (H, W), which pixels
                                                                           were seen
ct          readings in counts (N, detectors, views), the views at the
            task's angles; or, called ``sinogram``, line integrals
            log(I₀/y)
==========  =============================================================  =====================

In ``.npz``, ``.h5``, ``.hdf5``, and ``.pt`` or ``.pth`` (a dictionary of tensors) arrays have these
names; ``.npy`` is ``y`` alone. A single measurement may leave N out. Where there is a mask, y may
also hold its measured columns (N, H, k) or pixels (N, 3, k) alone; without a mask, entries that
were not measured are NaN, in k-space also 0. One problem has one operator: all measurements share
the mask, which is 1 where something was measured.

Coils whose ``maps`` (coils, H, W), or (N, coils, H, W), are given have been whitened. Others are
whitened by readings of ``noise`` (coils, n), scaled, and their maps estimated: ``datasets.coils``.
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

from reilab.datasets.coils import combined, espirit_maps, white_coils
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
NAMES = ("y", "sinogram", "mask", "maps", "noise")
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

    Args:
        y: (N, *range).
        entries: flat indices (k,), or a mask (H, W) in MRI.
        maps: sensitivities of coils (N, coils, H, W), complex, the same in each of the N.
    """

    y: Tensor
    entries: Tensor
    maps: Tensor | None = None


#: Arrays of a file as measurements of a task.
#:
#: Raises:
#:     ValueError: they are not; says what is wrong, and what would be right.
Parse: TypeAlias = Callable[[Arrays], Acquired]


def load_acquired(name: str, parse: Parse, device: str) -> tuple[Acquired, Samples, Samples]:
    """What was acquired, and as samples: measurements to learn from and to look at.

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
    return train, learned, shown


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
    maps = [part.maps for part in parts if part.maps is not None]
    y = torch.cat([part.y for part in parts])
    return Acquired(y, parts[0].entries, _same_maps(torch.cat(maps), place) if maps else None)


def _same_maps(maps: Tensor, place: Path) -> Tensor:
    if (maps != maps[:1]).any():
        raise ValueError(
            f"{place}: coils have other maps in each of {len(maps)} slices, and one run has one "
            "operator: give the slices one by one, or bring one array 'maps' (coils, H, W)"
        )
    return maps


def _check_same(first: Acquired, other: Acquired, place: Path) -> None:
    if first.maps is not None and other.maps is not None:
        _same_maps(torch.cat([first.maps, other.maps]), place)
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
    named = file.suffix.lower() != ".npy" and bool(arrays.keys() & {"y", "sinogram", "mask"})
    return named or any(array.dtype.kind == "c" for array in arrays.values())


def parse_kspace(size: int, multiple: int, arrays: Arrays, coils: int = 1) -> Acquired:
    """K-space of size×W images: y (N, 2·coils, size, k) or, by entries, (…, m), and its mask.

    Of H × W entries those in the middle count, as many along each axis as ``multiple`` divides:
    without its outermost frequencies an image is a little coarser, and otherwise the same.
    """
    y, mask, _ = white_kspace(arrays, coils)
    y, mask = _middle(y, multiple), _middle(mask, multiple)
    if len(mask) != size:
        raise ValueError(
            f"y has the shape {arrays['y'].shape}, of which {len(mask)} rows count; set --size "
            f"{len(mask)}, and have the lines along the last axis"
        )
    _check_seen(y, mask)
    by_columns = (mask == mask[0]).all()
    chosen = _measured(y.reshape(*y.shape[:2], -1), mask.ravel())
    whole = np.zeros((len(y), coils, *mask.shape), np.complex64)
    whole[..., mask] = _complex(chosen)
    _check_scale(float(combined(whole[0]).max()), "the zero-filled image")
    maps = torch.from_numpy(_maps(arrays, whole, mask)) if coils > 1 else None
    chosen = chosen.reshape(*y.shape[:2], size, -1) if by_columns else chosen
    contiguous = torch.from_numpy(np.ascontiguousarray(chosen))
    return Acquired(contiguous, torch.from_numpy(mask), maps)


def white_kspace(
    arrays: Arrays, coils: int = 1
) -> tuple[NDArray[Any], NDArray[np.bool_], float | None]:
    """K-space (N, 2·coils, H, W), what of it was measured (H, W), and σ where noise was read.

    Several coils without maps are as they were read, and whitened here.
    """
    y = _by_channels(arrays["y"], coils)
    if "mask" not in arrays:
        y = np.where((y == 0).all((0, 1)), np.nan, y)
    mask = _kspace_mask(arrays, y)
    if y.shape[-1] != mask.shape[1]:
        y = _spread(y, mask)
    _check_finite(y[..., mask])
    if coils == 1 or "maps" in arrays:
        return y, mask, None
    noise = arrays.get("noise")
    white, sigma = white_coils(_complex(np.where(mask, y, 0)), mask, noise)
    return _by_channels(white, coils), mask, None if noise is None else sigma


def _by_channels(y: NDArray[Any], coils: int) -> NDArray[Any]:
    """K-space (N, 2·coils, H, W), real and imaginary part of each coil in turn."""
    parts = np.stack([y.real, y.imag], -3) if y.dtype.kind == "c" else y
    middle = (coils, 2) if coils > 1 else (2,)
    parts = parts[None] if parts.ndim == len(middle) + 2 else parts
    if parts.ndim != len(middle) + 3 or parts.shape[1:-2] != middle:
        n = f"N, {coils}" if coils > 1 else "N"
        more = "; set --coils, if it has several" if parts.ndim > 3 else ""
        raise ValueError(
            f"y has the shape {y.shape}; needs complex ({n}, H, W), or ({n}, 2, H, W){more}"
        )
    return parts.reshape(len(parts), -1, *parts.shape[-2:])


def _complex(y: NDArray[Any]) -> NDArray[np.complex64]:
    """Coils (N, coils, …) of their real and imaginary parts in turn (N, 2·coils, …)."""
    found: NDArray[np.complex64] = (y[:, ::2] + 1j * y[:, 1::2]).astype(np.complex64)
    return found


def _maps(
    arrays: Arrays, whole: NDArray[np.complex64], mask: NDArray[np.bool_]
) -> NDArray[np.complex64]:
    """Sensitivities for each of the measurements: those of a file, normalised, or estimated."""
    if "maps" not in arrays:
        return np.stack([espirit_maps(one, mask) for one in whole])
    given = arrays["maps"]
    if given.shape not in (whole.shape, whole.shape[1:]) or not np.isfinite(given).all():
        raise ValueError(f"maps has the shape {given.shape}; needs {whole.shape[1:]}, all finite")
    size = np.sqrt((np.abs(given) ** 2).sum(-3, keepdims=True))
    normal = np.broadcast_to(given / np.where(size > 0, size, 1), whole.shape)
    return normal.astype(np.complex64)


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
        by_entries = y.reshape(*y.shape[:2], -1)
        return _mask(held, by_entries, height * wide).reshape(height, wide)
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
    _check_finite(chosen)
    return chosen


def _check_finite(measured: NDArray[Any]) -> None:
    if not np.isfinite(measured).all():
        raise ValueError("measured entries are not finite (NaN or infinite); leave them out")


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
