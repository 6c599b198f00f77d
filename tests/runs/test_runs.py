"""Run folders, history, the driving loop and jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from reilab import events
from reilab.events import (
    Command,
    Continue,
    Evaluated,
    Event,
    Finished,
    Metrics,
    Pause,
    Posed,
    SetLearningRate,
    SetWeight,
    Started,
    Steered,
    Step,
    Stepped,
    Stop,
)
from reilab.record import codec
from reilab.record.folder import RunFolder, find_run, list_runs
from reilab.record.history import History, history_of
from reilab.runs import jobs, pool, processes, roster
from reilab.runs.config import configure, from_yaml
from reilab.runs.drive import drive
from reilab.runs.execute import execute
from reilab.runs.stream import stream
from reilab.show.figures import comparison

IMAGES = np.linspace(0, 1, 2 * 8 * 8, dtype=np.float32).reshape(2, 8, 8, 1)
METRICS = Metrics(20.0, 0.5, 0.1)
EACH = (Metrics(21.0, 0.4, 0.1), Metrics(19.0, 0.6, 0.1))
POSED = Posed("mri", "smoke", 0.1, "", "cpu", 8, 2, IMAGES, IMAGES, METRICS, (0.0, 1.0), EACH)


def started(method: str, step: int = 0, n_steps: int = 4) -> Started:
    return Started(method, step, n_steps, 10, False, {"sure": 1.0}, 1e-3, 0.1, "online")


def stepped(method: str, step: int) -> Stepped:
    return Stepped(method, step, {"sure": 1.0 / step}, 1.0 / step, 1e-3, 0.5)


LOG: tuple[Event, ...] = (
    POSED,
    started("rei"),
    Evaluated("rei", 0, METRICS, IMAGES, EACH),
    stepped("rei", 1),
    Steered("rei", 1, SetWeight("sure", 2.0)),
    stepped("rei", 2),
    Evaluated("rei", 2, None, IMAGES),
    events.Checkpointed("rei", 2, "rei.safetensors"),
    events.Refused("rei", 2, SetWeight("x", 1.0), "no"),
    events.Failed("ei", 3, "why", "mc", float("inf")),
    events.Paused(),
    events.Continued(),
    events.Stopped(),
    Finished("rei", 4),
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    config = configure("mri", "smoke", ["ei", "rei"], training={"steps": 4})
    return RunFolder.create(tmp_path / "run", config.to_yaml())


def test_every_event_survives_the_disk(folder: RunFolder) -> None:
    for event in LOG:
        folder.record(event)
    back = list(folder.events())
    assert {type(event) for event in LOG} == set(events.Event.__args__) - {
        events.Ticked,
        events.Unread,
    }
    for event, found in zip(LOG, back, strict=True):
        if isinstance(event, Evaluated | Posed):
            assert type(found) is type(event)
        else:
            assert found == event
    assert isinstance(back[2], Evaluated)
    np.testing.assert_allclose(back[2].images, IMAGES, atol=1e-3)
    assert back[2].per_image == EACH


@pytest.mark.parametrize("message", [Pause(), Continue(), Stop(), SetWeight("req", 3.0, "rei")])
def test_messages_survive_the_disk(message: object) -> None:
    assert codec.from_line(codec.to_line(message), "here") == message


def test_a_half_written_line_waits_for_its_rest(folder: RunFolder) -> None:
    reader = folder.follow()
    log = folder.path / "events.jsonl"
    line = codec.to_line(stepped("rei", 1))
    log.write_text(line[:20])
    assert reader.poll() == []
    log.write_text(line + "\n")
    assert reader.poll() == [stepped("rei", 1)]
    assert reader.poll() == []


def test_an_existing_folder_is_not_touched(folder: RunFolder) -> None:
    before = folder.config
    with pytest.raises(FileExistsError, match="--out"):
        RunFolder.create(folder.path, "task: other")
    assert folder.config == before


def test_only_what_is_a_run_is_offered_for_deletion(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="no run; name another") as refused:
        RunFolder.create(tmp_path, "task: mri")
    assert "delete" not in str(refused.value)


def test_what_a_killed_start_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "run" / "previews").mkdir(parents=True)
    assert RunFolder.create(tmp_path / "run", "task: mri").config == "task: mri"


def test_runs_are_found_listed_and_deleted(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REILAB_RUNS", str(folder.path.parent))
    assert find_run("run") == find_run(str(folder.path)) == folder
    assert list_runs(folder.path.parent) == [folder]
    with pytest.raises(FileNotFoundError, match="Did you mean run"):
        find_run("rum")
    folder.delete()
    assert list_runs(folder.path.parent) == []


def test_history_rewinds_to_the_checkpoint_from_which_a_run_goes_on() -> None:
    log = [POSED, started("rei")]
    for step in (0, 1, 2):
        log += [Evaluated("rei", step, METRICS, IMAGES), stepped("rei", step + 1)]
    history = history_of([*log, events.Stopped(), POSED, started("rei", 2)])
    track = history.tracks["rei"]
    assert [event.step for event in track.stepped] == [1, 2]
    assert [event.step for event in track.evaluated] == [0, 1]
    assert not history.stopped


def test_progress_and_time_left() -> None:
    history = history_of([POSED, started("ei"), started("rei"), stepped("ei", 2)])
    assert history.progress == 0.25
    assert history.eta is None
    history.add(stepped("rei", 1))
    ei, rei = 0.5 / 2 * 2, 0.5 * 3
    assert history.eta == pytest.approx(ei + rei)
    history.posed = replace(POSED, at_once=2)
    assert history.eta == pytest.approx(rei)  # The longest; both would share two cores evenly.


class Told:
    """A run that tells what it is told to, and obeys whatever is asked."""

    def __init__(self, told: Iterable[Event]) -> None:
        self._events, self.step = iter(told), 0

    def untold(self) -> bool:
        return False

    def look(self) -> list[Event]:
        return []

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = next(self._events)
        self.step = getattr(event, "step", 0)
        return event

    def steer(self, command: Command) -> list[Event]:
        return [Steered("rei", self.step, command)]


def numbers() -> Told:
    """Four steps."""
    return Told([*(stepped("rei", step) for step in (1, 2, 3, 4)), Finished("rei", 4)])


def test_drive_steers_pauses_and_goes_on() -> None:
    seen: list[Event] = []
    inboxes = iter([[], [Pause(), SetWeight("req", 2.0)], [], [], [Continue()]])
    drive(numbers(), seen.append, inbox=lambda: next(inboxes, []))
    kinds = [type(event).__name__ for event in seen]
    expected = "Stepped Stepped Paused Steered Continued Stepped Stepped Finished"
    assert kinds == expected.split()


@pytest.mark.parametrize("controls", [[Stop()], [Pause(), Stop()]])
def test_drive_stops(controls: list[events.Control]) -> None:
    seen: list[Event] = []
    drive(numbers(), seen.append, inbox=lambda: controls if len(seen) >= 2 else [])
    assert isinstance(seen[-1], events.Stopped)
    assert not any(isinstance(event, Finished) for event in seen)


def test_what_was_asked_before_stop_is_done_first() -> None:
    seen: list[Event] = []
    asked = [SetWeight("req", 2.0), SetWeight("sure", 3.0), Stop(), SetWeight("late", 4.0)]
    inboxes = iter([[], asked])
    drive(numbers(), seen.append, inbox=lambda: next(inboxes, []))
    steered = [event.command for event in seen if isinstance(event, Steered)]
    assert steered == asked[:2]
    assert isinstance(seen[-1], events.Stopped)
    assert max(event.step for event in seen if isinstance(event, Stepped)) == 2


def test_what_waits_for_an_answer_gets_it_before_the_run_stops() -> None:
    run, seen = stream(configure("mri", "smoke", ["ei", "rei"])), list[Event]()
    asked = [SetLearningRate(2e-4), Stop()]
    drive(run, seen.append, inbox=lambda: asked if len(seen) == 1 else [])
    kinds = [type(event).__name__ for event in seen]
    assert kinds == ["Posed", "Started", "Started", "Steered", "Steered", "Stopped"]


def turns(methods: tuple[str, ...], n_turns: int) -> Iterator[Event]:
    """Several methods in turns; the first one ends a turn before the others."""
    yield POSED
    for method in methods:
        yield started(method)
    for step in range(1, n_turns + 1):
        for method in methods:
            yield Evaluated(method, step - 1, METRICS, IMAGES)
            if method == methods[0] and step == n_turns:
                yield Finished(method, step)
            else:
                yield stepped(method, step)


class Seen(Told):
    """One that can be looked at."""

    def look(self) -> list[Event]:
        return [Evaluated("all", self.step, METRICS, IMAGES)]


class Stepper:
    """An inbox that pauses after some events, then steps whenever the run waits, then stops."""

    def __init__(self, seen: list[Event], pause_after: int, n_steps: int) -> None:
        self.seen, self.pause_after, self.left = seen, pause_after, n_steps
        self.waits_at = -1
        #: How many turns each method has taken, each time that the run waits.
        self.turns: list[Counter[str]] = []

    def __call__(self) -> list[events.Control]:
        n_seen = len(self.seen)
        if n_seen == self.pause_after:
            return [Pause()]
        if n_seen < self.pause_after or n_seen != self.waits_at:
            self.waits_at = n_seen
            return []
        self.turns.append(Counter(e.method for e in self.seen if isinstance(e, Stepped)))
        self.left -= 1
        return [Step()] if self.left >= 0 else [Stop()]


@pytest.mark.parametrize("pause_after", [1, 2, 4, 5, 7, 8])
def test_a_pause_and_a_step_bring_all_methods_to_one_step_and_show_it(pause_after: int) -> None:
    seen: list[Event] = []
    stepper = Stepper(seen, pause_after, n_steps=3)
    methods = ("ei", "rei", "sure")
    drive(Seen(turns(methods, 50)), seen.append, inbox=stepper)
    assert [type(e) for e in seen if isinstance(e, events.Paused | events.Continued)] == [
        events.Paused
    ]
    assert isinstance(seen[-1], events.Stopped)
    assert len({stepper.turns[0][method] for method in methods}) == 1
    taken = [later - earlier for earlier, later in pairwise(stepper.turns)]
    assert taken == [Counter(methods)] * 3
    looks = [e for e in seen if isinstance(e, Evaluated) and e.method == "all"]
    assert [e.step for e in looks] == [turns["ei"] for turns in stepper.turns]


def test_a_pause_does_not_wait_for_methods_that_are_far_behind() -> None:
    """As when one of them went back to an old checkpoint."""
    seen: list[Event] = []
    told = [started("ei", 8, 20), started("rei", 2, 20), *(stepped("rei", n) for n in (3, 4, 5))]
    inboxes = iter([[], [Pause()]])
    drive(Seen(told), seen.append, inbox=lambda: next(inboxes, [Stop()]))
    kinds = [type(event).__name__ for event in seen]
    assert kinds == ["Started", "Started", "Paused", "Evaluated", "Stopped"]


def test_a_look_changes_nothing_of_a_run() -> None:
    config = configure("mri", "smoke", ["ei", "rei"])
    run, looked = stream(config), list[Event]()
    for event in run:
        looked.append(event)
        looks = [] if run.untold() else run.look()
        if isinstance(event, Stepped):
            assert max(one.step for one in looks) == event.step
    alone = list(stream(config))
    for kind, name in ((Stepped, "losses"), (Evaluated, "metrics")):
        told = [[getattr(e, name) for e in seen if isinstance(e, kind)] for seen in (looked, alone)]
        assert told[0] == told[1]
        assert told[0]


def test_a_step_does_not_wait_for_a_method_that_ends() -> None:
    seen: list[Event] = []
    stepper = Stepper(seen, pause_after=3, n_steps=2)
    drive(Told(turns(("ei", "rei"), 2)), seen.append, inbox=stepper)
    kinds = [(type(event).__name__, getattr(event, "method", "")) for event in seen]
    assert kinds.count(("Stepped", "ei")) == 1
    assert ("Finished", "ei") in kinds
    assert kinds.count(("Stepped", "rei")) == 2


def test_a_step_is_nothing_to_a_run_that_is_going() -> None:
    seen: list[Event] = []
    drive(numbers(), seen.append, inbox=lambda: [Step()])
    assert isinstance(seen[-1], Finished)
    assert not any(isinstance(event, events.Paused) for event in seen)


def test_an_error_is_recorded_before_it_is_raised(folder: RunFolder) -> None:
    (folder.path / "config.yaml").write_text(folder.config.replace("data: knee", "data: keen"))
    with pytest.raises(ValueError, match="keen"):
        execute(folder)
    (failed,) = folder.events()
    assert isinstance(failed, events.Failed)
    assert "keen" in failed.message


def test_figure_shows_all_panes() -> None:
    history = history_of(LOG[:7])
    titles = [axis.get_title(loc="left") for axis in comparison(history).axes]
    assert titles[0] == "Ground truth"
    assert titles[1].startswith("A†y")
    assert titles[2].startswith("REI")


def wait_for(folder: RunFolder, history: History, *, step: int) -> None:
    reader = folder.follow()
    deadline = time.monotonic() + 120
    while not any(track.step >= step for track in history.tracks.values()):
        assert time.monotonic() < deadline, (folder.path / "worker.log").read_text()
        time.sleep(0.1)
        for event in reader.poll():
            history.add(event)


@pytest.mark.slow
def test_a_job_is_stopped_killed_and_resumed(tmp_path: Path) -> None:
    config = configure(
        "mri", "smoke", ["rei"], training={"steps": 400, "log_every": 5, "evaluate_every": 20}
    )
    folder = jobs.submit(config, tmp_path)
    history = History()
    wait_for(folder, history, step=5)
    assert jobs.standing(folder, history).status is jobs.Status.RUNNING
    with pytest.raises(RuntimeError, match="already at work"):
        jobs.resume(folder)
    pid = roster.worker_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    processes.children[pid].wait(timeout=30)
    lost = jobs.standing(folder, history)
    assert lost.status is jobs.Status.LOST
    assert "SIGKILL" in lost.reason
    jobs.resume(folder)
    resumed = History()
    wait_for(folder, resumed, step=history.tracks["rei"].step + 5)
    folder.send(Stop())
    deadline = time.monotonic() + 60
    while roster.worker_alive(folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    last = history_of(folder.events())
    assert jobs.standing(folder, last).status is jobs.Status.STOPPED
    assert folder.checkpoint("rei").exists()


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({}, "300 none"),
        ({"GOMP_SPINCOUNT": "7"}, "7 none"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "none ACTIVE"),
    ],
)
def test_threads_sleep_unless_told_otherwise(
    told: dict[str, str], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    code = (
        f"import reilab, os, sys; print(*(os.environ.get(name, 'none') for name in {names})); "
        "assert 'torch' not in sys.modules, 'it reads them when it is loaded'"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True, timeout=30).strip() == seen


def test_a_worker_that_has_ended_is_forgotten_by_the_system(tmp_path: Path) -> None:
    child = processes.spawn([sys.executable, "-c", ""], tmp_path / "log")
    deadline = time.monotonic() + 30
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pool.call(tmp_path)
    assert not psutil.pid_exists(child.pid)


def test_yaml_round_trip() -> None:
    config = configure("ct", "paper", ["rei"], settings={"data": "ct"}, assumed_noise=10.0)
    assert from_yaml(config.to_yaml()) == config
    assert config.fingerprint() == from_yaml(config.to_yaml()).fingerprint()
    assert config.training.milestones == (45_000, 90_000)
