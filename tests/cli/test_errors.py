"""How the command line refuses: one line that stands as it is, a status, nothing made."""

from __future__ import annotations

import io
import os
import random
import shlex
import socket
from pathlib import Path

import numpy as np
import pytest
from kit.command_lines import asked_by
from kit.lab_runs import write_run

from benchmarks.faults import disks, lines, strike
from reilab.batch.cell import Cell
from reilab.cli import data
from reilab.cli.main import main
from reilab.record.notes import Notes, write_notes
from reilab.runs.config import build


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("REILAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("text")
    return tmp_path


def refused(words: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    told = capsys.readouterr().err.splitlines()
    assert stopped.value.code == status, told
    assert len(told) == 1
    return told[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train [/b]", "unknown task '[/b]'"),
        ("train \x1b[31mred", r"'\x1b[31mred'"),
        ("train mri --preset smoke --data x[/bold]", "data = 'x[/bold]' is neither"),
        ("train mri --preset smoke --out " + 300 * "a", "choose a shorter name"),
        ("train mri --preset smoke --out a-file/x", "a folder is needed"),
        ("train mri --preset smoke --stepz 3", "Did you mean --steps"),
        ("train mri --steps [red]few", "'[red]few'"),
        ("runs fork x", "Missing from reilab runs fork: --step INT"),
        ("app --port 99999999", "port = 99999999 is none; choose one from 1 to 65535"),
        ("app --port=-1", "port = -1 is none"),
        ("app --password-file a-file", "must have at least 8 characters"),
        ("app --address nowhere.invalid", "nothing can listen at nowhere.invalid"),
    ],
)
def test_one_line_says_it(
    words: str, told: str, capsys: pytest.CaptureFixture[str], own_place: Path
) -> None:
    assert told in refused(words.split(" "), capsys)
    assert [file.name for file in own_place.iterdir()] == ["a-file"]


def test_a_port_in_use_names_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused(["app", "--port", str(port)], capsys)
    other = int(told.rpartition("--port ")[2])
    assert told.startswith(f"error: port = {port} is in use")
    assert other > port


def test_nobody_is_asked_without_a_terminal(
    own_place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(own_place / "runs", "first", ("rei",))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert "--yes" in refused(["runs", "delete", "first"], capsys)
    assert (own_place / "runs/first").is_dir()


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (OSError(28, "No space left on device", "runs/x"), 1, "runs/x: no space left on device; m"),
        (PermissionError(13, "Permission denied", "/x"), 2, "/x: permission denied; you may not"),
        (KeyError("[b]"), 1, "KeyError: '[b]'. reilab has not foreseen this"),
        (MemoryError(), 1, "there is too little memory"),
        (ValueError("two\nlines \x07[/b]"), 2, r"two lines \x07[/b]"),
    ],
)
def test_every_error_has_its_words_and_status(
    error: Exception, status: int, told: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(root: object) -> None:
        raise error

    monkeypatch.setattr(data, "sets_table", fail)
    assert refused(["data", "list"], capsys, status).startswith(f"error: {told}")
    with pytest.raises(type(error)):
        main(["data", "--debug", "list"])


def test_names_of_runs_are_shown_as_they_are(
    own_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(own_place / "runs", "[bold]x [b] :smile:", ("rei",))
    write_notes(run, Notes("[/red]"))
    main(["runs", "list"])
    main(["runs", "show", run.name])
    assert capsys.readouterr().out.count("[bold]x [b] :smile:") == 2
    (run.path / "config.yaml").write_text("damaged", encoding="utf-8")
    main(["runs", "list"])
    told = capsys.readouterr()
    assert "[bold]x [b] :smile:" in told.out
    assert "[bold]x [b] :smile:: " in told.err


@pytest.mark.parametrize("words", ["export first --out made", "thin first --out made"])
def test_a_full_disk_is_named_and_what_was_there_stays(
    words: str, own_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(own_place / "runs", "first", ("rei",))
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    with disks.longest(100):
        told = refused(["runs", *words.split()], capsys, 1)
    assert told.startswith("error: made/")
    assert "cannot be written: File too large" in told
    assert {file: file.read_bytes() for file in before} == before
    assert not list(own_place.rglob("*.partial"))


@pytest.mark.parametrize(("side", "n_images"), [(40, 2), (36, 9), (33, 4)])
def test_the_next_command_works_as_printed(
    side: int, n_images: int, own_place: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rng, scans = np.random.default_rng(0), own_place / "my scans"
    for split in ("train", "test"):
        for index in range(n_images):
            (scans / split).mkdir(parents=True, exist_ok=True)
            np.save(scans / split / f"{index}.npy", rng.random((side, side)))
    main(["data", "prepare", "mine", "--source", str(scans), "--size", str(side)])
    words = _next(capsys)
    assert words[:4] == ["reilab", "compare", "ct", "--data"]
    build(asked_by(*words[1:]))


def test_what_is_checked_is_prepared_as_printed(
    own_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans, root = own_place / "my scans" / "train", own_place / "other root"
    scans.mkdir(parents=True)
    root.mkdir()
    (scans / "a.dcm").write_bytes(b"\0" * 128 + b"DICM")
    main(["data", "check", "ct100", "--source", str(scans.parent), "--root", str(root)])
    words = _next(capsys)
    assert words[:4] == ["reilab", "data", "prepare", "ct100"]
    assert words[4:] == ["--root", str(root), "--source", str(scans.parent)]


def _next(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The command that is printed to go on with, as a shell takes it."""
    text = capsys.readouterr().out
    words = shlex.split(text[text.index("next ") + 5 :].strip())
    return [word for word in words if not word.startswith("REILAB_DATA=")]


def test_settings_as_text_are_told_of() -> None:
    with pytest.raises(ValueError, match="papermill passes them with -y"):
        Cell("mri", "smoke", 0.1, "rei", 0, '{"steps": 3}')  # type: ignore[arg-type]


def test_no_command_line_breaks_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    scratch = tmp_path_factory.mktemp("lines")
    attacks = lines.attacks(random.Random(os.environ.get("REILAB_SEED", "1")), 60, scratch)
    assert [(one.name, wrong) for one in attacks if (wrong := strike(one))] == []
