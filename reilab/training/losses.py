"""Loss terms. Each sees a Measurement, a reconstruction, and the reconstruction function.

With f the reconstruction, A the operator, x₁ = f(y), and T_g a random transform:

========================  =============================================================
Consistency               (1/m) ‖y − A x₁‖²
Sure                      Stein's estimate of (1/m) ‖A x₁ − A x‖² (the noise model's own)
Equivariance              mean ‖T_g x₁ − f(A T_g x₁)‖²  (EI)
RobustEquivariance        mean ‖T_g x₁ − f(noise(A T_g x₁))‖²  (REI)
Supervised                mean ‖x₁ − x‖²                              (needs an Oracle)
========================  =============================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from reilab.groups import Group
from reilab.key import Key
from reilab.noise import mean
from reilab.problem import Measurement, Oracle

#: f: from measurements (B, *range) to images (B, C, H, W).
Reconstruct = Callable[[Tensor], Tensor]

M = TypeVar("M", bound=Measurement, contravariant=True)


class Loss(Protocol[M]):
    """A loss term: one value per sample (or per transformed sample)."""

    def __call__(self, m: M, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        """``xhat`` is f(m.y), already at hand; random numbers come from ``key``."""
        ...


@dataclass(frozen=True)
class Consistency:
    """Measurement consistency: fits the noise too."""

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean((m.y - m.physics(xhat)) ** 2)


@dataclass(frozen=True)
class Sure:
    """Stein's unbiased risk estimate, under the noise that the measurement is believed to have."""

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return m.noise.sure(m.y, lambda y: m.physics(f(y)), m.physics(xhat), m.streams(key))


@dataclass(frozen=True)
class Equivariance:
    """Noise-free equivariance of f∘A, on ``transforms`` random transforms of each image."""

    group: Group
    transforms: int

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        turned = self.group.act(self.group.sample(self.transforms, key.generator()), xhat)
        return mean((turned - f(m.physics(turned))) ** 2)


@dataclass(frozen=True)
class RobustEquivariance:
    """Equivariance of f∘noise∘A: the virtual measurements are as noisy as the real ones.

    The gradient of counts is 0, so with Poisson noise none flows back through A T_g x₁, as in the
    authors' code; with Gaussian noise it does.
    """

    group: Group
    transforms: int

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        turned = self.group.act(self.group.sample(self.transforms, key.generator()), xhat)
        rng = [own for n in range(self.transforms) for own in m.streams(key / "noise" / n)]
        return mean((turned - f(m.noise.sample(m.physics(turned), rng))) ** 2)


@dataclass(frozen=True)
class Supervised:
    """The distance from the ground truth."""

    def __call__(self, m: Oracle, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean((xhat - m.x) ** 2)
