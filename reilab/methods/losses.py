"""Loss terms. Each sees a Measurement, a reconstruction, and the reconstruction function.

With f the reconstruction, A the operator, x₁ = f(y), and T_g a random transform:

========================  =============================================================
Consistency               (1/m) ‖y − A x₁‖²
Sure                      Stein's estimate of (1/m) ‖A x₁ − A x‖² (the noise model's own)
Equivariance              mean ‖T_g x₁ − f(A T_g x₁)‖²  (EI)
RobustEquivariance        mean ‖T_g x₁ − f(noise(A T_g x₁))‖²  (REI)
Regression                mean ‖x₁ − x‖²                              (needs an Oracle)
========================  =============================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from torch import Tensor

from reilab.groups import Group
from reilab.key import Key
from reilab.methods.base import Reconstruct, Weight
from reilab.noise import mean
from reilab.nullspace import same
from reilab.problem import Measurement, Oracle
from reilab.settings import Setting

#: The range of weights that is worth exploring.
SPAN = (1e-8, 1e5)

#: What equivariance makes of x₁ before it is transformed. Let go, x₁ is changed so that it is found
#: again more easily, and under noise smooth images are the easiest: it loses detail in the null
#: space, where no other term holds it.
TARGETS: Mapping[str, Callable[[Tensor], Tensor]] = {"free": same, "held": Tensor.detach}


@dataclass(frozen=True)
class Consistency:
    """Measurement consistency: fits the noise too."""

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean((m.y - m.physics(xhat)) ** 2)


@dataclass(frozen=True)
class Sure:
    """Stein's unbiased risk estimate, under the noise that the measurement is believed to have."""

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return m.noise.sure(
            m.y, lambda y: m.physics(f(y, m.physics)), m.physics(xhat), m.streams(key)
        )


@dataclass(frozen=True)
class Equivariance:
    """Noise-free equivariance of f∘A.

    Args:
        group: the transforms.
        transforms: how many random ones for each image.
        target: a name of ``TARGETS``.
    """

    group: Group
    transforms: int
    target: str = "free"

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        turned = _turned(self, xhat, key)
        return mean((turned - f(m.physics(turned), m.physics)) ** 2)


@dataclass(frozen=True)
class RobustEquivariance:
    """Equivariance of f∘noise∘A: the virtual measurements are as noisy as the real ones.

    The gradient of counts is 0, so with Poisson noise none flows back through A T_g x₁, as in the
    authors' code; with Gaussian noise it does, unless x₁ is held.

    Args:
        group: the transforms.
        transforms: how many random ones for each image.
        target: a name of ``TARGETS``.
    """

    group: Group
    transforms: int
    target: str = "free"

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        turned = _turned(self, xhat, key)
        rng = [own for n in range(self.transforms) for own in m.streams(key / "noise" / n)]
        virtual = m.noise.sample(m.physics(turned), rng)
        return mean((turned - f(virtual, m.physics)) ** 2)


def _turned(loss: Equivariance | RobustEquivariance, xhat: Tensor, key: Key) -> Tensor:
    """The transformed images T_g x₁, n for each of x₁."""
    transforms = loss.group.sample(loss.transforms, key.generator())
    return loss.group.act(transforms, TARGETS[loss.target](xhat))


@dataclass(frozen=True)
class Regression:
    """The distance from the ground truth."""

    def __call__(self, m: Oracle, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean((xhat - m.x) ** 2)


# The fields of methods that weigh these terms; what is said of a term is said here alone.
AlphaMC: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of measurement consistency: how closely A x̂ must fit y. It fits the noise too.",
        low=0.0,
        slider=SPAN,
        log=True,
        term="mc",
        label="α MC",
        formula="‖y − A x̂‖²",
        estimates_risk=True,
    ),
]
AlphaSure: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of SURE, an estimate of the error in the range of A that needs no ground truth. "
        "It takes the place of measurement consistency.",
        low=0.0,
        slider=SPAN,
        log=True,
        term="sure",
        label="α SURE",
        formula="SURE(y; {noise})",
        estimates_risk=True,
    ),
]
AlphaEq: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of equivariance: a transformed image must be reconstructed as the transformed "
        "image. It is what teaches the parts that A does not see.",
        low=0.0,
        slider=SPAN,
        log=True,
        term="eq",
        label="α EQ",
        formula="‖T_g x̂ − f(A T_g x̂)‖²",
    ),
]
AlphaReq: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of robust equivariance: equivariance with noise on the virtual measurements. It "
        "teaches the parts that A does not see, under noise.",
        low=0.0,
        slider=SPAN,
        log=True,
        term="req",
        label="α REQ",
        formula="‖T_g x̂ − f(noise_{{noise}}(A T_g x̂))‖²",
    ),
]
AlphaSupervised: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of the distance from the ground truth, the only term of supervised training.",
        low=0.0,
        slider=SPAN,
        log=True,
        term="supervised",
        label="α supervised",
        formula="‖x̂ − x‖²",
    ),
]
Target: TypeAlias = Annotated[
    str,
    Setting(
        "Whether equivariance may change x̂, too, so that it is found again more easily (free, as "
        "in the paper), or only how its virtual measurement is reconstructed (held).",
        choices=tuple(TARGETS),
    ),
]
Transforms: TypeAlias = Annotated[int, Setting("Random transforms of each image per step.", low=1)]
