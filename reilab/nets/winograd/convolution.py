"""Layers that convolve by Winograd's minimal filtering where it serves, by torch elsewhere."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from reilab.nets.unet import UpConvolution
from reilab.nets.winograd.library import Convolution, library

#: Numbers of channels must be multiples of this.
PANEL = 16


class WinogradConvolution(nn.Conv2d):
    """A 3×3 convolution, zero-padded, of (B, n_in, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4 and _serves(x):
            return winograd(x, self.weight, self.bias, False)
        return super().forward(x)


class WinogradUpConvolution(UpConvolution):
    """The same of an image whose sides are doubled before."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4 and _serves(x):
            return winograd(x, self.weight, self.bias, True)
        return super().forward(x)


WINOGRAD = WinogradConvolution, WinogradUpConvolution


def use_winograd(network: nn.Module) -> int:
    """Let every layer of ``network`` that can, convolve so; its parameters stay what they are.

    Returns:
        How many layers do.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and _suits(layer):
            if type(layer) is UpConvolution:
                layer.__class__ = WinogradUpConvolution
            elif type(layer) is nn.Conv2d and layer.padding == (1, 1):
                layer.__class__ = WinogradConvolution
    return sum(isinstance(layer, WINOGRAD) for layer in network.modules())


def winograd(x: Tensor, weight: Tensor, bias: Tensor | None, doubled: bool) -> Tensor:
    """``conv2d(x, weight, bias, padding=1)``, of a nearest-neighbour enlarged x if ``doubled``.

    Args:
        x: images (B, n_in, H, W), float32, on the CPU; n_in a multiple of 16.
        weight: kernels (n_out, n_in, 3, 3); n_out a multiple of 16.
        bias: (n_out,), or None.
        doubled: whether the sides of x are doubled first.

    Returns:
        (B, n_out, H, W) or (B, n_out, 2H, 2W), channels last. Not twice differentiable.

    Raises:
        ValueError: other shapes or numbers; the library would read beyond them.
    """
    n_out, n_in, *taps = weight.shape
    shapes = taps == [3, 3] and x.dim() == 4 and x.shape[1] == n_in and _panels(n_in, n_out)
    fits = bias is None or (bias.shape == (n_out,) and bias.is_contiguous() and _serves(bias))
    if not (shapes and fits and _serves(x) and _serves(weight)):
        raise ValueError(
            f"x {tuple(x.shape)} and weight {tuple(weight.shape)} need kernels of 3×3, equal "
            f"numbers of channels that are multiples of {PANEL}, and, like a bias, float32 on the "
            "CPU without autocast"
        )
    result: Tensor = Winograd.apply(x, weight, bias, doubled)
    return result


class Winograd(torch.autograd.Function):
    """The convolution; its gradient for the images is one with the kernels turned about."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, doubled: bool) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight)
        ctx.doubled = doubled
        return _convolve(x, weight, bias, doubled=doubled)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        return (
            _convolve(gradient, weight, None, halved=ctx.doubled, turned=True) if for_x else None,
            _weight_gradient(x, gradient, weight, ctx.doubled) if for_weight else None,
            gradient.sum((0, 2, 3)) if for_bias else None,
            None,
        )


def _convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    doubled: bool = False,
    halved: bool = False,
    turned: bool = False,
) -> Tensor:
    """Sides doubled before or halved, by sums, after; ``turned``: kernels of the adjoint map."""
    images, n_in, height, width = x.shape
    out, into, row, column = weight.stride()
    start, strides, n_out = weight.data_ptr(), (out, into, row, column), weight.shape[0]
    if turned:
        start += 2 * (row + column) * weight.element_size()
        strides, n_out = (into, out, -row, -column), weight.shape[1]
    sides = (height << doubled, width << doubled)
    y = torch.empty(
        (images, n_out, sides[0] >> halved, sides[1] >> halved),
        dtype=x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )
    shape = _shape(
        strides,
        images=images,
        height=sides[0],
        width=sides[1],
        n_in=n_in,
        n_out=n_out,
        doubled=doubled,
        halved=halved,
    )
    offset = None if bias is None else bias.data_ptr()
    library().convolve(shape, x.data_ptr(), start, offset, y.data_ptr())
    return y


def _weight_gradient(x: Tensor, gradient: Tensor, weight: Tensor, doubled: bool) -> Tensor:
    images, n_out, height, width = gradient.shape
    found = torch.empty_like(weight)
    shape = _shape(
        found.stride(),
        images=images,
        height=height,
        width=width,
        n_in=x.shape[1],
        n_out=n_out,
        doubled=doubled,
        halved=False,
    )
    library().weight_gradient(shape, x.data_ptr(), gradient.data_ptr(), found.data_ptr())
    return found


def _shape(strides: Sequence[int], **sizes: int) -> Any:
    """The argument of the library that says what is convolved."""
    shape = Convolution(
        threads=torch.get_num_threads(), strides=(ctypes.c_long * 4)(*strides), **sizes
    )
    return ctypes.byref(shape)


def _suits(layer: nn.Conv2d) -> bool:
    """Whether the layer is a plain 3×3 convolution of panels of channels."""
    plain = layer.stride == layer.dilation == (1, 1) and layer.groups == 1
    known = layer.kernel_size == (3, 3) and layer.padding_mode == "zeros"
    return plain and known and _panels(layer.in_channels, layer.out_channels)


def _panels(*channels: int) -> bool:
    return all(n > 0 and n % PANEL == 0 for n in channels)


def _serves(values: Tensor) -> bool:
    """Whether the library takes such numbers: float32 of the CPU, and no autocast to others."""
    known = values.device.type == "cpu" and values.dtype == torch.float32
    return known and not torch.is_autocast_enabled("cpu")
