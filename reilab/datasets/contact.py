"""Contact sheet: a few images of a prepared data set on one picture, to see that all is well."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

from reilab.datasets.cache import Cache, decode

THUMB, GAP, CAPTION = 96, 4, 22
COLUMNS = 8
ROWS = {"train": 3, "validation": 1, "test": 1}
PAPER, INK = 250, 40


def contact_sheet(cache: Cache) -> Image.Image:
    """Rows of training images, one of each other split, evenly spread; complex: magnitudes."""
    index = cache.index
    width = COLUMNS * (THUMB + GAP) + GAP
    parts = [
        (split, _thumbs(cache, split, rows)) for split, rows in ROWS.items() if index.images[split]
    ]
    heights = [CAPTION + -(-len(thumbs) // COLUMNS) * (THUMB + GAP) for _, thumbs in parts]
    sheet = Image.new("RGB", (width, sum(heights) + GAP), (PAPER, PAPER, PAPER))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    top = 0
    for (split, thumbs), height in zip(parts, heights, strict=True):
        count = len(index.images[split])
        words = f"{index.name} · {split}: {count} images, {index.size} by {index.size}"
        draw.text((GAP, top + 3), words, fill=(INK, INK, INK), font=font)
        for place, thumb in enumerate(thumbs):
            row, column = divmod(place, COLUMNS)
            corner = (GAP + column * (THUMB + GAP), top + CAPTION + row * (THUMB + GAP))
            sheet.paste(Image.fromarray(thumb), corner)
        top += height
    return sheet


def _thumbs(cache: Cache, split: str, rows: int) -> list[NDArray[np.uint8]]:
    count = len(cache.index.images[split])
    shown = min(count, rows * COLUMNS)
    array = cache.array(split)
    places = [place * count // shown for place in range(shown)]
    stored = torch.from_numpy(array.read(places))
    return [_thumb(one, cache.index.low) for one in stored]


def _thumb(stored: Tensor, low: float) -> NDArray[np.uint8]:
    image = low + (1 - low) * decode(stored)
    if len(image) == 2:
        image = image.square().sum(0, keepdim=True).sqrt()
    small = functional.interpolate(image[None], (THUMB, THUMB), mode="bilinear", antialias=True)[0]
    grey = (small.expand(3, -1, -1).clamp(0, 1) * 255).round().to(torch.uint8)
    pixels: NDArray[np.uint8] = grey.permute(1, 2, 0).contiguous().numpy()
    return pixels
