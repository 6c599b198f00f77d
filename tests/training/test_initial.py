"""Runs that start from networks which were trained before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from kit.command_lines import asked_by

import reilab
from reilab.cli.main import main
from reilab.record.folder import RunFolder
from reilab.runs.config import configure, from_yaml
from reilab.runs.execute import execute
from reilab.runs.initial import initial_files
from reilab.runs.report import as_command
from reilab.runs.stream import prepare
from reilab.training.checkpoint import read_network


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of two methods with a network that is not the preset's."""
    config = configure(
        "mri",
        "smoke",
        ["ei", "rei"],
        network="unrolled",
        settings={"width": 16},
        training={"steps": 2},
    )
    folder = RunFolder.create(tmp_path_factory.mktemp("runs") / "first", config.to_yaml())
    execute(folder)
    return folder


def asked(*words: str) -> reilab.RunConfig:
    return asked_by("compare", "mri", "--preset", "smoke", *words)


def test_each_method_starts_from_its_own_network(trained: RunFolder) -> None:
    config = asked("--from", str(trained.path), "--methods", "ei", "rei")
    assert vars(config.network)["width"] == 16
    for state in prepare(config).states:
        expected, _ = read_network(trained.checkpoint(state.method))
        found = state.network.state_dict()
        assert state.step == 0
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_one_file_starts_all_methods(trained: RunFolder) -> None:
    config = asked("--from", str(trained.checkpoint("rei")), "--methods", "supervised", "sure")
    expected, _ = read_network(trained.checkpoint("rei"))
    for state in prepare(config).states:
        found = state.network.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_the_configuration_and_the_command_say_it(trained: RunFolder) -> None:
    config = asked("--from", str(trained.path), "--methods", "ei", "rei")
    assert from_yaml(config.to_yaml()) == config
    assert asked_by(*as_command(config).split()[1:]) == config


def test_a_finished_run_that_started_so_resumes_without_the_first(
    trained: RunFolder, tmp_path: Path
) -> None:
    first = tmp_path / "gone.safetensors"
    first.write_bytes(trained.checkpoint("rei").read_bytes())
    config = configure(
        "mri",
        "smoke",
        ["rei"],
        network="unrolled",
        settings={"width": 16},
        training={"steps": 2},
        start_from=str(first),
    )
    folder = RunFolder.create(tmp_path / "second", config.to_yaml())
    execute(folder)
    first.unlink()
    assert execute(folder).finished


def test_a_method_that_the_run_does_not_have_is_named(trained: RunFolder) -> None:
    with pytest.raises(FileNotFoundError, match=r"no network of sure; it has: ei, rei"):
        initial_files(trained.path, ["ei", "sure"])


def test_what_is_not_there_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    with pytest.raises(SystemExit) as stop:
        main(["train", "mri", "--preset", "smoke", "--from", "nowhere"])
    assert stop.value.code == 2
    assert "no run 'nowhere'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"no weights", "weights.pt"), (None, "does not fit this network")],
    ids=["no weights at all", "another network"],
)
def test_weights_that_do_not_serve_are_refused_before_anything_is_written(
    content: bytes | None,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    weights = tmp_path / "weights.pt"
    if content is None:
        torch.save({"stage.weight": torch.zeros(2)}, weights)
    else:
        weights.write_bytes(content)
    with pytest.raises(SystemExit) as stop:
        main(["train", "mri", "--preset", "smoke", "--from", str(weights)])
    assert stop.value.code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
