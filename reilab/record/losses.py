"""Losses: what was logged while training, as arrays that grow with the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reilab.events import Stepped

Steps = NDArray[np.int64]
Values = NDArray[np.float64]


def _values(numbers: Iterable[float | None]) -> Values:
    return np.array(list(numbers), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Losses:
    """What was logged while training: one value per entry of ``step``, NaN where there is none.

    ``terms`` are unweighted; ``seconds`` is training time since the start; ``risk`` is what SURE
    estimates.
    """

    step: Steps = field(default_factory=lambda: np.array([], np.int64))
    terms: Mapping[str, Values] = field(default_factory=dict)
    total: Values = field(default_factory=lambda: _values(()))
    learning_rate: Values = field(default_factory=lambda: _values(()))
    seconds: Values = field(default_factory=lambda: _values(()))
    risk: Values = field(default_factory=lambda: _values(()))

    def extended(self, events: Sequence[Stepped]) -> Losses:
        """These and what was logged later; long runs are shown often, and read only once."""
        if not events:
            return self
        before = float(self.seconds[-1]) if len(self.seconds) else 0.0
        names = dict.fromkeys((*self.terms, *(name for event in events for name in event.losses)))
        unknown = np.full(len(self.step), np.nan)
        terms = {
            name: _joined(
                self.terms.get(name, unknown), (event.losses.get(name) for event in events)
            )
            for name in names
        }
        later = np.array([event.step for event in events], np.int64)
        seconds = before + _values(event.seconds for event in events).cumsum()
        return Losses(
            step=np.concatenate([self.step, later]),
            terms=terms,
            total=_joined(self.total, (event.total for event in events)),
            learning_rate=_joined(self.learning_rate, (event.learning_rate for event in events)),
            seconds=np.concatenate([self.seconds, seconds]),
            risk=_joined(self.risk, (event.risk for event in events)),
        )


def _joined(first: Values, numbers: Iterable[float | None]) -> Values:
    return np.concatenate([first, _values(numbers)])
