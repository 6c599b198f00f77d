"""Cell: one run of a grid, a task at a noise level, one method, one seed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from reilab.events import Control, Stop
from reilab.plain import to_plain
from reilab.record.folder import RunFolder
from reilab.runs import jobs
from reilab.runs.config import RunConfig, configure
from reilab.runs.drive import Sink
from reilab.runs.execute import execute
from reilab.runs.marks import marks_fault, write_marks
from reilab.show.figures import save_comparison
from reilab.tasks.registry import find_task
from reilab.training.config import TrainConfig

#: Name of the file that ends the runs beside which it lies.
STOP = "stop"
#: Among the settings: which network.
NETWORK = "network"
#: As long a lost worker, or the disk that machines share, may hold on to a run.
HANDOVER_SECONDS = 120.0
TRAINING = tuple(field.name for field in fields(TrainConfig))


@dataclass(frozen=True)
class Cell:
    """What is run.

    Args:
        task: name of a registered task.
        preset: which of its presets.
        noise: the level, in the unit of the task.
        method: name of a method.
        seed: of all random streams of the run.
        settings: changes to the preset: fields of the task, the network, the method and
            ``TrainConfig``; ``network`` names another network.
        device: ``cpu``, ``cuda``, ``cuda:1`` …
    """

    task: str
    preset: str
    noise: float
    method: str
    seed: int
    settings: Mapping[str, Any]
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Mapping):
            raise ValueError(
                f"settings = {self.settings!r} is a text, and names with values are needed; "
                "papermill passes them with -y 'settings: {steps: 3}', and a text with -p"
            )

    @property
    def name(self) -> str:
        """The name of its run folder and of its notebook."""
        return f"{self.task}-{self.preset}-{self.noise:.12g}-{self.method}-seed{self.seed}"

    def config(self) -> RunConfig:
        """The configuration of its run.

        Raises:
            ValueError: anything unknown (with the nearest match) or out of bounds.
        """
        training = {n: v for n, v in self.settings.items() if n in TRAINING}
        own = {n: v for n, v in self.settings.items() if n not in (*TRAINING, NETWORK)}
        task = find_task(self.task)
        usual = vars(task.configure(self.preset, {}))
        return configure(
            self.task,
            self.preset,
            (self.method,),
            network=self.settings.get(NETWORK, ""),
            settings=own | {task.level_name({**usual, **own}): self.noise},
            training=training | {"seed": self.seed},
            device=self.device,
        )

    def parameters(self, out: Path) -> dict[str, Any]:
        """The parameters of its notebook, whose run goes below ``out``."""
        plain: dict[str, Any] = to_plain(self)
        return plain | {"out": str(out.absolute())}


def carry_out(cell: Cell, out: Path, *sinks: Sink) -> RunFolder:
    """Carry out the run of a cell below ``out``, or go on with it; nothing if it is finished.

    It comes to an end, to be gone on with, when a file ``stop`` appears in ``out``.

    Raises:
        ValueError: see ``Cell.config`` and ``agree``.
        RuntimeError: another process is at it, it failed, or it was stopped.
        FileNotFoundError: missing data.
    """
    config, folder = cell.config(), RunFolder(out / cell.name)

    def inbox() -> list[Control]:
        return [Stop()] if (out / STOP).exists() else []

    if (folder.path / "config.yaml").exists():
        agree(folder, config)
    else:
        folder = RunFolder.create(folder.path, config.to_yaml())
    if is_done(folder):
        return folder
    with _taken_over(folder):
        # Whoever had it before may have come to its end meanwhile.
        history = folder.history()
        if not history.finished:
            history = execute(folder, *sinks, inbox=inbox)
    if history.failed:
        raise RuntimeError(history.failed.message)
    if not history.finished:
        raise RuntimeError(f"stopped at {history.progress:.0%}; it can be resumed")
    save_comparison(history, folder.path / "figure.png")
    write_marks(folder)
    return folder


@contextmanager
def _taken_over(folder: RunFolder) -> Iterator[None]:
    """Sign in to a run as soon as its last worker is gone; ``RuntimeError`` if that one stays."""
    deadline = time.monotonic() + HANDOVER_SECONDS
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(jobs.at_work(folder))
                break
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1.0)
        yield


def is_done(folder: RunFolder) -> bool:
    """Whether nothing is left to be done; marks that are damaged are to be written anew."""
    return not marks_fault(folder) and folder.history().finished


def agree(folder: RunFolder, config: RunConfig) -> None:
    """Check that a run folder is of this configuration.

    Raises:
        ValueError: it is of another one; names what differs.
    """
    # As text, so that the defaults of newer versions do not pass for settings of an old run.
    asked, found = config.to_yaml().splitlines(), folder.config.splitlines()
    other = [line.strip() for line in found if line not in asked]
    if asked != found:
        told = ", ".join(other) or "fewer settings"
        raise ValueError(
            f"{folder.path} was run with {told}; name another folder with --out, or delete it"
        )
