"""What a run is turned into: tables, pictures, a command line, a report, notes."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.command_lines import asked_by
from numpy.typing import NDArray
from PIL import Image

from reilab.batch.grid import Grid, cells_of
from reilab.cli.main import main
from reilab.events import Continue, Event, Pause, SetLearningRate, SetWeight, Stepped
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of
from reilab.record.notes import Notes, read_notes, write_notes
from reilab.runs.config import config_of, configure, from_yaml
from reilab.runs.execute import execute
from reilab.runs.facts import facts_of
from reilab.runs.fork import fork
from reilab.runs.repeat import repeat
from reilab.runs.report import as_command, as_python, command_of, python_of, report_html
from reilab.show.panes import to_colours, to_png
from reilab.show.results import curves_csv, metrics_csv, results
from reilab.show.scene import Scene, scene_of
from reilab.tasks.registry import tasks
from reilab.training.config import TrainConfig

FACTS = {"Task": "inpainting", "Noise": "poisson, γ = 0.1"}
TRAINING = {"steps": 4, "log_every": 1, "evaluate_every": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run in colour, steered after its first turn."""
    config = configure("inpainting", "smoke", ["supervised", "rei"], training=TRAINING)
    folder = RunFolder.create(tmp_path_factory.mktemp("runs") / "run<1>", config.to_yaml())
    seen: list[Event] = []
    asked = [SetWeight("req", 2.0)]

    def inbox() -> list[Any]:
        return [asked.pop()] if asked and any(isinstance(e, Stepped) for e in seen) else []

    execute(folder, seen.append, inbox=inbox)
    return folder


@pytest.fixture(scope="module")
def history(folder: RunFolder) -> History:
    return history_of(folder.events())


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_table_of_metrics(history: History) -> None:
    start, rei, supervised = rows_of(metrics_csv(history, FACTS))
    assert all(FACTS.items() <= row.items() for row in (start, rei, supervised))
    assert (start["method"], start["gain_db"], start["seconds"]) == ("A†y", "", "")
    found = history.tracks["rei"].metrics
    assert found is not None
    assert history.posed is not None
    assert history.posed.pinv_metrics is not None
    assert float(rei["psnr_db"]) == found.psnr
    assert float(rei["gain_db"]) == pytest.approx(found.psnr - history.posed.pinv_metrics.psnr)
    gap = float(supervised["psnr_db"]) - float(rei["psnr_db"])
    assert float(rei["gap_to_supervised_db"]) == pytest.approx(gap)
    assert supervised["gap_to_supervised_db"] == ""
    assert float(rei["seconds"]) * float(rei["steps_per_second"]) == pytest.approx(4)
    assert int(rei["parameters"]) == history.tracks["rei"].started.n_parameters
    assert results(History()) == []
    assert len(rows_of(metrics_csv(History(), FACTS))) == 0


def test_table_of_curves(history: History) -> None:
    rows = [row for row in rows_of(curves_csv(history, FACTS)) if row["method"] == "rei"]
    assert all(list(FACTS.items()) == list(row.items())[:2] for row in rows)
    assert [int(row["step"]) for row in rows] == [0, 1, 2, 3, 4]
    assert [bool(row["psnr_db"]) for row in rows] == [True, True, True, False, True]
    assert [bool(row["total"]) for row in rows] == [False, True, True, True, True]
    assert float(rows[4]["sure"]) == history.tracks["rei"].stepped[3].losses["sure"]
    assert rows[4]["supervised"] == ""
    assert float(rows[4]["seconds"]) == pytest.approx(history.tracks["rei"].seconds)


def test_any_pane_at_any_moment_as_a_picture(history: History) -> None:
    scene = scene_of("run", history, 1, 2)
    assert scene is not None
    assert [one.key for one in scene.panes] == ["truth", "measurement", "pinv", "rei", "supervised"]
    for shot in scene.panes:
        picture = Image.open(io.BytesIO(to_png(scene.pixels(shot))))
        assert (picture.height, picture.width) == shot.image.shape[:2]
        expected = np.asarray(shot.image).squeeze().clip(0, 1) * 255
        np.testing.assert_allclose(np.asarray(picture), expected, atol=0.51)
    first, last = (scene_of("run", history, 0, step) for step in (0, 4))
    assert first is not None
    assert last is not None
    early, late = (image_of(one, "rei") for one in (first, last))
    assert not np.array_equal(early, late)
    truth = image_of(first, "truth")
    narrow = replace(first, low=0.4, high=0.5)
    white = narrow.pixels(narrow.shots[0]) == 255
    assert np.array_equal(white, (np.rint((truth - 0.4) * 2550) >= 255).squeeze())


def image_of(scene: Scene, key: str) -> NDArray[np.floating]:
    (image,) = (shot.image for shot in scene.panes if shot.key == key)
    return image


