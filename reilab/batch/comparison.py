"""The table of a task: a line per noise level, and the published figures under ours."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.batch.published import Published, published
from reilab.batch.results import Level, Score, Series
from reilab.runs.results import BASELINE
from reilab.runs.words import method_title

LEAD = ("rei", "ei")


@dataclass(frozen=True)
class Line:
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
class Table:
    """PSNR, mean ± deviation over the test images; its parts and SSIM, means over them."""

    heading: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def has_published(self) -> bool:
        """Whether any figures in it are not ours."""
        return not all(line.ours for line in self.lines)


def table_of(series: Series) -> Table:
    """A†y and the methods at each level; the lead of REI over EI where both are known."""
    names = (BASELINE, *series.methods)
    has_lead = set(LEAD) <= set(names)
    heading = ("noise", *map(method_title, names), *(["REI − EI"] if has_lead else []))
    lines: list[Line] = []
    for level in series.levels:
        similar = [level.score(name, "ssim") for name in names]
        ssim = tuple(f"{score.mean:.3f}" if score else "" for score in similar)
        parts = tuple(_parts(level, name) for name in names)
        lines.append(Line(level.label, _psnr(level, names, "psnr", has_lead), ssim, parts))
        if found := published(series.task, level.noise):
            if found.legacy:
                cells = _psnr(level, names, "legacy_psnr", has_lead)
                lines.append(Line("in the authors' metric", cells))
            cells = _published_cells(found, names, has_lead)
            lines.append(Line("published", cells, ours=False))
    return Table(heading, tuple(lines))


def _psnr(level: Level, names: tuple[str, ...], metric: str, has_lead: bool) -> tuple[str, ...]:
    scores = {name: level.score(name, metric) for name in names}
    cells = [_told(score) for score in scores.values()]
    if has_lead:
        ahead, behind = (scores[name] for name in LEAD)
        cells.append(_lead(ahead.mean, behind.mean) if ahead and behind else "")
    return tuple(cells)


def _parts(level: Level, name: str) -> str:
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


def _published_cells(found: Published, names: tuple[str, ...], has_lead: bool) -> tuple[str, ...]:
    cells = [f"{found.psnr[name]:.2f}" if name in found.psnr else "" for name in names]
    if has_lead:
        cells.append(_lead(*(found.psnr[name] for name in LEAD)))
    return tuple(cells)


def _lead(ahead: float, behind: float) -> str:
    return f"{ahead - behind:+.2f}".replace("-", "−")
