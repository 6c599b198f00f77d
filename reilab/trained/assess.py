"""Assess: the metrics of reconstructions, image by image, and as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import torch
from torch import Tensor

from reilab.key import Key
from reilab.metrics import nmse, psnr, rei_legacy_psnr, ssim
from reilab.noise.base import no_sure
from reilab.noise.draws import mean
from reilab.problem import Problem
from reilab.training.evaluate import Exam, bounded, psnr_of_parts

Mark = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Assessment:
    """Marks of one reconstruction of all test measurements, by name, one value per image.

    ``consistency`` is (1/m) ‖y − A x̂‖² and ``sure`` Stein's estimate of (1/m) ‖A x̂ − A x‖², both in
    units of y squared, the latter where the noise has it. The others are there only where the
    ground truth is known.

    Args:
        method: what made it.
        noise: level of the measurements.
        marks: by name, in the order of the tables.
        images: what a person looks at, (N, C, H, W).
    """

    method: str
    noise: float
    marks: dict[str, Mark]
    images: Tensor

    def mean(self, name: str) -> float:
        """The mean over the images."""
        return fmean(self.marks[name])

    def std(self, name: str) -> float:
        """The standard deviation over the images, 0 for a single one."""
        values = self.marks[name]
        return stdev(values) if len(values) > 1 else 0.0

    def ranking(self) -> list[int]:
        """The images from worst to best: by PSNR; without ground truth by SURE, or consistency."""
        name = next(one for one in ("psnr", "sure", "consistency") if one in self.marks)
        values, sign = self.marks[name], 1 if name == "psnr" else -1
        return sorted(range(len(values)), key=lambda index: sign * values[index])


@torch.no_grad()
def assess(
    method: str, f: Callable[[Tensor], Tensor], problem: Problem, exam: Exam, key: Key
) -> Assessment:
    """Reconstruct all test measurements and mark the results.

    Args:
        method: name of what is assessed.
        f: from measurements (B, *range) to images (B, C, H, W), in evaluation mode.
        problem: with the noise that SURE is to believe in.
        exam: the measurements and, where known, the ground truth.
        key: SURE of the image at index i draws its probes from the stream ``key / i``.
    """
    raw, fits, risks = [], [], []
    for index in torch.split(torch.arange(len(exam.y)), exam.batch):
        y = exam.y[index.to(exam.y.device)]
        xhat = f(y)
        hy = problem.physics(xhat)
        rng = key.streams(index.tolist(), y.device)
        fits.append(mean((y - hy) ** 2))
        if not no_sure(problem.noise):
            risks.append(problem.noise.sure(y, lambda z: problem.physics(f(z)), hy, rng))
        raw.append(xhat)
    xhat = bounded(torch.cat(raw), f"x̂ of {method}")
    found = problem.image(xhat)
    marks = _against_truth(found, exam.truth) if exam.truth is not None else {}
    if exam.x is not None and (parts := psnr_of_parts(xhat, exam.x, problem)):
        marks |= {"psnr_range": _listed(parts[0]), "psnr_null": _listed(parts[1])}
    marks |= {"consistency": _listed(torch.cat(fits))}
    if risks:
        marks |= {"sure": _listed(torch.cat(risks))}
    return Assessment(method, problem.noise.level, marks, found)


def _against_truth(found: Tensor, truth: Tensor) -> dict[str, Mark]:
    pairs = list(zip(torch.split(found, 1), torch.split(truth, 1), strict=True))
    measures: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "psnr": psnr,
        "rei_legacy_psnr": rei_legacy_psnr,
        "ssim": ssim,
        "nmse": nmse,
    }
    return {
        name: tuple(float(measure(image, true)) for image, true in pairs)
        for name, measure in measures.items()
    }


def _listed(values: Tensor) -> Mark:
    return tuple(values.tolist())


def marks_of(each: Sequence[Assessment]) -> list[str]:
    """The names of the marks that these assessments have."""
    return list(each[0].marks)


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
