"""The images that come with reilab: small, real, and enough to try every task without a download.

Each volume shows one person and the photographs show few places, so figures measured here are not
comparable with published ones. `data/README.md` tells where every image comes from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

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
class BundledSet:
    """What a set of bundled images shows, where it comes from, and how it is read."""

    title: str
    description: str
    channels: int
    source: str
    licence: str
    files: Mapping[str, str]
    """File of each split; the array inside has the name of the split."""
    to_image: Callable[[NDArray[np.generic]], Tensor]
    quarters: bool
    """Whether a stored image is cut into four where the size asked for allows it."""
    frame: tuple[int, int, int] | None = None
    """(top, left, side) of the part that images of at most that side show: less empty margin."""


BUNDLED: Mapping[str, BundledSet] = MappingProxyType(
    {
        "urban": BundledSet(
            title="Buildings",
            description="Colour photographs of buildings; the test set shows other buildings.",
            channels=3,
            source="mvtb-data 1.6.1 (PyPI)",
            licence="MIT",
            files=MappingProxyType({"train": "urban_train.npz", "test": "urban_test.npz"}),
            to_image=rgb_from_bytes,
            quarters=True,
        ),
        "knee": BundledSet(
            title="Knee MRI",
            description="Sagittal spin-echo slices of one knee, four echo times each.",
            channels=1,
            source="mskt 0.1.22 (PyPI)",
            licence="MIT",
            files=MappingProxyType({"train": "knee.npz", "test": "knee.npz"}),
            to_image=gray_from_bytes,
            quarters=False,
        ),
        "brain": BundledSet(
            title="Brain MRI",
            description="Axial T1-weighted slices of one head, from above the orbits to the crown.",
            channels=1,
            source="pycortex 1.4.0 (PyPI)",
            licence="BSD-2-Clause",
            files=MappingProxyType({"train": "brain.npz", "test": "brain.npz"}),
            to_image=gray_from_bytes,
            quarters=False,
            frame=(33, 21, 208),
        ),
        "ct": BundledSet(
            title="Chest and abdomen CT",
            description="Axial slices: one scan of a chest to train, one of an abdomen to test.",
            channels=1,
            source="totalsegmentator 2.18.0 (PyPI)",
            licence="Apache-2.0",
            files=MappingProxyType({"train": "chest.npz", "test": "abdomen.npz"}),
            to_image=attenuation_from_hu,
            quarters=False,
        ),
    }
)


def load_bundled(name: str, split: str, size: int) -> Tensor:
    """Images of one set as float32 (N, C, size, size) in [0, 1], in the same order every time.

    Volumes are reduced from 256 × 256, small images of the brain from the frame around the head.
    Photographs give four images per stored tile up to size 128 and one above it, so that an image
    keeps a fair piece of a building.
    """
    bundled = BUNDLED[choose("bundled set", name, BUNDLED)]
    file = bundled.files[choose("split", split, bundled.files)]
    if not SMALLEST_SIZE <= size <= STORED_SIZE:
        raise ValueError(
            f"size {size} is not possible: bundled images come in sizes from {SMALLEST_SIZE} "
            f"to {STORED_SIZE}"
        )
    images = bundled.to_image(stored_array(data_file(file), split))
    if bundled.frame and size <= bundled.frame[2]:
        top, left, side = bundled.frame
        images = images[..., top : top + side, left : left + side]
    if bundled.quarters and 2 * size <= STORED_SIZE:
        return quarter(shrink(images, 2 * size))
    return shrink(images, size).contiguous()


def data_file(file: str) -> Path:
    """Path of a bundled file: in the repository beside the package, or inside an installed one."""
    here = Path(__file__).resolve()
    for folder in (here.parents[2] / "data", here.parents[1] / "data"):
        if (folder / file).is_file():
            return folder / file
    raise FileNotFoundError(
        f"{file} is neither in the repository's data folder nor in the installed package; "
        "`make data` in the repository rebuilds it"
    )


@cache
def stored_array(path: Path, name: str) -> NDArray[np.generic]:
    """One array of a file, kept in memory: unpacking takes longer than all that follows."""
    with np.load(path, allow_pickle=False) as arrays:
        array: NDArray[np.generic] = arrays[name]
    return array


def shrink(images: Tensor, size: int) -> Tensor:
    """Reduce (N, C, H, H) to (N, C, size, size): block means, or a triangle where none fit."""
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
