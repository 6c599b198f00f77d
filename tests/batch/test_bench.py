"""The benchmark: what is the same for everybody, and how methods stand."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import PLUGINS, ROOT
from kit.marked import run

from reilab.batch.bench import (
    EDITIONS,
    RIVAL,
    TOLERANCE,
    Edition,
    bench_csv,
    bench_md,
    entries,
    find_edition,
    strangers,
)
from reilab.batch.grid import cells_of
from reilab.methods.registry import methods
from reilab.physics.places import MANY, ONE
from reilab.runs.config import configure
from reilab.tasks.registry import find_task

SMOKE = find_edition("smoke", ONE)
START = SMOKE.start["mri"][0.1]


PSNR = tuple(20.0 + number for number in range(8))
AHEAD = tuple(one + 1.0 + 0.01 * one for one in PSNR)
BEHIND = tuple(one - 0.2 for one in PSNR)
REI = [run("rei", seed, *PSNR, start=START) for seed in (0, 1)]


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition.title)
def test_an_edition_has_levels_of_its_preset(edition: Edition) -> None:
    cells = cells_of(edition.grid(["ei"], "cpu"))
    assert {cell.method for cell in cells} == {"ei", RIVAL}
    assert {vars(cell.config().spec).get("operators", ONE) for cell in cells} == {edition.operators}
    for task, levels in edition.start.items():
        assert edition is SMOKE or set(levels) <= set(find_task(task).levels(edition.preset))


@pytest.mark.parametrize(
    ("preset", "operators", "words"),
    [("qick", ONE, "Did you mean 'quick'"), ("smoke", MANY, "edition 'smoke' 'many'. Known: one")],
)
def test_an_edition_that_there_is_not_is_refused(preset: str, operators: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_edition(preset, operators)


def test_methods_that_a_problem_does_not_suit_are_left_out() -> None:
    """In CT, photons and electronic noise are mixed; what crosses operators needs several.

    The row of a method that is left out in one problem alone would not be whole.
    """
    quick, many = find_edition("quick", ONE), find_edition("quick", MANY)
    left_out = [
        {name for name in methods() if not edition.suits(name)} for edition in (SMOKE, quick, many)
    ]
    crossing = {"moi", "mo_ei"}
    assert left_out == [crossing, crossing | {"gr2r", "gr2r_req"}, set()]
    for edition in (quick, many):
        suited = filter(edition.suits, methods())
        assert {cell.method for cell in cells_of(edition.grid([], "cpu"))} == set(suited)


@pytest.mark.parametrize(("second", "differs"), [(AHEAD, True), (BEHIND, False)])
def test_a_method_differs_if_images_and_every_seed_say_so(
    second: tuple[float, ...], differs: bool
) -> None:
    runs = [run("ei", 0, *AHEAD, start=START), run("ei", 1, *second, start=START), *REI]
    start, ei, rei = entries(runs)
    assert (start.method, ei.method, rei.method) == ("A†y", "ei", "rei")
    # By ranks of the images it does in both cases.
    assert ei.lead
    assert ei.lead.chance < 0.05
    assert ei.differs is differs
    assert not start.differs
    assert not rei.differs
    rows = list(csv.DictReader(io.StringIO(bench_csv([start, ei, rei]))))
    assert [row["method"] for row in rows] == ["A†y", "ei", "rei"]
    assert float(rows[1]["minus_rei_db"]) == pytest.approx(ei.lead.mean, abs=1e-3)
    assert rows[2]["minus_rei_db"] == ""
    assert ("* |" in bench_md(SMOKE, [start, ei, rei])) is differs


@pytest.mark.parametrize(("off", "told"), [(0.9 * TOLERANCE, 0), (1.2 * TOLERANCE, 1)])
def test_other_problems_than_those_of_the_edition_are_told(off: float, told: int) -> None:
    found = strangers(SMOKE, entries([run("rei", 0, *PSNR, start=START + off)]))
    assert len(found) == told
    assert all("A†y" in line and "reilab smoke 1" in line for line in found)


@pytest.mark.parametrize(
    ("asked", "is_own"),
    [
        ({}, True),
        ({"methods": ["gr2r"]}, True),
        ({"methods": ["ei", "gr2r"]}, False),
        ({"task": "inpainting", "settings": {"gamma": 0.1}}, False),
        ({"preset": "quick"}, False),
        ({"settings": {"sigma": 0.05}}, False),
        ({"settings": {"operators": MANY}}, False),
        ({"settings": {"alpha_eq": 3.0}}, False),
        ({"training": {"seed": 2}}, False),
        ({"training": {"steps": 3}}, False),
    ],
    ids=str,
)
def test_the_edition_knows_its_own_runs(asked: dict[str, Any], is_own: bool) -> None:
    """Of any method; others may lie in the same folder."""
    config = configure(**{"task": "mri", "preset": "smoke", "methods": ["ei"], **asked})
    other = replace(REI[0], config=config)
    assert SMOKE.own([other, *REI], "cpu") == [*[other] * is_own, *REI]


def test_a_method_may_have_run_where_the_edition_does_not_suit_it() -> None:
    config = configure("ct", "quick", ["gr2r"], settings={"noise_model": "gaussian"})
    assert find_edition("quick", ONE).own([replace(REI[0], config=config)], "cpu") == []


#: The cells are carried out here, without notebooks; the command finds them finished.
SCRIPT = """
import sys
from pathlib import Path
from reilab.batch.bench import find_edition
from reilab.batch.cell import Cell, carry_out
from reilab.batch.grid import GridFolder, cells_of
from reilab.cli.main import main

folder = GridFolder(Path(sys.argv[1]))
folder.make()
other = Cell("mri", "smoke", 0.05, "rei", 0, {"steps": 2})
for cell in [other, *cells_of(find_edition("smoke", "one").grid(["flat"], "cpu"))]:
    carry_out(cell, folder.runs)
main(["bench", "--preset", "smoke", "--methods", "flat", "--device", "cpu", "--out", sys.argv[1]])
"""


@pytest.mark.slow
def test_a_method_of_ones_own_stands_in_the_table(tmp_path: Path) -> None:
    own = {**os.environ, "REILAB_PLUGINS": str(PLUGINS / "additions.py")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        env=own,
        timeout=240,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 runs, 4 of them finished before" in done.stderr
    table = (tmp_path / "bench.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(table)))
    # The run at another level is no part of it.
    assert [row["method"] for row in rows] == ["A†y", "flat", "rei"]
    assert "| Flat SURE |" in (tmp_path / "bench.md").read_text(encoding="utf-8")
