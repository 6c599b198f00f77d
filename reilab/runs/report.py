"""report: one run as one HTML file that needs nothing else, on screen and on paper."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reilab.runs import jobs
from reilab.runs.charts import svg_charts
from reilab.runs.command import command_of
from reilab.runs.config import from_yaml
from reilab.runs.folder import RunFolder
from reilab.runs.fork import parent_of
from reilab.runs.history import History, history_of
from reilab.runs.notes import read_notes
from reilab.runs.panes import (
    MEASUREMENT,
    PINV,
    TRUTH,
    error_of,
    error_png,
    pane_names,
    pane_png,
)
from reilab.runs.results import BASELINE, Result, results
from reilab.runs.words import steering_log
from reilab.tasks.registry import find_task

#: Numbers in all pictures of a report: about as many bytes, and never many megabytes.
BUDGET = 4_000_000
STRIP_MOMENTS = 6
COLUMNS = (
    *("method", "PSNR [dB]", "SSIM", "NMSE", "gain over A†y [dB]", "gap to supervised [dB]"),
    *("step", "seconds", "steps/s", "parameters"),
)


@dataclass(frozen=True)
class Shown:
    """A picture with its caption; ``source`` is a data URI."""

    name: str
    told: str
    source: str


@dataclass(frozen=True)
class Sample:
    """All that is shown of one test image; ``None`` where a pane has no error map."""

    number: int
    images: list[Shown]
    errors: list[Shown | None]


def report_html(folder: RunFolder) -> str:
    """The report of a run as it stands now.

    Raises:
        ValueError: its task is not known here.
    """
    config, history = from_yaml(folder.config), history_of(folder.events())
    standing, task = jobs.standing(folder, history), find_task(config.task)
    n_samples, n_moments = _affordable(history)
    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("report.html.j2").render(
        title=task.title,
        run=folder.name,
        status=f"{standing.status}, {history.progress:.0%} done",
        summary=task.summary,
        failure=standing.reason,
        parent=parent_of(folder),
        notes=read_notes(folder).text,
        judged=history.posed is None or history.posed.truth is not None,
        n_test=history.posed.n_test if history.posed else 0,
        columns=COLUMNS,
        table=[_cells(row) for row in results(history)],
        samples=[_sample(history, number) for number in range(n_samples)],
        strips=_strips(history, n_moments),
        charts=svg_charts(history),
        steering=steering_log(history),
        command=command_of(folder),
        config=folder.config,
    )


def _affordable(history: History) -> tuple[int, int]:
    """How many test images, and moments of the first one, have room in a report."""
    if history.posed is None:
        return 0, 0
    n, *shape = history.posed.pinv.shape
    one = int(np.prod(shape)) * 2 * len(pane_names(history))
    moments = int(np.prod(shape)) * max(1, len(history.tracks))
    n_samples = max(1, min(n, BUDGET // 2 // one))
    return n_samples, max(0, min(STRIP_MOMENTS, BUDGET // 2 // moments))


def _sample(history: History, number: int) -> Sample:
    end = _last_step(history)
    names = pane_names(history)
    images = [_shown(history, name, number, end) for name in names]
    if TRUTH not in names:
        return Sample(number + 1, images, [])
    judged = [name for name in names if name not in (TRUTH, MEASUREMENT)]
    # What A†y misses would drown the differences between the methods.
    methods = [name for name in judged if name != PINV] or judged
    maps = [error_of(history, name, number, end) for name in methods]
    top = max(float(np.quantile(error, 0.99)) for error in maps) or 1.0
    errors = [_error(history, name, number, end, top) if name in judged else None for name in names]
    return Sample(number + 1, images, errors)


def _error(history: History, name: str, number: int, step: int, top: float) -> Shown:
    picture = error_png(history, name, number, step, top)
    return Shown(_title(history, name), f"0 to {top:.2g}", _uri(picture))


def _shown(history: History, name: str, number: int, step: int) -> Shown:
    assert history.posed is not None
    window = (0.0, 1.0) if name == MEASUREMENT else history.posed.value_range
    each = history.posed.pinv_per_image if name == PINV else None
    if name in history.tracks:
        moment = history.tracks[name].at(step)
        each = moment.per_image if moment else None
    told = f"{each[number].psnr:.2f} dB, SSIM {each[number].ssim:.3f}" if each else ""
    picture = pane_png(history, name, number, step, window)
    return Shown(_title(history, name), told, _uri(picture))


def _strips(history: History, most: int) -> list[list[Shown]]:
    """The first test image over the moments of the run, a row for each method."""
    strips = []
    for method, track in history.tracks.items():
        steps = [event.step for event in track.evaluated]
        if most < 2 or len(steps) < 2:
            continue
        places = np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int)
        row = [(steps[place], _shown(history, method, 0, steps[place])) for place in places]
        strips.append(
            [
                Shown(one.name, ", ".join(filter(None, [f"step {step}", one.told])), one.source)
                for step, one in row
            ]
        )
    return strips


def _title(history: History, name: str) -> str:
    given = {TRUTH: "ground truth", PINV: BASELINE}
    if history.posed is not None:
        given[MEASUREMENT] = history.posed.measurement_title
    return given.get(name, name)


def _last_step(history: History) -> int:
    return max((track.step for track in history.tracks.values()), default=0)


def _cells(row: Result) -> list[str]:
    found = asdict(row.metrics) if row.metrics else {"psnr": None, "ssim": None, "nmse": None}
    return [
        row.method,
        _number(found["psnr"], ".2f"),
        _number(found["ssim"], ".3f"),
        _number(found["nmse"], ".4f"),
        _number(row.gain, "+.2f"),
        _number(row.gap, ".2f"),
        _number(row.step, "d"),
        _number(row.seconds, ".0f"),
        _number(row.steps_per_second, ".2f"),
        _number(row.parameters, ",d"),
    ]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
