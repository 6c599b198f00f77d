"""UNSURE: SURE for noise of unknown strength, alone and with robust equivariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from reilab.methods.base import NoiseAscent, Terms, Weight
from reilab.methods.losses import AlphaReq, RobustEquivariance, Sure, Target, Transforms
from reilab.methods.registry import method
from reilab.problem import Problem
from reilab.settings import Setting

#: The term: that of SURE, which sees a noise that is learned.
TERM = "unsure"

AlphaUnsure: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of UNSURE: to fit y so that A f(y) does not depend on single measurements. What it "
        "takes to hold that is the strength of the noise, which nobody has to know.",
        term=TERM,
        label="α UNSURE",
        formula="‖y − A x̂‖² + 2 θ̂ div A f(y)",
        needs="SURE",
    ),
]
NoiseRate: TypeAlias = Annotated[
    float,
    Setting(
        "Rate at which UNSURE learns the noise, in powers of e a step and unit of divergence.",
        positive=True,
        slider=(1e-3, 1.0),
        log=True,
    ),
]
NoiseMomentum: TypeAlias = Annotated[
    float, Setting("Momentum with which UNSURE learns the noise.", low=0.0, high=0.999)
]


@method("unsure", title="UNSURE", colour="#8a6d00")
@dataclass(frozen=True)
class UNSURE:
    """UNSURE (Tachella, Davies & Jacques, ICLR 2025): SURE where nobody knows the noise level.

    min over f, max over θ of E[(1/m) ‖y − A f(y)‖² + (2/m) Σₖ θₖ Σᵢ wₖᵢ ∂ᵢ(A f)ᵢ(y)], where the
    noise has the variance Σₖ θₖ wₖᵢ: w = 1 and θ = σ² for Gaussian noise, w = y and θ = γ for
    Poisson noise, both for mixed noise. It begins with the assumed level.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(UNSURE())
    {'unsure': 1.0}
    """

    alpha_unsure: AlphaUnsure = 1.0
    noise_rate: NoiseRate = 0.01
    noise_momentum: NoiseMomentum = 0.5

    def terms(self, problem: Problem) -> Terms:
        return {TERM: Sure()}

    def ascent(self) -> NoiseAscent:
        return NoiseAscent(TERM, self.noise_rate, self.noise_momentum)


@method("unsure_req", title="UNSURE + REQ", colour="#4f7d1f")
@dataclass(frozen=True)
class UNSUREWithREQ:
    """UNSURE with robust equivariance, whose virtual measurements have the noise that it learns.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(UNSUREWithREQ(alpha_req=10.0))
    {'unsure': 1.0, 'req': 10.0}
    """

    alpha_unsure: AlphaUnsure = 1.0
    alpha_req: AlphaReq = 1.0
    transforms: Transforms = 2
    req_target: Target = "free"
    noise_rate: NoiseRate = 0.01
    noise_momentum: NoiseMomentum = 0.5

    def terms(self, problem: Problem) -> Terms:
        req = RobustEquivariance(problem.group, self.transforms, self.req_target)
        return {TERM: Sure(), "req": req}

    def ascent(self) -> NoiseAscent:
        return NoiseAscent(TERM, self.noise_rate, self.noise_momentum)
