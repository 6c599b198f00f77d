"""Pictures: PNG, TIFF, JPEG."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from reilab.datasets.formats.contents import Contents, contents_of, file_format
from reilab.foreign import FLOAT32, MOST_BYTES, UnreadableError, check_shape, reading, told

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
#: What a picture may be, whatever its suffix; others of Pillow's start programs, or are slow.
KINDS = ("PNG", "TIFF", "JPEG", "JPEG2000", "WEBP", "BMP", "GIF", "PPM")
#: A few kB may hold gigabytes of one colour: as many pixels as may be unpacked, in four colours.
MOST_PIXELS = MOST_BYTES // (4 * FLOAT32)
#: Modes whose pixels are intensities; palettes and the like are converted to RGB.
PLAIN_MODES = ("L", "RGB", "RGBA", "I", "I;16", "I;16B", "F")


@file_format("pictures", *PICTURES)
def read_picture(path: Path) -> Contents:
    """The image of a file, upright; the pages of a TIFF are a stack."""
    return contents_of(load_picture(path))


def load_picture(path: Path) -> NDArray[Any]:
    """The pixels of a file as they are stored: (H, W), (H, W, C), or (N, H, W) of several pages.

    Raises:
        UnreadableError: damaged, or no picture.
    """
    with reading(path, "a picture"):
        try:
            with Image.open(path, formats=KINDS) as image:
                return _pages(image)
        except UnidentifiedImageError:
            if path.suffix.lower() not in (".tif", ".tiff"):
                raise
            return _scientific(path)


def _pages(image: Image.Image) -> NDArray[Any]:
    # A photograph may carry a second one for the eye of a viewer; a TIFF carries slices.
    n_pages = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    pages: list[NDArray[Any]] = []
    for page in range(n_pages):
        image.seek(page)
        check_size(image.width, image.height)
        check_shape((n_pages, *image.size, len(image.getbands())))
        pages.append(_pixels(ImageOps.exif_transpose(image)))
    return pages[0] if n_pages == 1 else np.stack(pages)


def _scientific(path: Path) -> NDArray[Any]:
    """What Pillow does not know of TIFF: 64-bit numbers, and colours one after the other."""
    # Brings much, and few need it.
    from tifffile import TiffFile

    # It says in its log what it says in errors, too.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    with TiffFile(path) as file:
        if not len(file.pages):
            raise UnreadableError("is TIFF without pages")
        for page in file.pages:
            check_size(page.imagewidth, page.imagelength)
            check_shape((len(file.pages), *page.shape), page.dtype.itemsize)
        pages = [page.asarray() for page in file.pages]
    return pages[0] if len(pages) == 1 else np.stack(pages)


def check_size(width: int, height: int) -> None:
    """Refuse a picture before room is made for it.

    Raises:
        UnreadableError: it is larger than any photograph.
    """
    if width * height > MOST_PIXELS:
        most = f"{MOST_PIXELS / 1e6:.0f} million"
        raise UnreadableError(f"claims {told((width, height))} pixels, more than {most}; reduce it")


def _pixels(image: Image.Image) -> NDArray[Any]:
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    plain = image if image.mode in PLAIN_MODES else image.convert("RGB")
    return np.asarray(plain)
