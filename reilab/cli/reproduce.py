"""reilab reproduce: a grid of runs from the command line, with a bar for the whole of it."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from reilab.batch.cell import Cell
from reilab.batch.cluster import (
    PATIENCE_SECONDS,
    Outcome,
    cluster_at,
    default_workers,
    local_cluster,
    sees,
)
from reilab.batch.comparison import table_of
from reilab.batch.drive import Pulse, drive, unfinished
from reilab.batch.grid import Grid, GridFolder, cells_of
from reilab.batch.notebook import check
from reilab.batch.report import write_results
from reilab.batch.results import FinishedRun, finished_runs, series_of
from reilab.batch.slurm import read_jobs, slurm_cluster
from reilab.cli import terminal
from reilab.cli.show import clock
from reilab.tasks.registry import find_task

NO_WORKERS = "no worker is there: one is waited for; Ctrl-C ends it"


@dataclass(frozen=True)
class Workers:
    """What carries the runs out.

    Args:
        workers: runs at the same time; one per GPU, or else one per core, otherwise.
        threads: CPU threads of each run; digits depend on it, and not on the workers.
        scheduler: address of a Dask scheduler, tcp://HOST:8786, whose workers see the folder.
        cluster: file in YAML that says which jobs to ask of Slurm; their nodes see the folder.
    """

    workers: int | None = None
    threads: int = 1
    scheduler: str = ""
    cluster: Path | None = None

    def check(self) -> None:
        """Raise ``ValueError`` if there can be no such workers."""
        places = ("workers", "scheduler", "cluster")
        given = [f"--{name}" for name in places if getattr(self, name) not in (None, "")]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} name different machines; give one of them")
        for name, value in (("workers", self.workers), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ValueError(f"{name} = {value} is too small; the least is 1")
        if self.cluster:
            read_jobs(self.cluster, self.threads)


def reproduce(
    out: Path,
    grid: Annotated[Grid, tyro.conf.arg(name="")],
    workers: Annotated[Workers, tyro.conf.arg(name="")],
) -> None:
    """Run the paper's grid: tasks × noise levels × methods × seeds, each a notebook of its own.

    Finished runs are skipped and interrupted ones resumed, so call it again to go on. Status 1 if a
    cell failed, 130 if it was interrupted.

    Args:
        out: folder of the grid; made, or gone on with.
    """
    folder = GridFolder(out.absolute())
    runs, faults = carried_out(folder, grid, workers)
    console = terminal.console()
    for series in series_of(runs):
        found = table_of(series)
        title = f"{find_task(series.task).title}, preset {series.preset}: PSNR [dB]"
        shown = Table(*found.heading, title=title, title_justify="left")
        for line in found.lines:
            shown.add_row(line.label, *line.psnr, style="" if line.ours else "italic dim")
        console.print(shown)
    console.print(f"report: {folder.path / 'report.html'}", soft_wrap=True)
    end_with(faults)


def carried_out(
    folder: GridFolder, grid: Grid, workers: Workers
) -> tuple[list[FinishedRun], list[Text]]:
    """Carry out a grid; its finished runs, and a line for each cell that failed.

    Raises:
        ValueError: no such grid, or no such workers.
        RuntimeError: another process is at work on it.
        KeyboardInterrupt: after a line that says how to go on.
    """
    workers.check()
    cells = cells_of(grid)
    console = terminal.console(stderr=True)
    with _interruptible(console):
        check(cells, folder)
        with _alone(folder):
            folder.make()
            todo = unfinished(cells, folder)
            console.print(f"{len(cells)} runs, {len(cells) - len(todo)} of them finished before")
            outcomes = _run(workers, grid.device, cells, folder, console) if todo else []
            runs = finished_runs(folder)
            return runs, [*map(_line, filter(_has_failed, outcomes)), *_written(folder, runs)]


@contextmanager
def _interruptible(console: Console) -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is done in the context, with one line."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        console.print("Stopped; the same command goes on with it.")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _alone(folder: GridFolder) -> Iterator[None]:
    """Hold the folder against a second call.

    Raises:
        RuntimeError: another one is at work on it.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.path / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RuntimeError(f"another `reilab reproduce` is at work on {folder.path}") from None
    with lock:
        yield


