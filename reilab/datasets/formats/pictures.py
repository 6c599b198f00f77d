"""Pictures: PNG, TIFF, JPEG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reilab.datasets.formats.contents import (
    Contents,
    UnreadableError,
    check_shape,
    contents_of,
    file_format,
    reading,
    told,
)

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
#: Larger pictures are refused before they are unpacked: a few kB may hold gigabytes of one colour.
MOST_PIXELS = 2**26
#: Modes whose pixels are intensities; palettes and the like are converted to RGB.
PLAIN_MODES = ("L", "RGB", "RGBA", "I", "I;16", "I;16B", "F")


@file_format("pictures", *PICTURES)
def read_picture(path: Path) -> Contents:
    """The image of a file; the pages of a TIFF are a stack."""
    return contents_of(load_picture(path))


def load_picture(path: Path) -> NDArray[Any]:
    """The pixels of a file as they are stored: (H, W), (H, W, C), or (N, H, W) of several pages.

    Raises:
        UnreadableError: damaged, or no picture.
    """
    with reading("a picture"), Image.open(path) as image:
        # A photograph may carry a second one for the eye of a viewer; a TIFF carries slices.
        n_pages = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
        check_shape((n_pages, *image.size))
        pages = []
        for page in range(n_pages):
            image.seek(page)
            check_size(image)
            pages.append(_pixels(image))
        return pages[0] if n_pages == 1 else np.stack(pages)


def check_size(image: Image.Image) -> None:
    """Refuse a picture before room is made for it.

    Raises:
        UnreadableError: it is larger than any photograph.
    """
    if image.width * image.height > MOST_PIXELS:
        most = f"{MOST_PIXELS / 1e6:.0f} million"
        raise UnreadableError(f"claims {told(image.size)} pixels, more than {most}; reduce it")


def _pixels(image: Image.Image) -> NDArray[Any]:
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    plain = image if image.mode in PLAIN_MODES else image.convert("RGB")
    return np.asarray(plain)
