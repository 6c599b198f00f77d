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
from reilab.batch.results import FinishedRun, LevelResults, LevelSeries, series_of, unmarked
from reilab.batch.tables import differences_csv, results_csv, seeds_csv, tables_md, timings_csv
from reilab.disk import replace_text
from reilab.record.history import History
from reilab.runs.account import read_run
from reilab.runs.report import as_command
from reilab.show import gallery
from reilab.show.charts import svg_style, to_svg
from reilab.show.figures import side_by_side, small_png
from reilab.show.gallery import templates
from reilab.show.noise import NoiseChart, NoiseLine, Score
from reilab.show.noise import noise_chart as noise_chart_of
from reilab.show.results import BASELINE
from reilab.show.scene import scene_of
from reilab.tasks.registry import Task, find_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def chart_of(series: LevelSeries) -> NoiseChart:
    """PSNR of A†y and of each method over the noise level."""
    scores: dict[str, dict[float, Score]] = {name: {} for name in (BASELINE, *series.methods)}
    for level in series.levels:
        for name, own in scores.items():
            if found := level.score(name, "psnr"):
                own[level.noise] = (found.mean, found.over_seeds)
    spec = vars(series.levels[0].runs[0].config.spec)
    return noise_chart_of(series.task, spec, [level.noise for level in series.levels], scores)


def noise_chart(series: LevelSeries) -> str:
    """PSNR of A†y and of each method over the noise level, as an SVG element.

    Points are means over test images and seeds; bars are deviations over the seeds, where there are
    several. Empty without ground truth.
    """
    # Loaded here because it takes a second.
    from matplotlib.figure import Figure

    chart = chart_of(series)
    lines = [line for line in chart.lines if line.scores]
    if not lines:
        return ""
    with svg_style():
        figure = Figure(figsize=(5.2, 3.0), layout="constrained")
        axis = figure.subplots()
        for line in lines:
            _draw(axis, line)
        axis.set(xlabel=chart.label, ylabel="PSNR [dB]")
        axis.set_title(chart.title)
        if chart.log:
            axis.set_xscale("log")
        axis.set_xticks(chart.levels, [f"{noise:g}" for noise in chart.levels])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
        return to_svg(figure)


def _draw(axis: Axes, line: NoiseLine) -> None:
    spreads = [spread for _, spread in line.scores.values()]
    several = any(spread is not None for spread in spreads)
    axis.errorbar(
        list(line.scores),
        [mean for mean, _ in line.scores.values()],
        yerr=[spread or 0.0 for spread in spreads] if several else None,
        label=line.title,
        color=line.colour,
        linestyle="--" if line.dashed else "-",
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
            reason = " ".join([standing.reason, *account.troubles, unmarked(account)]).strip()
            found.append((account.folder.name, str(standing.status), reason))
    return found
