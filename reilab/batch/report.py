"""The report of a grid: tables, PSNR against noise, reconstructions; one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reilab.batch.comparison import SOURCE, ComparisonTable, table_of, warning
from reilab.batch.grid import GridFolder
from reilab.batch.results import FinishedRun, LevelResults, LevelSeries, series_of
from reilab.batch.tables import differences_csv, results_csv, seeds_csv, tables_md, timings_csv
from reilab.disk import replace_text
from reilab.record.history import History
from reilab.runs.account import read_run
from reilab.runs.report import as_command
from reilab.show import gallery
from reilab.show.charts import svg_style, to_svg
from reilab.show.figures import side_by_side, small_png
from reilab.show.gallery import templates
from reilab.show.results import BASELINE
from reilab.show.scene import scene_of
from reilab.show.words import LETTERS, method_colour, method_title
from reilab.tasks.registry import Task, find_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = {BASELINE: "--"}


def noise_chart(series: LevelSeries) -> str:
    """PSNR of A†y and of each method over the noise level, as an SVG element.

    Points are means over test images and seeds; bars are deviations over the seeds, where there are
    several. Empty without ground truth.
    """
    # Loaded here because it takes a second.
    from matplotlib.figure import Figure

    task = find_task(series.task)
    with svg_style():
        figure = Figure(figsize=(5.2, 3.0), layout="constrained")
        axis = figure.subplots()
        for name in (BASELINE, *series.methods):
            _draw(axis, series, name)
        if not axis.lines:
            return ""
        level = task.level_name(vars(series.levels[0].runs[0].config.spec))
        unit, letter = task.settings[level].unit, LETTERS.get(level, level)
        axis.set(xlabel=f"{letter} [{unit}]" if unit else letter, ylabel="PSNR [dB]")
        axis.set_title(task.title)
        if min(level.noise for level in series.levels) > 0:
            axis.set_xscale("log")
        noises = [level.noise for level in series.levels]
        axis.set_xticks(noises, [f"{noise:g}" for noise in noises])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
        return to_svg(figure)


def _draw(axis: Axes, series: LevelSeries, name: str) -> None:
    found = [(level.noise, level.score(name, "psnr")) for level in series.levels]
    known = [(noise, score) for noise, score in found if score]
    if not known:
        return
    several = any(score.over_seeds is not None for _, score in known)
    axis.errorbar(
        [noise for noise, _ in known],
        [score.mean for _, score in known],
        yerr=[score.over_seeds or 0.0 for _, score in known] if several else None,
        label=method_title(name),
        color=method_colour(name),
        linestyle=STYLES.get(name, "-"),
        marker="o",
        markersize=4,
    )


HERE = Path(__file__).parent
#: Numbers in all pictures of a report; more would be many megabytes.
BUDGET = 2_500_000


@dataclass(frozen=True)
class Row:
    """The pictures of one noise level."""

    label: str
    sample: gallery.Sample


@dataclass(frozen=True)
class Section:
    """All that is told of a task."""

    task: Task
    preset: str
    n_train: int
    n_test: int
    table: ComparisonTable
    chart: str
    rows: list[Row]
    warning: str


def write_results(folder: GridFolder, runs: Sequence[FinishedRun]) -> None:
    """Write the tables, report.html and the folder ``summary``."""
    tables = {
        "results.csv": results_csv(runs),
        "seeds.csv": seeds_csv(runs),
        "differences.csv": differences_csv(runs),
    }
    for name, text in {**tables, "timings.csv": timings_csv(runs)}.items():
        replace_text(folder.path / name, text)
    replace_text(folder.path / "report.html", report_html(folder, runs))
    small = folder.path / "summary"
    small.mkdir(exist_ok=True)
    every = series_of(runs)
    for name, text in {**tables, "tables.md": tables_md(every)}.items():
        replace_text(small / name, text)
    for series in every:
        stem = f"{series.task}-{series.preset}"
        replace_text(small / f"{stem}.svg", noise_chart(series))
        (small / f"{stem}.png").write_bytes(small_png(side_by_side(rows_of(series))))


def rows_of(series: LevelSeries) -> dict[str, History]:
    """The methods side by side at each level, by what the level is called."""
    return {level.label: level.history for level in series.levels}


def report_html(folder: GridFolder, runs: Sequence[FinishedRun]) -> str:
    """Tables with the published figures, PSNR against noise, and the images at each level."""
    every = series_of(runs)
    n_numbers = sum(_numbers(series) for series in every)
    return (
        templates(HERE)
        .get_template("grid.html.j2")
        .render(
            name=folder.path.name,
            sections=[_section(series, with_errors=n_numbers <= BUDGET) for series in every],
            source=SOURCE,
            runs=[
                (run.folder.name, f"{_seconds(run):.0f}", as_command(run.config)) for run in runs
            ],
            unfinished=_unfinished(folder, runs),
            n_runs=len(runs),
        )
    )


def table_html(table: ComparisonTable, title: str) -> str:
    """One table, for a notebook."""
    macros = templates(HERE).get_template("table.html.j2").module
    return f"<h4>{escape(title)}</h4>{macros.table_html(table)}"  # type: ignore[attr-defined]


def _numbers(series: LevelSeries) -> int:
    """How many there are in the panes and error maps of all levels."""
    return sum(_size(level) * 2 * (2 + len(level.methods)) for level in series.levels)


def _size(level: LevelResults) -> int:
    scene = scene_of("", level.history, 0)
    return int(np.prod(scene.shots[0].image.shape)) if scene and scene.shots else 0


def _section(series: LevelSeries, with_errors: bool) -> Section:
    posed = series.levels[0].history.posed
    assert posed is not None
    return Section(
        task=find_task(series.task),
        preset=series.preset,
        n_train=posed.n_train,
        n_test=posed.n_test,
        table=table_of(series),
        chart=noise_chart(series),
        rows=[_row(label, history, with_errors) for label, history in rows_of(series).items()],
        warning=warning(series.preset),
    )


def _row(label: str, history: History, with_errors: bool) -> Row:
    scene = scene_of(label, history, 0)
    assert scene is not None
    # As in the paper: what is measured is not among the panes.
    sample = gallery.sample_of(replace(scene, measurement=None))
    return Row(label, sample if with_errors else replace(sample, errors=[]))


def _seconds(run: FinishedRun) -> float:
    return run.history.tracks[run.method].seconds


def _unfinished(folder: GridFolder, runs: Sequence[FinishedRun]) -> list[tuple[str, str, str]]:
    done = {run.folder.name for run in runs}
    found = []
    for account in map(read_run, folder.all_runs()):
        if account.folder.name not in done:
            standing = account.standing
            reason = " ".join([standing.reason, *account.troubles]).strip()
            found.append((account.folder.name, str(standing.status), reason))
    return found
