"""Sweep: a grid of one task whose runs stand in line among the others of a lab."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from statistics import fmean

from reilab.batch.cell import Cell
from reilab.batch.grid import Grid, GridFolder, cells_of
from reilab.disk import replace_text
from reilab.plain import read_json, to_json
from reilab.record.folder import RunFolder, unused
from reilab.record.history import History
from reilab.runs import jobs
from reilab.runs.account import read_run
from reilab.runs.config import RunConfig
from reilab.runs.jobs import LIVE, RESUMABLE, Status
from reilab.runs.library import RunEntry, gist_of
from reilab.runs.marks import mean_and_spread
from reilab.show.noise import Score
from reilab.show.results import BASELINE

#: The folder below the runs in which sweeps are kept.
SWEEPS = "sweeps"


@dataclass(frozen=True)
class Sweep:
    """A grid below ``root``, with which ``reilab reproduce`` can go on::

        sweeps/NAME/grid.json    what was asked for
        sweeps/NAME/runs/CELL    links to the runs, which lie beside all others

    They stand in line like others: they go on when the page is closed and its server has ended.
    """

    root: Path
    name: str
    grid: Grid

    @property
    def folder(self) -> GridFolder:
        return GridFolder(self.root / SWEEPS / self.name)

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells; those of the first seed first, so that the chart is soon whole."""
        return sorted(cells_of(self.grid), key=lambda cell: self.grid.seeds.index(cell.seed))

    def run(self, cell: Cell) -> RunFolder:
        """The run of a cell, which need not exist."""
        link = self.folder.run(cell.name).path
        usual = self.root / f"{self.name}-{cell.name}"
        return RunFolder(link.resolve() if link.exists() else usual)

    def go_on(self) -> None:
        """Put all runs in line that are not finished, and stand in none.

        Raises:
            OSError: the disk takes no more; calling again goes on.
        """
        for cell in self.cells:
            folder = self.run(cell)
            if not (folder.path / "config.yaml").exists():
                RunFolder.create(folder.path, cell.config().to_yaml())
            link = self.folder.run(cell.name).path
            if not link.exists():
                # One whose run was deleted leads nowhere.
                link.unlink(missing_ok=True)
                _lead(link, folder.path)
            if read_run(folder).standing.status in RESUMABLE:
                jobs.resume(folder)

    def stop(self) -> None:
        """Take the runs out of the line, and stop those that are at work."""
        accounts = [read_run(self.run(cell)) for cell in self.cells]
        waiting = [one for one in accounts if one.standing.status is Status.QUEUED]
        # They first, or each that stops would let the next one begin.
        for account in [*waiting, *(one for one in accounts if one.standing.status in LIVE)]:
            jobs.stop(account.folder)


def _lead(link: Path, target: Path) -> None:
    """Make a link; few may on Windows, where ``reilab reproduce`` knows nothing of the run then."""
    try:
        os.symlink(os.path.relpath(target, link.parent), link)
    except OSError:
        if sys.platform != "win32":
            raise


def begin(root: Path, grid: Grid) -> Sweep:
    """Make the folder of a sweep; ``go_on`` starts its runs.

    Raises:
        ValueError: see ``cells_of``.
    """
    cells_of(grid)
    path = unused(root / SWEEPS / f"sweep-{datetime.now():%Y%m%d-%H%M%S}")
    sweep = Sweep(root, path.name, grid)
    sweep.folder.make()
    replace_text(path / "grid.json", to_json(grid, indent=1))
    return sweep


def sweeps(root: Path) -> list[Sweep]:
    """The sweeps below a root, the newest first; those that cannot be read are left out."""
    found = []
    for file in sorted((root / SWEEPS).glob("*/grid.json"), reverse=True):
        with suppress(ValueError, OSError):
            found.append(Sweep(root, file.parent.name, read_json(Grid, file)))
    return found


def command_of(sweep: Sweep) -> list[str]:
    """The words of the command that goes on with it, and writes its report."""
    grid = sweep.grid
    words = ["reilab", "reproduce", "--out", str(sweep.folder.path), "--preset", grid.preset]
    words += ["--device", grid.device]
    for name in ("tasks", "noise", "methods", "seeds", "set"):
        values = map(str, getattr(grid, name))
        words += [f"--{name}", *values] if getattr(grid, name) else []
    return words


def scores_of(cells: Sequence[tuple[Cell, History]]) -> dict[str, dict[float, Score]]:
    """PSNR of the finished runs by method, A†y first, and noise: means over the seeds."""
    names = (BASELINE, *(cell.method for cell, _ in cells))
    found: dict[str, dict[float, dict[int, float]]] = {name: {} for name in names}
    for cell, history in cells:
        track, posed = history.tracks.get(cell.method), history.posed
        if not history.finished or track is None or posed is None:
            continue
        # Every method starts from the same measurements: of a seed there is one A†y.
        for name, metrics in ((BASELINE, posed.pinv_metrics), (cell.method, track.metrics)):
            if metrics:
                found[name].setdefault(cell.noise, {})[cell.seed] = metrics.psnr
    return {
        name: {noise: mean_and_spread(list(each.values())) for noise, each in sorted(own.items())}
        for name, own in found.items()
    }


def seconds_to_go(todo: Sequence[tuple[RunConfig, int]], known: Iterable[RunEntry]) -> float | None:
    """About how long runs take, one after the other; ``None`` if none of their kind is known.

    Args:
        todo: runs of one method each, and their steps that are left.
        known: runs from whose pace it is reckoned.
    """
    paces: dict[tuple[object, ...], dict[str, list[float]]] = {}
    for entry in known:
        for name, pace in entry.paces.items():
            if entry.asked:
                paces.setdefault(entry.asked.kind, {}).setdefault(name, []).append(pace)
    total = 0.0
    for config, steps in todo:
        own = paces.get(gist_of(config).kind, {})
        each = own.get(config.methods[0]) or [pace for other in own.values() for pace in other]
        if not each:
            return None
        total += steps * fmean(each)
    return total


def counted(statuses: Iterable[Status]) -> Mapping[str, int]:
    """How many runs are finished, at work, in line, and none of these."""
    names = {Status.FINISHED: "finished", Status.QUEUED: "in line"}
    names |= dict.fromkeys(LIVE, "training")
    told = dict.fromkeys(("finished", "training", "in line", "stopped"), 0)
    for status in statuses:
        told[names.get(status, "stopped")] += 1
    return told
