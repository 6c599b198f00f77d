"""What the command line shows of runs: progress, results, and a trial before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from reilab.cli.terminal import console, words
from reilab.events import Event, Failed, Metrics, Refused
from reilab.record.folder import RunFolder
from reilab.record.history import History, Track
from reilab.runs.config import RunConfig
from reilab.runs.drive import Sink
from reilab.runs.trial import Trial, n_evaluations
from reilab.show.results import results
from reilab.show.table import GAIN, METRICS, SECONDS, STEP
from reilab.show.words import method_title
from reilab.trained.tally import Watch

COLUMNS = (*METRICS, GAIN, STEP, SECONDS)
#: What ``--json`` tells of the metrics.
TOLD = ("psnr", "ssim", "psnr_range", "psnr_null")


@contextmanager
def live_progress(shown: Console) -> Iterator[Sink]:
    """A sink that shows a bar for each method: steps, losses, PSNR, time left."""
    history = History()
    bars: dict[str, Any] = {}
    with Progress(
        words("{task.description:<10}", "bold"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        words("{task.fields[told]}"),
        TimeElapsedColumn(),
        words("ETA {task.fields[eta]}"),
        console=shown,
    ) as progress:

        def sink(event: Event) -> None:
            history.add(event)
            if isinstance(event, Failed | Refused):
                progress.console.print(event.message, style="red")
            for method, track in history.tracks.items():
                if method not in bars:
                    total = track.started.n_steps
                    bars[method] = progress.add_task(method, total=total, told="", eta="…")
                progress.update(
                    bars[method],
                    completed=track.step,
                    told=_told(track),
                    eta=clock(history.eta),
                )

        yield sink


@contextmanager
def live_count(shown: Console, what: str) -> Iterator[Watch]:
    """A bar over so many things of so many, with the time left."""
    with Progress(
        words(what, "bold"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        words("ETA"),
        TimeRemainingColumn(),
        console=shown,
    ) as progress:
        bar = progress.add_task(what, total=None)

        def watch(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        yield watch


def clock(seconds: float | None) -> str:
    """Minutes and seconds, as on a clock."""
    return "…" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def results_table(history: History, title: str) -> Table:
    """One row for A†y and one for each method."""
    # As narrow as can be: it fits into 80 columns.
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column("Method", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column.head, justify="right")
    for row in results(history):
        table.add_row(method_title(row.method), *(column.shown(row) for column in COLUMNS))
    return table


def results_json(config: RunConfig, folder: RunFolder, history: History) -> dict[str, Any]:
    """The object that ``--json`` prints."""
    start = history.posed.pinv_metrics if history.posed else None
    others = history.posed.baselines if history.posed else {}
    return {
        "task": config.task,
        "preset": config.preset,
        "noise": config.noise,
        "assumed_noise": config.assumed_noise,
        "measurements": history.measurements,
        "run": str(folder.path),
        "pinv": _figures(start),
        "baselines": {name: _figures(one) for name, one in others.items()},
        "methods": {
            method: {
                **_figures(track.metrics),
                "seconds": round(track.seconds, 2),
                "steps": track.step,
            }
            for method, track in history.tracks.items()
        },
    }


def _told(track: Track) -> str:
    losses = track.stepped[-1].losses if track.stepped else {}
    told = [f"{name} {value:.3g}" for name, value in losses.items()]
    if track.metrics:
        told.append(f"{track.metrics.psnr:.2f} dB")
    return "  ".join(told)


def _figures(metrics: Metrics | None) -> dict[str, float | None]:
    values = {column.name: column.of_metrics(metrics) for column in METRICS}
    return {name: None if (v := values[name]) is None else round(v, 4) for name in TOLD}


def show_trial(config: RunConfig, trial: Trial) -> None:
    """Print data, network, time and memory of a run that has been tried out."""
    training = config.training
    head = f"{config.task}, preset {config.preset}, on {config.device}: everything fits"
    table = Table(title=head, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge = False
    for name in ("method", "s/step", "steps", "s/evaluation", "evaluations", "about"):
        table.add_column(name, justify="left" if name == "method" else "right")
    for pace in trial.paces:
        table.add_row(
            pace.method,
            f"{pace.step:.3g}",
            f"{training.steps:,}",
            f"{pace.evaluation:.3g}",
            f"{n_evaluations(training):,}",
            duration(pace.total),
        )
    shown = console()
    shown.print(table)
    kept = "GPU memory" if config.device.startswith("cuda") else "memory of this process"
    lines = {
        "data": f"{trial.n_train:,} training and {trial.n_test:,} test samples",
        "images": f"{_shape(trial.image)}, measured as {_shape(trial.measurement)}",
        "network": f"{trial.parameters:,} parameters",
        "time": f"about {duration(trial.seconds)} at the pace of the second step{_together(trial)}",
        "memory": f"{size(trial.memory)}, the most {kept}",
        "disk": f"up to {size(trial.disk)} of checkpoints",
    }
    for name, told in lines.items():
        shown.print(f"{name:<8} {told}")


def _together(trial: Trial) -> str:
    return f", {trial.at_once} methods at once" if trial.at_once > 1 else ""


def duration(seconds: float) -> str:
    """Seconds in the two largest units that they have."""
    units = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for (large, in_large), (small, in_small) in pairwise(units):
        if seconds >= in_large:
            whole, rest = divmod(seconds, in_large)
            more = "s" if large == "day" and whole > 1 else ""
            return f"{whole:.0f} {large}{more} {rest // in_small:.0f} {small}"
    return f"{seconds:.1f} s"


def size(n_bytes: float) -> str:
    """Bytes in megabytes or gigabytes."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def _shape(sides: tuple[int, ...]) -> str:
    return " × ".join(map(str, sides))
