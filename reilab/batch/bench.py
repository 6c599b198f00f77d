"""The benchmark: all methods on the same measurements, and how a new one stands among them.

An edition says what is the same for everybody: problems, noise levels, one operator for all images
or many, seeds and, by its preset, network and budget. That the problems are those of the edition is
checked by what A†y comes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reilab.batch.comparison import Difference, difference
from reilab.batch.grid import Grid, cells_of
from reilab.batch.results import FinishedRun, LevelResults, LevelSeries, Score, in_order, series_of
from reilab.methods.registry import find_method
from reilab.noise.registry import NOISES
from reilab.physics.places import MANY, ONE
from reilab.settings import choose
from reilab.show.results import BASELINE, written
from reilab.show.words import method_title
from reilab.tasks.registry import MODEL, find_task

#: With what every method is compared.
RIVAL = "rei"
#: Chance below which a difference is marked.
CHANCE = 0.05
#: How far A†y may be from that of the edition, in dB: machines round differently.
TOLERANCE = 0.02


@dataclass(frozen=True)
class Edition:
    """What is the same for everybody.

    Args:
        title: of the edition.
        preset: of its runs.
        start: levels by task, each with the PSNR of A†y in dB: the mean over test images and seeds.
        operators: one for all images, or many.
        seeds: of the runs.
    """

    title: str
    preset: str
    start: Mapping[str, Mapping[float, float]]
    operators: str = ONE
    seeds: tuple[int, ...] = (0, 1, 2)

    @property
    def settings(self) -> dict[str, str]:
        """In which its problems are not those of the preset."""
        return {} if self.operators == ONE else {"operators": self.operators}

    def suits(self, method: str) -> bool:
        """Whether every problem has what a method needs: of its noise, or many operators."""
        chosen = find_method(method)
        if chosen.crosses and self.operators == ONE:
            return False
        specs = (find_task(task).configure(self.preset, self.settings) for task in self.start)
        models = [NOISES.find(vars(spec)[MODEL]) for spec in specs]
        return not any(model.lacks(need) for need in chosen.needs for model in models)

    def grid(self, methods: Sequence[str], device: str) -> Grid:
        """The runs of some methods, or of all that are suited, and of the rival."""
        noise = [f"{task}={level!r}" for task, levels in self.start.items() for level in levels]
        asked = tuple(dict.fromkeys((*(methods or filter(self.suits, in_order())), RIVAL)))
        own = tuple(f"{name}={value}" for name, value in self.settings.items())
        return Grid(self.preset, tuple(self.start), tuple(noise), asked, self.seeds, own, device)

    def own(self, runs: Sequence[FinishedRun], device: str) -> list[FinishedRun]:
        """Those runs, of any method, that have its problems, seeds and settings."""
        cells = cells_of(self.grid([RIVAL], device))
        return [
            run
            for run in runs
            for cell in cells
            # What suits another problem need not suit that of the cell.
            if cell.config().spec == run.config.spec
            and replace(cell, method=run.method).config() == run.config
        ]


EDITIONS = (
    Edition(
        "reilab quick 1",
        "quick",
        {"mri": {0.1: 17.22}, "inpainting": {0.05: 10.55}, "ct": {20.0: 18.03}},
    ),
    # The angles of CT are the same for all images.
    Edition(
        "reilab quick 1, many operators",
        "quick",
        {"mri": {0.1: 17.46}, "inpainting": {0.05: 10.55}},
        operators=MANY,
    ),
    Edition("reilab smoke 1", "smoke", {"mri": {0.1: 19.23}}, seeds=(0, 1)),
)


def find_edition(preset: str, operators: str) -> Edition:
    """The edition of a preset, with one operator or many.

    Raises:
        ValueError: there is none (with the nearest match).
    """
    choose("preset of an edition", preset, dict.fromkeys(one.preset for one in EDITIONS))
    known = {one.operators: one for one in EDITIONS if one.preset == preset}
    return known[choose(f"operators of edition {preset!r}", operators, known)]


@dataclass(frozen=True)
class BenchEntry:
    """How a method, or A†y, stands in one problem."""

    series: LevelSeries
    level: LevelResults
    method: str

    @property
    def score(self) -> Score | None:
        """Its PSNR."""
        return self.level.score(self.method, "psnr")

    @property
    def lead(self) -> Difference | None:
        """How far it is ahead of the rival."""
        alone = self.method in (BASELINE, RIVAL)
        return None if alone else difference(self.level, self.method, RIVAL)

    @property
    def differs(self) -> bool:
        """Whether images tell it from the rival, and every seed says the same."""
        if not (lead := self.lead):
            return False
        return lead.chance < CHANCE and min(lead.by_seed) * max(lead.by_seed) > 0

    @property
    def told(self) -> str:
        """PSNR ± deviation over the seeds, with a star where it differs from the rival."""
        if not (score := self.score):
            return ""
        spread = f" ± {score.over_seeds:.2f}" if score.over_seeds is not None else ""
        star = " *" if self.differs else ""
        return f"{score.mean:.2f}{spread}{star}"


def entries(runs: Sequence[FinishedRun]) -> list[BenchEntry]:
    """Of A†y and all methods in all problems, problem by problem."""
    return [
        BenchEntry(series, level, method)
        for series in series_of(runs)
        for level in series.levels
        for method in (BASELINE, *level.methods)
    ]


def strangers(edition: Edition, found: Iterable[BenchEntry]) -> list[str]:
    """Problems that are not those of the edition: other images, operators or noise."""
    words = []
    for one in found:
        frozen = edition.start[one.series.task][one.level.noise]
        if one.method == BASELINE and one.score and abs(one.score.mean - frozen) > TOLERANCE:
            words.append(
                f"{one.series.task}, {one.level.label}: A†y has {one.score.mean:.2f} dB and not "
                f"{frozen:.2f}: these are other images, another operator or other noise than those "
                f"of {edition.title!r}"
            )
    return words


def table_of(found: Sequence[BenchEntry]) -> list[list[str]]:
    """A row for A†y and each method, those that need ground truth last, under a heading."""
    problems = list(dict.fromkeys((one.series.task, one.level.label) for one in found))
    cells = {(one.method, one.series.task, one.level.label): one for one in found}
    known = [BASELINE, *(name for name in in_order() if name in {one.method for one in found})]
    heading = ["PSNR [dB]", *(f"{find_task(task).title}, {label}" for task, label in problems)]
    rows = []
    for name in known:
        own = [cells.get((name, *problem)) for problem in problems]
        rows.append([method_title(name), *(one.told if one else "" for one in own)])
    return [heading, *rows]


def bench_md(edition: Edition, found: Sequence[BenchEntry]) -> str:
    """The table as Markdown."""
    heading, *rows = table_of(found)
    note = (
        f"{edition.title}: PSNR in dB, mean over the test images ± deviation over "
        f"{len(edition.seeds)} seeds; * differs from {method_title(RIVAL)}: by ranks of the images "
        f"(Wilcoxon, p < {CHANCE:g}) and in the same direction with every seed."
    )
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join([note, "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def bench_csv(found: Sequence[BenchEntry]) -> str:
    """A row for each method, and A†y, in each problem."""
    heading = ["task", "preset", "noise", "method", "seeds", "images", "psnr_db", "std_seeds"]
    heading += ["minus_rei_db", "standard_error_images", "wilcoxon_p"]
    rows = []
    for one in found:
        score, lead = one.score, one.lead
        where = [one.series.task, one.series.preset, one.level.noise, one.method]
        own = (score.mean, score.over_seeds) if score else (None, None)
        against = (lead.mean, lead.error, lead.chance) if lead else (None, None, None)
        counts = [score.n_seeds if score else 0, len(lead.by_image) if lead else None]
        rows.append([*where, *counts, *(number and f"{number:.4g}" for number in own + against)])
    return written(heading, rows)
