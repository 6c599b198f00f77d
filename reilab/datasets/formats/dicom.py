"""DICOM: CT in Hounsfield units, other images by their own range."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reilab.datasets.formats.contents import Contents, contents_of, file_format, stack_of
from reilab.foreign import MOST_BYTES, UnreadableError, check_shape, reading, too_much

#: Air is black; what attenuates twice as much as water, like dense bone, is white.
AIR, WHITE = -1000.0, 1000.0
#: Letters before the data, in front of a group that says its length.
PREAMBLE = 132 + 12


DICOM_SUFFIXES = (".dcm", ".ima")
#: Who is seen in a file; where that was taken out of it, in which study.
PERSON = ("PatientID", "StudyInstanceUID")


@file_format("DICOM", *DICOM_SUFFIXES)
def read_dicom(path: Path) -> Contents:
    """The image or the frames of a file, with slope, intercept and palette of its header applied.

    CT is read in HU, of which −1000 (air) becomes 0 and 1000 becomes 1. Where the least number is
    white, as in radiographs, the largest that the header allows is black, so that it is the same in
    all files of a study. Other images go from 0 to their largest value, however many bits they
    have; colours of 8 bits are taken as they are.

    Raises:
        UnreadableError: damaged, without pixels, or compressed in a way that nothing here unpacks.
    """
    # Takes a while to import, and most data sets have no DICOM.
    import pydicom

    with reading(path, "DICOM"):
        _check_inflated(path)
        data = pydicom.dcmread(path)
        if "PixelData" not in data:
            raise UnreadableError("is DICOM without pixels, e.g. a report")
        _check_decoder(data.file_meta.get("TransferSyntaxUID"))
        frames = int(data.get("NumberOfFrames", 1) or 1)
        samples = int(data.get("SamplesPerPixel", 1))
        check_shape((frames, int(data.Rows), int(data.Columns), samples))
        return replace(_image(data), pixel=_pixel(data))


def _pixel(data: Any) -> tuple[float, float]:
    """Height and width of a pixel, in millimetres or by their ratio."""
    height, width = data.get("PixelSpacing") or data.get("PixelAspectRatio") or (1, 1)
    return float(height), float(width)


def _image(data: Any) -> Contents:
    from pydicom.pixels import apply_color_lut, apply_modality_lut

    meaning = data.get("PhotometricInterpretation")
    if meaning == "PALETTE COLOR":
        return contents_of(apply_color_lut(data.pixel_array, data))
    pixels = np.asarray(apply_modality_lut(data.pixel_array, data))
    if meaning == "MONOCHROME1":
        return _inverted(pixels, data)
    if data.get("Modality") == "CT":
        return Contents(stack_of(pixels), AIR, WHITE)
    screen = pixels.dtype == np.uint8 and data.BitsStored == 8
    return contents_of(pixels if screen else pixels.astype(np.float32))


def person_of(path: Path) -> str:
    """What the files of one person have in common, as their headers tell; empty if they do not."""
    import pydicom

    # What is wrong with it is told where its images are read.
    with contextlib.suppress(UnreadableError), reading(path, "DICOM"):
        _check_inflated(path)
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(PERSON))
        return next((str(data[name].value) for name in PERSON if data.get(name)), "")
    return ""


def _inverted(pixels: NDArray[Any], data: Any) -> Contents:
    """White for the least number that the header allows, black for the largest."""
    from pydicom.pixels import apply_modality_lut

    least = -(2 ** (data.BitsStored - 1)) if data.PixelRepresentation else 0
    ends = np.array([least, least + 2**data.BitsStored - 1], np.int64)
    low, high = sorted(float(end) for end in apply_modality_lut(ends, data))
    return Contents(stack_of(high - pixels), 0.0, high - low)


def _check_decoder(syntax: Any) -> None:
    """See that there is something to unpack the pixels with."""
    from pydicom.pixels import get_decoder

    if syntax and syntax.is_encapsulated and not get_decoder(syntax).is_available:
        raise UnreadableError(
            f"is compressed as {syntax.name}: `pip install 'reilab[dicom]'` brings what unpacks it"
        )


def _check_inflated(path: Path) -> None:
    """Refuse a file that is compressed as a whole, and unpacks to too much."""
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    syntax = meta.get("TransferSyntaxUID")
    if not syntax or not syntax.is_deflated:
        return
    packed = path.read_bytes()[PREAMBLE + meta.FileMetaInformationGroupLength :]
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacking.decompress(packed, MOST_BYTES)
    if unpacking.unconsumed_tail:
        raise UnreadableError(f"is deflated, and unpacks to {too_much()}")
