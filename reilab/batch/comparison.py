"""The table of a task: a line per noise level, and the published figures under ours."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.batch.differences import PAIRS, difference
from reilab.batch.published import Published, published
from reilab.batch.results import LevelResults, LevelSeries, Score
from reilab.show.results import BASELINE
from reilab.show.words import method_title


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
    """A†y and the methods at each level, and how far one is ahead of another, see ``PAIRS``."""
    names = (BASELINE, *series.methods)
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
