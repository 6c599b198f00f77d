"""Paired differences: how far one method is ahead of another on the same test images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean

from reilab.batch.results import LevelResults
from reilab.runs.marks import mean_and_spread

#: Who is compared with whom, where both were run.
PAIRS = (("rei", "ei"), ("rei", "sure"), ("supervised", "rei"))


@dataclass(frozen=True)
class Difference:
    """PSNR of one method minus that of another, in dB.

    Args:
        ahead: the first method.
        behind: the second.
        mean: over test images and seeds.
        error: standard error of the mean over the test images, each averaged over the seeds first;
            ``None`` for one image. Images that resemble each other, such as slices of one person,
            make it too small.
        over_seeds: standard deviation over the seeds of the mean over the images.
        n_images: how many.
        n_seeds: how many have both methods.
    """

    ahead: str
    behind: str
    mean: float
    error: float | None
    over_seeds: float | None
    n_images: int
    n_seeds: int


def difference(level: LevelResults, ahead: str, behind: str) -> Difference | None:
    """How far ``ahead`` is; ``None`` if no seed has both, or there is no ground truth."""
    first, second = _psnr(level, ahead), _psnr(level, behind)
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    by_seed = [[a - b for a, b in zip(first[seed], second[seed], strict=True)] for seed in seeds]
    by_image = [fmean(values) for values in zip(*by_seed, strict=True)]
    mean, spread = mean_and_spread(by_image)
    _, over_seeds = mean_and_spread([fmean(values) for values in by_seed])
    error = None if spread is None else spread / math.sqrt(len(by_image))
    return Difference(ahead, behind, mean, error, over_seeds, len(by_image), len(seeds))


def _psnr(level: LevelResults, method: str) -> dict[int, tuple[float, ...]]:
    """PSNR of each test image by seed."""
    runs = [run for run in level.runs if run.method == method]
    each = {run.config.training.seed: run.marks[method] for run in runs}
    return {seed: marks.psnr for seed, marks in each.items() if marks}
