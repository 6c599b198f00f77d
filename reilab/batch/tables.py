"""Tables of a grid, as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from reilab.batch.comparison import (
    PAIRS,
    SOURCE,
    ComparisonLine,
    ComparisonTable,
    difference,
    table_of,
)
from reilab.batch.results import FinishedRun, LevelSeries, series_of
from reilab.events import Metrics
from reilab.runs.marks import Marks, mean_and_spread
from reilab.show import table
from reilab.show.results import BASELINE, pace, written
from reilab.tasks.registry import find_task

#: Columns of the metrics, with the digits that are worth telling.
METRICS = {column.name: (column.heading, column.digits) for column in table.METRICS}
KINDS = ("mean", "std")
#: What says, with the settings of the task, which images and measurements a row is of.
PROBLEM = ("task", "preset", "noise", "seed", "device")
LEGACY = {"legacy_psnr": ("legacy_psnr_db", 4)}


def results_csv(runs: Sequence[FinishedRun]) -> str:
    """A row for each run: every setting, then means and deviations over the test images.

    Baselines that were asked for have one for each problem and seed, of means alone. It holds
    nothing that depends on the hour or on the speed of the machine.
    """
    settings = [_settings(run) for run in runs]
    names = list(dict.fromkeys(name for row in settings for name in row))
    rows: list[list[object]] = []
    told: set[tuple[object, ...]] = set()
    for run, row in zip(runs, settings, strict=True):
        posed, track = run.history.posed, run.history.tracks[run.method]
        assert posed is not None
        counts = [posed.n_train, posed.n_test]
        start = _figures(run.marks[BASELINE])
        problem = {name: row[name] for name in (*PROBLEM, *vars(run.config.spec))}
        others = {} if tuple(problem.values()) in told else posed.baselines
        told.add(tuple(problem.values()))
        for baseline, metrics in others.items():
            own = problem | {"method": baseline}
            cells = [own.get(name, "") for name in names]
            rows.append([*cells, *counts, "", *_figures(metrics), *start])
        cells = [row.get(name, "") for name in names]
        figures = _figures(run.marks[run.method])
        rows.append([*cells, *counts, track.started.n_parameters, *figures, *start])
    columns = [f"{name}_{kind}" for name, _ in (METRICS | LEGACY).values() for kind in KINDS]
    heading = [*names, "n_train", "n_test", "parameters", *columns, *(f"pinv_{c}" for c in columns)]
    return written(heading, rows)


def seeds_csv(runs: Sequence[FinishedRun]) -> str:
    """A row for each baseline and method at each level: means over the seeds, both deviations."""
    heading = ["task", "preset", "noise", "method", "seeds"]
    for name, _ in METRICS.values():
        heading += [f"{name}_mean", f"{name}_std_images", f"{name}_std_seeds"]
    return written(heading, [row for series in series_of(runs) for row in _rows(series)])


def differences_csv(runs: Sequence[FinishedRun]) -> str:
    """A row for each pair of methods at each level: PSNR of one minus that of the other."""
    heading = ["task", "preset", "noise", "ahead", "behind", "images", "seeds"]
    heading += ["psnr_db_difference", "standard_error_images", "std_seeds"]
    rows = []
    for series in series_of(runs):
        for level in series.levels:
            for found in filter(None, (difference(level, *pair) for pair in PAIRS)):
                where = [series.task, series.preset, level.noise, found.ahead, found.behind]
                numbers = (found.mean, found.error, found.over_seeds)
                counts = [len(found.by_image), len(found.by_seed)]
                rows.append([*where, *counts, *(_rounded(number, 4) for number in numbers)])
    return written(heading, rows)


def timings_csv(runs: Sequence[FinishedRun]) -> str:
    """A row for each run: what differs from one machine, and from one call, to another."""
    rows = [[run.folder.name, *_timing(run)] for run in runs]
    return written(["run", "seconds", "steps_per_second"], rows)


def _timing(run: FinishedRun) -> list[str]:
    track = run.history.tracks[run.method]
    return [f"{track.seconds:.2f}", f"{pace(track) or 0:.3f}"]


def _rows(series: LevelSeries) -> list[list[object]]:
    rows: list[list[object]] = []
    for level in series.levels:
        for name in (BASELINE, *level.baselines, *level.methods):
            row: list[object] = [series.task, series.preset, level.noise, name]
            n_seeds = 0
            for metric, (_, digits) in METRICS.items():
                if found := level.score(name, metric):
                    n_seeds = found.n_seeds
                    numbers = (found.mean, found.over_images, found.over_seeds)
                    row += [_rounded(number, digits) for number in numbers]
                else:
                    row += ["", "", ""]
            rows.append([*row[:4], n_seeds, *row[4:]])
    return rows


def _settings(run: FinishedRun) -> dict[str, Any]:
    """Every setting of a run by name; lists are separated by spaces."""
    config = run.config
    plain = {
        "run": run.folder.name,
        "task": config.task,
        "preset": config.preset,
        "noise": config.noise,
        "method": run.method,
        "seed": config.training.seed,
        "assumed_noise": config.assumed_noise,
        "device": config.device,
        **config.values,
    }
    return {n: " ".join(map(str, v)) if isinstance(v, tuple) else v for n, v in plain.items()}


def _figures(marks: Marks | Metrics | None) -> list[str]:
    """Means and deviations, or means alone."""
    figures = []
    for metric, (_, digits) in (METRICS | LEGACY).items():
        values = getattr(marks, metric, None)
        pair = mean_and_spread(values) if isinstance(values, tuple) else (values, None)
        figures += [_rounded(number, digits) for number in pair]
    return figures


def _rounded(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


HEAD = """\
PSNR in dB, mean ± deviation over the test images, and over seeds in brackets; below it that of the
part of the error that A sees | of the rest. Differences are paired image by image, mean ± standard
error.
"""


def tables_md(every: Sequence[LevelSeries]) -> str:
    """The tables of all tasks."""
    return "\n".join([HEAD, *map(_section, every)])


def _section(series: LevelSeries) -> str:
    table = table_of(series)
    title = f"## {find_task(series.task).title}, preset {series.preset}\n"
    source = f"\nPublished: {SOURCE}\n" if table.has_published else ""
    return f"{title}\n{_grid(table)}\n{source}"


def _grid(table: ComparisonTable) -> str:
    rows = [table.heading, ["---"] * len(table.heading), *map(_cells, table.lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(line: ComparisonLine) -> list[str]:
    pairs = zip_longest(line.psnr, line.parts, fillvalue="")
    # A bar would end the cell.
    parts = (("<br>".join(filter(None, pair))).replace("|", "\\|") for pair in pairs)
    return [line.label, *parts]