def test_error_maps_are_shares_of_the_range_of_the_images(history: History) -> None:
    scene = scene_of("run", history, 0)
    assert scene is not None
    assert scene.errors.keys() == {"pinv", "rei", "supervised"}
    gap = np.abs(image_of(scene, "rei") - image_of(scene, "truth")).mean(-1)
    np.testing.assert_allclose(scene.errors["rei"], gap / (scene.high - scene.low), rtol=1e-5)
    wide = replace(scene, high=scene.low + 2 * (scene.high - scene.low))
    np.testing.assert_allclose(wide.errors["rei"], scene.errors["rei"] / 2, rtol=1e-5)
    colours = to_colours(scene.errors["rei"], scene.end)
    assert colours.shape == (32, 32, 3)
    assert colours[0, 0].tolist() != to_colours(np.zeros((1, 1)), 1.0)[0, 0].tolist()


def test_nothing_is_seen_before_the_problem_is_posed() -> None:
    assert scene_of("run", History(), 0) is None


def parsed(line: str) -> Any:
    program, command, *words = shlex.split(line)
    assert (program, command) == ("reilab", "compare")
    return asked_by(command, *words)


@pytest.mark.parametrize("task", sorted(tasks()))
def test_the_command_of_a_preset_names_nothing_else(task: str) -> None:
    assert as_command(configure(task)) == f"reilab compare {task}"
    for preset in tasks()[task].presets:
        config = configure(task, preset, ["rei"])
        assert parsed(as_command(config)) == config
        assert len(shlex.split(as_command(config))) <= 7


CHANGES: Sequence[tuple[str, st.SearchStrategy[Any]]] = (
    ("alpha_sure", st.floats(0, 1e6)),
    ("learning_rate", st.floats(1e-9, 1)),
    ("milestones", st.lists(st.integers(1, 10**6), max_size=3).map(tuple)),
    ("steps", st.integers(1, 10**7)),
    ("measurements", st.sampled_from(["online", "fixed"])),
)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_command_makes_the_same_configuration(data: st.DataObject) -> None:
    changes = {
        name: data.draw(values, name) for name, values in CHANGES if data.draw(st.booleans())
    }
    weights = {name: value for name, value in changes.items() if name == "alpha_sure"}
    training = {name: value for name, value in changes.items() if name not in weights}
    config = configure(
        "ct",
        data.draw(st.sampled_from(["quick", "paper"])),
        data.draw(st.sampled_from([["rei"], ["supervised", "ei", "rei"], ["ei", "sure"]])),
        settings={
            "data": data.draw(st.sampled_from(["ct", "/my images/it's"])),
            # The preset changes more than the level at some.
            "gamma": data.draw(st.sampled_from([1.0, 20.0, 60.0]) | st.floats(1e-3, 1e3)),
            **weights,
        },
        training=training,
        assumed_noise=data.draw(st.none() | st.floats(1e-3, 1e3)),
    )
    assert parsed(as_command(config)) == config


@pytest.mark.parametrize("asked", [["--noise", "0.01"], ["--sigma=0.01"]])
def test_a_level_brings_what_the_preset_changes_there(asked: list[str]) -> None:
    """The same by the command line, in Python, and in a grid."""
    at_level = configure("mri", "quick", ["ei"], settings={"sigma": 0.01})
    usual = configure("mri", "quick", ["ei"])
    assert at_level.method_values["eq_target"] == "held" != usual.method_values["eq_target"]
    words = ["compare", "mri", "--methods", "ei", *asked]
    assert asked_by(*words) == at_level
    (cell,) = cells_of(Grid("quick", ("mri",), ("0.01",), ("ei",), (0,), (), "cpu"))
    assert cell.config() == at_level
    free = asked_by(*words, "--eq-target", "free")
    assert free.method_values["eq_target"] == "free"


def test_the_command_of_a_fork(folder: RunFolder, tmp_path: Path) -> None:
    made = fork(folder, 2, {"alpha_sure": 0.25, "assumed_noise": 0.01}, tmp_path / "fork")
    assert command_of(folder).startswith(f"reilab runs repeat '{folder.name}'\n# Steered while")
    assert command_of(folder).endswith(f"# Without that: {as_command(config_of(folder))}")
    fork_line, *remarks = command_of(made).splitlines()
    words = shlex.split(fork_line)
    assert remarks[0] == "# What follows is not repeated:"
    assert words[:6] == ["reilab", "runs", "fork", folder.name, "--step", "2"]
    assert {"--alpha-sure", "0.25", "--assumed-noise", "0.01"} <= set(words)
    # The parent is in another folder here, so nothing can be left out.
    values = from_yaml(folder.config).method_values
    # The previews are shared; assumed noise is no field of the training.
    assert len(words) == 6 + 2 * (len(fields(TrainConfig)) + len(values)) - 1


