"""The finished runs that come with reilab: what they show is true, page and commands show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reilab.cli.main import main
from reilab.record.folder import RunFolder, examples, find_run, list_runs
from reilab.record.history import history_of
from reilab.runs.config import configure, from_yaml
from reilab.runs.initial import begin_from
from reilab.runs.stream import prepare
from reilab.tasks.registry import tasks
from reilab.training.evaluate import examine, mean_of

pytestmark = pytest.mark.slow

TASKS = tuple(tasks())
METHODS = ("supervised", "ei", "rei")
#: In dB: REI comes as near as this to supervised training.
NEAR = 1.0
MOST_BYTES = 4e6


def example(task: str) -> RunFolder:
    return find_run(f"{task}-hour")


def test_there_is_one_of_each_task() -> None:
    assert {run.name for run in examples()} == {f"{task}-hour" for task in TASKS}


@pytest.mark.parametrize("task", TASKS)
def test_it_is_small_finished_and_a_preset(task: str) -> None:
    run = example(task)
    assert sum(file.stat().st_size for file in run.path.rglob("*")) < MOST_BYTES
    assert from_yaml(run.config) == configure(task, "hour")
    assert history_of(run.events()).finished


@pytest.mark.parametrize("task", TASKS)
def test_rei_comes_near_supervised_training(task: str) -> None:
    tracks = history_of(example(task).events()).tracks
    psnr = {method: tracks[method].metrics.psnr for method in METHODS}
    assert psnr["rei"] > psnr["ei"] + NEAR
    assert psnr["supervised"] < psnr["rei"] + NEAR


@pytest.mark.parametrize("task", TASKS)
def test_its_networks_do_what_it_says(task: str) -> None:
    run = example(task)
    prepared = prepare(from_yaml(run.config))
    for state in prepared.states:
        begin_from(state, run.path)
        found, _ = examine(state.network, prepared.problem, prepared.exam)
        mean, told = mean_of(found), history_of(run.events()).tracks[state.method].metrics
        assert mean is not None
        assert told is not None
        # On another processor the convolutions round otherwise.
        assert mean.psnr == pytest.approx(told.psnr, abs=0.02)


def test_it_is_trained_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path))
    words = ["--preset", "hour", "--method", "rei", "--from", "inpainting-hour", "--steps", "1"]
    main(["train", "inpainting", *words])
    (run,) = list_runs(tmp_path)
    begun, _ = history_of(run.events()).tracks["rei"].evaluated
    told = history_of(example("inpainting").events()).tracks["rei"].metrics
    assert begun.metrics is not None
    assert told is not None
    assert begun.metrics.psnr == pytest.approx(told.psnr, abs=0.02)
