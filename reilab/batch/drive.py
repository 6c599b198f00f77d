"""drive: hand the cells of a grid to workers, and tell how they stand."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from reilab.batch.cell import Cell, is_done
from reilab.batch.cluster import PATIENCE_SECONDS, CellLostError, Outcome, slots, work
from reilab.batch.grid import GridFolder
from reilab.record.history import History
from reilab.record.log import Follower

if TYPE_CHECKING:
    from distributed import Client

PULSE_SECONDS = 0.5
#: Cells that are asked to stop have ended by then, ``process.GRACE_SECONDS`` and some more.
STOP_SECONDS = 30
#: What becomes of the cells when the scheduler is lost, and when nobody works for it.
NO_SCHEDULER = "the scheduler was lost"
NO_WORKER = f"no worker is left, and none came within {PATIENCE_SECONDS} s"
#: So often a cell is begun again whose process was ended from outside, from its last checkpoint.
RETRIES = 3


@dataclass(frozen=True)
class Pulse:
    """How a grid stands.

    Args:
        ended: what has ended since the last pulse.
        n_done: cells that are finished, those of earlier calls among them.
        n_slots: cells that can be at work now; 0: there is no worker, and one is waited for.
        running: how far each cell is that has begun and not ended, 0 to 1.
        progress: share of all steps that are done, 0 to 1.
        eta: seconds to go at the pace so far; ``None`` before the first step.
    """

    ended: tuple[Outcome, ...]
    n_done: int
    n_slots: int
    running: Mapping[str, float]
    progress: float
    eta: float | None


@dataclass
class _Watched:
    """A cell, and its run as far as it has been read."""

    cell: Cell
    n_steps: int
    reader: Follower
    history: History = field(default_factory=History)

    def look(self) -> None:
        for event in self.reader.poll():
            self.history.add(event)

    @property
    def step(self) -> int:
        return sum(track.step for track in self.history.tracks.values())

    @property
    def pace(self) -> float | None:
        """Seconds per step."""
        track = next(iter(self.history.tracks.values()), None)
        return track.seconds / track.step if track and track.step and track.seconds else None


def unfinished(cells: Sequence[Cell], folder: GridFolder) -> list[Cell]:
    """The cells of which something is left to be done."""
    return [cell for cell in cells if not is_done(folder.run(cell.name))]


def drive(
    client: Client,
    cells: Sequence[Cell],
    folder: GridFolder,
    n_threads: int,
    gpus: int,
    patience: float,
) -> Generator[Pulse, None, None]:
    """Carry out the cells that are not finished; a pulse twice a second, the last when all ended.

    Closing the generator asks the cells that are at work to stop, and waits until they have, unless
    their workers are gone. Without a worker the cells wait for one.

    Args:
        client: of the workers.
        cells: of the grid.
        folder: has been made.
        n_threads: of each cell.
        gpus: of this machine, one for each worker; 0: leave it to the workers.
        patience: seconds that cells wait at most when there is no worker.
    """
    watched = [_watch(cell, folder) for cell in cells]
    todo = unfinished(cells, folder)
    n_done, last_seen = len(cells) - len(todo), time.monotonic()
    folder.stop.unlink(missing_ok=True)
    waiting = _submitted(client, todo, folder, n_threads, gpus)
    try:
        while True:
            outcomes = tuple(_outcome(f, waiting.pop(f)) for f in [*waiting] if f.done())
            n_slots = slots(client)
            last_seen = time.monotonic() if n_slots else last_seen
            if time.monotonic() - last_seen > patience:
                client.cancel(list(waiting))
                outcomes += tuple(Outcome(cell, NO_WORKER, 0.0) for cell in waiting.values())
                waiting.clear()
            n_done += sum(not outcome.error for outcome in outcomes)
            yield _pulse(watched, list(waiting.values()), outcomes, n_done, n_slots)
            if not waiting:
                return
            time.sleep(PULSE_SECONDS)
    finally:
        if waiting or not slots(client):
            folder.stop.touch()
            if _have_stopped(client, waiting):
                folder.stop.unlink()


def _submitted(client: Client, todo: Sequence[Cell], *rest: Any) -> dict[Any, Cell]:
    """The cells by their futures; those in front come first."""
    how = {"pure": False, "retries": RETRIES}
    return {
        client.submit(_on_worker, cell, *rest, priority=-place, **how): cell
        for place, cell in enumerate(todo)
    }


def _have_stopped(client: Client, waiting: Iterable[Any]) -> bool:
    """Wait until all have ended; false if those who carry them out are gone, or do not answer."""
    deadline = time.monotonic() + STOP_SECONDS
    while slots(client) and time.monotonic() < deadline:
        if all(future.done() for future in waiting):
            return True
        time.sleep(PULSE_SECONDS)
    return False


def _on_worker(cell: Cell, folder: GridFolder, n_threads: int, gpus: int) -> Outcome:
    from distributed import get_worker

    if folder.stop.exists():
        return Outcome(cell, "not begun", 0.0)
    gpu = str(int(get_worker().name) % gpus) if gpus else ""
    return work(cell, folder, n_threads, gpu)


def _outcome(future: Any, cell: Cell) -> Outcome:
    if future.status == "finished":
        outcome: Outcome = future.result(timeout=PATIENCE_SECONDS)
        return outcome
    if future.status != "error":
        return Outcome(cell, NO_SCHEDULER, 0.0)
    reason = future.exception()
    kind = "" if isinstance(reason, CellLostError) else f"{type(reason).__name__}: "
    return Outcome(cell, f"{kind}{reason}", 0.0)


def _watch(cell: Cell, folder: GridFolder) -> _Watched:
    return _Watched(cell, cell.config().training.steps, folder.run(cell.name).follow())


def _pulse(
    watched: list[_Watched],
    waiting: list[Cell],
    outcomes: tuple[Outcome, ...],
    n_done: int,
    n_slots: int,
) -> Pulse:
    for one in watched:
        one.look()
    names = {cell.name for cell in waiting}
    left = [one for one in watched if one.cell.name in names]
    total = sum(one.n_steps for one in watched)
    to_go = sum(one.n_steps - one.step for one in left)
    running = {one.cell.name: one.step / one.n_steps for one in left if one.history.tracks}
    eta = _eta(watched, left, min(n_slots, len(left))) if n_slots else None
    return Pulse(outcomes, n_done, n_slots, running, 1 - to_go / total, eta)


def _eta(watched: list[_Watched], left: list[_Watched], n_slots: int) -> float | None:
    """From the pace of the same task and method, or else of all."""
    paces: dict[tuple[str, str], list[float]] = {}
    for one in watched:
        if one.pace:
            paces.setdefault((one.cell.task, one.cell.method), []).append(one.pace)
    if not paces:
        return None
    usual = fmean(pace for each in paces.values() for pace in each)
    known = {kind: fmean(each) for kind, each in paces.items()}
    seconds = sum(
        (one.n_steps - one.step) * known.get((one.cell.task, one.cell.method), usual)
        for one in left
    )
    return seconds / max(1, n_slots)