def test_a_steered_run_is_repeated_bit_for_bit(folder: RunFolder, tmp_path: Path) -> None:
    again = repeat(folder, tmp_path / "again")
    first, second = history_of(folder.events()), execute(again)
    (steered,) = second.tracks["rei"].steered
    assert steered.command == SetWeight("req", 2.0, "rei")
    for method, track in first.tracks.items():
        told = [(event.step, event.total) for event in track.stepped]
        assert told == [(event.step, event.total) for event in second.tracks[method].stepped]
        assert track.metrics == second.tracks[method].metrics
    config = config_of(folder)
    plain = execute(RunFolder.create(tmp_path / "plain", config.to_yaml()))
    assert plain.tracks["rei"].metrics != first.tracks["rei"].metrics
    made = fork(folder, 2, {}, tmp_path / "fork")
    with pytest.raises(ValueError, match="repeat that one"):
        repeat(made, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_steering_between_two_logged_steps_is_repeated(tmp_path: Path) -> None:
    """While it goes on, and while it is paused."""
    training = {"steps": 30, "log_every": 15, "evaluate_every": 15}
    config = configure("inpainting", "smoke", ["ei", "rei"], training=training)
    folder = RunFolder.create(tmp_path / "run", config.to_yaml())
    seen: list[Event] = []
    rate, weight = [SetLearningRate(1e-5)], [SetWeight("req", 2.0)]
    # In turns or side by side, all are past the first losses and the evaluation there.
    asked = iter([*[[]] * 6, rate, [], [Pause()], [], [], weight, [Continue()]])

    def inbox() -> Any:
        return next(asked, []) if any(isinstance(e, Stepped) for e in seen) else []

    first = execute(folder, seen.append, inbox=inbox)
    second = execute(repeat(folder, tmp_path / "again"))
    assert [e.command.value for e in second.tracks["rei"].steered] == [1e-5, 2.0]
    for method, track in first.tracks.items():
        again, places = second.tracks[method], [event.step for event in track.steered]
        assert all(15 < step < 30 for step in places)
        assert [event.step for event in again.steered] == places
        assert again.losses.total.tolist() == track.losses.total.tolist()
        assert again.metrics == track.metrics


@pytest.mark.parametrize("changes", [{}, {"gamma": 0.1, "keep": 0.5, "alpha_req": 3.0}])
def test_the_python_of_a_configuration_makes_the_same(changes: dict[str, Any]) -> None:
    config = configure(
        "inpainting", "smoke", ["ei", "rei"], settings=changes, training={"steps": 8}
    )
    lines = as_python(config)
    told: dict[str, Any] = {}
    exec(lines[: lines.index("history = ")], told)
    assert told["config"] == config


def test_the_python_of_a_steered_run_replays_it(folder: RunFolder) -> None:
    lines = python_of(folder)
    assert "replay(" in lines
    assert repr(folder.name) in lines
    compile(lines, "lines", "exec")


def test_notes_are_kept(folder: RunFolder) -> None:
    assert read_notes(folder) == Notes()
    notes = Notes("the weight α was too large\nsee <b>lecture 3</b>", pinned=True)
    write_notes(folder, notes)
    assert read_notes(RunFolder(folder.path)) == notes
    with pytest.raises(FileNotFoundError):
        write_notes(RunFolder(folder.path / "gone"), notes)


def test_the_report_is_one_file_that_asks_for_nothing(folder: RunFolder) -> None:
    write_notes(folder, Notes("see <b>lecture 3</b>"))
    html = report_html(folder)
    assert len(html) < 3_000_000
    assert "default-src 'none'" in html
    assert html.count("<script") == 2
    fetched = re.findall(r'(?:src|href)\s*=\s*"([^"#][^"]*)"', html)
    assert fetched
    assert all(source.startswith("data:image/png;base64,") for source in fetched)
    assert "@import" not in html
    assert "url(http" not in html
    assert html.count("<svg") >= 3
    assert "see &lt;b&gt;lecture 3&lt;/b&gt;" in html
    assert "run&lt;1&gt;" in html
    assert "weight of req = 2" in html
    assert "Masked photograph" in html
    assert "reilab compare inpainting --preset smoke" in html
    images = re.findall(r"<img [^>]*>", html)
    assert all('alt="' in image for image in images)
    # Four test images with five panes and three error maps; the moments are in the reel.
    assert len(images) == 4 * (5 + 3)


def test_the_report_of_a_run_that_has_not_begun_or_has_failed(tmp_path: Path) -> None:
    config = configure("mri", "smoke", ["rei"])
    empty = RunFolder.create(tmp_path / "empty", config.to_yaml())
    assert "No worker has been started" in report_html(empty)
    broken = config.to_yaml().replace("data: knee", "data: keen")
    failed = RunFolder.create(tmp_path / "failed", broken)
    with pytest.raises(ValueError, match="keen"):
        execute(failed)
    assert "keen" in report_html(failed)


def test_measurements_of_an_old_log_are_left_out(history: History) -> None:
    assert history.posed is not None
    old = scene_of("run", History(replace(history.posed, measurement=None), history.tracks), 0)
    assert old is not None
    assert "measurement" not in [shot.key for shot in old.panes]


@pytest.mark.slow
def test_the_command_line_exports(folder: RunFolder, tmp_path: Path) -> None:
    main(["runs", "export", str(folder.path), "--out", str(tmp_path / "out"), "--figure", "page"])
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {
        *("report.html", "metrics.csv", "curves.csv", "results.tex"),
        *("figure.svg", "figure.pdf", "figure.png"),
    }
    for name in ("metrics.csv", "curves.csv"):
        for row in rows_of((tmp_path / "out" / name).read_text(encoding="utf-8")):
            assert facts_of(config_of(folder), folder.name).items() <= row.items()