def _run(
    workers: Workers, device: str, cells: list[Cell], folder: GridFolder, console: Console
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with _cluster(workers, device, folder) as client, _bars(console, len(cells)) as show:
        if not all(client.run(sees, folder).values()):
            raise ValueError(
                f"out = {folder.path} is not seen by all workers; it must be on a disk that all "
                "machines share"
            )
        own_gpus = device == "cuda" and not (workers.scheduler or workers.cluster)
        gpus = torch.cuda.device_count() if own_gpus else 0
        # Jobs may stand in line for days.
        patience = math.inf if workers.cluster else PATIENCE_SECONDS
        with closing(drive(client, cells, folder, workers.threads, gpus, patience)) as pulses:
            for pulse in pulses:
                show(pulse)
                outcomes += pulse.ended
    return outcomes


def _cluster(workers: Workers, device: str, folder: GridFolder) -> AbstractContextManager[Any]:
    if workers.cluster:
        jobs = read_jobs(workers.cluster, workers.threads)
        return slurm_cluster(jobs, workers.threads, folder.path / "jobs")
    if workers.scheduler:
        return cluster_at(workers.scheduler)
    return local_cluster(workers.workers or default_workers(device))


@contextmanager
def _bars(console: Console, n_cells: int) -> Iterator[Any]:
    """Shows pulses: a bar for the whole and one for each run at work; a line for each that ends."""
    columns = (
        *(terminal.words("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn()),
        *(terminal.words("{task.fields[told]}"), TimeElapsedColumn()),
    )
    with Progress(*columns, console=console) as progress:
        whole = progress.add_task("grid", total=1.0, told="")
        bars: dict[str, Any] = {}
        worked = True

        def show(pulse: Pulse) -> None:
            nonlocal worked
            if worked and not pulse.n_slots:
                progress.console.print(NO_WORKERS, highlight=False, soft_wrap=True)
            worked = pulse.n_slots > 0
            told = f"{pulse.n_done} of {n_cells} runs  ETA {clock(pulse.eta)}"
            progress.update(whole, completed=pulse.progress, told=told)
            for name in bars.keys() - pulse.running.keys():
                progress.remove_task(bars.pop(name))
            for name, share in pulse.running.items():
                if name not in bars:
                    bars[name] = progress.add_task(name, total=1.0, told="")
                progress.update(bars[name], completed=share)
            for outcome in pulse.ended:
                progress.console.print(_line(outcome))

        yield show


def _line(outcome: Outcome) -> Text:
    if outcome.error:
        told = terminal.visible(f"{outcome.cell.name}: {outcome.error}")
        return Text.assemble(("failed", "red"), "    ", told)
    told = f"{outcome.cell.name}  {outcome.seconds:.0f} s"
    return Text.assemble(("finished", "green"), "  ", told)


def _has_failed(outcome: Outcome) -> bool:
    return bool(outcome.error)


def _written(folder: GridFolder, runs: Sequence[FinishedRun]) -> Iterator[Text]:
    """Write the results; a line if that cannot be done, because the disk is full for one."""
    try:
        write_results(folder, runs)
    except OSError as error:
        told = terminal.visible(f"results: {error}; the same command writes them anew")
        yield Text.assemble(("failed", "red"), "    ", told)


def end_with(faults: Sequence[Text]) -> None:
    """Tell what failed.

    Raises:
        SystemExit: something did (status 1).
    """
    if faults:
        console = terminal.console()
        console.print(f"{len(faults)} failed:", style="bold red")
        for fault in faults:
            console.print(fault, soft_wrap=True)
        raise SystemExit(1)
