"""Files of strangers, spoiled at random: one line each, in time, and in bounds of memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults import Part, fields, files, strike


@pytest.mark.slow
@pytest.mark.parametrize("part", [files, fields], ids=["bytes", "fields"])
def test_no_spoiled_file_gets_further_than_the_door(part: Part, tmp_path: Path) -> None:
    tried = list(part.attacks(random.Random(1), 200, tmp_path))
    assert len(tried) == 200
    assert {attack.name: wrong for attack in tried if (wrong := strike(attack))} == {}


def test_fields_of_every_file_are_changed(tmp_path: Path) -> None:
    for name, (_, write) in files.ORIGINALS.items():
        write(tmp_path / name)
        sound = (tmp_path / name).read_bytes()
        tried = [bytearray(sound) for _ in range(16)]
        told = {fields.change(name, one, random.Random(n)) for n, one in enumerate(tried)}
        assert len(told) > 4, name
        assert len({bytes(one) for one in tried} - {sound}) > 4, name


def test_what_gets_further_is_told(tmp_path: Path) -> None:
    def fall(path: Path) -> None:
        raise KeyError("Rows")

    def chat(path: Path) -> None:
        raise ValueError("two\nlines")

    assert files.judged(fall, tmp_path) == "KeyError: 'Rows'"
    assert files.judged(chat, tmp_path) == "says 'two\\nlines'"
    assert files.judged(Path.exists, tmp_path) == ""
