"""REI written out as in the authors' formulation, without any of our means to make it fast.

One summed loss and one backward pass; measurements on the full grid, masked; for mixed noise a
second-order term by two more passes (with their symmetric probe, which averages to nothing); line
integrals by a Python loop over angles with ``grid_sample``; a U-Net of plain layers in row-major
layout. Formulas: Chen, Tachella & Davies 2022.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reilab.groups import Group
from reilab.nets.unet import UpConvolution
from reilab.noise import Gaussian, Noise, Poisson, PoissonGaussian
from reilab.physics.base import Physics
from reilab.physics.fourier import CartesianMRI, PatternMRI
from reilab.physics.mask import PixelMask
from reilab.physics.radon import n_detectors, ramp_filter, view_shares
from reilab.physics.transmission import Transmission

Network = Callable[[Tensor], Tensor]


class PlainPhysics(Protocol):
    """A forward operator on the full grid; ``mask`` is 1 where something is measured."""

    @property
    def mask(self) -> Tensor: ...
    def forward(self, x: Tensor) -> Tensor: ...
    def pinv(self, y: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class PlainMRI:
    """The whole k-space (B, 2, H, W), zero outside the mask (1, 1, 1 or H, W)."""

    mask: Tensor

    def forward(self, x: Tensor) -> Tensor:
        image = torch.view_as_complex(x.permute(0, 2, 3, 1).contiguous())
        axes = (-2, -1)
        spectrum = torch.fft.fftn(torch.fft.ifftshift(image, axes), dim=axes, norm="ortho")
        kspace = torch.view_as_real(torch.fft.fftshift(spectrum, axes)).permute(0, 3, 1, 2)
        return kspace * self.mask

    def pinv(self, y: Tensor) -> Tensor:
        kspace = torch.view_as_complex((y * self.mask).permute(0, 2, 3, 1).contiguous())
        axes = (-2, -1)
        image = torch.fft.ifftn(torch.fft.ifftshift(kspace, axes), dim=axes, norm="ortho")
        return torch.view_as_real(torch.fft.fftshift(image, axes)).permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class PlainInpainting:
    """The image (B, C, H, W) with zeros where nothing is measured; mask (1, 1, H, W)."""

    mask: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask

    def pinv(self, y: Tensor) -> Tensor:
        return y * self.mask


class PlainCT:
    """I₀ exp(−μ R x) with one ``grid_sample`` per view."""

    def __init__(self, model: Transmission) -> None:
        self.blank, self.attenuation = model.blank, model.attenuation
        self.floor, self.dtype = model.floor, model.radon.projector.matrix.dtype
        self.size, self.views = model.radon.size, model.radon.views
        self.n_rays = n_detectors(self.size)
        self.device = model.radon.projector.matrix.device
        self.mask = torch.ones(1, 1, self.n_rays, self.views, device=self.device)
        self.angles = [math.radians(angle) for angle in model.radon.angles]
        self.shares = view_shares(model.radon.angles)
        self.turned = [self._rays(angle) for angle in self.angles]
        self.spread = [self._positions(view) for view in range(self.views)]

    def forward(self, x: Tensor) -> Tensor:
        return self.blank * torch.exp(-self.attenuation * self.project(x))

    def pinv(self, y: Tensor) -> Tensor:
        return self.filtered_back_projection(
            torch.log(self.blank / y.clamp(min=self.floor)) / self.attenuation
        )

    def project(self, x: Tensor) -> Tensor:
        before = self.n_rays // 2 - self.size // 2
        after = self.n_rays - self.size - before
        wide = F.pad(x, (before, after, before, after))
        sinogram = x.new_zeros(len(x), 1, self.n_rays, self.views)
        for view, grid in enumerate(self.turned):
            turned = F.grid_sample(wide, grid.repeat(len(x), 1, 1, 1), align_corners=True)
            sinogram[..., view] = turned.sum(2)
        return sinogram

    def filtered_back_projection(self, y: Tensor) -> Tensor:
        filtered = ramp_filter(y)
        image = y.new_zeros(len(y), 1, self.size, self.size)
        for grid, share in zip(self.spread, self.shares, strict=True):
            image = image + share / 2 * F.grid_sample(
                filtered, grid.repeat(len(y), 1, 1, 1), align_corners=True
            )
        return image

    def _rays(self, angle: float) -> Tensor:
        ray = torch.arange(self.n_rays, dtype=torch.float64) - self.n_rays // 2
        v, u = torch.meshgrid(ray, ray, indexing="ij")
        column = math.cos(angle) * u + math.sin(angle) * v + self.n_rays // 2
        row = -math.sin(angle) * u + math.cos(angle) * v + self.n_rays // 2
        scale = 2 / (self.n_rays - 1)
        return (torch.stack([column, row], -1) * scale - 1).to(self.device, self.dtype)[None]

    def _positions(self, view: int) -> Tensor:
        angle = self.angles[view]
        pixel = torch.arange(self.size, dtype=torch.float64) - self.size // 2
        row, column = torch.meshgrid(pixel, pixel, indexing="ij")
        along = column * math.cos(angle) - row * math.sin(angle) + self.n_rays // 2
        # Beyond the last detector nothing is read, not even the fading edge of the last one.
        seen = (along >= 0) & (along <= self.n_rays - 1)
        which = torch.where(seen, 2 * view / (self.views - 1) - 1, 3.0)
        return torch.stack([which, along * 2 / (self.n_rays - 1) - 1], -1).to(
            self.device, self.dtype
        )[None]


def plain_physics(physics: Physics) -> PlainPhysics:
    """The same forward operator, written plainly."""
    match physics:
        case CartesianMRI(domain=(_, _, width), columns=columns):
            mask = _ones_at(columns, width)
            return PlainMRI(mask[None, None, None])
        case PatternMRI(domain=(_, height, width), entries=entries):
            mask = _ones_at(entries, height * width)
            return PlainMRI(mask.view(1, 1, height, width))
        case PixelMask(domain=(_, height, width), pixels=pixels):
            mask = _ones_at(pixels, height * width)
            return PlainInpainting(mask.view(1, 1, height, width))
        case Transmission():
            return PlainCT(physics)
    raise ValueError(f"no plain form of {physics}")


def _ones_at(places: Tensor, count: int) -> Tensor:
    return torch.zeros(count, device=places.device).index_fill(0, places, 1.0)


def plain_network(network: nn.Module) -> nn.Module:
    """A copy with the same weights: upsampling and convolution apart, row-major layout."""
    copied = copy.deepcopy(network)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, UpConvolution):
                setattr(parent, name, _apart(child))
    return copied.to(memory_format=torch.contiguous_format)


def _apart(up: UpConvolution) -> nn.Sequential:
    convolution = nn.Conv2d(up.in_channels, up.out_channels, 3, padding=1).to(up.weight.dtype)
    convolution.load_state_dict(up.state_dict())
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution)


@dataclass(frozen=True)
class Draws:
    """Random numbers from outside, so that two formulations can see the same ones.

    Args:
        probe: makes the first-order probe b, in the shape of y.
        skewed: makes the second-order probe c.
        g: the transforms.
        noisy: adds noise to a virtual measurement.
    """

    probe: Callable[[Tensor], Tensor]
    skewed: Callable[[Tensor], Tensor]
    g: Tensor
    noisy: Callable[[Tensor], Tensor]


def rei_terms(
    physics: PlainPhysics, noise: Noise, group: Group, network: Network, y: Tensor, draws: Draws
) -> dict[str, Tensor]:
    """The terms of REI: ``sure``, ``req``, and for mixed noise ``second``, all in one graph."""
    xhat = network(physics.pinv(y))
    terms = sure_terms(physics, noise, network, y, physics.forward(xhat), draws)
    turned = group.act(draws.g, xhat)
    virtual = draws.noisy(physics.forward(turned))
    terms["req"] = F.mse_loss(network(physics.pinv(virtual)), turned)
    return terms


def ei_terms(
    physics: PlainPhysics, group: Group, network: Network, y: Tensor, g: Tensor
) -> dict[str, Tensor]:
    """The terms of EI: ``mc``, a mean over the whole grid, and ``eq``."""
    xhat = network(physics.pinv(y))
    turned = group.act(g, xhat)
    again = network(physics.pinv(physics.forward(turned)))
    return {"mc": F.mse_loss(physics.forward(xhat), y), "eq": F.mse_loss(again, turned)}


def sure_terms(
    physics: PlainPhysics, noise: Noise, network: Network, y: Tensor, hy: Tensor, draws: Draws
) -> dict[str, Tensor]:
    """SURE over the measured entries."""
    n_measured = (physics.mask.expand(y.shape)).sum()

    def h(values: Tensor) -> Tensor:
        return physics.forward(network(physics.pinv(values)))

    def mean(values: Tensor) -> Tensor:
        return (values * physics.mask).sum() / n_measured

    b = draws.probe(y)
    match noise:
        case Gaussian(sigma=sigma, tau=tau):
            slope = mean(b * (h(y + tau * b) - hy)) / tau
            return {"sure": mean((y - hy) ** 2) - sigma**2 + 2 * sigma**2 * slope}
        case Poisson(gain=gain, tau=tau):
            slope = mean(b * y * (h(y + tau * b) - hy)) / tau
            return {"sure": mean((y - hy) ** 2) - gain * mean(y) + 2 * gain * slope}
        case PoissonGaussian(sigma=sigma, gain=gain, tau=tau):
            variance = gain * y + sigma**2
            slope = mean(b * variance * (h(y + tau * b) - hy)) / tau
            c = draws.skewed(y)
            bend = mean(c * (h(y + tau * c) + h(y - tau * c) - 2 * hy)) / tau**2
            return {
                "sure": mean((y - hy) ** 2) - mean(variance) + 2 * slope,
                "second": 2 * sigma**2 * gain * bend,
            }
    raise ValueError(f"no plain form of {noise}")
