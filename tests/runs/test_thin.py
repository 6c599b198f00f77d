"""Thin copies of runs, and the examples: found, shown, started from, copied, never changed."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from kit.trainings import comparable

from reilab.cli.main import main
from reilab.events import Evaluated, Posed, Stepped, Stop, Stopped
from reilab.lab.model import Lab
from reilab.lab.runspanel import RunsPanel
from reilab.lab.view import View
from reilab.lab.web.components import Browser, Button
from reilab.record import folder as folders
from reilab.record.folder import RunFolder, examples, find_run
from reilab.record.history import history_of
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.runs.library import Library
from reilab.runs.thin import evenly, spread_out, thin
from reilab.training.checkpoint import read_network

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run whose supervised network is not its last."""
    training = {"steps": 40, "evaluate_every": 2, "log_every": 1, "ends_with": "best"}
    config = configure("mri", "smoke", ["supervised", "rei"], training=training)
    folder = RunFolder.create(tmp_path_factory.mktemp("runs") / "whole", config.to_yaml())
    execute(folder)
    return folder


@pytest.fixture
def small(whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A thin copy, which is an example."""
    copy = thin(whole, tmp_path / "examples" / "mri-small", images=1, moments=4, entries=10)
    monkeypatch.setattr(folders, "data_file", lambda name: tmp_path / name)
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return copy


def test_a_thin_copy_shows_the_same_end(whole: RunFolder, small: RunFolder) -> None:
    before, after = history_of(whole.events()), history_of(small.events())
    assert after.finished
    for method, track in before.tracks.items():
        assert after.tracks[method].metrics == track.metrics
        weights, trained_by = read_network(whole.checkpoint(method))
        kept, _ = read_network(small.checkpoint(method))
        assert trained_by == method
        assert weights.keys() == kept.keys()
        assert all(weights[name].equal(kept[name]) for name in weights)
    size = sum(file.stat().st_size for file in small.path.rglob("*"))
    assert size < 0.2 * sum(file.stat().st_size for file in whole.path.rglob("*"))


def test_it_has_the_first_images_and_some_moments(whole: RunFolder, small: RunFolder) -> None:
    first = {type(one): one for one in reversed(list(whole.events()))}
    events = list(small.events())
    for event in events:
        if isinstance(event, Posed | Evaluated):
            pictures = event.pinv if isinstance(event, Posed) else event.images
            assert pictures.shape[0] == 1
    posed = next(one for one in events if isinstance(one, Posed))
    assert posed.truth is not None
    np.testing.assert_array_equal(posed.truth[0], first[Posed].truth[0])
    for kind, least, most in ((Evaluated, 4, 5), (Stepped, 8, 10)):
        steps = [one.step for one in events if isinstance(one, kind) and one.method == "rei"]
        assert steps == sorted(set(steps))
        assert least <= len(steps) <= most
        assert steps[-1] == 40


def test_nothing_tells_that_a_run_was_interrupted(whole: RunFolder, tmp_path: Path) -> None:
    cut, looks = RunFolder.create(tmp_path / "cut", whole.config), count()
    execute(cut, inbox=lambda: [Stop()] if next(looks) == 25 else [])
    execute(cut)
    kinds = {type(event) for event in cut.events()}
    assert Stopped in kinds
    copies = [list(thin(run, tmp_path / f"thin-{run.name}").events()) for run in (whole, cut)]
    assert Stopped not in {type(event) for event in copies[1]}
    for method in ("supervised", "rei"):
        assert comparable(copies[0], method) == comparable(copies[1], method)


def test_moments_are_closer_together_at_first() -> None:
    assert sorted(spread_out(range(0, 101, 10), 5)) == [0, 10, 30, 100]
    assert evenly([3], 5) == {3}


def test_only_what_is_finished_is_made_thin(whole: RunFolder, tmp_path: Path) -> None:
    started = RunFolder.create(tmp_path / "started", whole.config)
    with pytest.raises(ValueError, match="is not finished; `reilab runs resume"):
        thin(started, tmp_path / "thin")
    with pytest.raises(ValueError, match="moments = 1 must be at least 2"):
        thin(whole, tmp_path / "thin", moments=1)
    assert not (tmp_path / "thin").exists()


def test_an_example_is_found_shown_and_started_from(
    small: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examples() == [small]
    assert find_run("mri-small") == small
    with pytest.raises(FileNotFoundError, match=r"Did you mean mri-small\?"):
        find_run("mri-smal")
    main(["runs", "list"])
    main(["runs", "show", "mri-small"])
    words = capsys.readouterr().out
    assert "mri-small" in words
    assert "Supervised" in words
    start = ["--from", "mri-small", "--steps", "1"]
    main(["train", "mri", "--preset", "smoke", "--method", "rei", *start])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["delete", "mri-small", "--yes"], "an example that comes with reilab"),
        (["export", "mri-small"], "name a folder to write to with --out"),
        (["resume", "mri-small"], "is finished"),
    ],
)
def test_nothing_is_written_to_an_example(
    words: list[str], told: str, small: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((file, file.stat().st_mtime_ns) for file in small.path.rglob("*"))
    with pytest.raises(SystemExit):
        main(["runs", *words])
    assert told in " ".join(capsys.readouterr().err.split())
    assert sorted((file, file.stat().st_mtime_ns) for file in small.path.rglob("*")) == before


def test_a_copy_is_a_run_like_others(small: RunFolder, tmp_path: Path) -> None:
    copy = small.copied_below(tmp_path / "runs")
    assert find_run("mri-small") == copy != small
    assert small.copied_below(tmp_path / "runs") == copy
    main(["runs", "delete", "mri-small", "--yes"])
    assert find_run("mri-small") == small


def test_the_lab_offers_examples_and_opens_them(small: RunFolder, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    lab, view = Lab(root), View(tab="runs")
    panel = RunsPanel(Library(root), lab, view, Browser(keys=[]))
    (button,) = (one for one in panel.__panel__().select(Button) if one.label == "mri-small")
    assert lab.runs() == []
    button.press()
    assert lab.history.finished
    assert lab.choices.task == "mri"
    assert (lab.run, view.tab, lab.runs()) == ("mri-small", "run", ["mri-small"])


def test_an_address_may_name_an_example(small: RunFolder, tmp_path: Path) -> None:
    lab = Lab(tmp_path / "new" / "runs")
    lab.open(small.name)
    assert lab.folder.path == tmp_path / "new" / "runs" / small.name
    with pytest.raises(FileNotFoundError, match="mri-smal"):
        lab.open("mri-smal")
