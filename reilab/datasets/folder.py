"""A folder of image files of any format: read at once, or prepared like the published sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isclose
from pathlib import Path
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from reilab.datasets.formats.contents import Contents
from reilab.datasets.formats.reader import image_files, person_in, read_file, readers
from reilab.datasets.recipe import (
    HELD_BACK,
    Found,
    Source,
    center_square,
    resampled,
    sorted_out,
    split_at,
)
from reilab.datasets.samples import as_channels
from reilab.foreign import UnreadableError, check_shape
from reilab.settings import Setting

COLOURS: Mapping[str, int] = {"grey": 1, "rgb": 3}
#: A slice of a volume whose values span less than this is empty space.
BLANK = 1e-6
#: Sides of pixels that differ by less are taken for equal; a longer one is a mistake of a header.
NEARLY_SQUARE, MOST_UNEQUAL = 0.01, 20.0


@dataclass(frozen=True)
class Folder:
    """Every image below a folder, brought to one size."""

    size: Annotated[int, Setting("Side of the prepared images.", unit="pixels", low=16)] = 256
    colours: Annotated[
        str, Setting("Grey: the mean of the colours. RGB: grey repeated.", choices=tuple(COLOURS))
    ] = "grey"
    fit: Annotated[
        str,
        Setting(
            "Crop the middle square and resize it, or resize the whole and squeeze it.",
            choices=("crop", "resize"),
        ),
    ] = "crop"
    validation: Annotated[float, HELD_BACK] = 0.0
    low: ClassVar[float] = 0.0

    @property
    def channels(self) -> int:
        return COLOURS[self.colours]

    def sources(self, folder: Path, without: Collection[Path] = ()) -> Sequence[Source]:
        """Folders ``train`` and ``test``, and ``val`` if there is one, or nine tenths by name.

        Slices of a volume, and files of a person, are never in different splits, unless there is
        one volume, or one person, only.
        """
        return sorted_out(image_files(folder), folder, without, person_in)

    def read(self, source: Source) -> Iterator[Found]:
        """The images of a file; empty slices of a volume are passed over."""
        contents = read_file(source.path)
        images, note = square_pixels(contents)
        spans = images.amax((1, 2, 3)) - images.amin((1, 2, 3))
        places = [i for i, span in enumerate(spans) if len(images) == 1 or span >= BLANK]
        for order, place in enumerate(places):
            split = source.split or split_at(order, len(places))
            grey_or_colour = as_channels(self._fitted(images[place])[None], self.channels)[0]
            at = place if len(images) > 1 else None
            yield Found(grey_or_colour, split, at, note)

    def _fitted(self, image: Tensor) -> Tensor:
        if self.fit == "resize":
            return resampled(image, self.size)
        return resampled(center_square(image, min(image.shape[1:])), self.size)


def square_pixels(contents: Contents) -> tuple[Tensor, str]:
    """Images (N, C, H, W) in [0, 1] whose pixels are as high as wide, and what was changed.

    Otherwise a body would be narrower than it is, and turned it would be another.

    Raises:
        UnreadableError: sides of pixels that cannot be.
    """
    images, (height, width) = torch.from_numpy(contents.unit), contents.pixel
    if not (
        0 < height < inf and 0 < width < inf and 1 / MOST_UNEQUAL < height / width < MOST_UNEQUAL
    ):
        raise UnreadableError(f"has pixels of {height:g} by {width:g} mm")
    if isclose(height, width, rel_tol=NEARLY_SQUARE):
        return images, contents.note
    finest = min(height, width)
    rows, columns = (
        round(n * side / finest) for n, side in zip(images.shape[2:], contents.pixel, strict=True)
    )
    check_shape((*images.shape[:2], rows, columns))
    square = functional.interpolate(images, (rows, columns), mode="bilinear")
    made = f"has pixels of {height:.3g} by {width:.3g} mm, made square"
    return square, "; ".join(filter(None, [contents.note, made]))


def load_folder(folder: Path, split: str, size: int, channels: int) -> Tensor:
    """Images (N, channels, size, size) in [0, 1]: centre-cropped to a square, then resized.

    Args:
        folder: with ``train`` and ``test`` (and ``val``) below it, or files that are split 90 to
            10 by name.
        split: ``train``, ``validation`` or ``test``.
        size: side of the result, in pixels.
        channels: 1 (colour is averaged) or 3 (grey is repeated).

    Raises:
        FileNotFoundError: no such folder, or no images in it.
        ValueError: a file that is no image; names the file.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of images at {folder}")
    recipe = Folder(size, next(name for name, n in COLOURS.items() if n == channels))
    found = []
    for source in recipe.sources(folder):
        if source.split in (split, None):
            try:
                found += [f.image for f in recipe.read(source) if f.split == split]
            except UnreadableError as error:
                raise ValueError(f"{source.path} {error}") from None
    if not found:
        raise FileNotFoundError(f"no {split} images ({', '.join(readers())}) in {folder}")
    return torch.stack(found)
