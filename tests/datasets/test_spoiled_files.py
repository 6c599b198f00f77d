"""Files of strangers, spoiled at random: one line each, in time, and in bounds of memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults import files, strike


@pytest.mark.slow
def test_no_spoiled_file_gets_further_than_the_door(tmp_path: Path) -> None:
    tried = list(files.attacks(random.Random(1), 200, tmp_path))
    assert len(tried) == 200
    assert {attack.name: wrong for attack in tried if (wrong := strike(attack))} == {}


def test_what_gets_further_is_told(tmp_path: Path) -> None:
    def fall(path: Path) -> None:
        raise KeyError("Rows")

    def chat(path: Path) -> None:
        raise ValueError("two\nlines")

    assert files.judged(fall, tmp_path) == "KeyError: 'Rows'"
    assert files.judged(chat, tmp_path) == "says 'two\\nlines'"
    assert files.judged(Path.exists, tmp_path) == ""
