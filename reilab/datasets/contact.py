"""Contact sheet: a few images of a prepared data set on one picture, to see that all is well."""

from __future__ import annotations

import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional

from reilab.datasets.store import Store, decode

THUMB, GAP, CAPTION = 96, 4, 22
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
    images = store.split(split)
    shown = min(len(images), rows * COLUMNS)
    stored = images.take(torch.arange(shown) * len(images) // shown)
    x = store.low + (1 - store.low) * decode(stored)
    if store.channels == 2:
        x = x.square().sum(1, keepdim=True).sqrt()
    small = functional.interpolate(x, (THUMB, THUMB), mode="bilinear", antialias=True).clamp(0, 1)
    blank = torch.full((-shown % COLUMNS, 3, THUMB, THUMB), PAPER)
    thumbs = torch.cat([small.expand(-1, 3, -1, -1), blank])
    padded = functional.pad(thumbs, (0, GAP, 0, GAP), value=PAPER)
    cells = padded.reshape(-1, COLUMNS, *padded.shape[1:])
    grid = cells.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    paper = functional.pad(grid, (0, 0, GAP, 0, CAPTION, 0), value=PAPER)
    strip = Image.fromarray((paper * 255).round().to(torch.uint8).numpy())
    words = f"{store.name} · {split}: {len(images)} images, {store.size} by {store.size}"
    ImageDraw.Draw(strip).text((GAP, GAP), words, INK, ImageFont.load_default(13))
    return strip
