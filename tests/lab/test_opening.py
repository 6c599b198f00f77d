"""What the page shows before anything is trained, without a server."""

from __future__ import annotations

import time
from html import unescape
from pathlib import Path

import pytest
from kit.lab_runs import write_run

from reilab.lab.actions import press
from reilab.lab.choices import Choices
from reilab.lab.controls import Controls
from reilab.lab.hands import Hands
from reilab.lab.markup import introduction
from reilab.lab.model import Lab
from reilab.lab.outlooks import Outlooks, example_of, warm_up
from reilab.lab.runview import RunView
from reilab.lab.view import View
from reilab.lab.web.components import Browser
from reilab.record.folder import RunFolder
from reilab.runs import pool
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.tasks.registry import tasks

SECONDS = 60


def answer(outlooks: Outlooks, sample: int = 0) -> None:
    """Wait until what is chosen now has been computed."""
    end = time.monotonic() + SECONDS
    outlooks.poll(sample)
    while outlooks._future is not None and time.monotonic() < end:
        time.sleep(0.01)
        outlooks.poll(sample)


@pytest.fixture
def outlooks(tmp_path: Path) -> Outlooks:
    made = Outlooks(Lab(tmp_path).choices)
    answer(made)
    return made


def psnr(outlooks: Outlooks) -> float:
    posed = outlooks.history.posed
    assert posed is not None
    assert posed.pinv_per_image is not None
    return posed.pinv_per_image[0].psnr


def test_a_server_has_seen_what_newcomers_see_before_they_come(outlooks: Outlooks) -> None:
    assert warm_up(Choices().task).result(SECONDS).posed.pinv_per_image == (
        outlooks.history.posed and outlooks.history.posed.pinv_per_image
    )


@pytest.mark.parametrize("task", tasks())
def test_a_server_looks_at_each_task_before_somebody_asks_for_it(task: str) -> None:
    assert warm_up(task).result(SECONDS).posed.task == task


def test_more_noise_is_seen_at_once(outlooks: Outlooks) -> None:
    before = psnr(outlooks)
    outlooks._choices.noise *= 4
    answer(outlooks)
    assert psnr(outlooks) < before


def test_what_changes_nothing_that_is_seen_is_not_computed_again(outlooks: Outlooks) -> None:
    outlooks._choices.steps += 1
    outlooks.poll(0)
    assert outlooks._future is None


def test_what_stands_in_the_way_is_said(outlooks: Outlooks) -> None:
    outlooks._choices.set_further("data", "nothing")
    answer(outlooks)
    assert "data = 'nothing'" in outlooks.trouble
    outlooks._choices.set_further("data", "ct")
    answer(outlooks)
    assert not outlooks.trouble


def test_nothing_is_read_that_may_not_be_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").mkdir()
    outlooks = Outlooks(Lab(tmp_path).choices, Hands(below=tmp_path / "data"))
    outlooks._choices.set_further("data", str(tmp_path / "secret"))
    answer(outlooks)
    assert "is not below the data root" in outlooks.trouble


@pytest.mark.parametrize("task", tasks())
def test_every_task_has_an_example(task: str) -> None:
    example = example_of(task)
    assert example is not None
    assert {"ei", "rei", "supervised"} <= example.history.tracks.keys()


def words(view: RunView) -> str:
    return "".join(str(part.object.text) for part in (view._opening._intro, view._opening._news))


def test_a_newcomer_sees_the_problem_and_what_learning_does(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.choices.task = "mri"
    view = RunView(lab, View(), Browser())
    answer(view._outlooks)
    view.update()
    assert [card.key for card in view._opening._cards.values()] == [
        "outlook-truth",
        "outlook-measurement",
        "outlook-pinv",
    ]
    assert "Press Train" in words(view)
    assert {"ei", "rei"} <= view.exhibit.board.pictures.by_key.keys()
    assert len(view.exhibit.timeline.moments) > 4


def test_the_introduction_follows_the_task(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    view = RunView(lab, View(), Browser())
    for name, task in tasks().items():
        lab.choices.task = name
        assert task.summary in unescape(unescape(words(view)))


def test_a_group_that_teaches_nothing_is_called_so(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.choices.task = "mri"
    view = RunView(lab, View(), Browser())
    for group, told in (("rotations", "is what equivariance learns"), ("shifts", "teach nothing")):
        lab.choices.set_further("group", group)
        answer(view._outlooks)
        view.update()
        assert told in words(view)


def test_a_run_takes_the_place_until_other_settings_are_chosen(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    lab, look = Lab(tmp_path), View(at=8)
    view = RunView(lab, look, Browser())
    lab.open("run")
    view.update()
    assert look.at is None
    assert not view._opening._view.visible
    lab.choices.noise *= 2
    answer(view._outlooks)
    view.update()
    assert view._opening._view.visible


def test_a_double_click_trains_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "call", lambda root: [])
    lab = Lab(tmp_path)
    lab.choices.preset = "smoke"
    told = [press(lab, View(), "train") for _ in range(2)]
    assert told == ["", ""]
    assert len(lab.runs()) == 1


def test_a_double_click_forks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "call", lambda root: [])
    training = {"steps": 2, "log_every": 1, "evaluate_every": 1}
    config = configure("mri", "smoke", ["ei"], training=training)
    execute(RunFolder.create(tmp_path / "parent", config.to_yaml()))
    lab = Lab(tmp_path)
    lab.open("parent")
    lab.choices.steps = 9
    told = [press(lab, View(), "fork") for _ in range(2)]
    assert told == ["", ""]
    assert sorted(lab.runs()) == ["parent", "parent-from-2"]
    lab.stop()
    # Who opens it again may well fork it there.
    lab.open(lab.run)
    assert lab.fork_step(None) == 2


@pytest.mark.parametrize(("model", "seen"), [("poisson", False), ("mixed", True)])
def test_numbers_that_the_noise_does_not_have_are_not_offered_to_play(
    tmp_path: Path, model: str, seen: bool
) -> None:
    lab = Lab(tmp_path)
    lab.choices.task = "inpainting"
    controls = Controls(lab)
    lab.choices.set_further("noise_model", model)
    assert ("sigma" in lab.choices.explored()) is seen
    assert (controls.form.own["sigma"] in controls._explored.objects) is seen


def test_who_only_watches_is_not_told_to_train(tmp_path: Path) -> None:
    assert "Press Train" in introduction(Lab(tmp_path))
    watching = introduction(Lab(tmp_path, Hands(tied=True)))
    assert "This page watches" in watching
    assert "Press Train" not in watching
