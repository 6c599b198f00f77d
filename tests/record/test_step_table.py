"""Steps by columns, and what is kept of them beside a log: the same as line by line, always."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from reilab.events import Checkpointed, Evaluated, Event, Finished, Started, Stepped
from reilab.record import chunks, codec
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of
from reilab.record.log import Follower
from reilab.record.steps import StepTable, blocks_of

LOG, KEPT = "events.jsonl", "events.steps"
IMAGES = np.zeros((1, 2, 2, 1), np.float32)


def step(number: int, method: str = "rei") -> Stepped:
    """One of several kinds."""
    losses = {"sure": 1 / number, "total": 2.0} if number % 7 else {"total": 2.0}
    learned = {"sigma": 0.1 * number} if method == "unsure" else {}
    return Stepped(method, number, losses, 1.5, 1e-3, 0.1, 0.2 if number % 5 else None, learned)


def started(method: str, at: int = 0) -> Started:
    return Started(method, at, 400, 10, False, {"sure": 1.0}, 1e-3, 0.1, "online")


def told() -> Iterator[Event]:
    """Methods side by side, resumed at a checkpoint; one that nobody has introduced."""
    yield from (started("rei"), started("unsure"))
    for number in range(1, 300):
        yield from (step(number), step(number, "unsure"))
        if number == 150:
            yield Evaluated("rei", number, None, IMAGES)
    yield from (Checkpointed("rei", 200, "x"), started("rei", 200))
    yield from (step(number) for number in range(201, 400))
    yield from (step(number, "stranger") for number in range(1, 200))
    yield from (Finished("rei", 400), step(400, "unsure"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run with a log of several chunks, which are worth to be kept."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 40_000)
    monkeypatch.setattr(chunks, "WORTH", 40_000)
    folder = RunFolder.create(tmp_path / "run", "task: mri\n")
    for event in told():
        folder.record(event)
    return folder


@pytest.mark.parametrize(
    "events",
    [
        [],
        [step(1)],
        [step(number) for number in range(1, 40)],
        [Stepped("ei", 2**62, {"mc": nan}, inf, -0.0, 0.1, nan, {"step": 1e-308})],
    ],
)
def test_a_table_gives_back_what_was_put_in(events: list[Stepped]) -> None:
    grown = StepTable()
    for event in events:
        grown.append(event)
    for table in (grown, StepTable(blocks_of(events))):
        assert repr(list(table)) == repr(events) == repr(table[:])
        assert len(table) == len(events)
        assert repr(table[-1:]) == repr(events[-1:])
        assert [table[index].step for index in range(len(events))] == [e.step for e in events]
        assert table.column("step").tolist() == [event.step for event in events]
    with pytest.raises(IndexError):
        grown[len(events)]


def test_what_was_handed_out_stays() -> None:
    table = StepTable([*blocks_of([step(1), step(2)])])
    first, kept = table.column("total"), StepTable(blocks_of(table.until(1)))
    for number in (3, 4, 6):
        table.append(step(number))
    assert len(first) == 2
    early = table.until(2)
    early.append(step(4))
    assert [event.step for event in table] == [1, 2, 3, 4, 6]
    assert [event.step for event in early] == [1, 2, 4]
    assert kept == StepTable(blocks_of([step(1)]))


def test_the_history_is_that_of_the_lines(folder: RunFolder) -> None:
    plain = history_of(folder.events())
    assert plain.stray == 199
    for _ in range(2):
        assert folder.history() == plain
        assert (folder.path / KEPT).exists()
    plain.tracks["rei"].stepped.append(step(400))
    assert folder.history() != plain


def test_what_is_kept_spares_reading(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = folder.history()
    many: list[int] = []
    usual = codec.steps_of

    def steps_of(lines: list[bytes]) -> list[Stepped] | None:
        many.append(len(lines))
        return usual(lines)

    monkeypatch.setattr(codec, "steps_of", steps_of)
    assert folder.history() == expected
    assert max(many) == 1
    # What comes later is read, and kept again once that is worth it.
    before = (folder.path / KEPT).read_bytes()
    for number in range(401, 700):
        folder.record(step(number))
    grown = folder.history()
    assert grown != expected
    assert max(many) > 1
    assert (folder.path / KEPT).read_bytes() != before
    many.clear()
    assert folder.history() == grown
    assert max(many) == 1


def garbled(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def another_digit(data: bytes) -> bytes:
    return data.replace(b'"total": 1.5', b'"total": 1.6', 1)


def without_first(data: bytes) -> bytes:
    return data.partition(b"\n")[2]


HARM: list[tuple[str, Callable[[bytes], bytes]]] = [
    (KEPT, lambda data: b""),
    (KEPT, lambda data: data[:-1]),
    (KEPT, garbled),
    (KEPT, lambda data: b"1 00000000\n\x90"),
    (LOG, lambda data: data[: len(data) // 2]),
    (LOG, lambda data: data[: data.rindex(b"\n", 0, len(data) // 2) + 1]),
    (LOG, another_digit),
    (LOG, garbled),
    (LOG, without_first),
    (LOG, lambda data: data * 2),
    (LOG, lambda data: data + b'{"is": "Step'),
    (LOG, lambda data: b""),
]


@pytest.mark.parametrize(("file", "harm"), HARM)
def test_nothing_that_is_kept_is_trusted_against_the_log(
    folder: RunFolder, file: str, harm: Callable[[bytes], bytes]
) -> None:
    folder.history()
    target = folder.path / file
    target.write_bytes(harm(target.read_bytes()))
    plain = history_of(folder.events())
    for _ in range(2):
        assert folder.history() == plain


def test_another_form_is_none(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.history()
    assert chunks.read_kept(folder.path / KEPT)
    monkeypatch.setattr(chunks, "FORM", 0)
    assert chunks.read_kept(folder.path / KEPT) == []


def test_a_short_log_and_a_disk_that_takes_nothing_leave_nothing_beside_it(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "WORTH", 10**9)
    folder.history()
    monkeypatch.setattr(chunks, "WORTH", 1)

    def refuse(file: Path) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(chunks, "replacing", refuse)
    folder.history()
    assert not (folder.path / KEPT).exists()


def test_a_log_that_grows_is_read_on(folder: RunFolder) -> None:
    log = folder.path / LOG
    data, history = log.read_bytes(), History()
    log.write_bytes(b"")
    reader = Follower(log)
    for end in (0, 1, 5000, 5001, 60_000, len(data) - 1, len(data)):
        log.write_bytes(data[:end])
        for one in reader.batches():
            history.add(one)
        assert reader.offset == data.rfind(b"\n", 0, end) + 1
        assert reader.lines == data[:end].count(b"\n")
        assert reader.at_end == (reader.offset == end)
    assert history == folder.history() == history_of(folder.events())


def test_a_line_longer_than_a_chunk_is_read(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 50)
    monkeypatch.setattr(chunks, "WORTH", 50)
    plain = history_of(folder.events())
    for _ in range(2):
        assert folder.history() == plain
