"""The list of runs and its index: the same with it and without, whatever happened to either."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from kit.lab_runs import write_run

from benchmarks.faults.disks import longest
from reilab.events import Failed, Finished, Stopped
from reilab.plain import to_json
from reilab.record.folder import RunFolder, names_of_runs
from reilab.record.notes import Notes, write_notes
from reilab.runs import account, library, queue
from reilab.runs.jobs import Status
from reilab.runs.library import INDEX, MOST_OPEN, Library, RunEntry
from reilab.runs.processes import Process, this_process
from reilab.runs.roster import RosterEntry, sign_in


def signed(folder: RunFolder, process: Process, ended: bool = False) -> None:
    entry = RosterEntry(process.pid, process.began, ended)
    (folder.path / "worker.json").write_text(to_json(entry))


NAMES = "finished pinned stopped failed lost live waits torn damaged noted"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run of each kind, and one that two sources tell wrong things of."""
    root = tmp_path / "runs"
    known = {
        name: write_run(root, name, ("rei",), finished=name in ("finished", "pinned", "torn"))
        for name in NAMES.split()
    }
    write_notes(known["pinned"], Notes("the good one", True, "mine"))
    known["stopped"].record(Stopped())
    known["failed"].record(Failed("rei", 3, "no memory"))
    signed(known["lost"], Process(2**22 + 1, 1.0))
    (known["lost"].path / "worker.log").write_text("Killed\n")
    sign_in(known["live"], this_process())
    queue.join(known["waits"], 1)
    with (known["torn"].path / "events.jsonl").open("a") as log:
        log.write('{"is": "Fini\n{"is": "Stopp')
    (known["damaged"].path / "config.yaml").write_text("task: sonar")
    (known["noted"].path / "notes.json").write_text("[")
    return root


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The runs whose configuration has been read."""
    names: list[str] = []
    usual = account.config_of

    def config_of(folder: RunFolder) -> object:
        names.append(folder.name)
        return usual(folder)

    monkeypatch.setattr(account, "config_of", config_of)
    return names


def by_name(root: Path) -> dict[str, RunEntry]:
    return {entry.name: entry for entry in Library(root).entries()}


def without_index(root: Path) -> dict[str, RunEntry]:
    """What a list of the same folders says that has no index to look at, and leaves none."""
    file = root / INDEX
    kept = file.read_bytes() if file.exists() else None
    file.unlink(missing_ok=True)
    found = by_name(root)
    file.unlink(missing_ok=True)
    if kept is not None:
        file.write_bytes(kept)
    return found


def test_the_index_says_what_the_folders_say(root: Path, read: list[str]) -> None:
    expected = without_index(root)
    assert {name: entry.standing.status for name, entry in expected.items()} == {
        "finished": Status.FINISHED,
        "pinned": Status.FINISHED,
        "stopped": Status.STOPPED,
        "failed": Status.FAILED,
        "lost": Status.LOST,
        "live": Status.RUNNING,
        "waits": Status.QUEUED,
        "torn": Status.FINISHED,
        "damaged": Status.UNREADABLE,
        "noted": Status.LOST,
    }
    assert by_name(root) == expected
    read.clear()
    assert by_name(root) == expected
    assert next(iter(by_name(root))) == "pinned"
    assert not {"finished", "pinned", "stopped", "failed", "lost"} & set(read)


def test_what_has_changed_is_read_again(root: Path) -> None:
    looked = Library(root)
    before = {entry.name: entry for entry in looked.entries()}
    write_notes(RunFolder(root / "finished"), Notes("changed"))
    RunFolder(root / "stopped").record(Finished("rei", 40))
    signed(RunFolder(root / "lost"), this_process())
    queue.join(RunFolder(root / "failed"), 1)
    shutil.rmtree(root / "pinned")
    os.rename(root / "torn", root / "renamed")
    for found in ({entry.name: entry for entry in looked.entries()}, by_name(root)):
        assert found == without_index(root)
        assert found["finished"].notes.text == "changed"
        assert found["stopped"].standing.status is Status.FINISHED
        assert found["lost"].at_work
        assert found["failed"].standing.status is Status.QUEUED
        assert found.keys() ^ before.keys() == {"pinned", "torn", "renamed"}
    (root / "finished" / "config.yaml").write_text("task: [")
    (found_again,) = (one for one in looked.entries() if one.name == "finished")
    assert found_again.standing.status is Status.UNREADABLE


def test_a_garbled_index_is_none(root: Path) -> None:
    expected = by_name(root)
    file = root / INDEX
    content = file.read_bytes()
    for place in range(0, len(content), 10):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert library._read_kept(file) == {}
    for wrong in (b"", b"\n", content[:-1], content + b" ", b"[" * 100_000):
        file.write_bytes(wrong)
        assert by_name(root) == expected
        assert file.read_bytes() == content


@pytest.mark.parametrize("what", ["FORM", "version"])
def test_the_index_of_another_version_is_none(
    root: Path, what: str, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = by_name(root)
    monkeypatch.setattr(library, what, 0 if what == "FORM" else lambda name: "0")
    read.clear()
    assert by_name(root) == expected
    assert "finished" in read


def test_a_disk_that_takes_nothing_costs_time_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = without_index(root)
    with longest(100):
        assert by_name(root) == expected

    def refuse(file: Path) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(library, "replacing", refuse)
    assert by_name(root) == expected
    assert [one.name for one in root.iterdir() if "index" in one.name] == []


def test_each_root_has_its_own_index(tmp_path: Path) -> None:
    for name, method in (("one", "rei"), ("two", "ei")):
        write_run(tmp_path / name, "run", (method,))
    for _ in range(2):
        assert by_name(tmp_path / "one")["run"].psnr.keys() == {"pinv", "rei"}
        assert by_name(tmp_path / "two")["run"].psnr.keys() == {"pinv", "ei"}
    assert by_name(tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()


def test_no_pickle_and_no_path_is_in_the_index(root: Path) -> None:
    by_name(root)
    seal, _, body = (root / INDEX).read_bytes().partition(b"\n")
    assert json.loads(seal)[0] == library.FORM
    names = msgspec.msgpack.decode(body).keys()
    assert names == {"finished", "pinned", "stopped", "failed", "lost"}
    assert str(root).encode() not in body


def test_who_asks_again_and_again_is_told_what_was_seen(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [0.0]
    monkeypatch.setattr(library, "perf_counter", lambda: moment[0])
    looked = Library(root)
    first = looked.lately()
    looked._cost = 0.1
    assert [one.folder.name for one in looked.at_work()] == ["live"]
    looked.delete("finished")
    assert looked.lately() is first
    moment[0] = 0.1 * library.PATIENCE
    assert "finished" not in [entry.name for entry in looked.lately()]
    # The first look reads what nobody has read before.
    looked._cost = 1000.0
    moment[0] += library.LONGEST_SECONDS
    again = looked.lately()
    assert again == looked.lately()
    assert looked._looked == moment[0]


def test_a_screen_waits_for_a_moment_alone_and_sees_runs_as_they_come(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = without_index(root)
    moment = [0.0]
    monkeypatch.setattr(library, "perf_counter", lambda: moment[0])
    monkeypatch.setattr(library, "SOME", 3)
    monkeypatch.setattr(library, "MOMENT", -1.0)
    looked = Library(root)
    seen = []
    while not seen or looked.unread:
        seen.append((len(looked.anew()), looked.unread))
        assert {entry.name: entry for entry in looked.lately()}.items() <= expected.items()
        assert len(seen) < 20
    assert seen[0][0] < len(expected) == seen[-1][0]
    assert all(read + left == len(expected) for read, left in seen)
    assert next(iter(looked.lately())).name == "pinned"
    # From now on all of them are there while they are looked at again.
    moment[0] += library.LONGEST_SECONDS
    write_notes(RunFolder(root / "finished"), Notes("changed"))
    assert len(looked.lately()) == len(expected)
    assert looked.unread == 0
    (changed,) = (entry for entry in looked.anew() if entry.name == "finished")
    assert changed.notes.text == "changed"
    assert by_name(root) == without_index(root)


def test_a_run_that_goes_while_others_are_read_is_left_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "SOME", 1)
    monkeypatch.setattr(library, "MOMENT", -1.0)
    looked, last = Library(root), names_of_runs(root)[-1]
    assert last not in [entry.name for entry in looked.lately()]
    shutil.rmtree(root / last)
    while looked.unread:
        looked.lately()
    assert last not in [entry.name for entry in looked.lately()]
    assert looked.entries() == list(by_name(root).values())


def test_what_cannot_be_written_down_spoils_nothing(root: Path, read: list[str]) -> None:
    write_notes(RunFolder(root / "pinned"), Notes("half a letter: \ud800", True))
    os.rename(root / "torn", root / os.fsdecode(b"torn-\xff"))
    expected = by_name(root)
    read.clear()
    assert by_name(root) == expected
    assert {"pinned", os.fsdecode(b"torn-\xff")} <= set(read)
    assert "finished" not in read


def test_few_histories_are_held(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Library(root)
    looked.entries()
    assert looked._open.keys() == {"live", "waits", "torn", "damaged", "noted"}
    assert looked.history("finished") is looked.history("finished")
    monkeypatch.setattr(library, "MOST_OPEN", 2)
    assert MOST_OPEN > 2
    looked.entries()
    assert looked.history("finished") is looked.history("finished")
    assert len(looked._open) <= 5


def test_a_run_that_is_made_anew_is_read_anew(root: Path) -> None:
    looked = Library(root)
    before = looked.history("finished")
    assert before is not None
    shutil.rmtree(root / "finished")
    write_run(root, "finished", ("ei",))
    now = looked.history("finished")
    assert now is not None
    assert list(now.tracks) == ["ei"]
