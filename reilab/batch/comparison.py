"""Comparison: methods against each other, image by image, and against published figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from reilab.batch.results import LevelResults, LevelSeries, Score
from reilab.runs.marks import mean_and_spread
from reilab.show.results import BASELINE
from reilab.show.words import method_title

SOURCE = (
    "README of the authors' code for Chen, Tachella & Davies, Robust Equivariant Imaging, "
    "CVPR 2022; each of one image"
)


@dataclass(frozen=True)
class Published:
    """PSNR in dB at one noise level, by method.

    Args:
        task: name of the task.
        noise: level.
        psnr: by name of the method, or of A†y.
        legacy: whether it is surely the metric of the authors' code (``rei_legacy_psnr``), which
            reads 4.77 dB lower for colour images. In inpainting the figure of A†y tells; in MRI and
            CT nobody has checked which metric the figures are of. There the two differ only in
            the peak, which is the maximum of the ground truth in one and 1 in the other.
    """

    task: str
    noise: float
    psnr: Mapping[str, float]
    legacy: bool = False


PUBLISHED = (
    Published("mri", 0.01, {"ei": 30.84, "rei": 30.98, "supervised": 32.12}),
    Published("mri", 0.1, {"ei": 24.56, "rei": 28.09, "supervised": 29.49}),
    Published("mri", 0.2, {"ei": 19.95, "rei": 27.16, "supervised": 28.60}),
    Published("ct", 1.0, {BASELINE: 14.12, "ei": 22.02, "rei": 29.68, "supervised": 29.96}),
    Published(
        "inpainting",
        0.1,
        {BASELINE: 4.70, "ei": 9.61, "rei": 17.75, "supervised": 18.71},
        legacy=True,
    ),
)


def published(task: str, noise: float) -> Published | None:
    """What was published for a task at a level."""
    return next((one for one in PUBLISHED if (one.task, one.noise) == (task, noise)), None)


def warning(preset: str) -> str:
    """How far one's own figures can be compared with the published ones."""
    if preset == "paper":
        return "Published figures are of single images, ours are means over the test images."
    return (
        "Not comparable: the published figures are of other images, larger networks and longer "
        "training, and of single images. They show where the paper stands, not what is missed here."
    )


#: Who is compared with whom, where both were run.
PAIRS = (("rei", "ei"), ("rei", "sure"), ("supervised", "rei"))


