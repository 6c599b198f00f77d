"""NIfTI: the axial slices of volumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from reilab.datasets.formats.contents import Contents, contents_of, file_format
from reilab.foreign import UnreadableError, check_shape, reading, told

#: Numbers begin behind the header and its comments, which are never as long as that.
LATEST_START = 2**24


@file_format("NIfTI", ".nii", ".nii.gz")
def read_nifti(path: Path) -> Contents:
    """The slices of a volume from the feet to the head, the front of the body at the top.

    What is NaN, as outside of the field of view, becomes 0.

    Raises:
        UnreadableError: damaged, or neither a volume nor a series of volumes.
    """
    # Takes a while to import, and most data sets have no NIfTI.
    import nibabel
    from nibabel.affines import voxel_sizes

    with reading(path, "NIfTI"):
        _check_start(path)
        image = nibabel.load(path)
        check_shape(image.shape)
        if not 2 <= len(image.shape) <= 4:
            raise UnreadableError(f"holds an array of shape {told(image.shape)}, no volume")
        if image.get_data_dtype().kind not in "buif":
            raise UnreadableError(f"holds the type {image.get_data_dtype()}; needs real numbers")
        # Axes to the right, to the front, to the head.
        ways = nibabel.io_orientation(image.affine)
        volume = image.get_fdata(dtype=np.float32, caching="unchanged")
        volume = volume.reshape(*volume.shape, *[1] * (3 - volume.ndim))
        volume = nibabel.apply_orientation(volume, ways)
        unknown = np.isnan(volume)
        if count := int(unknown.sum()):
            volume = np.where(unknown, np.float32(0), volume)
        series = volume.reshape(*volume.shape[:2], -1)
        note = f"has {count} values that were NaN and are 0 now" if count else ""
        contents = contents_of(series.transpose(2, 1, 0)[:, None, ::-1], note)
        sides = voxel_sizes(image.affine)
        # Which of the axes of the file runs to the right, and which to the front.
        across, along = (int(np.flatnonzero(ways[:, 0] == axis)[0]) for axis in (0, 1))
        return replace(contents, pixel=(float(sides[along]), float(sides[across])))


def _check_start(path: Path) -> None:
    """Refuse a header behind which comments of gigabytes are to be unpacked."""
    from nibabel import Nifti1Header, Nifti2Header
    from nibabel.openers import ImageOpener

    with ImageOpener(path) as file:
        begin = file.read(Nifti2Header.sizeof_hdr)
    for kind in (Nifti1Header, Nifti2Header):
        if kind.may_contain_header(begin):
            start = float(kind(begin[: kind.sizeof_hdr], check=False)["vox_offset"])
            if not 0 <= start <= LATEST_START:
                raise UnreadableError(f"claims that its numbers begin at byte {start:g}")
