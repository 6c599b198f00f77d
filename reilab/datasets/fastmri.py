"""fastMRI: the middle slice of each single-coil knee volume, real as in the paper, or complex."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any

import h5py
import numpy as np
import torch
from torch import Tensor

from reilab.datasets.formats.arrays import USUAL_NAMES, load_array, own_dataset, whole
from reilab.datasets.formats.reader import image_files
from reilab.datasets.recipe import HELD_BACK, Found, Source, boundary, center_square
from reilab.foreign import UnreadableError, WithoutTruthError, check_shape, reading, told
from reilab.settings import Setting

#: The authors train on 900 of 973 volumes, the published training set.
TRAIN_SHARE = 900 / 973
RECONSTRUCTIONS = ("reconstruction_esc", "reconstruction_rss")


@dataclass(frozen=True)
class FastMRI:
    """The middle slice of each volume, cropped, its largest magnitude 1."""

    images: Annotated[
        str,
        Setting(
            "Real: magnitudes, as in the paper. Complex: from fully sampled k-space.",
            choices=("real", "complex"),
        ),
    ] = "real"
    size: Annotated[int, Setting("Side of the prepared images.", unit="pixels", low=16)] = 320
    split: Annotated[
        str,
        Setting(
            "Folders: train and val, where there are both. Paper: 900 to 73 volumes of train.",
            choices=("folders", "paper"),
        ),
    ] = "folders"
    scale: Annotated[
        str,
        Setting(
            "What becomes 1: the largest magnitude of the slice, or of the volume.",
            choices=("slice", "volume"),
        ),
    ] = "slice"
    validation: Annotated[float, HELD_BACK] = 0.0

    @property
    def channels(self) -> int:
        return 1 if self.images == "real" else 2

    @property
    def low(self) -> float:
        return 0.0 if self.images == "real" else -1.0

    def sources(self, folder: Path, without: Collection[Path] = ()) -> Sequence[Source]:
        """Volumes below folders named after their part; without any, the authors' tensor."""
        volumes = image_files(folder, (".h5", ".hdf5"))
        if not volumes:
            return [Source(file, None) for file in image_files(folder, (".pt",))]
        parts = {part: [f for f in volumes if _part(f, folder) == part] for part in PARTS}
        held_back = [Source(f, "test") for f in parts["test"]]
        if parts["train"] and parts["val"] and self.split == "folders":
            train = [Source(f, "train") for f in parts["train"]]
            return [*train, *(Source(f, "test") for f in parts["val"]), *held_back]
        train_files = [f for f in parts["train"] or parts["val"] if f not in without]
        cut = boundary(len(train_files), TRAIN_SHARE)
        shared = [Source(f, "train" if i < cut else "test") for i, f in enumerate(train_files)]
        return [*shared, *held_back]

    def read(self, source: Source) -> Iterator[Found]:
        """The middle slice of a volume, or all slices of the authors' tensor."""
        if source.path.suffix == ".pt":
            yield from self._tensor(source.path)
            return
        with reading(source.path, "HDF5"), h5py.File(source.path, "r") as file:
            place, image, scale = self._slice(file)
        if not image.isfinite().all():
            raise UnreadableError("holds values that are not finite (NaN or infinity)")
        cropped = center_square(image, self.size)
        peak = float(cropped.square().sum(0).max().sqrt()) if self.scale == "slice" else scale
        if not 0 < peak < inf:
            raise UnreadableError(f"shows nothing: its largest magnitude is {peak:g}")
        yield Found((cropped / peak).clamp(self.low, 1), source.split or "train", place)

    def _tensor(self, path: Path) -> Iterator[Found]:
        """The authors' file: (973, 1, 320, 320), the first 900 to train."""
        if self.images == "complex":
            raise UnreadableError("holds magnitudes; complex images need the HDF5 volumes")
        stack = torch.from_numpy(load_array(path, USUAL_NAMES)).squeeze()
        if stack.ndim != 3 or not stack.numel() or not stack.is_floating_point():
            raise UnreadableError(
                f"is {stack.dtype} of shape {told(stack.shape)}; expected numbers N × 1 × H × W"
            )
        if not (stack.isfinite().all() and stack.min() >= 0 and stack.max() <= 1.001):
            raise UnreadableError("holds values outside [0, 1]")
        cut = boundary(len(stack), TRAIN_SHARE)
        for place, image in enumerate(stack.float()):
            split = "train" if place < cut else "test"
            yield Found(center_square(image[None], self.size).clamp(0, 1), split, place)

    def _slice(self, file: Any) -> tuple[int, Tensor, float]:
        """Place, image (C, H, W) and largest magnitude of the volume."""
        check_kspace(file)
        kept = next((name for name in RECONSTRUCTIONS if name in set(file)), None)
        if kept is None:
            raise _without_truth(file)
        kspace, truth = own_dataset(file, "kspace"), own_dataset(file, kept)
        place = len(kspace) // 2
        volume_peak = float(file.attrs["max"]) if self.scale == "volume" else 0.0
        if self.images == "complex":
            return place, from_kspace(kspace, place, truth.shape[-2:]), volume_peak
        if truth.ndim != 3 or len(truth) <= place:
            raise UnreadableError(f"{kept} has the shape {told(truth.shape)}")
        check_shape(truth.shape[1:])
        return place, torch.from_numpy(np.float32(truth[place]))[None], volume_peak


#: Words in the names of the published folders, and the part that each belongs to.
PARTS = {"train": "train", "val": "val", "test": "test", "challenge": "test"}


def _part(file: Path, folder: Path) -> str:
    """The part of the data set that a volume is of, by its folders; ``train`` if none says."""
    for name in reversed(file.relative_to(folder).parts[:-1]):
        for word, part in PARTS.items():
            if word in name.lower():
                return part
    return "train"


def check_kspace(file: Any) -> None:
    """See that a file is one of fastMRI.

    Raises:
        UnreadableError: k-space is missing, or of another form.
    """
    kspace = own_dataset(file, "kspace")
    if kspace.ndim not in (3, 4) or kspace.dtype.kind != "c":
        raise UnreadableError(f"kspace has the shape {told(kspace.shape)}")


def from_kspace(kspace: Any, place: int, shape: tuple[int, int]) -> Tensor:
    """(2, H, W): the inverse Fourier transform of a slice, cropped to what the scanner shows."""
    import fastmri
    from fastmri.data.transforms import complex_center_crop, to_tensor

    if kspace.ndim != 3:
        raise UnreadableError("holds k-space of several coils; complex images need single-coil")
    check_shape(kspace.shape[1:])
    image = fastmri.ifft2c(to_tensor(np.complex64(kspace[place])))
    width = min(shape[1], image.shape[1])
    cropped: Tensor = complex_center_crop(image, (min(shape[0], image.shape[0]), width))
    return cropped.permute(2, 0, 1)


def _without_truth(file: Any) -> Exception:
    """What to say of a volume without reconstruction."""
    if "mask" not in set(file):
        wanted = " or ".join(RECONSTRUCTIONS)
        return UnreadableError(f"has neither {wanted} nor a mask; it has: {', '.join(file)}")
    mask = np.asarray(whole(own_dataset(file, "mask")), dtype=bool)
    return WithoutTruthError(
        f"k-space only, {mask.sum()} of {mask.size} columns: measurements without ground truth; "
        "train on them with --measured"
    )
