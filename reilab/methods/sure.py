"""SURE alone."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import AlphaSure, Sure
from reilab.methods.registry import method
from reilab.problem import Problem


@method("sure", title="SURE", colour="#c2569b")
@dataclass(frozen=True)
class SURE:
    """SURE alone: denoises in the range of A, blind to its null space.

    E[SURE(y)] = E[(1/m) ‖A f(y) − A x‖²], and no x is needed.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(SURE())
    {'sure': 1.0}
    """

    alpha_sure: AlphaSure = 1.0

    def terms(self, problem: Problem) -> Terms:
        return {"sure": Sure()}
