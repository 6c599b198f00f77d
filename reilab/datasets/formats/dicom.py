"""DICOM: CT in Hounsfield units, other images by their own range."""

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
    stack_of,
)

#: Air is black; what attenuates twice as much as water, like dense bone, is white.
AIR, WHITE = -1000.0, 1000.0
#: Where the letters DICM stand in a file, whatever its name.
MARK = slice(128, 132)


def is_dicom(path: Path) -> bool:
    """Whether a file says that it is one; scanners often leave the suffix out."""
    with path.open("rb") as file:
        return file.read(MARK.stop)[MARK] == b"DICM"


@file_format("DICOM", ".dcm", ".ima")
def read_dicom(path: Path) -> Contents:
    """The image or the frames of a file, with the slope and intercept of its header applied.

    CT is read in HU, of which −1000 (air) becomes 0 and 1000 becomes 1.

    Raises:
        UnreadableError: damaged, without pixels, or compressed in a way that nothing here unpacks.
    """
    # Takes a while to import, and most data sets have no DICOM.
    import pydicom
    from pydicom.pixels import apply_modality_lut

    with reading("DICOM"):
        data = pydicom.dcmread(path)
        if "PixelData" not in data:
            raise UnreadableError("is DICOM without pixels, e.g. a report")
        frames = int(data.get("NumberOfFrames", 1) or 1)
        check_shape((frames, int(data.Rows), int(data.Columns)))
        pixels = apply_modality_lut(data.pixel_array, data)
        if data.get("PhotometricInterpretation") == "MONOCHROME1":
            pixels = pixels.max() - pixels
        if data.get("Modality") == "CT":
            return Contents(stack_of(np.asarray(pixels)), AIR, WHITE)
        return contents_of(np.asarray(pixels))
