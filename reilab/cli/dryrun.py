"""What ``--dry-run`` prints: what a run would be made of, and what it would take."""

from __future__ import annotations

from itertools import pairwise

from rich import box
from rich.console import Console
from rich.table import Table

from reilab.runs.config import RunConfig
from reilab.runs.trial import Trial, n_evaluations


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
    console = Console()
    console.print(table)
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
        console.print(f"{name:<8} {told}", highlight=False)


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
