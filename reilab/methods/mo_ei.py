"""MO-EI: Multi-Operator Equivariant Imaging."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import (
    AlphaCrossReq,
    AlphaSure,
    RobustEquivariance,
    Sure,
    Target,
    Transforms,
)
from reilab.methods.registry import method
from reilab.problem import Problem


@method("mo_ei", title="MO-EI", colour="#5d6d7e")
@dataclass(frozen=True)
class MOEI:
    """Multi-Operator Equivariant Imaging (Wang, McDonagh & Davies, arXiv 2502.14009), under noise.

    Robust equivariance whose virtual measurements are made through other operators.

    α_sure SURE(y) + α_cross_req mean ‖T_g x̂ − f(noise(A_s T_g x̂), A_s)‖² with x̂ = f(y). Where all
    samples have one operator, A_s is that, and the method is REI.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(MOEI(alpha_cross_req=10.0))
    {'sure': 1.0, 'cross_req': 10.0}
    """

    alpha_sure: AlphaSure = 1.0
    alpha_cross_req: AlphaCrossReq = 1.0
    transforms: Transforms = 2
    req_target: Target = "free"

    def terms(self, problem: Problem) -> Terms:
        crossed = RobustEquivariance(problem.group, self.transforms, self.req_target, problem.masks)
        return {"sure": Sure(), "cross_req": crossed}
