"""The roles of a forward operator."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


class Physics(Protocol):
    """A forward operator A from (B, *domain) to (B, *range).

    The range holds measured entries only, so a mean over a measurement is a mean over measured
    entries, as the estimators of the risk require.
    """

    @property
    def domain(self) -> tuple[int, ...]:
        """Shape of one image, (C, H, W)."""
        ...

    @property
    def range(self) -> tuple[int, ...]:
        """Shape of one noise-free measurement."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """The noise-free measurement of x."""
        ...

    def pinv(self, y: Tensor) -> Tensor:
        """A fixed reconstruction, differentiable in y: what the network starts from."""
        ...


@runtime_checkable
class LinearPhysics(Physics, Protocol):
    """A linear forward operator."""

    def adjoint(self, y: Tensor) -> Tensor:
        """Aᵀy, with ⟨Ax, y⟩ = ⟨x, Aᵀy⟩ for all x and y."""
        ...


@runtime_checkable
class MaskedPhysics(LinearPhysics, Protocol):
    """A linear operator that measures some places of a grid."""

    def masked(self, places: Tensor) -> MaskedPhysics:
        """The same of other places: (m,), of all images, or (B, m), of each its own."""
        ...


@runtime_checkable
class CoredPhysics(Physics, Protocol):
    """An operator some of whose measurements nothing else can foretell: the core of k-space."""

    @property
    def core(self) -> Tensor:
        """Their places along the last axis, on the CPU: asked for in every step of splitting."""
        ...
