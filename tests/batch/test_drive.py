"""A grid whose workers or scheduler go: what is told, and that it ends. No process is started."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from rich.console import Console

from reilab.batch import cluster
from reilab.batch import drive as driving
from reilab.batch.cell import Cell
from reilab.batch.cluster import CellLostError, Outcome
from reilab.batch.drive import NO_SCHEDULER, NO_WORKER, drive
from reilab.batch.grid import GridFolder
from reilab.batch.process import KERNEL_KILLED
from reilab.cli import reproduce as command

CELLS = [Cell("mri", "smoke", 0.1, method, 0, {"steps": 2}) for method in ("ei", "rei")]


@dataclass(eq=False)
class Future:
    """A cell at a worker, as ``distributed`` shows it."""

    cell: Cell
    status: str = "pending"

    def done(self) -> bool:
        return self.status != "pending"

    def exception(self) -> Exception:
        return CellLostError("ended by SIGKILL")

    def result(self, timeout: float) -> Outcome:
        return Outcome(self.cell, "", 1.0)


@dataclass
class Client:
    """A client whose scheduler has so many workers, one number a question, the last for good."""

    workers: list[int]
    status: str = "running"
    futures: list[Future] = field(default_factory=list)
    cancelled: list[Future] = field(default_factory=list)
    retries: set[int] = field(default_factory=set)
    when_asked: Callable[[], None] = lambda: None

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        assert self.status == "running", "asking a lost scheduler takes a minute"
        self.when_asked()
        number = self.workers.pop(0) if len(self.workers) > 1 else self.workers[0]
        return {"workers": {str(place): {"nthreads": 1} for place in range(number)}}

    def submit(
        self, work: object, cell: Cell, *rest: object, retries: int, **how: object
    ) -> Future:
        self.retries.add(retries)
        self.futures.append(Future(cell))
        return self.futures[-1]

    def cancel(self, futures: list[Future]) -> None:
        self.cancelled += futures

    def end(self, status: str) -> None:
        for future in self.futures:
            future.status = status


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "PULSE_SECONDS", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> GridFolder:
    made = GridFolder(tmp_path)
    made.make()
    return made


def test_without_workers_it_waits_for_a_while_and_says_so(folder: GridFolder) -> None:
    client = Client([0])
    pulses = list(drive(client, CELLS, folder, 1, 0, patience=0.2))
    assert len(pulses) > 1
    assert all(pulse.n_slots == 0 and pulse.eta is None for pulse in pulses)
    assert [(one.cell, one.error) for one in pulses[-1].ended] == [(c, NO_WORKER) for c in CELLS]
    assert client.cancelled == client.futures


def test_jobs_that_stand_in_line_are_waited_for(folder: GridFolder) -> None:
    client = Client([0] * 8 + [1])
    client.when_asked = lambda: client.end("finished" if client.workers == [1] else "pending")
    (*_, last) = drive(client, CELLS, folder, 1, 0, patience=math.inf)
    assert last.n_done == len(CELLS)


@pytest.mark.parametrize("code", [-9, KERNEL_KILLED])
def test_a_cell_that_was_killed_is_to_be_begun_again(
    folder: GridFolder, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class Killed:
        def __init__(self, *_: object, stdout: BinaryIO, **how: object) -> None:
            stdout.write(b"its kernel was killed\n")

        def wait(self) -> int:
            return code

    monkeypatch.setattr(cluster.subprocess, "Popen", Killed)
    monkeypatch.setattr(cluster, "source_of", Path)
    with pytest.raises(CellLostError, match="killed" if code > 0 else "SIGKILL"):
        cluster.work(CELLS[0], folder, 1, "")
    client = Client([1])
    pulses = drive(client, CELLS, folder, 1, 0, patience=0.2)
    next(pulses)
    assert client.retries == {driving.RETRIES}
    # What it comes to when all of them were in vain.
    client.end("error")
    assert next(pulses).ended[0].error == "ended by SIGKILL"


@pytest.mark.slow
def test_dask_tells_nothing_of_a_lost_cell(caplog: pytest.LogCaptureFixture) -> None:
    """Neither when it is lost nor when the cluster closes: it is told in a line of ours."""
    import distributed

    dasks = logging.getLogger(distributed.__name__)
    dasks.addHandler(caplog.handler)

    def lost() -> None:
        raise CellLostError("ended by SIGKILL")

    with cluster.local_cluster(1) as client:
        future = client.submit(lost, retries=1)
        assert isinstance(future.exception(timeout=30), CellLostError)
    dasks.removeHandler(caplog.handler)
    assert not caplog.records


def test_workers_that_sleep_as_long_as_their_scheduler_are_kept() -> None:
    with cluster.local_cluster(1) as client:
        assert client.run_on_scheduler(_worker_ttl) is None


def _worker_ttl(dask_scheduler: Any) -> float | None:
    return dask_scheduler.worker_ttl


def test_it_goes_on_when_a_worker_comes(folder: GridFolder) -> None:
    client = Client([0, 0, 0, 1])
    client.when_asked = lambda: client.end("finished" if client.workers == [1] else "pending")
    pulses = list(drive(client, CELLS, folder, 1, 0, patience=0.2))
    assert [pulse.n_slots for pulse in pulses[:3]] == [0, 0, 0]
    assert pulses[-1].n_done == len(CELLS)
    assert not client.cancelled
    assert not folder.stop.exists()


def test_a_lost_scheduler_is_not_asked_and_its_cells_are_stopped(folder: GridFolder) -> None:
    client = Client([2])
    pulses = drive(client, CELLS, folder, 1, 0, patience=0.2)
    next(pulses)
    client.status = "connecting"
    client.end("cancelled")
    (last,) = pulses
    assert [one.error for one in last.ended] == [NO_SCHEDULER] * len(CELLS)
    # Workers that are still at it look for this file; the next call takes it away.
    assert folder.stop.exists()


@pytest.mark.parametrize("workers", [[1], [1, 0]])
def test_an_interrupt_ends_it_whoever_is_left(folder: GridFolder, workers: list[int]) -> None:
    client = Client([*workers])
    pulses = drive(client, CELLS, folder, 1, 0, patience=0.2)
    next(pulses)
    if workers == [1]:
        client.when_asked = lambda: client.end("finished") if folder.stop.exists() else None
    pulses.close()
    # Only who has seen that all have stopped takes it away.
    assert folder.stop.exists() == (workers != [1])


def test_that_no_worker_is_left_is_told_once_each_time() -> None:
    heard = Console(file=StringIO(), width=200)
    with command._bars(heard, 2) as show:
        for n_slots in (1, 0, 0, 1, 0):
            show(driving.Pulse((), 0, n_slots, {}, 0.0, None))
    assert heard.file.getvalue().count("no worker is there") == 2


def test_results_that_cannot_be_written_are_among_the_failures(
    folder: GridFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(folder.path / "results.csv"))

    monkeypatch.setattr(command, "write_results", full)
    with pytest.raises(SystemExit) as ended:
        command.end_with(list(command._written(folder, [])))
    assert ended.value.code == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "1 failed:" in said
    assert "No space left on device" in said
    assert "writes them anew" in said


def test_an_interrupt_before_the_grid_has_begun_is_a_line() -> None:
    heard = Console(file=StringIO())
    with pytest.raises(KeyboardInterrupt), command._interruptible(heard):
        raise KeyboardInterrupt
    assert "goes on with it" in heard.file.getvalue()
