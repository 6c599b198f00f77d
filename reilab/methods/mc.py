"""MC: measurement consistency alone."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import AlphaMC, Consistency
from reilab.methods.registry import method
from reilab.problem import Problem


@method("mc", title="MC", colour="#8b7355")
@dataclass(frozen=True)
class MC:
    """Measurement consistency alone, (1/m) ‖y − A x̂‖²: blind to the null space of A.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(MC())
    {'mc': 1.0}
    """

    alpha_mc: AlphaMC = 1.0

    def terms(self, problem: Problem) -> Terms:
        return {"mc": Consistency()}