@dataclass(frozen=True)
class Difference:
    """PSNR of one method minus that of another, in dB.

    Args:
        ahead: the first method.
        behind: the second.
        by_image: of each test image, mean over the seeds.
        by_seed: of each seed that has both methods, mean over the images.
    """

    ahead: str
    behind: str
    by_image: tuple[float, ...]
    by_seed: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over test images and seeds."""
        return fmean(self.by_image)

    @property
    def error(self) -> float | None:
        """Standard error of the mean over the test images; ``None`` for one image.

        Images that resemble each other, such as slices of one person, make it too small.
        """
        _, spread = mean_and_spread(self.by_image)
        return None if spread is None else spread / math.sqrt(len(self.by_image))

    @property
    def over_seeds(self) -> float | None:
        """Standard deviation over the seeds of the mean over the images."""
        return mean_and_spread(self.by_seed)[1]

    @property
    def chance(self) -> float:
        """How likely such ranks are if neither is better (Wilcoxon's signed-rank test).

        Like ``error`` it takes the images for independent of each other, and knows no seeds.
        """
        # Loaded here because it takes a while, and few ask.
        from scipy.stats import wilcoxon

        return float(wilcoxon(self.by_image).pvalue) if any(self.by_image) else 1.0


def difference(level: LevelResults, ahead: str, behind: str) -> Difference | None:
    """How far ``ahead`` is; ``None`` if no seed has both, or there is no ground truth."""
    first, second = _psnr_by_seed(level, ahead), _psnr_by_seed(level, behind)
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    each = [[a - b for a, b in zip(first[seed], second[seed], strict=True)] for seed in seeds]
    by_image = tuple(map(fmean, zip(*each, strict=True)))
    return Difference(ahead, behind, by_image, tuple(map(fmean, each)))


def _psnr_by_seed(level: LevelResults, method: str) -> dict[int, tuple[float, ...]]:
    """PSNR of each test image by seed."""
    runs = [run for run in level.runs if run.method == method]
    each = {run.config.training.seed: run.marks[method] for run in runs}
    return {seed: marks.psnr for seed, marks in each.items() if marks}


@dataclass(frozen=True)
class ComparisonLine:
    """One line of the table; ``ours`` tells it from the published ones.

    Args:
        label: what it is about.
        psnr: a cell for each column, in dB.
        ssim: likewise; empty where it is not told.
        parts: the PSNR of what A sees of the error and of the rest, likewise.
        ours: whether it was measured here.
    """

    label: str
    psnr: tuple[str, ...]
    ssim: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    ours: bool = True


@dataclass(frozen=True)
class ComparisonTable:
    """PSNR, mean ± deviation over the test images; its parts and SSIM, means over them.

    Differences are paired image by image, mean ± standard error.
    """

    heading: tuple[str, ...]
    lines: tuple[ComparisonLine, ...]

    @property
    def has_published(self) -> bool:
        """Whether any figures in it are not ours."""
        return not all(line.ours for line in self.lines)


def table_of(series: LevelSeries) -> ComparisonTable:
    """Baselines and methods at each level, and how far one is ahead of another, see ``PAIRS``."""
    names = tuple(series.rows)
    pairs = tuple(pair for pair in PAIRS if set(pair) <= set(names))
    leads = (f"{method_title(a)} − {method_title(b)}" for a, b in pairs)
    heading = ("noise", *map(method_title, names), *leads)
    lines: list[ComparisonLine] = []
    for level in series.levels:
        similar = [level.score(name, "ssim") for name in names]
        ssim = tuple(f"{score.mean:.3f}" if score else "" for score in similar)
        parts = tuple(_parts(level, name) for name in names)
        psnr = (*_psnr(level, names, "psnr"), *(_lead(level, *pair) for pair in pairs))
        lines.append(ComparisonLine(level.label, psnr, ssim, parts))
        if found := published(series.task, level.noise):
            if found.legacy:
                legacy = _psnr(level, names, "legacy_psnr")
                lines.append(
                    ComparisonLine("in the authors' metric", (*legacy, *([""] * len(pairs))))
                )
            cells = _published_cells(found, names, pairs)
            lines.append(ComparisonLine("published", cells, ours=False))
    return ComparisonTable(heading, tuple(lines))


def _psnr(level: LevelResults, names: tuple[str, ...], metric: str) -> tuple[str, ...]:
    return tuple(_told(level.score(name, metric)) for name in names)


def _lead(level: LevelResults, ahead: str, behind: str) -> str:
    """Mean ± standard error of the paired difference."""
    found = difference(level, ahead, behind)
    if found is None:
        return ""
    return _signed(found.mean) + (f" ± {found.error:.2f}" if found.error is not None else "")


def _parts(level: LevelResults, name: str) -> str:
    seen, lost = (level.score(name, part) for part in ("psnr_range", "psnr_null"))
    return f"{seen.mean:.2f} | {lost.mean:.2f}" if seen and lost else ""


def _told(score: Score | None) -> str:
    if score is None:
        return ""
    words = f"{score.mean:.2f}"
    if score.over_images is not None:
        words += f" ± {score.over_images:.2f}"
    if score.over_seeds is not None:
        words += f" (seeds ± {score.over_seeds:.2f})"
    return words


def _published_cells(
    found: Published, names: tuple[str, ...], pairs: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    cells = [f"{found.psnr[name]:.2f}" if name in found.psnr else "" for name in names]
    for ahead, behind in pairs:
        known = ahead in found.psnr and behind in found.psnr
        cells.append(_signed(found.psnr[ahead] - found.psnr[behind]) if known else "")
    return tuple(cells)


def _signed(difference: float) -> str:
    return f"{difference:+.2f}".replace("-", "−")
