"""GR2R: two noisier measurements are drawn from each, one to foretell the other by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from torch import Tensor

from reilab.key import Key
from reilab.methods.base import Reconstruct, Terms, Weight
from reilab.methods.losses import AlphaReq, RobustEquivariance, Target, Transforms
from reilab.methods.registry import method
from reilab.noise.base import NEEDS, Recorruptible
from reilab.noise.draws import mean
from reilab.problem import Measurement, Problem
from reilab.settings import Setting

#: The term, and what it needs of the noise.
TERM, PAIRS = "gr2r", "pairs"


@dataclass(frozen=True)
class Recorruption:
    """One of two noisier measurements, foretold from the other: y = (1 − α) y₁ + α y₂.

    (1/m) ‖A f(y₁) − y₂‖², a value for each image. Given u = A x, y₁ and y₂ are independent with
    mean u, so E of it is E[(1/m) ‖A f(y₁) − u‖²] and the variance of y₂, which f cannot change.

    Args:
        alpha: α, between 0 and 1.

    Raises:
        ValueError: no such y₁ can be drawn of this noise.

    >>> import torch
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.0))
    >>> Recorruption(0.5)(m, m.start, lambda y, physics: physics.pinv(y), Key(0))
    tensor([0.])
    """

    alpha: float

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        if not isinstance(m.noise, Recorruptible):
            why = NEEDS[PAIRS](m.noise, m.physics.range)
            raise ValueError(f"{type(m.noise).__name__} noise has no pairs: {why}")
        first = m.noise.recorrupt(m.y, self.alpha, m.streams(key))
        second = (m.y - (1 - self.alpha) * first) / self.alpha
        return mean((m.physics(f(first, m.physics)) - second) ** 2)


AlphaGR2R: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of GR2R: two noisier measurements are drawn from y, and one is foretold from the "
        "other. It takes the place of SURE, and no derivative.",
        term=TERM,
        label="α GR2R",
        formula="‖A f(y_1) − y_2(y; {noise})‖²",
        needs=PAIRS,
    ),
]
Recorrupted: TypeAlias = Annotated[
    float,
    Setting(
        "Share α of y that is compared with and kept from the network: it is given noise of "
        "1/(1 − α) times the variance, and compared with noise of 1/α times.",
        low=0.01,
        high=0.99,
        slider=(0.05, 0.5),
    ),
]


@method("gr2r", title="GR2R", colour="#b5495b")
@dataclass(frozen=True)
class GR2R:
    """Generalized Recorrupted-to-Recorrupted (Monroy, Bacca & Tachella, CVPR 2025).

    min E (1/m) ‖A f(y₁) − y₂‖²: the law of y₁, given y, is N(y, σ² α/(1 − α)) for Gaussian noise
    (Pang, Zheng, Quan & Ji, CVPR 2021), for Poisson noise counts are taken out by chance α, for
    gamma noise shares that are beta-distributed. What A does not see it does not teach. f learns
    from y₁, and is given y when it is judged: the smaller α, the less the two differ.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(GR2R())
    {'gr2r': 1.0}
    """

    alpha_gr2r: AlphaGR2R = 1.0
    recorrupted: Recorrupted = 0.15

    def terms(self, problem: Problem) -> Terms:
        return {TERM: Recorruption(self.recorrupted)}


@method("gr2r_req", title="GR2R + REQ", colour="#5f6f8c")
@dataclass(frozen=True)
class GR2RWithREQ:
    """GR2R for what A sees, and robust equivariance for what it does not: REI without a derivative.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(GR2RWithREQ(alpha_req=10.0))
    {'gr2r': 1.0, 'req': 10.0}
    """

    alpha_gr2r: AlphaGR2R = 1.0
    alpha_req: AlphaReq = 1.0
    transforms: Transforms = 2
    req_target: Target = "free"
    recorrupted: Recorrupted = 0.15

    def terms(self, problem: Problem) -> Terms:
        req = RobustEquivariance(problem.group, self.transforms, self.req_target)
        return {TERM: Recorruption(self.recorrupted), "req": req}
