"""Tables of assessments: CSV per image, and the summary as plain values for JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from reilab.trained.assess import Assessment, marks_of


def per_image_csv(each: Sequence[Assessment]) -> str:
    """A row for each noise level, method and image; PSNR in dB, the last two in units of y²."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = marks_of(each)
    writer.writerow(["noise", "method", "image", *names])
    for one in each:
        for image, values in enumerate(zip(*one.marks.values(), strict=True)):
            writer.writerow([one.noise, one.method, image, *values])
    return stream.getvalue()


def summary(each: Sequence[Assessment]) -> list[dict[str, Any]]:
    """Mean and standard deviation of every mark, one entry for each noise level and method."""
    return [
        {
            "noise": one.noise,
            "method": one.method,
            "images": len(one.images),
            **{name: {"mean": one.mean(name), "std": one.std(name)} for name in one.marks},
        }
        for one in each
    ]
