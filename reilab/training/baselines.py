"""Baselines: reconstructions without a network, each with one number chosen on validation images.

They work on the linear part of an operator, L, and on what was measured through it, ℓ: in CT line
integrals, elsewhere y itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from reilab.events import Metrics
from reilab.nets.proximal import linear_part, squared_norm
from reilab.physics.base import CoredPhysics, LinearPhysics, Physics
from reilab.physics.radon import Radon
from reilab.problem import Problem
from reilab.registry import Registry
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam, marks, mean_of, prepare_exam, reconstruct_all

#: L, ℓ (B, *range) and the number to x̂ (B, C, H, W).
Solve: TypeAlias = Callable[[LinearPhysics, Tensor, float], Tensor]
#: Steps of total variation and of wavelets, and how residuals and slopes compare to image values.
STEPS, BALANCE = 200, 0.2
#: Scales of wavelets.
SCALES = 3


@dataclass(frozen=True)
class Baseline:
    """A registered reconstruction.

    Args:
        name: what its row is called.
        spec: how it reconstructs.
        values: of its number, to choose from.
        letter: what the number is called.
        kind: the linear operators that it is for.
    """

    name: str
    spec: Solve
    values: tuple[float, ...]
    letter: str
    kind: type


#: Every baseline by its name.
BASELINES: Registry[Baseline] = Registry(
    "baseline", "reilab.training.baselines", "reilab.baselines"
)
S = TypeVar("S", bound=Solve)


def baseline(
    name: str, values: tuple[float, ...], letter: str, kind: type = LinearPhysics
) -> Callable[[S], S]:
    """Decorator: register a reconstruction, see ``Baseline``.

    Raises:
        ValueError: the name is taken.
    """

    def register(solve: S) -> S:
        BASELINES.add(Baseline(name, solve, values, letter, kind))
        return solve

    return register


@baseline("TV", (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3), "λ")
def total_variation(linear: LinearPhysics, lines: Tensor, weight: float) -> Tensor:
    """argmin_x ½ ‖L x − ℓ‖² / ‖L‖² + λ Σ |∇x|, the channels of a pixel taken together.

    The primal-dual algorithm of Chambolle & Pock, Journal of Mathematical Imaging and Vision 40,
    2011 (their algorithm 1, θ = 1), ``STEPS`` steps from zero. In MRI and inpainting ‖L‖ = 1; with
    MRI's masks it is compressed sensing by sparse gradients.

    >>> from reilab.physics import PixelMask
    >>> physics = PixelMask((1, 1, 4), torch.arange(4))
    >>> total_variation(physics, torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), 0.2).round(decimals=1)
    tensor([[[[0.1000, 0.1000, 0.9000, 0.9000]]]])
    """
    return _sparse(linear, lines, weight, _gradient, _gradient_adjoint, 8.0, (1, 2))


def _sparse(
    linear: LinearPhysics,
    lines: Tensor,
    weight: float,
    analyse: Callable[[Tensor], Tensor],
    adjoint: Callable[[Tensor], Tensor],
    bound: float,
    together: tuple[int, ...],
) -> Tensor:
    """argmin_x ½ ‖L x − ℓ‖² / ‖L‖² + λ Σ |D x|, the axes ``together`` of D x in one length.

    D and its adjoint, with ‖D‖² at most ``bound``: the steps multiply to that of L and D together.
    """
    norm = math.sqrt(squared_norm(linear, lines.device, lines.dtype))  # type: ignore[arg-type]
    step, back = BALANCE / math.sqrt(1 + bound), 1 / (BALANCE * math.sqrt(1 + bound))
    ahead = x = lines.new_zeros(len(lines), *linear.domain)
    fit, slopes = torch.zeros_like(lines), analyse(x)
    for _ in range(STEPS):
        fit = (fit + step * (linear(ahead) - lines) / norm) / (1 + step)
        slopes = slopes + step * analyse(ahead)
        length = slopes.square().sum(together, keepdim=True).sqrt()
        slopes = slopes / (length / weight).clamp(min=1)
        before, x = x, x - back * (linear.adjoint(fit) / norm + adjoint(slopes))
        ahead = 2 * x - before
    return x


def _gradient(x: Tensor) -> Tensor:
    """Differences to the pixel below and on the right, 0 at the end: (B, 2, C, H, W)."""
    down = pad(x.diff(dim=2), (0, 0, 0, 1))
    return torch.stack([down, pad(x.diff(dim=3), (0, 1))], 1)


def _gradient_adjoint(slopes: Tensor) -> Tensor:
    down, right = slopes[:, 0, :, :-1], slopes[:, 1, :, :, :-1]
    return -pad(down, (0, 0, 1, 1)).diff(dim=2) - pad(right, (1, 1)).diff(dim=3)


@baseline("L1 wavelets", (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3), "λ", CoredPhysics)
def sparse_wavelets(linear: LinearPhysics, lines: Tensor, weight: float) -> Tensor:
    """argmin_x ½ ‖L x − ℓ‖² / ‖L‖² + λ Σ |Ψ x|, the channels of a coefficient taken together.

    Compressed sensing of k-space (Lustig, Donoho & Pauly, Magnetic Resonance in Medicine 58, 2007),
    Ψ the details of Daubechies' wavelets of two vanishing moments on ``SCALES`` scales, at every
    place and around the border (Mallat, A Wavelet Tour of Signal Processing, 5.2), solved as
    ``total_variation`` is.
    """
    return _sparse(linear, lines, weight, _details, _details_adjoint, 1.0, (2,))


def _details(x: Tensor) -> Tensor:
    """Three directions on each scale, (B, 3 · ``SCALES``, C, H, W), of no more energy than x."""
    bands, coarse = [], x.flatten(0, 1)[:, None]
    for scale in range(SCALES):
        reach = 3 * 2**scale
        found = conv2d(
            pad(coarse, (0, reach, 0, reach), "circular"), _filters(x), dilation=2**scale
        )
        coarse = found[:, :1]
        bands.append(found[:, 1:].view(*x.shape[:2], 3, *x.shape[2:]).transpose(1, 2))
    return torch.cat(bands, 1)


def _details_adjoint(bands: Tensor) -> Tensor:
    batch, _, channels, height, width = bands.shape
    coarse = bands.new_zeros(batch * channels, 1, height, width)
    for scale in reversed(range(SCALES)):
        reach, details = 3 * 2**scale, bands[:, 3 * scale : 3 * scale + 3]
        found = torch.cat([coarse, details.transpose(1, 2).flatten(0, 1)], 1)
        back = _filters(bands).flip(2, 3).transpose(0, 1)
        coarse = conv2d(pad(found, (reach, 0, reach, 0), "circular"), back, dilation=2**scale)
    return coarse.view(batch, channels, height, width)


def _filters(like: Tensor) -> Tensor:
    """What is coarse, then the three details, (4, 1, 4, 4)."""
    root = math.sqrt(3)
    low = like.new_tensor([1 + root, 3 + root, 3 - root, 1 - root]) / 8
    high = low.flip(0) * like.new_tensor([1, -1, 1, -1])
    return torch.stack([torch.outer(a, b) for a in (low, high) for b in (low, high)])[:, None]


@baseline("SIRT", (5, 10, 20, 50, 100, 200), "steps", Radon)
def sirt(linear: LinearPhysics, lines: Tensor, n_steps: float) -> Tensor:
    """Steps x + C Lᵀ R (ℓ − L x) from zero; R and C divide by the sums of rows and columns of L.

    Gilbert, Journal of Theoretical Biology 36, 1972; in this form Gregor & Benson, IEEE
    Transactions on Medical Imaging 27, 2008. Noise comes in with the steps.
    """
    x = lines.new_zeros(len(lines), *linear.domain)
    rows, columns = linear(torch.ones_like(x[:1])), linear.adjoint(torch.ones_like(lines[:1]))
    per_row, per_column = (torch.where(one > 0, 1 / one, 0) for one in (rows, columns))
    for _ in range(int(n_steps)):
        x = x + per_column * linear.adjoint(per_row * (lines - linear(x)))
    return x


def check_baselines(problem: Problem, config: TrainConfig) -> None:
    """Raise ``ValueError`` if baselines are asked for, and nothing is there to choose them by."""
    if config.baselines == "none":
        return
    if problem.validation is None or not problem.validation.has_truth:
        raise ValueError(
            f"baselines = {config.baselines!r} needs validation images with ground truth to choose "
            "their numbers by, and the data has none; choose baselines = none"
        )
    try:
        linear_part(problem.physics, torch.zeros(1, *problem.physics.range, device=problem.device))
    except ValueError:
        raise ValueError(
            f"baselines = {config.baselines!r} needs an operator with an adjoint, "
            f"{type(problem.physics).__name__} has none; choose baselines = none"
        ) from None


@torch.no_grad()
def baselines(problem: Problem, config: TrainConfig, exam: Exam) -> dict[str, Metrics]:
    """Mean metrics of those for a problem, by what their rows are called; none if not asked for.

    The number of each is the one with the highest PSNR on the validation images.
    """
    if config.baselines == "none":
        return {}
    judged = prepare_exam(problem, replace(config, exam="validation", ends_with="last"))
    found = {}
    linear, _ = linear_part(problem.physics, judged.y[:1])
    for name, one in BASELINES.items():
        if isinstance(linear, one.kind):
            value = max(one.values, key=lambda value: _marked(one, value, problem, judged).psnr)
            found[f"{name}, {one.letter} = {value:g}"] = _marked(one, value, problem, exam)
    return found


def _marked(one: Baseline, value: float, problem: Problem, exam: Exam) -> Metrics:
    def f(y: Tensor, physics: Physics) -> Tensor:
        return one.spec(*linear_part(physics, y), value)

    # Many at a time: there is no network that would need the memory.
    each = marks(reconstruct_all(f, problem, replace(exam, batch=len(exam.y))), problem, exam)
    mean = mean_of(each)
    assert mean is not None
    return mean
