"""A sweep of the lab: its runs stand in line, and its folder is a grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit.lab_runs import EVERY, N_STEPS

from reilab.batch.cell import Cell, agree
from reilab.batch.grid import Grid, cells_of
from reilab.batch.sweep import (
    Sweep,
    begin,
    command_of,
    counted,
    scores_of,
    seconds_to_go,
    sweeps,
)
from reilab.cli import reproduce
from reilab.cli.main import main
from reilab.events import Evaluated, Finished, Metrics, Posed, Started, Stepped
from reilab.record.folder import list_runs
from reilab.record.history import History
from reilab.runs import jobs, queue
from reilab.runs.account import Account, read_run
from reilab.runs.jobs import Status
from reilab.runs.library import entry_of
from reilab.show.results import BASELINE

GRID = Grid(
    preset="smoke",
    tasks=("mri",),
    noise=("0.05", "0.2"),
    methods=("ei", "rei"),
    seeds=(3, 4),
    set=("steps=2", "network=unet"),
    device="cpu",
)


@pytest.fixture(autouse=True)
def _nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs stay in line: no worker is called for them."""
    monkeypatch.setattr(jobs, "advance", lambda root: [])


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    made = begin(tmp_path, GRID)
    made.go_on()
    return made


def test_its_runs_lie_among_the_others_and_in_the_folder_of_a_grid(
    sweep: Sweep, tmp_path: Path
) -> None:
    assert len(list_runs(tmp_path)) == len(sweep.folder.all_runs()) == 8
    assert [entry.run for entry in queue.entries(tmp_path)] == [
        sweep.run(cell).name for cell in sweep.cells
    ]
    assert [cell.seed for cell in sweep.cells] == [3] * 4 + [4] * 4
    for cell in cells_of(GRID):
        agree(sweep.folder.run(cell.name), cell.config())


def test_it_is_found_again_stopped_and_gone_on_with(sweep: Sweep, tmp_path: Path) -> None:
    (found,) = sweeps(tmp_path)
    assert found == sweep
    found.stop()
    assert queue.entries(tmp_path) == []
    statuses = [read_run(found.run(cell)).standing.status for cell in found.cells]
    assert set(statuses) == {Status.STOPPED}
    assert counted(statuses) == {"finished": 0, "training": 0, "in line": 0, "stopped": 8}
    gone = found.run(found.cells[2])
    jobs.delete(gone)
    found.go_on()
    found.go_on()
    assert len(queue.entries(tmp_path)) == 8
    assert (gone.path / "config.yaml").exists()
    (sweep.folder.path / "grid.json").write_text("{")
    assert sweeps(tmp_path) == []


def test_its_runs_are_found_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError("A required privilege is not held by the client")

    made = begin(tmp_path, GRID)
    monkeypatch.setattr("os.symlink", refuse)
    with pytest.raises(OSError, match="privilege"):
        made.go_on()
    monkeypatch.setattr("sys.platform", "win32")
    made.go_on()
    assert made.folder.all_runs() == []
    assert {made.run(cell).name for cell in made.cells} == {one.name for one in list_runs(tmp_path)}
    assert len(queue.entries(tmp_path)) == 8


def test_what_cannot_be_run_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sigma = -1"):
        begin(tmp_path, replace(GRID, noise=("-1",)))
    assert list(tmp_path.iterdir()) == []


def test_its_command_asks_for_the_same_grid(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Grid] = []

    def note(grid: Grid) -> list[Cell]:
        asked.append(grid)
        raise ValueError("seen")

    monkeypatch.setattr(reproduce, "cells_of", note)
    with pytest.raises(SystemExit):
        main(command_of(sweep)[1:])
    assert asked == [GRID]


NO_IMAGES = np.zeros((0, 2, 2, 1), np.float32)


def history(method: str, noise: float, psnr: float, finished: bool = True) -> History:
    """What a run of one method tells that has come to such a PSNR."""
    found, start = History(), Metrics(10 - noise, 0.5, 0.1)
    for event in (
        Posed("mri", "smoke", noise, "", "cpu", 1, 1, NO_IMAGES, None, start),
        Started(method, 0, N_STEPS, 1, False, {"mc": 1.0}, 1e-3, noise, "online"),
        Stepped(method, EVERY, {"mc": 1.0}, 1.0, 1e-3, 5.0, None),
        Evaluated(method, EVERY, Metrics(psnr, 0.5, 0.1), NO_IMAGES),
        *([Finished(method, N_STEPS)] if finished else []),
    ):
        found.add(event)
    return found


def test_scores_are_means_over_the_seeds_of_finished_runs() -> None:
    cells = cells_of(GRID)
    scores = scores_of(
        [
            (cell, history(cell.method, cell.noise, 20.0 + cell.seed, cell.noise < 0.1))
            for cell in cells
        ]
    )
    assert list(scores) == [BASELINE, "ei", "rei"]
    assert scores["ei"] == {0.05: (23.5, pytest.approx(2**-0.5))}
    assert scores[BASELINE] == {0.05: (9.95, 0.0)}


def test_the_time_is_reckoned_from_runs_of_its_kind(tmp_path: Path, sweep: Sweep) -> None:
    cell = sweep.cells[0]
    account = Account(sweep.run(cell), cell.config(), history(cell.method, cell.noise, 20.0))
    todo = [(one.config(), 100) for one in sweep.cells[:2]]
    known = [entry_of(account)]
    assert seconds_to_go(todo, known) == pytest.approx(2 * 100 * 5.0 / EVERY)
    training = replace(todo[0][0].training, batch=3)
    other = replace(todo[0][0], training=training)
    assert seconds_to_go([(other, 100)], known) is None
