"""Grids of runs: what is asked for, what runs, what survives an interruption, what is reported."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from reilab.batch import notebook as notebooks
from reilab.batch.cell import Cell, carry_out, is_done
from reilab.batch.comparison import PUBLISHED, table_of
from reilab.batch.grid import Grid, GridFolder, cells_of
from reilab.batch.notebook import check, source_of
from reilab.batch.report import noise_chart, report_html, write_results
from reilab.batch.results import finished_runs, series_of
from reilab.batch.tables import results_csv, seeds_csv
from reilab.cli.main import main
from reilab.record.history import history_of
from reilab.show.results import BASELINE
from reilab.tasks.registry import tasks

pytest.importorskip("papermill")
pytest.importorskip("distributed")

pytestmark = pytest.mark.grid

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
STEPS = 150
USUAL = ["--preset", "smoke", "--tasks", "mri", "--methods", "ei", "rei"]
SETTINGS = ["--set", f"steps={STEPS}", "evaluate_every=5"]


@contextmanager
def started(out: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """``reilab reproduce`` in a process of its own, which does not outlive the test."""
    command = [sys.executable, "-m", "reilab", "reproduce", *USUAL, *SETTINGS]
    with (out.parent / f"{out.name}.log").open("ab") as log:
        child = subprocess.Popen([*command, "--out", str(out), *words], stdout=log, stderr=log)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def said(out: Path) -> str:
    return (out.parent / f"{out.name}.log").read_text(encoding="utf-8")


def at_work(out: Path) -> list[psutil.Process]:
    """Processes of the cells of a grid, and their kernels."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(word.startswith(str(out)) for word in process.cmdline()):
                found += [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
    return found


def wait_for_step(out: Path, run: str, step: int) -> None:
    deadline = time.monotonic() + 400
    while True:
        assert time.monotonic() < deadline, said(out)
        folder = GridFolder(out).run(run)
        tracks = history_of(folder.events()).tracks.values()
        if any(track.saved_step >= step for track in tracks):
            return
        time.sleep(0.05)


def wait_until_ended(processes: Sequence[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=120)
    assert not alive


SCHEDULER = """
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp",
        dashboard_address="127.0.0.1:0", host="127.0.0.1",
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two Dask workers on loopback, started by somebody else."""
    words = [sys.executable, "-c", SCHEDULER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        yield child.stdout.readline().decode().strip()
        child.stdin.write(b"end\n")


@pytest.fixture(scope="module")
def whole(scheduler: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid on two workers, half of whose cells fail."""
    out = tmp_path_factory.mktemp("grid") / "whole"
    with started(out, "--noise", "0.1", "1e9", "--scheduler", scheduler) as child:
        assert child.wait(timeout=400) == 1, said(out)
    return out


def test_a_failing_cell_is_reported_and_the_others_finish(whole: Path) -> None:
    runs = finished_runs(GridFolder(whole))
    assert [run.folder.name for run in runs] == [
        "mri-smoke-0.1-ei-seed0",
        "mri-smoke-0.1-rei-seed0",
    ]
    words = " ".join(said(whole).split())
    assert "2 failed:" in words
    assert "mri-smoke-1000000000-rei-seed0: ValueError: with noise of level 1e+09 A†y" in words
    html = (whole / "report.html").read_text(encoding="utf-8")
    assert "Not finished" in html
    assert "with noise of level 1e+09" in html


def test_an_interrupted_grid_goes_on_and_one_worker_gives_the_same(
    whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cut"
    first, second = "mri-smoke-0.1-ei-seed0", "mri-smoke-0.1-rei-seed0"
    words = ["--noise", "0.1", "--workers", "1"]
    with started(out, *words) as child:
        wait_for_step(out, first, 5)
        with pytest.raises(SystemExit, match="2"):
            main(["reproduce", *USUAL, *SETTINGS, *words, "--out", str(out)])
        processes = at_work(out)
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=300) == 130, said(out)
    wait_until_ended(processes)
    assert "goes on with it" in said(out)

    with started(out, *words):
        wait_for_step(out, second, 5)
        processes = at_work(out)
    wait_until_ended(processes)
    done = (GridFolder(out).run(first).path / "events.jsonl").read_bytes()

    with started(out, *words) as child:
        assert child.wait(timeout=300) == 0, said(out)
    assert "2 runs, 1 of them finished before" in said(out)
    assert (GridFolder(out).run(first).path / "events.jsonl").read_bytes() == done
    history = history_of(GridFolder(out).run(second).events())
    assert history.tracks["rei"].resumed
    assert (out / "results.csv").read_text() == (whole / "results.csv").read_text()


def test_the_tables_tell_settings_and_spread(whole: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((whole / "results.csv").read_text(encoding="utf-8"))))
    assert [(row["method"], row["noise"], row["steps"]) for row in rows] == [
        ("ei", "0.1", str(STEPS)),
        ("rei", "0.1", str(STEPS)),
    ]
    run = finished_runs(GridFolder(whole))[1]
    found = run.history.tracks["rei"].metrics
    assert found is not None
    assert float(rows[1]["psnr_db_mean"]) == pytest.approx(found.psnr, abs=1e-4)
    assert float(rows[1]["psnr_db_std"]) > 0
    assert float(rows[1]["psnr_null_db_mean"]) == pytest.approx(found.psnr_null, abs=1e-4)
    assert float(rows[1]["psnr_range_db_mean"]) == pytest.approx(found.psnr_range, abs=1e-4)
    assert run.history.posed is not None
    assert run.history.posed.pinv_metrics is not None
    start_psnr = run.history.posed.pinv_metrics.psnr
    assert float(rows[1]["pinv_psnr_db_mean"]) == pytest.approx(start_psnr, abs=1e-4)
    assert not {"seconds", "steps_per_second"} & rows[0].keys()
    means = list(csv.DictReader(io.StringIO((whole / "seeds.csv").read_text(encoding="utf-8"))))
    assert [row["method"] for row in means] == [BASELINE, "ei", "rei"]
    assert {row["seeds"] for row in means} == {"1"}
    assert means[2]["psnr_db_mean"] == rows[1]["psnr_db_mean"]


def test_each_cell_keeps_its_notebook(whole: Path) -> None:
    notebook = json.loads(GridFolder(whole).notebook("mri-smoke-0.1-rei-seed0").read_text())
    outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    assert any("dB over 16 images" in "".join(out.get("text", "")) for out in outputs)


def test_the_report_asks_for_nothing(whole: Path) -> None:
    html = (whole / "report.html").read_text(encoding="utf-8")
    assert len(html) < 5_000_000
    fetched = re.findall(r'(?:src|href)\s*=\s*"([^"#][^"]*)"', html)
    assert fetched
    assert all(source.startswith("data:image/png;base64,") for source in fetched)
    assert not re.search(r"@import|url\((?!#)|<script|<link", html)
    assert "28.09" in html
    assert "Not comparable" in html
    assert "@media print" in html
    assert "σ [of the image maximum]" in html


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium browser")
def test_the_report_opens_from_disk(whole: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(offline=True, viewport={"width": 390, "height": 844}).new_page()
        asked: list[str] = []
        faults: list[Any] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: faults.append(message.text))
        page.goto((whole / "report.html").as_uri())
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert [url for url in asked if not url.startswith("data:")] == [page.url]
        assert not faults
        browser.close()


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_gathers_the_runs(whole: Path, tmp_path: Path) -> None:
    import papermill

    executed = papermill.execute_notebook(
        source_of("report"),
        tmp_path / "out.ipynb",
        parameters={"folder": str(whole)},
        kernel_name="python3",
        progress_bar=False,
    )
    kinds = {
        kind
        for cell in executed.cells
        for out in cell.get("outputs", [])
        for kind in out.get("data", {})
    }
    assert {"text/html", "image/svg+xml", "image/png"} <= kinds


WRONG = [
    (["--methods", "rie"], "unknown method 'rie'. Did you mean 'rei'"),
    (["--tasks", "mir"], "unknown task 'mir'. Did you mean 'mri'"),
    (["--preset", "quack"], "Did you mean 'quick'"),
    (["--set", "colour=red"], "unknown setting of mri 'colour'"),
    (["--set", "sigma=0.1"], "unknown setting of mri 'sigma'"),
    (["--set", "steps"], "has no value"),
    (["--set", "steps=many"], "'many' is not of the type int"),
    (["--set", "ct.steps=3"], "Known: mri"),
    (["--noise", "ct=1"], "Known: mri"),
    (["--noise", "loud"], "is not a number"),
    (["--noise", "-1"], "sigma = -1.0 is too small"),
    (["--noise", "0.1", "mri=0.1"], "twice"),
    (["--seeds", "0", "0"], "must name at least one, once"),
    (["--threads", "0"], "threads = 0 is too small"),
    (["--workers", "0"], "workers = 0 is too small"),
    (["--workers", "1", "--scheduler", "tcp://127.0.0.1:1"], "--workers and --scheduler name diff"),
    (["--cluster", "a.yaml", "--scheduler", "tcp://127.0.0.1:1"], "--scheduler and --cluster name"),
    (["--set", "batch=4000"], "larger than the training data"),
    (["--set", "data=fastmri"], "data = 'fastmri'"),
    (["--preset", "paper"], "fastmri"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_bad_input_is_an_error_before_anything_is_written(
    words: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path / "nowhere"))
    out = tmp_path / "grid"
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", "--preset", "smoke", "--tasks", "mri", "--out", str(out), *words])
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_a_parameter_that_the_notebook_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = source_of("reproduce").read_text(encoding="utf-8").replace("seed = 0", "sead = 0")
    (tmp_path / "reproduce.ipynb").write_text(text, encoding="utf-8")
    monkeypatch.setattr(notebooks, "source_of", lambda name: tmp_path / f"{name}.ipynb")
    cells = [Cell("mri", "smoke", 0.1, "rei", 0, {})]
    with pytest.raises(ValueError, match=r"'seed'. Did you mean 'sead'"):
        check(cells, GridFolder(tmp_path / "grid"))


def test_other_settings_need_another_folder(whole: Path) -> None:
    folder = GridFolder(whole)
    cells = [Cell("mri", "smoke", 0.1, "rei", 0, {"steps": STEPS, "evaluate_every": 10})]
    with pytest.raises(ValueError, match=r"was run with evaluate_every: 5; name another folder"):
        check(cells, folder)


def grid(preset: str, **changes: Any) -> Grid:
    usual = {
        "tasks": ("mri", "inpainting", "ct"),
        "noise": (),
        "methods": ("supervised", "ei", "rei"),
        "seeds": (0,),
        "set": (),
        "device": "cpu",
    }
    return Grid(preset=preset, **{**usual, **changes})


def test_the_grid_of_the_paper() -> None:
    cells = cells_of(grid("paper", methods=("rei",)))
    levels = {
        task: [c.noise for c in cells if c.task == task] for task in ("mri", "inpainting", "ct")
    }
    assert levels == {"mri": [0.01, 0.05, 0.1, 0.2], "inpainting": [0.01, 0.05, 0.1], "ct": [1.0]}
    assert all((one.task, one.noise) in {(c.task, c.noise) for c in cells} for one in PUBLISHED)


@pytest.mark.parametrize("task", sorted(tasks()))
def test_the_levels_of_every_preset_can_be_run(task: str) -> None:
    for preset in tasks()[task].presets:
        cells = cells_of(grid(preset, tasks=(task,)))
        assert len({cell.name for cell in cells}) == len(cells)
        for cell in cells:
            config = cell.config()
            assert (config.noise, config.methods) == (cell.noise, (cell.method,))


def test_levels_and_settings_for_one_task_and_for_all() -> None:
    cells = cells_of(
        grid(
            "quick",
            tasks=("mri", "ct"),
            noise=("0.1", "ct=1"),
            methods=("ei",),
            seeds=(1, 2),
            set=("steps=40", "mri.steps=80", "milestones=10,20", "ct.alpha_mc=1e-6"),
        )
    )
    found = {(c.task, c.noise, c.seed): c.config() for c in cells}
    assert list(found) == [
        ("mri", 0.1, 1),
        ("mri", 0.1, 2),
        ("ct", 0.1, 1),
        ("ct", 0.1, 2),
        ("ct", 1.0, 1),
        ("ct", 1.0, 2),
    ]
    assert found["mri", 0.1, 1].training.steps == 80
    assert found["ct", 1.0, 2].training.milestones == (10, 20)
    # What is asked for goes before what the preset changes at a level.
    assert found["ct", 1.0, 1].method_values["alpha_mc"] == 1e-6
    assert found["ct", 1.0, 1].method_values["eq_target"] == "held"
    assert found["ct", 0.1, 1].method_values["eq_target"] == "free"


def test_means_over_seeds_and_levels(tmp_path: Path) -> None:
    """Runs in this process, without notebooks."""
    folder = GridFolder(tmp_path)
    folder.make()
    for noise in (0.01, 0.1):
        for seed in (0, 1):
            for method in ("ei", "rei"):
                carry_out(
                    Cell("inpainting", "smoke", noise, method, seed, {"steps": 2}), folder.runs
                )
    runs = finished_runs(folder)
    assert len(runs) == 8
    assert results_csv(runs) == results_csv(finished_runs(folder))
    (series,) = series_of(runs)
    score = series.levels[0].score("rei", "psnr")
    assert score is not None
    assert score.n_seeds == 2
    each = [
        r.history.tracks["rei"].metrics for r in runs if (r.config.noise, r.method) == (0.01, "rei")
    ]
    values = [metrics.psnr for metrics in each if metrics]
    assert score.mean == pytest.approx(sum(values) / 2)
    assert score.over_seeds == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert seeds_csv(runs).count("\n") == 1 + 2 * 3
    table = table_of(series)
    assert table.heading == ("noise", BASELINE, "EI", "REI", "REI − EI")
    labels = ["γ = 0.01", "γ = 0.1", "in the authors' metric", "published"]
    assert [line.label for line in table.lines] == labels
    assert table.lines[-1].psnr == ("4.70", "9.61", "17.75", "+8.14")
    parts = [series.levels[0].score("rei", part) for part in ("psnr_range", "psnr_null")]
    told = " | ".join(f"{part.mean:.2f}" for part in parts if part)
    assert table.lines[0].parts[2] == told
    assert f">{told}<" in report_html(folder, runs)
    chart = noise_chart(series)
    assert chart.startswith("<svg")
    assert chart == noise_chart(series)
    write_results(folder, runs)
    summary = list((tmp_path / "summary").iterdir())
    assert {file.name for file in summary} == {
        "results.csv",
        "seeds.csv",
        "differences.csv",
        "tables.md",
        "inpainting-smoke.svg",
        "inpainting-smoke.png",
    }
    assert sum(file.stat().st_size for file in summary) < 1_000_000
    _, _, *rows = re.findall(r"^\|.*\|$", (tmp_path / "summary" / "tables.md").read_text(), re.M)
    n_cells = len(table.heading)
    assert [len(re.split(r"(?<!\\)\|", row)) - 2 for row in rows] == [n_cells] * len(table.lines)
    assert told.replace("|", "\\|") in rows[0]
    # Two levels of four panes and three error maps.
    assert report_html(folder, runs).count("<img") == 2 * (4 + 3)


def test_a_finished_cell_is_not_run_again(tmp_path: Path) -> None:
    cell = Cell("ct", "smoke", 10.0, "sure", 3, {"steps": 2})
    run = carry_out(cell, tmp_path)
    before = os.stat(run.path / "events.jsonl").st_mtime_ns
    assert carry_out(cell, tmp_path) == run
    assert os.stat(run.path / "events.jsonl").st_mtime_ns == before


@pytest.mark.parametrize("damage", ["", '{"rei": ', '{"rei": {"psnr": "high"}}'])
def test_damaged_marks_are_told_and_written_anew(damage: str, tmp_path: Path) -> None:
    folder, cell = GridFolder(tmp_path), Cell("mri", "smoke", 0.1, "rei", 0, {"steps": 2})
    run = carry_out(cell, folder.runs)
    marks, log = run.path / "marks.json", run.path / "events.jsonl"
    whole, told = marks.read_bytes(), log.read_bytes()
    assert is_done(run)
    marks.write_text(damage)
    assert not is_done(run)
    assert finished_runs(folder) == []
    assert re.search(r"Not finished.*marks\.json is damaged", report_html(folder, []), re.S)
    assert is_done(carry_out(cell, folder.runs))
    assert (marks.read_bytes(), log.read_bytes()) == (whole, told)
    assert len(finished_runs(folder)) == 1
