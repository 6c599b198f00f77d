"""Contact sheet: a few images of a prepared data set on one picture, to see that all is well."""

from __future__ import annotations

import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional

from reilab.datasets.store import Store, decode

THUMB, GAP, CAPTION = 96, 4, 18
COLUMNS = 8
ROWS = {"train": 3, "validation": 1, "test": 1}
PAPER, INK = 0.98, (40, 40, 40)


def contact_sheet(store: Store) -> Image.Image:
    """Rows of training images, one of each other split, evenly spread; complex: magnitudes."""
    strips = [_strip(store, split, rows) for split, rows in ROWS.items() if store.images[split]]
    sheet = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def _strip(store: Store, split: str, rows: int) -> Image.Image:
    # Takes a second to import.
    from torchvision.transforms.functional import to_pil_image
    from torchvision.utils import make_grid

    images = store.split(split)
    shown = min(len(images), rows * COLUMNS)
    stored = images.take(torch.arange(shown) * len(images) // shown)
    x = store.low + (1 - store.low) * decode(stored)
    if store.channels == 2:
        x = x.square().sum(1, keepdim=True).sqrt()
    small = functional.interpolate(x, (THUMB, THUMB), mode="bilinear", antialias=True).clamp(0, 1)
    blank = torch.full((-shown % COLUMNS, 3, THUMB, THUMB), PAPER)
    grid = make_grid(torch.cat([small.expand(-1, 3, -1, -1), blank]), COLUMNS, GAP, pad_value=PAPER)
    strip: Image.Image = to_pil_image(functional.pad(grid, (0, 0, CAPTION, 0), value=PAPER))
    words = f"{store.name} · {split}: {len(images)} images, {store.size} by {store.size}"
    ImageDraw.Draw(strip).text((GAP, GAP), words, INK, ImageFont.load_default(13))
    return strip
