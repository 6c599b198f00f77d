"""Urban100: photographs of buildings, cut and reduced as in the paper."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from reilab.datasets.formats.pictures import PICTURES, read_picture
from reilab.datasets.formats.reader import image_files
from reilab.datasets.recipe import HELD_BACK, Found, Source, resampled, sorted_out
from reilab.datasets.samples import as_channels
from reilab.settings import Setting


@dataclass(frozen=True)
class Urban100:
    """The middle square of twice the size, reduced by half; what it lacks is black."""

    size: Annotated[int, Setting("Side of the prepared images.", unit="pixels", low=16)] = 256
    validation: Annotated[float, HELD_BACK] = 0.0
    channels: ClassVar[int] = 3
    low: ClassVar[float] = 0.0

    def sources(self, folder: Path, without: Collection[Path] = ()) -> Sequence[Source]:
        """Folders ``train`` and ``test`` (and ``val``), or the first nine tenths by name."""
        return sorted_out(_originals(image_files(folder, PICTURES)), folder, without)

    def read(self, source: Source) -> Iterator[Found]:
        """One image; grey is repeated, opacity and palettes are turned into colours."""
        image = as_channels(torch.from_numpy(read_picture(source.path).unit[:1]), 3)[0]
        yield Found(
            resampled(padded_center(image, 2 * self.size), self.size), source.split or "train"
        )


def _originals(files: list[Path]) -> list[Path]:
    """Of a download that also holds reduced copies (``…_LR.png``), one original of each image."""
    originals = [file for file in files if file.stem.endswith("_HR")]
    first = originals[0].parent if originals else None
    return [file for file in originals if file.parent == first] or files


def padded_center(image: Tensor, side: int) -> Tensor:
    """The middle (C, side, side) of (C, H, W), with black where the image does not reach."""
    height, width = image.shape[1:]
    missing = [max(0, side - extent) for extent in (height, width)]
    top, left = (extent // 2 for extent in missing)
    frame = (left, missing[1] - left, top, missing[0] - top)
    wide = functional.pad(image, frame)
    # Odd margins are rounded as torchvision rounds them.
    start = [round((extent - side) / 2) for extent in wide.shape[1:]]
    return wide[:, start[0] : start[0] + side, start[1] : start[1] + side]
