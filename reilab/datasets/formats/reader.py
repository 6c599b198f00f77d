"""Which reader takes which file, and which files of a folder are read."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from reilab.datasets.formats.contents import FORMATS, Contents
from reilab.datasets.formats.dicom import DICOM_SUFFIXES, person_of
from reilab.foreign import UnreadableError, stays_in

#: What a Mac adds to an archive, and what has been made of images already.
PASSED_OVER = ("__MACOSX", "prepared")
#: How files begin, whatever their names: the place of some bytes, the bytes, and a usual suffix.
MARKS = (
    (128, b"DICM", ".dcm"),
    (344, b"n+1\0", ".nii"),
    (0, b"\x89PNG\r\n", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"II*\0", ".tif"),
    (0, b"MM\0*", ".tif"),
    (0, b"\x89HDF\r\n", ".h5"),
    (0, b"\x93NUMPY", ".npy"),
    (0, b"MATLAB 5.0", ".mat"),
)
#: The folder or the beginning of the name of a person's files (Brain Imaging Data Structure 1.10).
SUBJECT = re.compile(r"(?<![A-Za-z0-9])sub-[A-Za-z0-9]+")
UNKNOWN, OUTSIDE, ODD = (
    "of an unknown format",
    "by a link that leaves the folder",
    "as a pipe, device or dead link",
)


def readers() -> Mapping[str, Callable[[Path], Contents]]:
    """What reads files of each suffix."""
    return {suffix: one.spec for one in FORMATS.values() for suffix in one.suffixes}


def suffix_of(path: Path) -> str:
    """The suffix in small letters, one like ``.nii.gz`` whole; if unknown, what the file begins as.

    Scanners leave the suffix of DICOM out, or call files by numbers with dots between.
    """
    known = [suffix for suffix in readers() if path.name.lower().endswith(suffix)]
    return max(known, key=len, default="") or _marked(path) or path.suffix.lower()


def _marked(path: Path) -> str:
    """The suffix that the first bytes of a file tell, if any."""
    try:
        # Files that the system makes up have no size, and some of them never end.
        if not stat.S_ISREG(path.stat().st_mode) or not path.stat().st_size:
            return ""
        with path.open("rb") as file:
            begin = file.read(max(place + len(mark) for place, mark, _ in MARKS))
    except OSError:
        return ""
    return next((suffix for at, mark, suffix in MARKS if begin[at:].startswith(mark)), "")


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


def person_in(path: Path) -> str:
    """Who is seen in a file: by the header of DICOM, or by a name as BIDS has it (``sub-01``).

    Where neither tells, the file itself stands for somebody.
    """
    if named := SUBJECT.findall(path.as_posix()):
        return str(named[-1])
    return (person_of(path) if suffix_of(path) in DICOM_SUFFIXES else "") or str(path)


def image_files(folder: Path, suffixes: Collection[str] = ()) -> list[Path]:
    """All files with those suffixes, or any known one, below a folder, in order of name.

    Links are followed inside the folder. Hidden files and folders, those that a Mac adds to an
    archive, and what has been prepared already are passed over, and what ``passed_over`` counts.
    """
    suffixes = suffixes or readers().keys()
    found = [path for path, reason in _looked_at(folder) if not reason]
    return sorted(path for path in found if suffix_of(path) in suffixes)


def passed_over(folder: Path) -> Mapping[str, int]:
    """How many files below a folder no reader takes, by the reason."""
    known = readers()
    reasons = (
        reason or ("" if suffix_of(path) in known else UNKNOWN)
        for path, reason in _looked_at(folder)
    )
    return Counter(reason for reason in reasons if reason)


def _looked_at(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a folder, with the reason why it is not to be opened, if there is one."""
    root, seen = folder.resolve(), set[str]()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            # A link may lead back up.
            folders.clear()
            continue
        seen.add(real)
        named = [name for name in folders if not _is_passed_over(name)]
        folders[:] = [name for name in named if stays_in(root, Path(here, name))]
        yield from ((Path(here, name), OUTSIDE) for name in named if name not in folders)
        for name in files:
            path = Path(here, name)
            if not _is_passed_over(name):
                yield path, _trouble(path, root)


def _trouble(path: Path, root: Path) -> str:
    if not stays_in(root, path):
        return OUTSIDE
    return "" if os.path.isfile(path) else ODD


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name in PASSED_OVER
