"""Results of a grid: the finished runs, what they have come to, and their means over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from reilab.batch.grid import GridFolder
from reilab.events import Metrics
from reilab.methods.registry import methods
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.account import Account, read_run
from reilab.runs.config import RunConfig
from reilab.runs.marks import Marks, marks_fault, mean_and_spread, read_marks
from reilab.show.results import BASELINE
from reilab.show.words import LETTERS
from reilab.tasks.registry import find_task


@dataclass(frozen=True)
class FinishedRun:
    """A run that is done: one method at one noise level with one seed."""

    folder: RunFolder
    config: RunConfig
    history: History
    marks: Mapping[str, Marks | None]

    @property
    def method(self) -> str:
        return self.config.methods[0]


@dataclass(frozen=True)
class Score:
    """A metric of a method at a level.

    Args:
        mean: over test images and seeds.
        over_images: standard deviation over the test images, mean over the seeds.
        over_seeds: standard deviation over the seeds of the mean over the images.
        n_seeds: how many.
    """

    mean: float
    over_images: float | None
    over_seeds: float | None
    n_seeds: int


@dataclass(frozen=True)
class LevelResults:
    """All finished runs of a task and preset at one noise level."""

    noise: float
    runs: tuple[FinishedRun, ...]

    @property
    def label(self) -> str:
        """As in “σ = 0.1”."""
        config = self.runs[0].config
        name = find_task(config.task).level_name(vars(config.spec))
        return f"{LETTERS.get(name, name)} = {self.noise:g}"

    @property
    def methods(self) -> list[str]:
        """Those that there are, in order."""
        found = {run.method for run in self.runs}
        return [method for method in in_order() if method in found]

    @property
    def baselines(self) -> Mapping[str, Mapping[int, Metrics]]:
        """Means over the test images by seed; no name tells the number that was chosen."""
        found: dict[str, dict[int, Metrics]] = {}
        for run in self.runs:
            posed = run.history.posed
            for row, metrics in (posed.baselines if posed else {}).items():
                found.setdefault(row.partition(",")[0], {})[run.config.training.seed] = metrics
        return found

    @property
    def history(self) -> History:
        """The methods side by side, as in one run that compares them: the first seed of each."""
        first = {run.method: run for run in reversed(self.runs)}
        tracks = {name: first[name].history.tracks[name] for name in self.methods}
        return History(self.runs[0].history.posed, tracks)

    def score(self, name: str, metric: str) -> Score | None:
        """Of a method or a baseline; ``None`` if it was not run, or there is no ground truth."""
        each: list[Marks | Metrics | None]
        each = [run.marks.get(name) for run in self.runs if name in (run.method, BASELINE)]
        if name == BASELINE:
            # Every method starts from the same measurements.
            seeds = {run.config.training.seed: run.marks[BASELINE] for run in self.runs}
            each = list(seeds.values())
        each += self.baselines.get(name, {}).values()
        values = [v for one in each if (v := getattr(one, metric, None)) is not None]
        if not values:
            return None
        told = (mean_and_spread(v) if isinstance(v, tuple) else (v, None) for v in values)
        means, spreads = zip(*told, strict=True)
        known = [spread for spread in spreads if spread is not None]
        mean, over_seeds = mean_and_spread(means)
        return Score(mean, fmean(known) if known else None, over_seeds, len(means))


@dataclass(frozen=True)
class LevelSeries:
    """A task with a preset, level by level."""

    task: str
    preset: str
    levels: tuple[LevelResults, ...]

    @cached_property
    def methods(self) -> list[str]:
        """Those of any level, in order."""
        found = {method for level in self.levels for method in level.methods}
        return [method for method in in_order() if method in found]

    @cached_property
    def rows(self) -> list[str]:
        """A†y, other baselines of any level, then the methods."""
        others = dict.fromkeys(name for level in self.levels for name in level.baselines)
        return [BASELINE, *others, *self.methods]


def in_order() -> list[str]:
    """The names of all methods, those that need ground truth last."""
    known = methods()
    return sorted(known, key=lambda name: known[name].oracle)


def finished_runs(folder: GridFolder) -> list[FinishedRun]:
    """All that are done, by task, preset, noise, method and seed."""
    found = [
        FinishedRun(one.folder, one.config, one.history, read_marks(one.folder))
        for one in map(read_run, folder.all_runs())
        if one.config and one.history.finished and not unmarked(one)
    ]
    return sorted(found, key=_place)


def unmarked(run: Account) -> str:
    """Why a run has no marks that has come to its end; empty otherwise."""
    return marks_fault(run.folder) if run.history.finished else ""


def series_of(runs: Sequence[FinishedRun]) -> list[LevelSeries]:
    """The runs sorted into tasks and noise levels."""
    found: dict[tuple[str, str], dict[float, list[FinishedRun]]] = {}
    for run in runs:
        levels = found.setdefault((run.config.task, run.config.preset), {})
        levels.setdefault(run.config.noise, []).append(run)
    return [
        LevelSeries(
            *kind, tuple(LevelResults(noise, tuple(each)) for noise, each in levels.items())
        )
        for kind, levels in found.items()
    ]


def _place(run: FinishedRun) -> tuple[str, str, float, int, int]:
    config = run.config
    method = in_order().index(run.method)
    return config.task, config.preset, config.noise, method, config.training.seed
