"""REI: Robust Equivariant Imaging."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import AlphaReq, AlphaSure, RobustEquivariance, Sure, Target, Transforms
from reilab.methods.registry import method
from reilab.problem import Problem


@method("rei", title="REI", colour="#2b87d1")
@dataclass(frozen=True)
class REI:
    """Robust Equivariant Imaging (Chen, Tachella & Davies, CVPR 2022).

    SURE in place of consistency, and equivariance under noise.

    α_sure SURE(y) + α_req mean ‖T_g x̂ − f(noise(A T_g x̂))‖² with x̂ = f(y).

    >>> from reilab.methods.base import weights_of
    >>> weights_of(REI(alpha_req=10.0))
    {'sure': 1.0, 'req': 10.0}
    """

    alpha_sure: AlphaSure = 1.0
    alpha_req: AlphaReq = 1.0
    transforms: Transforms = 2
    req_target: Target = "free"

    def terms(self, problem: Problem) -> Terms:
        return {
            "sure": Sure(),
            "req": RobustEquivariance(problem.group, self.transforms, self.req_target),
        }
