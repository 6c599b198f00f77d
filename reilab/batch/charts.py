"""PSNR against noise: the figure in which EI falls and REI holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reilab.batch.results import LevelSeries
from reilab.show.charts import svg_style, to_svg
from reilab.show.results import BASELINE
from reilab.show.words import LETTERS, method_colour, method_title
from reilab.tasks.registry import find_task

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
