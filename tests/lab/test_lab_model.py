"""The lab's state without a server: choices, numbers, steering, runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from reilab.events import Evaluated, Refused, SetAssumedNoise, SetLearningRate, SetWeight, Steered
from reilab.lab.content import rows
from reilab.lab.model import Lab
from reilab.lab.titles import run_title
from reilab.methods.registry import methods, weights
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.runs.jobs import Standing, Status
from reilab.runs.steering import Numbers, commands
from reilab.show.panes import to_pixels
from reilab.show.scene import error_map, scale_end
from reilab.show.words import steering_log
from reilab.tasks.registry import tasks

PATIENCE_SECONDS = 120


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab with an empty root."""
    lab = Lab(tmp_path)
    lab.choices.task, lab.choices.preset = "mri", "smoke"
    yield lab
    if lab.live:
        lab.stop()
        wait(lab, lambda: not lab.live)


def wait(lab: Lab, reached: Callable[[], bool]) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"{lab.standing} after {PATIENCE_SECONDS} s"
        time.sleep(0.05)
        lab.poll()


def test_choices_come_from_the_registry(lab: Lab) -> None:
    assert lab.choices.param.task.objects == list(tasks())
    for name, task in tasks().items():
        lab.choices.task = name
        assert lab.choices.param.preset.objects == list(task.presets)
        assert lab.choices.setting("noise") == task.settings[task.noise]
    assert lab.choices.setting("alpha_req") == weights()["alpha_req"]


def test_a_preset_brings_its_numbers(lab: Lab) -> None:
    lab.choices.task, lab.choices.preset = "ct", "paper"
    preset = tasks()["ct"].presets["paper"]
    training = preset.training
    assert (lab.choices.alpha_sure, lab.choices.alpha_req) == (
        preset.methods["alpha_sure"],
        preset.methods["alpha_req"],
    )
    assert lab.choices.network == "unet"
    assert lab.choices.further["width"] == 64
    assert (lab.choices.steps, lab.choices.learning_rate) == (
        training.steps,
        training.learning_rate,
    )
    assert lab.choices.config().training == training


