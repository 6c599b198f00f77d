"""Assess: the metrics of reconstructions, image by image, and as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import fmean, stdev
from typing import Any

import torch
from torch import Tensor

from reilab.key import Key
from reilab.methods.base import Reconstruct
from reilab.metrics import nmse, psnr, rei_legacy_psnr, ssim
from reilab.noise.base import no_sure
from reilab.noise.draws import mean
from reilab.problem import Problem
from reilab.show.results import written
from reilab.trained.bootstrap import ErrorBars, bootstrap
from reilab.trained.tally import Tally
from reilab.training.evaluate import Exam, bounded, psnr_of_parts

Mark = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Assessment:
    """Marks of one reconstruction of all test measurements, by name, one value per image.

    ``consistency`` is (1/m) ‖y − A x̂‖² and ``sure`` Stein's estimate of (1/m) ‖A x̂ − A x‖², both in
    units of y squared, the latter where the noise has it. ``bound_90`` is what error bars say. The
    others are there only where the ground truth is known.

    Args:
        method: what made it.
        noise: level of the measurements.
        marks: by name, in the order of the tables.
        images: what a person looks at, (N, C, H, W).
        bars: error bars, if they were asked for.
        coverage: of the errors of images and of values the share that they cover, by nominal
            level; needs ground truth.
        origin: of the network, by name: run, seed and step, as far as they are known.
    """

    method: str
    noise: float
    marks: dict[str, Mark]
    images: Tensor
    bars: ErrorBars | None = None
    coverage: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)

    def mean(self, name: str) -> float:
        """The mean over the images."""
        return fmean(self.marks[name])

    def std(self, name: str) -> float:
        """The standard deviation over the images, 0 for a single one."""
        values = self.marks[name]
        return stdev(values) if len(values) > 1 else 0.0

    @property
    def criterion(self) -> str:
        """What images are ranked by: PSNR; without ground truth SURE, or consistency."""
        return next(one for one in ("psnr", "sure", "consistency") if one in self.marks)

    def ranking(self) -> list[int]:
        """The images from worst to best."""
        name = self.criterion
        values, sign = self.marks[name], 1 if name == "psnr" else -1
        return sorted(range(len(values)), key=lambda index: sign * values[index])


@torch.no_grad()
def assess(
    method: str,
    f: Reconstruct,
    problem: Problem,
    exam: Exam,
    key: Key,
    n_bootstrap: int = 0,
    tally: Tally | None = None,
) -> Assessment:
    """Reconstruct all test measurements and mark the results.

    Args:
        method: name of what is assessed.
        f: the reconstruction, in evaluation mode.
        problem: with the noise that SURE is to believe in.
        exam: the measurements and, where known, the ground truth.
        key: SURE of the image at index i draws its probes from the stream ``key / i``.
        n_bootstrap: draws for error bars; 0 for none.
        tally: counts each image once, and once more for each of its draws.

    Raises:
        DivergedError: the results are no images.
        ValueError: too few draws.
    """
    tally = tally or Tally(0)
    raw, fits, risks = [], [], []
    for index, y, physics in exam.parts(problem):
        xhat = f(y, physics)
        hy = physics(xhat)
        rng = key.streams(index.tolist(), y.device)
        fits.append(mean((y - hy) ** 2))
        if not no_sure(problem.noise):
            again = partial(lambda physics, z: physics(f(z, physics)), physics)
            risks.append(problem.noise.sure(y, again, hy, rng))
        raw.append(xhat)
        tally.count(len(index))
    xhat = bounded(torch.cat(raw), f"x̂ of {method}")
    found = problem.image(xhat)
    marks = _against_truth(found, exam.truth) if exam.truth is not None else {}
    each = problem.having(exam.places)
    if exam.x is not None and (parts := psnr_of_parts(xhat, exam.x, each)):
        marks |= {"psnr_range": _listed(parts[0]), "psnr_null": _listed(parts[1])}
    marks |= {"consistency": _listed(torch.cat(fits))}
    if risks:
        marks |= {"sure": _listed(torch.cat(risks))}
    assessed = Assessment(method, problem.noise.level, marks, found)
    if not n_bootstrap:
        return assessed
    bars = bootstrap(f, problem, exam, n_bootstrap, key / "bootstrap", tally)
    marks["bound_90"] = _listed(bars.bound(0.9))
    coverage = {} if exam.x is None else bars.coverage(xhat - exam.x)
    return replace(assessed, bars=bars, coverage=coverage)


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


@dataclass(frozen=True)
class MarkColumn:
    """A column of the table of marks: the mark, its head on screen, and how it is shown.

    Without its ``deviation`` over the images a table stays within 80 columns.
    """

    name: str
    title: str
    unit: str
    form: str
    deviation: bool = True

    def shown(self, one: Assessment) -> str:
        """The mean over the images (± the standard deviation, where there are several)."""
        several = self.deviation and len(one.marks[self.name]) > 1
        spread = f" ± {one.std(self.name):{self.form}}" if several else ""
        return f"{one.mean(self.name):{self.form}}{spread}"


#: Columns of the table; files have all marks. The last two of the first are the PSNR of what A sees
#: of the error, and of what it does not.
AGAINST_TRUTH = (
    MarkColumn("psnr", "PSNR", "dB", ".2f"),
    MarkColumn("rei_legacy_psnr", "legacy", "dB", ".2f", deviation=False),
    MarkColumn("ssim", "SSIM", "", ".3f"),
    MarkColumn("nmse", "NMSE", "", ".3f", deviation=False),
    MarkColumn("psnr_range", "range", "dB", ".2f", deviation=False),
    MarkColumn("psnr_null", "null", "dB", ".2f", deviation=False),
)
WITHOUT_TRUTH = (
    MarkColumn("consistency", "‖y − Ax̂‖²/m", "", ".3g"),
    MarkColumn("sure", "SURE of ‖Ax̂ − Ax‖²/m", "", ".3g"),
)


def columns_of(one: Assessment) -> list[MarkColumn]:
    """The columns of a table of such assessments."""
    told = AGAINST_TRUTH if "psnr" in one.marks else WITHOUT_TRUTH
    return [column for column in told if column.name in one.marks]


#: Facts of a network that is assessed.
ORIGIN = ("Run", "Seed", "Step")


def per_image_csv(each: Sequence[Assessment], task: str) -> str:
    """A row for each noise level, method and image; PSNR in dB, SURE and consistency as y²."""
    rows = (
        [*(one.origin.get(name, "") for name in ORIGIN), one.noise, one.method, image, *values]
        for one in each
        for image, values in enumerate(zip(*one.marks.values(), strict=True))
    )
    heading = [*ORIGIN, "noise", "method", "image", *each[0].marks]
    return written(heading, rows, {"Task": task})


def summary(each: Sequence[Assessment]) -> list[dict[str, Any]]:
    """Mean and standard deviation of every mark, one entry for each noise level and method."""
    return [
        {
            "noise": one.noise,
            "method": one.method,
            "images": len(one.images),
            **{name: {"mean": one.mean(name), "std": one.std(name)} for name in one.marks},
            **({"coverage": one.coverage} if one.coverage else {}),
        }
        for one in each
    ]
