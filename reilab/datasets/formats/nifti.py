"""NIfTI: the axial slices of volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reilab.datasets.formats.contents import (
    Contents,
    UnreadableError,
    check_shape,
    contents_of,
    file_format,
    reading,
    told,
)


@file_format("NIfTI", ".nii", ".nii.gz")
def read_nifti(path: Path) -> Contents:
    """The slices of a volume from the feet to the head, the front of the body at the top.

    Raises:
        UnreadableError: damaged, or neither a volume nor a series of volumes.
    """
    # Takes a while to import, and most data sets have no NIfTI.
    import nibabel

    with reading("NIfTI"):
        image = nibabel.load(path)
        check_shape(image.shape)
        if not 2 <= len(image.shape) <= 4:
            raise UnreadableError(f"holds an array of shape {told(image.shape)}, no volume")
        # Axes to the right, to the front, to the head.
        volume = np.asarray(nibabel.as_closest_canonical(image).dataobj)
        series = volume.reshape(*volume.shape[:2], -1)
        return contents_of(series.transpose(2, 1, 0)[:, None, ::-1].astype(np.float32))
