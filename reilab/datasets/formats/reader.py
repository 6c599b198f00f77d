"""Which reader takes which file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from reilab.datasets.formats.arrays import read_npy, read_npz, read_pt
from reilab.datasets.formats.contents import Contents, UnreadableError
from reilab.datasets.formats.dicom import is_dicom, read_dicom
from reilab.datasets.formats.hdf5 import read_hdf5
from reilab.datasets.formats.matlab import read_matlab
from reilab.datasets.formats.nifti import read_nifti
from reilab.datasets.formats.pictures import read_picture

READERS: Mapping[str, Callable[[Path], Contents]] = MappingProxyType(
    {
        ".png": read_picture,
        ".tif": read_picture,
        ".tiff": read_picture,
        ".jpg": read_picture,
        ".jpeg": read_picture,
        ".npy": read_npy,
        ".npz": read_npz,
        ".pt": read_pt,
        ".dcm": read_dicom,
        ".ima": read_dicom,
        ".nii": read_nifti,
        ".nii.gz": read_nifti,
        ".h5": read_hdf5,
        ".hdf5": read_hdf5,
        ".mat": read_matlab,
    }
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
    """All files with those suffixes below a folder, in order of name.

    Hidden files and folders, those that a Mac adds to an archive, and what has been prepared
    already are passed over.
    """
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part in PASSED_OVER for part in parts):
            continue
        if path.is_file() and suffix_of(path) in suffixes:
            found.append(path)
    return sorted(found)
