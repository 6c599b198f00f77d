"""Loss terms. Each sees a Measurement, a reconstruction, and the reconstruction function.

In their equations f is the reconstruction, A the operator with m measured entries, x̂ = f(y), and
T_g a random transform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from torch import Tensor

from reilab.groups import Group
from reilab.key import Key
from reilab.methods.base import Reconstruct, Weight
from reilab.noise.draws import mean
from reilab.nullspace import same
from reilab.physics.base import MaskedPhysics, Physics
from reilab.physics.places import Masks
from reilab.problem import Measurement, Oracle
from reilab.settings import Setting

#: What equivariance makes of x̂ before it is transformed. Let go, x̂ is changed so that it is found
#: again more easily, and under noise smooth images are the easiest: it loses detail in the null
#: space, where no other term holds it.
TARGETS: Mapping[str, Callable[[Tensor], Tensor]] = {"free": same, "held": Tensor.detach}


@dataclass(frozen=True)
class Consistency:
    """Measurement consistency: fits the noise too.

    (1/m) ‖y − A x̂‖², a value for each image.

    >>> import torch
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.1))
    >>> Consistency()(m, m.start, lambda y, physics: physics.pinv(y), Key(0))
    tensor([0.])
    """

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean((m.y - m.physics(xhat)) ** 2)


@dataclass(frozen=True)
class Sure:
    """Stein's unbiased risk estimate, under the noise that the measurement is believed to have.

    E[SURE(y)] = E[(1/m) ‖A f(y) − A x‖²], a value for each image.

    >>> import torch
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.1))
    >>> Sure()(m, m.start, lambda y, physics: physics.pinv(y), Key(0)).shape
    torch.Size([1])
    """

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return m.noise.sure(
            m.y, lambda y: m.physics(f(y, m.physics)), m.physics(xhat), m.streams(key)
        )


@dataclass(frozen=True)
class Equivariance:
    """Noise-free equivariance of f∘A.

    mean ‖T_g x̂ − f(A T_g x̂)‖², a value for each transformed image.

    Args:
        group: the transforms.
        transforms: how many random ones for each image.
        target: a name of ``TARGETS``.

    >>> import torch
    >>> from reilab.groups import Shifts
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.1))
    >>> loss = Equivariance(Shifts(size=2), transforms=3)
    >>> loss(m, m.start, lambda y, physics: physics.pinv(y), Key(0)).shape
    torch.Size([3])
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

    mean ‖T_g x̂ − f(noise(A T_g x̂))‖², a value for each transformed image.

    The gradient of counts is 0, so with Poisson noise none flows back through A T_g x̂, as in the
    authors' code; with Gaussian noise it does, unless x̂ is held.

    Args:
        group: the transforms.
        transforms: how many random ones for each image.
        target: a name of ``TARGETS``.
        masks: makes it multi-operator equivariance, mean ‖T_g x̂ − f(noise(A_s T_g x̂), A_s)‖²
            (Wang, McDonagh & Davies, arXiv 2502.14009): A_s has another mask for each sample, drawn
            from these.

    >>> import torch
    >>> from reilab.groups import Shifts
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.1))
    >>> loss = RobustEquivariance(Shifts(size=2), transforms=3)
    >>> loss(m, m.start, lambda y, physics: physics.pinv(y), Key(0)).shape
    torch.Size([3])
    """

    group: Group
    transforms: int
    target: str = "free"
    masks: Masks | None = None

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return _lost(_turned(self, xhat, key), m, _another(self.masks, m, key), f, key)


@dataclass(frozen=True)
class CrossConsistency:
    """What is reconstructed through one operator must be so through any other.

    mean ‖x̂ − f(noise(A_s x̂), A_s)‖², a value for each image; A_s has another mask than A.

    Args:
        masks: where those are drawn, one for each sample; without any A_s is A, and nothing tells
            what A does not see: if the target is held, too, it may grow without bounds.
        target: a name of ``TARGETS``.

    >>> import torch
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.0))
    >>> masks = Masks(lambda key: torch.tensor([0, 1]), Key(0), lambda physics, y: y)
    >>> CrossConsistency(masks)(m, m.start, lambda y, physics: physics.pinv(y), Key(0))
    tensor([0.2500])
    """

    masks: Masks | None
    target: str = "free"

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return _lost(TARGETS[self.target](xhat), m, _another(self.masks, m, key), f, key)


def _another(masks: Masks | None, m: Measurement, key: Key) -> Physics:
    """A_s: the operator with another mask for each sample; the same one where there are none."""
    if masks is None:
        return m.physics
    assert isinstance(m.physics, MaskedPhysics)
    places = masks.at(key / "masks", range(m.first, m.first + len(m.y)))
    return m.physics.masked(places.to(m.y.device, non_blocking=True))


def _lost(images: Tensor, m: Measurement, physics: Physics, f: Reconstruct, key: Key) -> Tensor:
    """How far f is from images that it is shown noisy measurements of, a value for each."""
    times = range(len(images) // len(m.y))
    rng = [own for n in times for own in m.streams(key / "noise" / n)]
    virtual = m.noise.sample(physics(images), rng)
    return mean((images - f(virtual, physics)) ** 2)


def _turned(loss: Equivariance | RobustEquivariance, xhat: Tensor, key: Key) -> Tensor:
    """The transformed images T_g x̂, n for each of x̂."""
    transforms = loss.group.sample(loss.transforms, key.generator())
    return loss.group.act(transforms, TARGETS[loss.target](xhat))


@dataclass(frozen=True)
class Regression:
    """The distance from the ground truth.

    mean ‖x̂ − x‖², a value for each image.

    >>> import torch
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Oracle(y, physics.pinv(y), physics, Gaussian(sigma=0.1), x=torch.ones(1, 1, 2, 2))
    >>> Regression()(m, m.start, lambda y, physics: physics.pinv(y), Key(0))
    tensor([0.5000])
    """

    def __call__(self, m: Oracle, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean((xhat - m.x) ** 2)


# The fields of methods that weigh these terms; what is said of a term is said here alone.
AlphaMC: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of measurement consistency: how closely A x̂ must fit y. It fits the noise too.",
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
        term="sure",
        label="α SURE",
        formula="SURE(y; {noise})",
        estimates_risk=True,
        needs="SURE",
    ),
]
AlphaEq: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of equivariance: a transformed image must be reconstructed as the transformed "
        "image. It is what teaches the parts that A does not see.",
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
        term="req",
        label="α REQ",
        formula="‖T_g x̂ − f(noise_{{noise}}(A T_g x̂))‖²",
    ),
]
AlphaCross: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of consistency across operators: an image must be found again through another "
        "mask, under noise. It teaches what a single one does not see; with operators = one it "
        "does not.",
        term="cross",
        label="α CROSS",
        formula="‖x̂ − f(noise_{{noise}}(A_s x̂), A_s)‖²",
        crosses=True,
    ),
]
AlphaCrossReq: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of multi-operator equivariance: a transformed image must be found again through "
        "another mask, under noise. With operators = one it is robust equivariance.",
        term="cross_req",
        label="α CROSS REQ",
        formula="‖T_g x̂ − f(noise_{{noise}}(A_s T_g x̂), A_s)‖²",
        crosses=True,
    ),
]
AlphaSupervised: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of the distance from the ground truth, the only term of supervised training.",
        term="supervised",
        label="α supervised",
        formula="‖x̂ − x‖²",
    ),
]
Target: TypeAlias = Annotated[
    str,
    Setting(
        "Whether equivariance, or another operator, may change x̂, too, so that it is found again "
        "more easily (free, as in the papers), or only how its virtual measurement is "
        "reconstructed (held).",
        choices=tuple(TARGETS),
    ),
]
Transforms: TypeAlias = Annotated[int, Setting("Random transforms of each image per step.", low=1)]
