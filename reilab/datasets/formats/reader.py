"""Which reader takes which file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from reilab.datasets.formats.contents import FORMATS, Contents, UnreadableError
from reilab.datasets.formats.dicom import is_dicom

#: What a Mac adds to an archive, and what has been made of images already.
PASSED_OVER = ("__MACOSX", "prepared")


def readers() -> Mapping[str, Callable[[Path], Contents]]:
    """What reads files of each suffix."""
    return {suffix: one.spec for one in FORMATS.values() for suffix in one.suffixes}


def suffix_of(path: Path) -> str:
    """The suffix in small letters, one like ``.nii.gz`` whole; ``.dcm`` for DICOM files without."""
    if not path.suffix and path.is_file() and is_dicom(path):
        return ".dcm"
    known = [suffix for suffix in readers() if path.name.lower().endswith(suffix)]
    return max(known, key=len, default=path.suffix.lower())


def read_file(path: Path) -> Contents:
    """The images of a file of any known format.

    Raises:
        UnreadableError: an unknown format, or whatever is the matter with the file.
    """
    suffix, known = suffix_of(path), readers()
    if suffix not in known:
        raise UnreadableError(f"has an unknown suffix {suffix!r}; known: {', '.join(known)}")
    try:
        return known[suffix](path)
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror or error}") from error


def image_files(folder: Path, suffixes: Collection[str] = ()) -> list[Path]:
    """All files with those suffixes, or any known one, below a folder, in order of name.

    Links are followed. Hidden files and folders, those that a Mac adds to an archive, and what has
    been prepared already are passed over.
    """
    suffixes, found, seen = suffixes or readers().keys(), list[Path](), set[str]()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        # A link may lead back up.
        folders[:] = [] if real in seen else [f for f in folders if not _is_passed_over(f)]
        paths = [Path(here, file) for file in files if not _is_passed_over(file)]
        found += [] if real in seen else [p for p in paths if suffix_of(p) in suffixes]
        seen.add(real)
    return sorted(path for path in found if path.is_file())


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name in PASSED_OVER
