"""The log of a run: what is torn is mended, what is damaged told, what is newer passed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.faults.disks import longest
from reilab.disk import DiskError, replace_array, replace_text
from reilab.events import Checkpointed, Event, Finished, Paused, Stepped, Unread
from reilab.record import codec
from reilab.record.folder import RunFolder, find_run
from reilab.record.history import history_of

FIRST, SECOND = Stepped("ei", 1, {"mc": 0.5}, 0.5, 1e-3, 0.1), Finished("ei", 1)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", "task: mri\n")


@pytest.mark.parametrize("torn", [b"{", codec.to_line(SECOND)[:-3].encode(), bytes(70), b"\xff"])
def test_a_torn_last_line_is_cut_off_and_kept_aside(folder: RunFolder, torn: bytes) -> None:
    folder.record(FIRST)
    log = folder.path / "events.jsonl"
    log.write_bytes(log.read_bytes() + torn)
    reader = folder.follow()
    assert reader.poll() == [FIRST]
    folder.record(SECOND)
    assert reader.poll() == [SECOND]
    assert list(folder.events()) == [FIRST, SECOND]
    assert (folder.path / "events.torn").read_bytes() == torn + b"\n"


@pytest.mark.parametrize(
    ("line", "newer"),
    [
        (codec.to_line(FIRST).replace('"step": 1', '"step": 7'), False),
        ("", False),
        ("[" * 100_000, False),
        ('{"is": "Finished", "method": "\\ud800", "step": 1}', False),
        (f'{{"is": "Finished", "method": "ei", "step": {10**30}}}', False),
        ('{"is": "Evaluated", "method": "ei", "step": 1, "images": {"array": "../x.npy"}}', False),
        ('{"is": "Dreamt", "method": "ei"}', True),
    ],
    ids=["not as written", "blank", "nested", "half a letter", "huge", "elsewhere", "newer"],
)
def test_a_line_that_cannot_be_read_hides_no_other(
    folder: RunFolder, line: str, newer: bool
) -> None:
    log = folder.path / "events.jsonl"
    log.write_text("\n".join([codec.to_line(FIRST), line, codec.to_line(SECOND), ""]))
    first, unread, last = folder.events()
    assert (first, last) == (FIRST, SECOND)
    assert isinstance(unread, Unread)
    assert (unread.line, unread.newer) == (2, newer)
    assert f"{log}, line 2," in unread.reason
    history = history_of(folder.events())
    assert (history.unread, history.stray) == ([unread], 2)


@pytest.mark.parametrize(
    "line",
    [
        codec.to_line(FIRST),
        codec.to_line(Stepped("rei", 2, {"σ": 1.0, "r": -2e-300}, 3.0, 0.0, 1.5, 0.1, {"g": 1.0})),
        codec.to_line(Stepped("ei", 3, {}, float("nan"), float("inf"), 0.1)),
        codec.to_line(Stepped("ei", 4, {"mc": 1}, 2, 3, 4, 5)),
        codec.to_line(Stepped("ei", 2**63, {}, 1.0, 1.0, 1.0)),
        codec.to_line(Stepped("\ud800", 1, {}, 1.0, 1.0, 1.0)),
        codec.to_line(Stepped("ei", True, {}, 1.0, 1.0, 1.0)),
        codec.to_line(FIRST).rpartition(codec.SEAL.decode())[0] + "}",
        codec.to_line(SECOND),
    ],
)
def test_a_step_is_read_fast_as_any_line_is_read(folder: RunFolder, line: str) -> None:
    try:
        expected = repr(codec.from_line(line, "it"))
    except ValueError:
        expected = "Unread"
    (folder.path / "events.jsonl").write_text(f"{line}\n", encoding="utf-8")
    (found,) = folder.events()
    assert repr(found)[: len(expected)] == expected


def test_steps_are_read_fast() -> None:
    first, second = (codec.to_line(one).encode() for one in (FIRST, SECOND))
    assert codec.steps_of([first, first]) == [FIRST, FIRST]
    assert codec.steps_of([first, second]) is None


def test_a_field_of_a_newer_version_is_passed_over(folder: RunFolder) -> None:
    (folder.path / "events.jsonl").write_text('{"is": "Paused", "why": "tea"}\n')
    assert list(folder.events()) == [Paused()]


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: folder.record(FIRST),
        lambda folder: replace_text(folder.path / "notes.json", 200 * "new"),
        lambda folder: replace_array(folder.path / "notes.json", np.ones(999)),
    ],
    ids=["log", "file", "array"],
)
def test_a_full_disk_leaves_what_was_there(
    folder: RunFolder, write: Callable[[RunFolder], None]
) -> None:
    folder.record(FIRST)
    replace_text(folder.path / "notes.json", "old")
    before = {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()}
    with longest(150), pytest.raises(DiskError, match="cannot be written: File too large"):
        write(folder)
    assert before == {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()}
    folder.record(SECOND)
    assert list(folder.events()) == [FIRST, SECOND]


def test_a_run_that_cannot_be_made_leaves_no_folder(tmp_path: Path) -> None:
    with longest(3), pytest.raises(DiskError):
        RunFolder.create(tmp_path / "runs" / "new", "task: mri\n")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(("event", "times"), [(FIRST, 0), (Checkpointed("ei", 1, "x"), 1)])
def test_all_but_losses_outlives_a_power_cut(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, event: Event, times: int
) -> None:
    folder.record(SECOND)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    folder.record(event)
    assert len(synced) == times


def test_a_name_is_looked_up_below_the_root_and_a_path_has_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REILAB_RUNS", "runs")
    here, below = (RunFolder.create(path, "x") for path in (Path("run"), Path("runs/run")))
    assert find_run("run") == below
    assert find_run("./run") == here
    RunFolder.create(Path("lone"), "x")
    with pytest.raises(FileNotFoundError, match=r"no run 'lone' below runs\..* say \./lone"):
        find_run("lone")
    for name in ("", ".", "..", "run."):
        with pytest.raises(ValueError, match="is no name"):
            find_run(name)
    for method in ("../../x", "/x"):
        with pytest.raises(ValueError, match="is no name"):
            below.checkpoint(method)
