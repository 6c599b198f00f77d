"""Error bars by the equivariant bootstrap: how far a network is off, told by itself.

An image x̂ = f(y) is moved, measured again with fresh noise and reconstructed: f(noise(A T_g x̂)) is
to T_g x̂ what x̂ is to x. With T_g the identity alone it would be the parametric bootstrap, which
takes A†A x̂ = x̂ for truth where x̂ has nothing that A does not see; moved images have something
there (Tachella & Pereyra, Equivariant Bootstrapping for Uncertainty Quantification in Imaging
Inverse Problems, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.key import Key
from reilab.methods.base import Reconstruct
from reilab.problem import Problem
from reilab.trained.tally import Tally
from reilab.training.evaluate import Exam

#: Probabilities with which the error is to be below a bound.
LEVELS = (0.5, 0.8, 0.9, 0.95)
#: With fewer draws there is no bound for the last of them.
FEWEST = 19


@dataclass(frozen=True, eq=False)
class ErrorBars:
    """What is known of the errors of N images without their ground truth.

    Args:
        deviation: the root mean square over all draws of each value of x̃ − x̂, (N, C, H, W).
        draws: the root mean square over all values of each draw, (N, n), in units of the image.
    """

    deviation: Tensor
    draws: Tensor

    def bound(self, level: float) -> Tensor:
        """What √(1/n) ‖x̂ − x‖ is below with that probability, (N,).

        The k-th smallest of n draws, k = ⌈level (n + 1)⌉: exact if the error itself is as one more
        draw.
        """
        rank = math.ceil(round(level * (self.draws.shape[1] + 1), 6))
        return self.draws.kthvalue(rank, dim=1).values

    def coverage(self, errors: Tensor) -> Mapping[str, Mapping[str, float]]:
        """How many of the true errors x̂ − x (N, C, H, W) are within what is said of them, by level.

        Of *images*, whose root mean squares should be below the bound; and of *values*, which
        should be within the deviation times the quantile of a normal law.
        """
        norms, sizes = rms(errors), errors.abs()
        normal = torch.special.ndtri(0.5 + torch.tensor(LEVELS) / 2).tolist()
        within = {
            "images": [norms <= self.bound(level) for level in LEVELS],
            "values": [sizes <= quantile * self.deviation for quantile in normal],
        }
        return {
            what: {
                f"{level:g}": float(one.float().mean())
                for level, one in zip(LEVELS, each, strict=True)
            }
            for what, each in within.items()
        }


@torch.no_grad()
def bootstrap(
    f: Reconstruct, problem: Problem, exam: Exam, n: int, key: Key, tally: Tally | None = None
) -> ErrorBars:
    """Error bars of a reconstruction of all test measurements.

    x̃ − x̂ is taken as T_g⁻¹ (f(ŷ) − T_g x̂): the same where T_g is exact; where it interpolates, as a
    rotation by any angle, what that takes from x̂ is no error of f.

    Args:
        f: the reconstruction, in evaluation mode.
        problem: with the noise that is believed in, and the group that images are invariant to.
        exam: the measurements; the ground truth is not looked at.
        n: how many draws, at least ``FEWEST``.
        key: draw j of the image at index i has its noise from ``key / j / i``.
        tally: counts each draw of each image.

    Raises:
        ValueError: too few draws.
    """
    if n < FEWEST:
        raise ValueError(
            f"bootstrap = {n} is too small: {LEVELS[-1]:.0%} of the errors cannot be told from so "
            f"few draws; give {FEWEST} or more"
        )
    tally = tally or Tally(0)
    elements = problem.group.sample(n, (key / "group").generator())
    squares, draws = [], []
    for index, y, physics in exam.parts(problem):
        xhat = f(y, physics)
        square, norms = torch.zeros_like(xhat), []
        for draw, g in enumerate(torch.split(elements, 1)):
            moved = problem.group.act(g, xhat)
            rng = (key / draw).streams(index.tolist(), xhat.device)
            gap = f(problem.noise.sample(physics(moved), rng), physics) - moved
            square += problem.group.act(problem.group.inverse(g), gap).square()
            norms.append(rms(gap))
            tally.count(len(index))
        squares.append(square)
        draws.append(torch.stack(norms, 1))
    return ErrorBars((torch.cat(squares) / n).sqrt(), torch.cat(draws))


def rms(errors: Tensor) -> Tensor:
    """The root of the mean square of each image, (B,)."""
    return errors.square().flatten(1).mean(1).sqrt()
