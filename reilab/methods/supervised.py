"""Supervised training: what the other methods are measured by."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import AlphaSupervised, Regression
from reilab.methods.registry import method
from reilab.problem import Problem


@method("supervised", title="Supervised", colour="#0e9f6e", oracle=True)
@dataclass(frozen=True)
class Supervised:
    """Supervised: regression on the ground truth, mean ‖x̂ − x‖².

    >>> from reilab.methods.base import weights_of
    >>> weights_of(Supervised())
    {'supervised': 1.0}
    """

    alpha_supervised: AlphaSupervised = 1.0

    def terms(self, problem: Problem) -> Terms:
        return {"supervised": Regression()}
