"""Baselines of a grid stand in its tables, once for each problem and seed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from kit.marked import run

from reilab.batch.comparison import table_of
from reilab.batch.results import FinishedRun, series_of
from reilab.batch.tables import results_csv, seeds_csv
from reilab.events import Metrics, Posed, Started
from reilab.record.history import history_of

IMAGES = np.zeros((1, 4, 4, 1), np.float32)


def with_baselines(one: FinishedRun, **psnr: float) -> FinishedRun:
    """The same run, whose baselines have a number that was chosen for this seed."""
    seed = one.config.training.seed
    found = {f"{name}, λ = {seed + 1}": Metrics(db, 0.5, 0.1) for name, db in psnr.items()}
    posed = Posed("mri", "smoke", 0.1, "", "cpu", 8, 2, IMAGES, IMAGES, None, baselines=found)
    started = Started(one.method, 0, 1, 99, False, {"mc": 1.0}, 1e-3, 0.1, "online")
    return replace(one, history=history_of([posed, started]))


RUNS = [
    with_baselines(run("ei", 0, 20.0, 22.0), TV=25.0, SIRT=21.0),
    with_baselines(run("rei", 0, 21.0, 24.0), TV=25.0, SIRT=21.0),
    with_baselines(run("ei", 1, 20.0, 20.0), TV=27.0, SIRT=21.0),
]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_baseline_has_a_row_for_each_seed() -> None:
    found = rows(results_csv(RUNS))
    told = [(row["method"], row["seed"], row["psnr_db_mean"], row["parameters"]) for row in found]
    assert told == [
        ("TV, λ = 1", "0", "25.0000", ""),
        ("SIRT, λ = 1", "0", "21.0000", ""),
        ("ei", "0", "21.0000", "99"),
        ("rei", "0", "22.5000", "99"),
        ("TV, λ = 2", "1", "27.0000", ""),
        ("SIRT, λ = 2", "1", "21.0000", ""),
        ("ei", "1", "20.0000", "99"),
    ]
    for row in found:
        assert (row["task"], row["acceleration"]) == ("mri", "4")
        assert row["pinv_psnr_db_mean"] == "10.0000"
        # What trains networks says nothing of what has none.
        is_trained = row["method"] in ("ei", "rei")
        assert bool(row["learning_rate"]) == bool(row["psnr_db_std"]) == is_trained


def test_seeds_are_put_together_whatever_number_was_chosen() -> None:
    found = {row["method"]: row for row in rows(seeds_csv(RUNS))}
    assert list(found) == ["A†y", "TV", "SIRT", "ei", "rei"]
    assert (found["TV"]["psnr_db_mean"], found["TV"]["seeds"]) == ("26.0000", "2")
    assert found["TV"]["psnr_db_std_images"] == found["TV"]["psnr_null_db_mean"] == ""
    assert float(found["TV"]["psnr_db_std_seeds"]) == pytest.approx(2**0.5, abs=1e-4)
    (series,) = series_of(RUNS)
    table = table_of(series)
    assert table.heading[:6] == ("noise", "A†y", "TV", "SIRT", "EI", "REI")
    assert table.lines[0].psnr[1] == "26.00 (seeds ± 1.41)"
    assert table.lines[0].ssim[1] == "0.500"


def test_without_baselines_there_are_no_such_rows() -> None:
    bare = [with_baselines(run("ei", 0, 20.0, 22.0))]
    assert [row["method"] for row in rows(results_csv(bare))] == ["ei"]
    assert [row["method"] for row in rows(seeds_csv(bare))] == ["A†y", "ei"]
