"""Does reilab hold what it promises of damage? ``python -m benchmarks faults`` (docs/safety.md)

A part is a module with ``SUBJECT``, ``COUNT`` and ``attacks(rng, count, scratch)``: the attacks
come one by one, each with a name that tells how to see it again, and say what was wrong, if
anything was.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.measure import Table

SEED = 0
#: So many failures of a part are told by name.
TOLD = 20
NOTE = f"""Seed {SEED}. An attack holds when what is promised holds: no traceback, nothing else
touched, one line that says what to do, what can go on goes on."""


@dataclass(frozen=True)
class Attack:
    """One thing done to reilab.

    Attributes:
        name: what is done, so that it can be done again.
        strike: does it, and returns what was wrong; nothing when reilab held.
    """

    name: str
    strike: Callable[[], str | None]


class Part(Protocol):
    """Attacks of one kind."""

    SUBJECT: str
    COUNT: int

    def attacks(self, rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
        """``count`` attacks; what they need lies below ``scratch``, which is empty."""


def carry_out(part: Part, count: int) -> tuple[int, list[str]]:
    """How many attacks of a part were tried, and the failures by name."""
    tried, failed = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        for attack in part.attacks(random.Random(SEED), count, Path(scratch)):
            tried += 1
            if wrong := strike(attack):
                failed.append(f"{attack.name}: {wrong}")
                print(f"FAILED {part.SUBJECT}: {failed[-1]}", file=sys.stderr, flush=True)
            if tried % 50 == 0:
                print(f"{part.SUBJECT}: {tried} of {count}", file=sys.stderr, flush=True)
    return tried, failed


def strike(attack: Attack) -> str | None:
    """What was wrong; an exception that leaves the attack is wrong too."""
    try:
        return attack.strike()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def table(parts: list[Part], share: float = 1.0) -> Table:
    """All parts, with this share of their attacks."""
    rows, told = [], []
    for part in parts:
        tried, failed = carry_out(part, max(1, round(share * part.COUNT)))
        rows.append([part.SUBJECT, str(tried), str(tried - len(failed)), str(len(failed))])
        told += [f"- {part.SUBJECT}: {line}" for line in failed[:TOLD]]
    note = "\n".join([NOTE, "", *told]) if told else NOTE
    return Table("Faults", note, ["what was attacked", "tried", "held", "failed"], rows)
