"""REI from deepinv's own operators, transforms and losses (deepinv.github.io)."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.plain import plain_physics
from reilab.groups import Shifts
from reilab.interop.deepinv import noise_to_deepinv
from reilab.noise import Gaussian, Noise, Poisson, PoissonGaussian
from reilab.physics.transmission import Transmission
from reilab.problem import Problem

with warnings.catch_warnings():
    # Its import is noisy in ways that change from version to version.
    warnings.simplefilter("ignore")
    import deepinv


class BeerLambert(deepinv.physics.Physics):  # type: ignore[misc]
    """I₀ exp(−μ R x) around deepinv's parallel-beam operator; A† is its FBP of the logarithm."""

    def __init__(self, model: Transmission, noise_model: Any) -> None:
        super().__init__(noise_model=noise_model)
        self.blank, self.attenuation, self.floor = model.blank, model.attenuation, model.floor
        device = model.radon.projector.matrix.device
        self.tomography = tomography(model.radon.size, model.radon.angles, device)

    def A(self, x: Tensor, **_: Any) -> Tensor:
        return self.blank * torch.exp(-self.attenuation * self.tomography.A(x))

    def A_dagger(self, y: Tensor, **_: Any) -> Tensor:
        integrals = torch.log(self.blank / y.clamp(min=self.floor)) / self.attenuation
        found: Tensor = self.tomography.fbp(integrals)
        return found


def tomography(size: int, angles: tuple[float, ...], device: torch.device | str = "cpu") -> Any:
    """Deepinv's parallel-beam operator with the faster of its two adjoints, in units of pixels."""
    return deepinv.physics.Tomography(
        angles=torch.tensor(angles),
        img_width=size,
        circle=False,
        normalize=False,
        adjoint_via_backprop=False,
        device=device,
    )


class FromPseudoInverse(nn.Module):
    """f(y) = network(A†y), the model that deepinv's losses call."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, physics: Any) -> Tensor:
        image: Tensor = self.network(physics.A_dagger(y))
        return image


def deepinv_physics(problem: Problem) -> Any:
    """Deepinv's operator and noise for a problem of ours, on the full grid."""
    physics, noise = problem.physics, noise_to_deepinv(problem.noise)
    if isinstance(physics, Transmission):
        return BeerLambert(physics, noise).to(problem.device)
    mask = plain_physics(physics).mask
    channels, height, width = physics.domain
    if channels == 2:
        mask = mask.expand(1, 2, height, width).contiguous()
        made = deepinv.physics.MRI(mask=mask, img_size=(height, width), noise_model=noise)
    else:
        mask = mask[0].expand(channels, height, width).contiguous()
        made = deepinv.physics.Inpainting(
            img_size=(channels, height, width), mask=mask, noise_model=noise
        )
    # By default its constructors put everything on the CPU.
    return made.to(problem.device)


def sure_loss(noise: Noise, rng: torch.Generator | None = None) -> Any:
    """Deepinv's SURE for a noise model of ours, without second-order terms."""
    match noise:
        case Gaussian(sigma=sigma, tau=tau):
            return deepinv.loss.SureGaussianLoss(sigma, tau=tau, rng=rng)
        case Poisson(gain=gain, tau=tau):
            return deepinv.loss.SurePoissonLoss(gain, tau=tau, rng=rng)
        case PoissonGaussian(sigma=sigma, gain=gain, tau=tau):
            return deepinv.loss.SurePGLoss(sigma, gain, tau1=tau, rng=rng)
    raise ValueError(f"deepinv has no {noise}")


def equivariance_loss(transformed: Any, noisy: bool) -> Any:
    """Deepinv's EI loss; ``noisy`` adds noise to the virtual measurements, as in REI."""
    return deepinv.loss.EILoss(transformed, apply_noise=noisy)


def transform(problem: Problem, n: int) -> Any:
    """Deepinv's shifts or bilinear rotations, ``n`` for each image."""
    if isinstance(problem.group, Shifts):
        return deepinv.transform.Shift(n_trans=n)
    return deepinv.transform.Rotate(n_trans=n, limits=360.0, interpolation_mode="bilinear")
