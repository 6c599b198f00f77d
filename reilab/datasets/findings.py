"""Findings: what a file or folder of somebody's own holds, and what can be done with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reilab.datasets.acquired import (
    MEASURED_SUFFIXES,
    holds_measurements,
    measured_files,
    read_measured,
)
from reilab.datasets.formats.reader import image_files, read_file, readers
from reilab.disk import replacing
from reilab.foreign import UnreadableError, told
from reilab.noise.estimate import haar_noise
from reilab.record.folder import unused

#: Where files are put that come in through a browser, below the data root.
UPLOADS = "uploads"
MOST_UPLOADED = 256 * 2**20
#: So many files of a folder are looked into.
LOOKED_INTO = 4


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found.

    Args:
        what: images or measurements, how many of which size, in words.
        values: their least and largest, as they are stored.
        n_images: how many there are at least; 0 where they are measurements.
        channels: of the images.
        sigma: the noise that is in the images already, as a share of their range, if it can be
            told: what fine texture there is counts as noise.
        picture: the first image (H, W, C) in [0, 1]; none of measurements.
        notes: what else is to be known.
    """

    what: str
    values: tuple[float, float]
    n_images: int = 0
    channels: int = 0
    sigma: float | None = None
    picture: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


def findings(place: Path) -> Findings:
    """Look into a file, or into the first files of a folder.

    Raises:
        ValueError: nothing in it can be read; says why.
        FileNotFoundError: there is nothing.
    """
    files = image_files(place) if place.is_dir() else [place]
    if not files or all(holds_measurements(file) for file in files[:LOOKED_INTO]):
        return _measurements(measured_files(place))
    try:
        return _images(files)
    except UnreadableError as error:
        raise ValueError(f"{files[0].name} {error}") from None


def keep_uploaded(files: Mapping[str, bytes], root: Path) -> str:
    """Put files below the uploads of a data root; the name of their new folder below the root.

    Nothing of them is read or run here.

    Raises:
        ValueError: a name that no format has, or too much of it.
    """
    if sum(map(len, files.values())) > MOST_UPLOADED:
        raise ValueError(f"more than {MOST_UPLOADED // 2**20} MiB: put them below {root} instead")
    safe: dict[str, bytes] = {}
    for name, content in files.items():
        stem, ending = _safe(name)
        alike = (f"{stem}-{number}{ending}" for number in count(2))
        safe[next(one for one in chain([stem + ending], alike) if one not in safe)] = content
    if not safe:
        raise ValueError("no files have come in")
    folder = unused(root / UPLOADS / next(iter(safe)).partition(".")[0])
    folder.mkdir(parents=True)
    for name, content in safe.items():
        with replacing(folder / name) as partial:
            partial.write_bytes(content)
    return str(folder.relative_to(root))


def _safe(name: str) -> tuple[str, str]:
    """The last part of a name, in letters that mean nothing to any system, and its ending."""
    known = sorted({*readers(), *MEASURED_SUFFIXES}, key=len)
    last = re.split(r"[/\\]", name)[-1]
    ending = next((one for one in reversed(known) if last.lower().endswith(one)), "")
    if not ending or last == ending:
        raise ValueError(f"{name!r} has none of the endings {', '.join(sorted(known))}")
    stem = re.sub(r"[^\w.-]+", "-", last[: -len(ending)], flags=re.ASCII).strip(".-")
    return stem or "file", ending


def _images(files: Sequence[Path]) -> Findings:
    looked = [read_file(file) for file in files[:LOOKED_INTO]]
    n_images = sum(len(one.values) for one in looked) + max(0, len(files) - LOOKED_INTO)
    first = looked[0].unit
    _, channels, height, width = first.shape
    sizes = {one.values.shape[2:] for one in looked}
    least = "at least " if len(files) > LOOKED_INTO else ""
    kind = "colour" if channels == 3 else "grey"
    notes = [one.note for one in looked if one.note]
    if len(sizes) > 1:
        notes.append("the images differ in size")
    if height != width:
        side = min(height, width)
        notes.append(f"the middle {side} × {side} of each is used: turns and shifts need squares")
    if n_images < 2:
        notes.append("one image cannot be learned from and judged by: put others beside it")
    sigma = float(np.mean([haar_noise(one.unit[0]) for one in looked]))
    what = f"{least}{_counted(n_images, f'{kind} image')}, {told((height, width))} pixels"
    return Findings(
        what=f"{what}, in {_counted(len(files), 'file')}",
        values=(
            min(float(one.values.min()) for one in looked),
            max(float(one.values.max()) for one in looked),
        ),
        n_images=n_images,
        channels=channels,
        sigma=sigma,
        picture=np.moveaxis(first[0], 0, -1),
        notes=tuple(dict.fromkeys(notes)),
    )


def _measurements(files: Sequence[Path]) -> Findings:
    arrays = read_measured(files[0])
    if not arrays.keys() & {"y", "sinogram"}:
        raise ValueError(f"{files[0].name} holds neither images nor an array y or sinogram")
    name = "y" if "y" in arrays else "sinogram"
    array = arrays[name]
    kind = "complex" if array.dtype.kind == "c" else "real"
    sizes = np.abs(array[np.isfinite(array)]) if kind == "complex" else array[np.isfinite(array)]
    if not sizes.size:
        raise ValueError(f"{files[0].name}: {name} holds no finite number")
    notes = ["a mask says which entries were measured"] if "mask" in arrays else []
    return Findings(
        what=f"measurements, {kind} numbers, {told(array.shape)}, {_counted(len(files), 'file')}",
        values=(float(sizes.min()), float(sizes.max())),
        notes=(*notes, "nobody knows their ground truth: there are no metrics"),
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count > 1)}"
