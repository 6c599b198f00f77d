"""EI: Equivariant Imaging."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.methods.base import Terms
from reilab.methods.losses import AlphaEq, AlphaMC, Consistency, Equivariance, Target, Transforms
from reilab.methods.registry import method
from reilab.problem import Problem


@method("ei", title="EI", colour="#d97706")
@dataclass(frozen=True)
class EI:
    """Equivariant Imaging (Chen, Tachella & Davies, ICCV 2021): consistency and equivariance."""

    alpha_mc: AlphaMC = 1.0
    alpha_eq: AlphaEq = 1.0
    transforms: Transforms = 2
    eq_target: Target = "free"

    def terms(self, problem: Problem) -> Terms:
        return {
            "mc": Consistency(),
            "eq": Equivariance(problem.group, self.transforms, self.eq_target),
        }
