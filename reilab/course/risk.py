"""The risk of an estimator and its estimate, and estimators to try it on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.key import Key
from reilab.noise.base import Estimator, Noise
from reilab.noise.draws import mean, normal_like

BLOCK = 8


@dataclass(frozen=True)
class CosineShrinkage:
    """Images (B, C, H, W) with every cosine coefficient but the block means moved towards zero.

    h(y) = Dᵀ soft(D y, threshold), D the orthonormal cosine transform of blocks of 8×8 pixels, H
    and W multiples of 8. Choosing the threshold by Stein's estimate is SureShrink (Donoho &
    Johnstone 1995), there with wavelets.
    """

    threshold: float

    def __call__(self, y: Tensor) -> Tensor:
        cosines = cosine_matrix(BLOCK).to(y)
        n, channels, height, width = y.shape
        blocks = y.reshape(n, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
        spectrum = torch.einsum("ia,jb,ncyaxb->ncyixj", cosines, cosines, blocks)
        small = spectrum.sign() * (spectrum.abs() - self.threshold).clamp(min=0)
        small[:, :, :, 0, :, 0] = spectrum[:, :, :, 0, :, 0]
        back = torch.einsum("ia,jb,ncyixj->ncyaxb", cosines, cosines, small)
        return back.reshape(y.shape)


def cosine_matrix(size: int) -> Tensor:
    """The orthonormal discrete cosine transform (type II), one frequency a row, float64."""
    place = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * torch.outer(place, place + 0.5)) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix


#: Noisy versions of a measurement that are worked on at a time.
AT_ONCE = 32
KEY = Key(0)


@dataclass(frozen=True, eq=False)
class Repeated:
    """What happened in each of many repetitions of the noise, (n_draws,) each.

    Args:
        sure: the estimate, which saw y only.
        risk: the mean of (h(y) − u)² over the entries, for which one has to know u.
        residual: the mean of (h(y) − y)², what measurement consistency looks at.
    """

    sure: Tensor
    risk: Tensor
    residual: Tensor

    @property
    def gap(self) -> tuple[float, float]:
        """The mean of SURE − risk, and twice its standard error (95 % confidence)."""
        differences = (self.sure - self.risk).double()
        error = 2 * differences.std() / len(differences) ** 0.5
        return float(differences.mean()), float(error)


@torch.no_grad()
def repeat(
    noise: Noise, u: Tensor, h: Estimator, n_draws: int, n_probes: int = 1, key: Key = KEY
) -> Repeated:
    """Draw the noise of u again and again, and ask SURE each time.

    Args:
        noise: the model that makes the noise and estimates the risk.
        u: one noise-free measurement, (1, *range).
        h: what is to be judged.
        n_draws: repetitions.
        n_probes: random probes over which each estimate is averaged.
        key: names the random streams.
    """
    parts = []
    for first in range(0, n_draws, AT_ONCE):
        places = range(first, min(first + AT_ONCE, n_draws))
        clean = u.expand(len(places), *u.shape[1:])
        y = noise.sample(clean, (key / "noise").streams(places, u.device))
        hy = h(y)
        probes = [(key / "probe" / probe).streams(places, u.device) for probe in range(n_probes)]
        estimate = torch.stack([noise.sure(y, h, hy, rng) for rng in probes]).mean(0)
        parts.append((estimate, mean((hy - clean) ** 2), mean((hy - y) ** 2)))
    return Repeated(*(torch.cat(column) for column in zip(*parts, strict=True)))


def exact_slope(h: Callable[[Tensor], Tensor], y: Tensor, probe: Tensor) -> Tensor:
    """(1/m) bᵀ J_h(y) b of each sample, (B,), by differentiation: the limit τ → 0."""
    leaf = y.clone().requires_grad_()
    (back,) = torch.autograd.grad(h(leaf), leaf, probe)
    return mean(probe * back)


@torch.no_grad()
def finite_slope(h: Callable[[Tensor], Tensor], y: Tensor, probe: Tensor, tau: float) -> Tensor:
    """The same by a finite difference of step ``tau``, as SURE takes it."""
    return mean(probe * (h(y + tau * probe) - h(y))) / tau


def gaussian_probe(y: Tensor, key: Key) -> Tensor:
    """A probe b ~ N(0, I) in the shape of y."""
    return normal_like(y, [key.generator(y.device)])
