"""CT100: a hundred CT slices, as DICOM, TIFF, one NPZ archive, or the authors' MAT file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reilab.datasets.bundled import attenuation_from_hu
from reilab.datasets.formats.arrays import load_array
from reilab.datasets.formats.contents import stack_of
from reilab.datasets.formats.dicom import read_dicom
from reilab.datasets.formats.pictures import load_picture
from reilab.datasets.formats.reader import image_files, suffix_of
from reilab.datasets.recipe import HELD_BACK, Found, Source, divided, reduced_square, split_at
from reilab.foreign import UnreadableError, told
from reilab.settings import Setting

#: Stored numbers without a header: HU, or HU + 1024. Air is everywhere around a body.
OFFSET = 1024
AIR_HU = (-1200, -500)
AIR_SHARE = 0.01


@dataclass(frozen=True)
class CT100:
    """x = (HU + 1000) / 2000, cut off at 0 and 1: in proportion to the attenuation."""

    size: Annotated[int, Setting("Side of the prepared images.", unit="pixels", low=16)] = 256
    validation: Annotated[float, HELD_BACK] = 0.0
    channels: ClassVar[int] = 1
    low: ClassVar[float] = 0.0

    def sources(self, folder: Path, without: Collection[Path] = ()) -> Sequence[Source]:
        """The files that the first of ``LOADERS`` reads, if there are any: all hold the same."""
        for loader in dict.fromkeys(LOADERS.values()):
            suffixes = tuple(suffix for suffix in LOADERS if LOADERS[suffix] is loader)
            if files := image_files(folder, suffixes):
                return divided(files, without)
        return ()

    def read(self, source: Source) -> Iterator[Found]:
        """The slices of a file."""
        images = LOADERS[suffix_of(source.path)](source.path)
        for place, image in enumerate(images):
            split = source.split or split_at(place, len(images))
            small = reduced_square(image, self.size)
            yield Found(small, split, place if len(images) > 1 else None)


def from_dicom(path: Path) -> Tensor:
    """(N, 1, H, W) by the rescale slope and intercept of the header."""
    contents = read_dicom(path)
    if contents.values.shape[1] != 1:
        raise UnreadableError("is a colour picture, not CT")
    return torch.from_numpy(contents.unit)


def from_tiff(path: Path) -> Tensor:
    """(N, 1, H, W); TIFF does not say what its numbers mean, so ``in_hu`` finds out."""
    return attenuation(load_picture(path))


def from_npz(path: Path) -> Tensor:
    """(N, 1, H, W) from the array ``image`` (N, H, W)."""
    return attenuation(load_array(path, ("image",)))


def attenuation(stored: NDArray[Any]) -> Tensor:
    """(N, H, W) or (H, W) of HU, or of HU + 1024, to (N, 1, H, W) in [0, 1]."""
    stack = stack_of(stored)
    if stack.shape[1] != 1:
        raise UnreadableError(f"holds an array of shape {told(stored.shape)}, not grey slices")
    return torch.cat([attenuation_from_hu(in_hu(one)) for one in stack])


def in_hu(stored: NDArray[np.float32]) -> NDArray[np.float32]:
    """Numbers in HU: as they are if a part of them can only be air, else 1024 less.

    What scanners fill the corners with, −2000 and the like, lies below air and tells nothing.
    """
    low, high = AIR_HU
    air = ((stored > low) & (stored < high)).mean()
    return stored if air >= AIR_SHARE else stored - OFFSET


def from_matlab(path: Path) -> Tensor:
    """(N, 1, H, W) from the array ``DATA`` of the authors, which lies in [0, 1] already."""
    stored = load_array(path, ("DATA",))
    if stored.ndim == 3 and stored.shape[0] == stored.shape[1] != stored.shape[2]:
        stored = np.moveaxis(stored, 2, 0)
    if stored.ndim == 3:
        stored = stored[:, None]
    images = torch.from_numpy(stack_of(stored))
    if images.shape[1] != 1 or images.min() < 0:
        raise UnreadableError(
            f"DATA has the shape {told(stored.shape)} and values from {images.min():g}; "
            "expected N × 1 × H × W, from 0 to 1"
        )
    return images / images.max().clamp(min=1)


#: In order of preference: the authors' own file, then those that know their units.
LOADERS: Mapping[str, Callable[[Path], Tensor]] = {
    ".mat": from_matlab,
    ".dcm": from_dicom,
    ".ima": from_dicom,
    ".tif": from_tiff,
    ".tiff": from_tiff,
    ".npz": from_npz,
}
