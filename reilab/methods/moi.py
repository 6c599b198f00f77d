"""MOI: Multi-Operator Imaging."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import AlphaCross, AlphaSure, CrossConsistency, Sure, Target
from reilab.methods.registry import method
from reilab.problem import Problem


@method("moi", title="MOI", colour="#c0392b")
@dataclass(frozen=True)
class MOI:
    """Multi-Operator Imaging (Tachella, Chen & Davies, NeurIPS 2022), under noise.

    SURE in place of consistency, and noise on the measurements through other operators, as in REI.

    α_sure SURE(y) + α_cross mean ‖x̂ − f(noise(A_s x̂), A_s)‖² with x̂ = f(y). Where all samples
    have one operator, A_s is that, and nothing tells what it does not see: REI is for these.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(MOI(alpha_cross=10.0))
    {'sure': 1.0, 'cross': 10.0}
    """

    alpha_sure: AlphaSure = 1.0
    alpha_cross: AlphaCross = 1.0
    req_target: Target = "free"

    def terms(self, problem: Problem) -> Terms:
        # Through one operator alone, an image that is held would be its own teacher, and runs away.
        target = self.req_target if problem.masks else "free"
        return {"sure": Sure(), "cross": CrossConsistency(problem.masks, target)}