def test_the_assumed_noise_follows_the_true_one_until_parted(lab: Lab) -> None:
    lab.choices.noise = 0.2
    assert lab.choices.config().assumed_noise == 0.2
    lab.choices.same_noise = False
    lab.choices.assumed_noise = 0.05
    lab.choices.noise = 0.3
    config = lab.choices.config()
    assert (config.noise, config.assumed_noise) == (0.3, 0.05)
    lab.choices.same_noise = True
    assert lab.choices.config().assumed_noise == 0.3


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("steps", 0, "Steps: 0 is too small"),
        ("noise", -1.0, "True noise: -1 is too small"),
        ("noise", "much", "True noise: much is not a number"),
        ("alpha_sure", float("nan"), "α SURE: nan is not finite"),
        pytest.param("alpha_req", 1e300, r"α REQ: 1e\+300 is too large; the most", id="vast"),
        ("learning_rate", 1e20, "Learning rate: .* is too large; the most is 10"),
        ("noise", 1e20, "True noise: .* is too large; the most is"),
        ("steps", 10**10, "Steps: .* is too large; the most is"),
        ("methods", [], "tick at least one"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_starts(
    lab: Lab, name: str, value: object, complaint: str
) -> None:
    setattr(lab.choices, name, value)
    with pytest.raises(ValueError, match=complaint):
        lab.train()
    assert lab.runs() == []
    assert lab.run == ""


def test_each_number_becomes_the_commands_that_the_methods_know() -> None:
    terms = {"mc", "eq", "req"}
    assert commands("alpha_mc", 2.0, terms) == [SetWeight("mc", 2.0)]
    assert commands("alpha_req", 3.0, terms) == [SetWeight("req", 3.0)]
    assert commands("alpha_sure", 3.0, terms) == []
    assert commands("learning_rate", 1e-4, terms) == [SetLearningRate(1e-4)]
    assert commands("assumed_noise", 0.1, terms) == [SetAssumedNoise(0.1)]


def test_steering_is_read_back_under_the_names_of_the_controls() -> None:
    log = [Steered("rei", 3, SetWeight("req", 5.0)), Steered("ei", 4, SetWeight("mc", 7.0))]
    numbers = Numbers({"alpha_req": 1.0, "alpha_mc": 1.0, "learning_rate": 1e-3})
    assert numbers.read(log) == {"alpha_req": 5.0, "alpha_mc": 7.0}
    assert numbers.known == {"alpha_req": 5.0, "alpha_mc": 7.0, "learning_rate": 1e-3}


def test_what_waits_for_an_answer_is_shown_until_it_has_one() -> None:
    numbers = Numbers({"alpha_req": 1.0}, {"alpha_req": 100.0})
    earlier = [Steered("rei", 3, SetWeight("req", 10.0)), Steered("ei", 3, SetWeight("req", 10.0))]
    assert numbers.read(earlier) == {}
    assert (numbers.known, numbers.expected) == ({"alpha_req": 10.0}, {"alpha_req": 100.0})
    assert numbers.read([Steered("rei", 4, SetWeight("req", 100.0))]) == {}
    assert numbers.pending == {}
    # What somebody else asks for later holds.
    assert numbers.read([Steered("rei", 5, SetWeight("req", 10.0))]) == {"alpha_req": 10.0}


def test_what_is_refused_goes_back_to_what_the_run_has() -> None:
    numbers = Numbers({"assumed_noise": 0.1}, {"assumed_noise": 0.0})
    refused = Refused("rei", 3, SetAssumedNoise(0.0), "there is no such level")
    assert numbers.read([refused]) == {"assumed_noise": 0.1}
    assert numbers.expected == {"assumed_noise": 0.1}


@pytest.mark.slow
def test_steering_in_one_session_shows_in_another(lab: Lab) -> None:
    lab.choices.methods, lab.choices.steps = ["rei"], 100_000
    lab.train()
    wait(lab, lambda: lab.standing.status is Status.RUNNING)
    other = Lab(lab.root)
    other.open(lab.run)
    other.choices.alpha_req = 5.0

    def both() -> bool:
        other.poll()
        return bool(lab.choices.alpha_req == 5.0)

    wait(lab, both)
    other.close()
    assert lab.live
    assert steering_log(lab.history)[-1].endswith("weight of req = 5 (REI)")


@pytest.mark.slow
def test_a_second_run_waits_in_line_until_the_first_is_stopped(lab: Lab) -> None:
    lab.choices.methods, lab.choices.steps = ["rei"], 100_000
    lab.train()
    other = Lab(lab.root)
    other.choices.task, other.choices.preset, other.choices.methods = "mri", "smoke", ["ei"]
    other.train()
    assert other.standing == Standing(Status.QUEUED, position=1)
    other.stop()
    assert other.standing.status is Status.STOPPED


@pytest.mark.slow
def test_a_run_from_start_to_end_and_seen_again(lab: Lab) -> None:
    lab.choices.methods = ["rei", "ei", "supervised"]
    lab.train()
    assert lab.live
    with pytest.raises(RuntimeError, match="still going"):
        lab.train()
    wait(lab, lambda: not lab.live)
    assert lab.standing.status is Status.FINISHED
    table = {row.key: row for row in rows(lab.history)}
    assert list(table) == ["pinv", "ei", "rei", "supervised"]
    supervised, rei, base = table["supervised"], table["rei"], table["pinv"]
    psnr = {row.key: row.result.metrics.psnr for row in (base, rei, supervised)}
    assert rei.result.gap == pytest.approx(psnr["supervised"] - psnr["rei"])
    assert rei.result.gain == pytest.approx(psnr["rei"] - psnr["pinv"])
    other = Lab(lab.root)
    other.open(lab.run)
    assert (other.choices.task, other.choices.preset, other.choices.steps) == ("mri", "smoke", 4)
    assert other.choices.config() == lab.choices.config()
    assert rows(other.history) == rows(lab.history)


@pytest.mark.slow
def test_a_live_run_is_steered_paused_stopped_and_resumed(lab: Lab) -> None:
    lab.choices.methods, lab.choices.steps = ["ei", "rei"], 100_000
    lab.train()
    lab.choices.alpha_req = lab.choices.alpha_eq = 10.0
    wait(lab, lambda: len(steering_log(lab.history)) == 2)
    assert {e.command for t in lab.history.tracks.values() for e in t.steered} == {
        SetWeight("eq", 10.0),
        SetWeight("req", 10.0),
    }
    lab.pause()
    wait(lab, lambda: lab.standing.status is Status.PAUSED)
    lab.pause()
    wait(lab, lambda: lab.standing.status is Status.RUNNING)
    told = (lab.folder.path / "commands.jsonl").read_text(encoding="utf-8")
    for name, value, words in (
        ("learning_rate", -1.0, "Learning rate: -1 must be greater than 0"),
        ("alpha_req", 1e300, "α REQ: 1e+300 is too large"),
    ):
        before = getattr(lab.choices, name)
        setattr(lab.choices, name, value)
        lab.poll()
        assert words in lab.message
        setattr(lab.choices, name, before)
    assert (lab.folder.path / "commands.jsonl").read_text(encoding="utf-8") == told
    lab.choices.learning_rate = 1e-4
    lab.stop()
    wait(lab, lambda: not lab.live)
    assert lab.standing.status is Status.STOPPED
    assert lab.resumable
    at = max(track.step for track in lab.history.tracks.values())
    lab.choices.alpha_mc = 0.5
    lab.resume()
    wait(lab, lambda: any(track.step > at for track in lab.history.tracks.values()))
    wait(lab, lambda: SetWeight("mc", 0.5) in [e.command for e in lab.history.tracks["ei"].steered])
    other = Lab(lab.root)
    other.open(lab.run)
    assert (other.choices.alpha_mc, other.choices.alpha_req, other.choices.learning_rate) == (
        0.5,
        10.0,
        1e-4,
    )


@pytest.mark.slow
def test_stop_is_not_lost_while_the_worker_is_still_starting(lab: Lab) -> None:
    lab.choices.steps = 100_000
    lab.train()
    lab.stop()
    wait(lab, lambda: not lab.live)
    assert lab.standing.status is Status.STOPPED


@pytest.mark.slow
def test_resume_brings_the_controls_back_to_the_run(lab: Lab) -> None:
    lab.choices.steps, lab.choices.methods = 100_000, ["rei"]
    lab.train()
    lab.stop()
    wait(lab, lambda: not lab.live)
    lab.choices.task = "ct"
    lab.resume()
    assert (lab.choices.task, lab.choices.preset, lab.choices.steps) == ("mri", "smoke", 100_000)
    lab.stop()
    wait(lab, lambda: not lab.live)
    assert steering_log(lab.history) == []


def test_only_runs_below_the_root_can_be_opened(lab: Lab) -> None:
    with pytest.raises(ValueError, match="is no name"):
        lab.open("../elsewhere")


@pytest.mark.slow
def test_a_plug_in_stands_among_the_tasks_with_its_own_noise(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    code = (
        "from reilab.lab.choices import Choices; choices = Choices(); choices.task = 'blinds';"
        "print(choices.setting('noise').unit, choices.noise, choices.config().noise)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"REILAB_PLUGINS": str(plugin)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["lumens", "0.25", "0.25"]


def test_a_run_opens_whatever_weight_was_steered(tmp_path: Path) -> None:
    """Every term of every method, and one that no method has any more."""
    names = list(methods())
    config = configure("mri", "smoke", names, training={"steps": 2})
    folder = RunFolder.create(tmp_path / "steered", config.to_yaml())
    asked = [SetWeight(one.term, 2.0) for one in weights().values()]
    execute(folder, inbox=lambda: [asked.pop()] if asked else [])
    folder.record(Steered("rei", 2, SetWeight("of old times", 3.0)))
    lab = Lab(tmp_path)
    lab.open("steered")
    told = {name: getattr(lab.choices, name) for name in weights()}
    assert told == dict.fromkeys(weights(), 2.0)
    assert lab.as_asked


def test_images_keep_their_first_row_on_top_and_clip() -> None:
    image = np.array([[[0.0], [2.0]], [[0.5], [-1.0]]])
    assert to_pixels(image, 0.0, 1.0).tolist() == [[0, 255], [128, 0]]
    assert to_pixels(np.ones((2, 2, 3)), 0.0, 2.0).shape == (2, 2, 3)
    assert error_map(image, np.zeros_like(image)).tolist() == [[0.0, 2.0], [0.5, 1.0]]
    assert scale_end([np.full((4, 4), 0.03)]) == 0.05


def test_names_of_runs_are_made_readable() -> None:
    assert run_title("20260131-101502-mri-quick-0a1b2c3d") == "mri quick, 01-31 10:15:02"
    assert run_title("my-run") == "my-run"


@pytest.mark.slow
def test_the_log_of_a_run_shows_every_evaluation(lab: Lab) -> None:
    lab.choices.methods = ["rei"]
    lab.train()
    wait(lab, lambda: not lab.live)
    events = list(RunFolder(lab.root / lab.run).events())
    assert sum(isinstance(event, Evaluated) for event in events) == 4
    assert history_of(events).tracks["rei"].step == lab.history.tracks["rei"].step


PLUGIN = '''
from dataclasses import dataclass
from typing import Annotated
from reilab.settings import Setting
from reilab.tasks.registry import Preset, task
from reilab.training.config import TrainConfig

PRESETS = {name: Preset({}, TrainConfig(steps=4)) for name in ("smoke", "quick")}


@task("blinds", title="Through blinds", noise="glare", presets=PRESETS)
@dataclass(frozen=True)
class Blinds:
    """Through blinds: every other row of an image."""

    glare: Annotated[float, Setting("Glare.", unit="lumens", low=0.0)] = 0.25

    def build(self, device="cpu"):
        raise NotImplementedError
'''


def test_another_noise_model_has_another_level(tmp_path: Path) -> None:
    """Each keeps the value that it had, and the control says which one it is."""
    choices = Lab(tmp_path).choices
    choices.task, choices.preset = "inpainting", "smoke"
    gamma, sigma = choices.noise, choices.further["sigma"]
    choices.set_further("noise_model", "gaussian")
    assert (choices.level_name, choices.noise, choices.further["gamma"]) == ("sigma", sigma, gamma)
    assert choices.assumed_noise == sigma
    choices.noise = 0.25
    config = choices.config()
    assert (config.noise, config.assumed_noise) == (0.25, 0.25)
    assert vars(config.spec)["gamma"] == gamma
    choices.set_further("noise_model", "mixed")
    assert (choices.level_name, choices.noise, choices.further["sigma"]) == ("gamma", gamma, 0.25)
    choices.show_numbers(config)
    assert (choices.level_name, choices.noise) == ("sigma", 0.25)
