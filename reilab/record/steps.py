"""Steps: what was logged while training, by columns: a long run tells of a million steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import nan
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from reilab.events import Stepped

Rows = NDArray[Any]
#: The columns that every step has beside its own number.
NUMBERS = ("total", "learning_rate", "seconds", "risk")


class Kind(NamedTuple):
    """What a step tells beside its numbers: whose it is, and what the numbers are called."""

    method: str
    losses: tuple[str, ...]
    learned: tuple[str, ...]
    has_risk: bool

    @property
    def columns(self) -> np.dtype[Any]:
        """One of whole numbers, and one of floating-point numbers for each of the others."""
        own = (*map(loss_column, self.losses), *(f"learned {name}" for name in self.learned))
        return np.dtype([("step", "<i8"), *((name, "<f8") for name in (*NUMBERS, *own))])

    def event(self, row: Sequence[Any]) -> Stepped:
        """The step that a row is of."""
        step, total, rate, seconds, risk, *own = row
        losses = dict(zip(self.losses, own, strict=False))
        learned = dict(zip(self.learned, own[len(self.losses) :], strict=True))
        known = risk if self.has_risk else None
        return Stepped(self.method, step, losses, total, rate, seconds, known, learned)


def loss_column(term: str) -> str:
    """The column of a loss term, which may be called like one of the others."""
    return f"loss {term}"


def _names(event: Stepped) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    return tuple(event.losses), tuple(event.learned), event.risk is not None


def _row(event: Stepped) -> tuple[float, ...]:
    return (
        event.step,
        event.total,
        event.learning_rate,
        event.seconds,
        nan if event.risk is None else event.risk,
        *event.losses.values(),
        *event.learned.values(),
    )


class Block:
    """Steps of one kind; its room grows ahead of them, so that what was handed out stays."""

    def __init__(self, kind: Kind, rows: Rows) -> None:
        self.kind, self.rows = kind, rows
        self._room = rows

    def extend(self, rows: Rows) -> None:
        """Add what was told later."""
        before, now = len(self.rows), len(self.rows) + len(rows)
        if now > len(self._room):
            self._room = np.empty(2 * now, self.rows.dtype)
            self._room[:before] = self.rows
        self._room[before:now] = rows
        self.rows = self._room[:now]


def blocks_of(events: Iterable[Stepped]) -> list[Block]:
    """The same by columns; the steps of each method stay in order."""
    by_method: dict[str, list[Stepped]] = {}
    for event in events:
        by_method.setdefault(event.method, []).append(event)
    blocks = []
    for method, own in by_method.items():
        for names, found in groupby(own, _names):
            kind = Kind(method, *names)
            blocks.append(Block(kind, np.array(list(map(_row, found)), kind.columns)))
    return blocks


class StepTable(Sequence[Stepped]):
    """The steps of one method; what a column hands out stays as it is while the table grows."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._blocks = list[Block]()
        for block in blocks:
            self.extend(block)

    def append(self, event: Stepped) -> None:
        """Add what was told next."""
        self.extend(*blocks_of([event]))

    def extend(self, block: Block) -> None:
        """The same of many steps."""
        if self._blocks and self._blocks[-1].kind == block.kind:
            self._blocks[-1].extend(block.rows)
        elif len(block.rows):
            self._blocks.append(Block(block.kind, block.rows))

    def until(self, step: int) -> StepTable:
        """Those that are not after ``step``."""
        return StepTable(
            Block(one.kind, one.rows[one.rows["step"] <= step]) for one in self._blocks
        )

    @property
    def losses(self) -> list[str]:
        """The terms that any step tells of."""
        return list(dict.fromkeys(name for block in self._blocks for name in block.kind.losses))

    def column(self, name: str) -> Rows:
        """The numbers of all steps; NaN where a step does not tell it."""
        found = [
            block.rows[name] if name in (block.rows.dtype.names or ()) else _unknown(block.rows)
            for block in self._blocks
        ]
        if len(found) == 1:
            return found[0]
        return np.concatenate([np.array([], np.int64 if name == "step" else np.float64), *found])

    def __len__(self) -> int:
        return sum(len(block.rows) for block in self._blocks)

    def __iter__(self) -> Iterator[Stepped]:
        for block in self._blocks:
            yield from map(block.kind.event, block.rows.tolist())

    @overload
    def __getitem__(self, place: int) -> Stepped: ...
    @overload
    def __getitem__(self, place: slice) -> list[Stepped]: ...
    def __getitem__(self, place: int | slice) -> Stepped | list[Stepped]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        index = range(len(self))[place]
        for block in self._blocks:
            if index < len(block.rows):
                return block.kind.event(block.rows[index].item())
            index -= len(block.rows)
        raise AssertionError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StepTable) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _unknown(rows: Rows) -> Rows:
    return np.full(len(rows), np.nan)
