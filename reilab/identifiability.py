"""Identifiability: what a forward operator sees of an image, alone and through a group.

A linear operator A with n unknowns sees rank A dimensions; the rest, its null space, leaves no
trace in y. If T_g x is an image whenever x is, then y = A x is also a measurement of T_g⁻¹ x by
A T_g: all measurements together have seen what the stacked operator (A; A T_g₁; …) sees. To learn
the whole image from measurements alone its rank has to be n (Tachella, Chen & Davies, Sensing
Theorems for Unsupervised Learning in Linear Inverse Problems, JMLR 2023). Operators are taken on
the CPU, where the probes are.

No matrix is formed: singular values are counted by stochastic Lanczos quadrature (Ubaru, Chen &
Saad, Fast Estimation of tr(f(A)) via Stochastic Lanczos Quadrature, SIAM J. Matrix Anal. Appl.
2017). It takes ``STEPS`` products with AᵀA, where conjugate gradients on AᵀA + ε take as many for
one ε alone, and count a dimension that is seen faintly as a part of one. Where there are few
distinct singular values, as of masks, its nodes are these, and only the probes leave a doubt.

In tomography Aᵀ F A stands in the place of AᵀA, F the ramp filter, which is close to (A Aᵀ)⁻¹: what
A sees is the same, and what is strong by the density of rays at low frequencies alone is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.groups import Group
from reilab.key import Key
from reilab.noise import sign_like
from reilab.nullspace import Map, same
from reilab.physics.base import Physics
from reilab.physics.radon import Radon, ramp_filter
from reilab.physics.transmission import Transmission

#: Singular values below this share of the largest count as not seen.
TOLERANCE = 0.1
#: The bound is no edge: of two nodes so many times apart, one at either side of it, each is half
#: seen. Where singular values decay without a gap nodes lie about as far apart.
EDGE = 1.5
#: Products with AᵀA: as many as bring nodes so close to each other.
STEPS = 24
#: Random signs in all probes together: a share of one half is known to 0.003.
SIGNS = 2**16
#: So many elements of a group stand for it, or all that it has.
N_ELEMENTS = 8


@dataclass(frozen=True)
class Estimate:
    """A number and its standard deviation, over the probes that it was estimated with."""

    value: float
    deviation: float


@dataclass(frozen=True, eq=False)
class Sight:
    """What stacked operators see: the distribution of their singular values, as quadrature.

    Args:
        singular_values: nodes of each probe (p, k), those of the operators on top of each other:
            stacking one of them twice makes all of them √2 as large.
        weights: the share of all dimensions that each stands for (p, k); those of a probe add to 1.
        n_unknowns: dimensions of an image.
    """

    singular_values: Tensor
    weights: Tensor
    n_unknowns: int

    def share(self, tolerance: float = TOLERANCE) -> Estimate:
        """The identifiability meter, 0 to 1: dimensions seen over all dimensions.

        Those are seen whose singular value is above ``tolerance`` times the largest. For a
        projector of rank r and random signs z the variance of zᵀPz is 2 (r − Σ Pᵢᵢ²), at most
        2 r (1 − r/n) (Hutchinson 1989); the deviation is the root of that, over n and all probes.
        """
        above = (self.singular_values / (tolerance * self.singular_values.max())).log()
        seen = (above / math.log(EDGE) + 0.5).clamp(0, 1)
        share = min(1.0, float((self.weights * seen).sum(1).mean()))
        entries = len(self.weights) * self.n_unknowns
        return Estimate(share, math.sqrt(2 * share * (1 - share) / entries))


@dataclass(frozen=True)
class Insight:
    """What a group can teach of an operator.

    Args:
        alone: the share of the dimensions that A sees.
        through: that which A and all A T_g see together.
        commutator: ‖(A†A T_g − T_g A†A) x‖ / ‖x‖ of white x; 0 if A†A commutes with the group.
        n_elements: how many T_g there were.
    """

    alone: Estimate
    through: Estimate
    commutator: Estimate
    n_elements: int

    @property
    def news(self) -> float:
        """The share of what A does not see that it sees of moved images, 0 to 1."""
        lost = 1 - self.alone.value
        return max(0.0, self.through.value - self.alone.value) / lost if lost else 0.0


def inspect(physics: Physics, group: Group, key: Key) -> Insight:
    """All that is estimated here of an operator and a group.

    Args:
        physics: the forward operator.
        group: the transforms, some of which are drawn at ``key / "group"``.
        key: address of the random numbers. The same probes serve everything: where a group teaches
            nothing, exactly nothing is found.

    Raises:
        ValueError: the operator is neither linear nor an exponential of line integrals.
    """
    g = torch.unique(group.sample(N_ELEMENTS, (key / "group").generator()), dim=0)
    return Insight(
        seen_alone(physics, key).share(),
        seen_through(physics, group, g, key).share(),
        commutator(physics, group, g, key),
        len(g),
    )


def seen_alone(physics: Physics, key: Key) -> Sight:
    """What an operator sees by itself; see ``seen_through``."""
    return _sight(_linear(physics), lambda x: x, key)


def seen_through(physics: Physics, group: Group, g: Tensor, key: Key) -> Sight:
    """What A and all A T_g see together.

    Args:
        physics: a linear operator A, or an exponential of one in tomography, which loses nothing.
        group: the transforms, linear and differentiable.
        g: some of its elements, one a row; the identity need not be among them.
        key: address of the random signs.

    Raises:
        ValueError: the operator is not linear.
    """
    return _sight(_linear(physics), lambda x: torch.cat([x, group.act(g, x)]), key)


def seen_together(physics: Physics, n: int, key: Key) -> Sight:
    """What n operators see together; ``physics`` has a mask for each of n images."""
    return _sight(_linear(physics), lambda x: x.repeat_interleave(n, 0), key)


@torch.no_grad()
def commutator(physics: Physics, group: Group, g: Tensor, key: Key) -> Estimate:
    """‖(A†A T_g − T_g A†A) x‖ / ‖x‖ for random signs x, its mean over elements and probes.

    It is 0 if A†A commutes with the transforms: measurements of transformed images are then
    transformed measurements of images, A T_g = T' A with T' = A T_g A†, and the group teaches
    nothing about the null space.

    Args:
        physics: the operator, as in ``seen_through``; A† is its ``pinv``.
        group: the transforms.
        g: some of its elements, one a row.
        key: address of the random signs.

    Raises:
        ValueError: the operator is not linear.
    """
    known = _linear(physics)
    x = _probes(known, key)

    def seen(images: Tensor) -> Tensor:
        return known.physics.pinv(known.physics(images))

    gap = seen(group.act(g, x)) - group.act(g, seen(x))
    ratios = gap.flatten(1).norm(dim=1) / math.sqrt(x[0].numel())
    spread = float(ratios.std()) if len(ratios) > 1 else 0.0
    return Estimate(float(ratios.mean()), spread / math.sqrt(len(ratios)))


def news_of_images(
    split: Callable[[Tensor], tuple[Tensor, Tensor] | None], group: Group, g: Tensor, x: Tensor
) -> Tensor:
    """What ``Insight.news`` is of all images, of those that are given: 0 to 1, (len(g),).

    ‖P T_g n‖² / ‖n‖², P the projection on what A sees and n = x − P x what it loses of the images:
    how much of it leaves a trace in measurements of the moved images. It is 0 if A commutes with
    the transform as far as its range allows. Where T_g is no permutation of pixels, as a rotation
    by any angle, interpolation adds some to it.

    Args:
        split: images into what A sees and what it loses, ``Problem.split``.
        group: the transforms.
        g: some of its elements, one a row.
        x: images (B, C, H, W).

    Raises:
        ValueError: what A sees is not known.
    """
    parts = split(x)
    moved = parts and split(group.act(g, parts[1]))
    if parts is None or moved is None:
        raise ValueError("what A sees is not known of this operator; give the problem a `seen`")
    (_, lost), (seen_moved, _) = parts, moved
    energy = seen_moved.square().flatten(1).sum(1).view(len(g), len(x)).sum(1)
    return energy / lost.square().sum().clamp(min=torch.finfo(x.dtype).tiny)


@dataclass(frozen=True, eq=False)
class _Linear:
    """A linear operator, what its measurements are filtered by, and the numbers that it takes."""

    physics: Physics
    precondition: Map = same
    dtype: torch.dtype = torch.float32


def _linear(physics: Physics) -> _Linear:
    inner = physics.radon if isinstance(physics, Transmission) else physics
    if isinstance(inner, Radon):
        return _Linear(inner, ramp_filter, inner.projector.matrix.dtype)
    x, z = torch.split(_signs((2, *inner.domain), Key(0)), 1)
    gap = inner(x + 2 * z) - inner(x) - 2 * inner(z)
    if float(gap.norm()) > 1e-3 * float(inner(x).norm()):
        raise ValueError(
            f"{type(inner).__name__} is not linear; give its linear part, such as the line "
            "integrals in front of an exponential"
        )
    return _Linear(inner)


def _signs(shape: tuple[int, ...], key: Key) -> Tensor:
    return sign_like(torch.empty(shape), (key / "probes").streams(range(shape[0])))


def _probes(known: _Linear, key: Key) -> Tensor:
    """Images of random signs (p, *domain), at least ``SIGNS`` in all."""
    n = math.prod(known.physics.domain)
    return _signs((-(-SIGNS // n), *known.physics.domain), key).to(known.dtype)


def _sight(known: _Linear, moved: Map, key: Key) -> Sight:
    """Lanczos iteration for all probes side by side, without orthogonalising again.

    Rounding then brings nodes a second time, which share the weight of the first.
    """
    probes = _probes(known, key)
    n = probes[0].numel()

    def gram(v: Tensor) -> Tensor:
        """The sum of Tᵀ Aᵀ F A T v: the gradient of the energy of what is measured, halved."""
        v = v.view_as(probes).requires_grad_()
        y = known.physics(moved(v))
        return torch.autograd.grad((y * known.precondition(y)).sum() / 2, v)[0].flatten(1)

    v, before = probes.flatten(1) / math.sqrt(n), torch.zeros(len(probes), n, dtype=probes.dtype)
    beta = torch.zeros(len(probes), 1, dtype=probes.dtype)
    diagonal: list[Tensor] = []
    beside: list[Tensor] = []
    for _ in range(min(STEPS, n)):
        w = gram(v) - beta * before
        diagonal.append((w * v).sum(1, keepdim=True))
        w = w - diagonal[-1] * v
        norm = w.norm(dim=1, keepdim=True)
        # A probe that has found all its nodes goes on as nothing: it has weight 0.
        going = norm > 1e-4 * torch.cat(diagonal, 1).amax(1, keepdim=True)
        beta = norm * going
        before, v = v, going * w / norm.clamp(min=torch.finfo(w.dtype).tiny)
        beside.append(beta)
        if not going.any():
            break
    off = torch.cat(beside[:-1], 1).double() if len(beside) > 1 else torch.zeros(len(v), 0)
    tridiagonal = torch.diag_embed(torch.cat(diagonal, 1).double())
    tridiagonal += torch.diag_embed(off, 1) + torch.diag_embed(off, -1)
    values, vectors = torch.linalg.eigh(tridiagonal)
    return Sight(values.clamp(min=0).sqrt(), vectors[:, 0].square(), n)
