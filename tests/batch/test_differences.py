"""Paired differences between methods, from marks that are known."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pytest
from kit.marked import run

from reilab.batch.comparison import difference, table_of
from reilab.batch.results import LevelResults, series_of
from reilab.batch.tables import differences_csv

RUNS = (
    run("ei", 0, 20.0, 22.0, 24.0),
    run("rei", 0, 21.0, 24.0, 25.0),
    run("ei", 1, 20.0, 20.0, 20.0),
    run("rei", 1, 21.0, 22.0, 21.0),
    run("rei", 2, 99.0, 99.0, 99.0),
)


def test_images_are_paired_and_seeds_averaged_first() -> None:
    """The images differ by 1, 2, 1 in both seeds; a seed that lacks a method is left out."""
    found = difference(LevelResults(0.1, RUNS), "rei", "ei")
    assert found is not None
    assert (len(found.by_image), len(found.by_seed)) == (3, 2)
    assert found.mean == pytest.approx(4 / 3)
    assert found.error == pytest.approx(math.sqrt(1 / 3) / math.sqrt(3))
    assert found.over_seeds == pytest.approx(0.0)
    back = difference(LevelResults(0.1, RUNS), "ei", "rei")
    assert back is not None
    assert back.mean == pytest.approx(-found.mean)


def test_what_was_not_run_has_no_difference() -> None:
    assert difference(LevelResults(0.1, RUNS), "rei", "sure") is None
    one = difference(LevelResults(0.1, (run("ei", 0, 20.0), run("rei", 0, 21.5))), "rei", "ei")
    assert one is not None
    assert (one.mean, one.error, one.over_seeds) == (1.5, None, None)


def test_the_table_and_the_file_tell_it() -> None:
    (series,) = series_of([replace(one) for one in RUNS])
    table = table_of(series)
    assert table.heading[-1] == "REI − EI"
    assert table.lines[0].psnr[-1] == "+1.33 ± 0.33"
    assert all(len(line.psnr) == len(table.heading) - 1 for line in table.lines)
    (row,) = csv.DictReader(io.StringIO(differences_csv(RUNS)))
    assert (row["ahead"], row["behind"], row["seeds"]) == ("rei", "ei", "2")
    assert float(row["psnr_db_difference"]) == pytest.approx(1.3333)
