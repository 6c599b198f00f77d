"""Which reader takes which file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from reilab.datasets.formats.arrays import HDF5, read_array, read_hdf5, read_matlab
from reilab.datasets.formats.contents import Contents, UnreadableError
from reilab.datasets.formats.dicom import is_dicom, read_dicom
from reilab.datasets.formats.nifti import read_nifti
from reilab.datasets.formats.pictures import read_picture

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
READERS: Mapping[str, Callable[[Path], Contents]] = MappingProxyType(
    dict.fromkeys(PICTURES, read_picture)
    | dict.fromkeys((".npy", ".npz", ".pt"), read_array)
    | dict.fromkeys((".dcm", ".ima"), read_dicom)
    | dict.fromkeys((".nii", ".nii.gz"), read_nifti)
    | dict.fromkeys(HDF5, read_hdf5)
    | {".mat": read_matlab}
)
#: What a Mac adds to an archive, and what has been made of images already.
PASSED_OVER = ("__MACOSX", "prepared")


def suffix_of(path: Path) -> str:
    """The suffix in small letters, ``.nii.gz`` as one; ``.dcm`` for DICOM files without."""
    name = path.name.lower()
    if name.endswith(".nii.gz"):
        return ".nii.gz"
    if not path.suffix and path.is_file() and is_dicom(path):
        return ".dcm"
    return path.suffix.lower()


def read_file(path: Path) -> Contents:
    """The images of a file of any known format.

    Raises:
        UnreadableError: an unknown format, or whatever is the matter with the file.
    """
    suffix = suffix_of(path)
    if suffix not in READERS:
        raise UnreadableError(f"has an unknown suffix {suffix!r}; known: {', '.join(READERS)}")
    try:
        return READERS[suffix](path)
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror or error}") from error


def image_files(folder: Path, suffixes: tuple[str, ...] = tuple(READERS)) -> list[Path]:
    """All files with those suffixes below a folder, in order of name; links are followed.

    Hidden files and folders, those that a Mac adds to an archive, and what has been prepared
    already are passed over.
    """
    found, seen = [], set[str]()
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
