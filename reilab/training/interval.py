"""The steps between two values of the losses in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class StepValues:
    """What a step was like, on the device: averages over the batch.

    Args:
        terms: the unweighted loss terms, in the order of the objective.
        total: their weighted sum.
        norm: length of the gradient.
        risk: (1/m) ‖A x̂ − A x‖² of the batch, NaN where nobody knows x. SURE estimates it.
    """

    terms: Tensor
    total: Tensor
    norm: Tensor
    risk: Tensor


@dataclass
class Interval:
    """The steps since the last ``Stepped``; the host reads their values once, when it closes.

    It is part of a state, so that a run that stops amid an interval goes on with it.
    """

    values: list[StepValues] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, values: StepValues, seconds: float) -> None:
        """One more step, and how long it took."""
        self.values.append(values)
        self.seconds += seconds

    def table(self) -> Tensor:
        """The values (n_steps, n_terms + 3): terms, total, norm, risk; on their device."""
        return torch.stack([torch.stack([*v.terms, v.total, v.norm, v.risk]) for v in self.values])

    def clear(self) -> None:
        """Start anew."""
        self.values, self.seconds = [], 0.0


def interval_of(table: Sequence[Tensor], seconds: float) -> Interval:
    """The interval of which ``table`` has the values."""
    return Interval([StepValues(row[:-3], *row[-3:].unbind()) for row in table], seconds)
