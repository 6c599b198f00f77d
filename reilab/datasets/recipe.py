"""Recipe: how the images of a data set are found in its files and brought into one form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from reilab.datasets.bundled import shrink
from reilab.foreign import UnreadableError
from reilab.settings import Setting

#: The setting of a recipe that says how many. None by default: the paper trains on all.
HELD_BACK = Setting(
    "Share of the training files, the last ones, held back to choose settings by.",
    low=0.0,
    high=0.5,
)


#: Where no folders say so, this share of the files (sorted by name) is for training.
TRAIN_SHARE = 0.9


@dataclass(frozen=True)
class Source:
    """A file that images come from, and their split; ``None`` if the file is divided inside.

    ``person`` is who is seen in it, where files tell.
    """

    path: Path
    split: str | None
    person: str = ""

    @property
    def who(self) -> str:
        """What all files of one person have in common."""
        return self.person or str(self.path)


@dataclass(frozen=True, eq=False)
class Found:
    """An image (C, S, S) of a source, its split, and its place in a file that holds several.

    ``note`` says what was changed in reading the file, if anything.
    """

    image: Tensor
    split: str
    place: int | None = None
    note: str = ""


class Recipe(Protocol):
    """A frozen dataclass whose fields are the choices one has."""

    @property
    def channels(self) -> int:
        """1 grey, 2 real and imaginary part, 3 colour."""
        ...

    @property
    def low(self) -> float:
        """Least value of an image; the largest is 1."""
        ...

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        ...

    @property
    def validation(self) -> float:
        """Share of the training files that is held back to choose settings by."""
        ...

    def sources(self, folder: Path, without: Collection[Path] = ()) -> Sequence[Source]:
        """The files below ``folder`` that belong to the data set, always in the same order.

        Where no folders say so, they are divided as if those in ``without`` were not there.
        """
        ...

    def read(self, source: Source) -> Iterable[Found]:
        """The images of a file.

        Raises:
            UnreadableError: the file cannot be used.
            WithoutTruthError: it holds measurements only.
        """
        ...


def divided(
    found: Sequence[Path], without: Collection[Path] = (), person: Callable[[Path], str] = str
) -> tuple[Source, ...]:
    """The first nine tenths of the files to train, the rest to test; a single one is divided.

    Nobody is in both, unless there is nobody else: what a network has seen of a person tells it
    more of that person's other images than of anyone's.

    Args:
        found: the files, in the order in which they are divided.
        without: those that are not.
        person: tells who is seen in a file.
    """
    files = [file for file in found if file not in without]
    if len(files) == 1:
        return (Source(files[0], None),)
    sources = [Source(file, "test", person(file)) for file in files]
    train = _of_some(sources, boundary(len(files), TRAIN_SHARE))
    return tuple(
        replace(source, split="train" if place in train else "test")
        for place, source in enumerate(sources)
    )


def _of_some(sources: Sequence[Source], count: int) -> set[int]:
    """The places of the first ``count`` sources, and of what else shows the same people.

    Of the last person there is nothing among them, and of a single one just as many as asked for.
    """
    counts = Counter(source.who for source in sources)
    if len(counts) < 2:
        return set(range(count))
    chosen, done = set[str](), 0
    for who, n_files in list(counts.items())[:-1]:
        if done < count:
            chosen.add(who)
            done += n_files
    return {place for place, source in enumerate(sources) if source.who in chosen}


def split_at(place: int, count: int) -> str:
    """The split of one of ``count`` images in a file that is divided inside."""
    return "train" if place < boundary(count, TRAIN_SHARE) else "test"


def boundary(count: int, share: float) -> int:
    """How many of ``count`` are for training: the share, but one for testing at least."""
    return min(round(share * count), count - 1)


#: Names of folders, and the split that each makes of what is below.
NAMED = {"train": "train", "test": "test"}
NAMED |= dict.fromkeys(("validation", "valid", "val"), "validation")


def sorted_out(
    files: Sequence[Path],
    folder: Path,
    without: Collection[Path] = (),
    person: Callable[[Path], str] = str,
) -> Sequence[Source]:
    """By folders ``train`` and ``test``, and ``val`` if there is one, else ``divided`` by name."""
    named = [Source(file, _named_split(file, folder)) for file in files]
    if {"train", "test"} <= {source.split for source in named}:
        return [source for source in named if source.split]
    return divided(files, without, person)


def _named_split(path: Path, folder: Path) -> str | None:
    """The split that a folder called ``train``, ``val`` or ``test`` above a file gives it."""
    parts = [part.lower() for part in path.relative_to(folder).parts[:-1]]
    return next((split for name, split in NAMED.items() if name in parts), None)


def held_back(sources: Sequence[Source], share: float) -> Sequence[Source]:
    """The last ``share`` of the training files made validation files, at least one if any.

    Files are held back whole, people with all of theirs, and those at the end, so that neighbours
    stay together.

    Raises:
        ValueError: the data set has validation files already, or has too few to hold one back.
    """
    places = [place for place, source in enumerate(sources) if source.split == "train"]
    count = max(1, round(share * len(places)))
    if not share:
        return sources
    if any(source.split == "validation" for source in sources):
        raise ValueError(
            f"validation = {share:g}, but there is a folder of such images; set it to 0"
        )
    if len(places) <= count:
        raise ValueError(
            f"validation = {share:g} needs two training files at least, and there are "
            f"{len(places)}; set it to 0, or divide the file"
        )
    backwards = places[::-1]
    last = {backwards[place] for place in _of_some([sources[at] for at in backwards], count)}
    return [
        replace(source, split="validation") if place in last else source
        for place, source in enumerate(sources)
    ]


def center_square(image: Tensor, side: int) -> Tensor:
    """The middle (…, side, side) of (…, H, W).

    Raises:
        UnreadableError: the image is smaller than that.
    """
    height, width = image.shape[-2:]
    if min(height, width) < side:
        raise UnreadableError(f"is {height} × {width} pixels, smaller than {side} × {side}")
    top, left = (height - side) // 2, (width - side) // 2
    return image[..., top : top + side, left : left + side]


def reduced_square(image: Tensor, size: int) -> Tensor:
    """The largest middle square of (C, H, W), reduced to (C, size, size); block means if they fit.

    Raises:
        UnreadableError: the image is smaller than that.
    """
    side = min(image.shape[-2:])
    if side < size:
        raise UnreadableError(f"is {side} pixels on its shorter side, and {size} are needed")
    return shrink(center_square(image, side)[None], size)[0]


def resampled(image: Tensor, size: int) -> Tensor:
    """(C, H, W) to (C, size, size) by a triangle, anti-aliased; proportions are not kept."""
    if image.shape[-2:] == (size, size):
        return image
    squeezed = functional.interpolate(image[None], (size, size), mode="bilinear", antialias=True)
    return torch.clamp(squeezed[0], 0, 1)
