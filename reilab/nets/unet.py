"""The residual U-Net of Equivariant Imaging (Chen, Tachella & Davies 2021) and of REI.

Four scales, max pooling down, nearest-neighbour upsampling, skip connections by concatenation, and
the input added to the output. The very first convolution pads circularly, all others with zeros, as
in the authors' code. With width 64 and 2 channels it has 8,563,522 parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from reilab.nets.registry import FromStart, network
from reilab.settings import Setting, choose


class UpConvolution(nn.Conv2d):
    """Doubles the sides of (B, n_in, H, W), then convolves with a 3×3 kernel, zero-padded.

    Output pixel o reads the pixels ⌊(o + d − 1)/2⌋ of the input with weight w_d, d = 0, 1, 2: along
    each axis only two different ones. A transposed convolution of stride 2, whose 4 taps are sums
    of the w_d, is therefore the same map, with 4/9 of the multiplications and without the enlarged
    image. Parameters are those of the plain convolution.
    """

    spread: Tensor

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 3)
        # Tap k of the transposed kernel puts input pixel i on output 2i − 1 + k.
        taps = torch.tensor([[0.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
        self.register_buffer("spread", torch.kron(taps, taps), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # A product of matrices: (n_in · n_out, 3·3) times (3·3, 4·4).
        kernels = self.weight.transpose(0, 1).reshape(-1, 9) @ self.spread
        kernel = kernels.view(self.in_channels, self.out_channels, 4, 4)
        return nn.functional.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


Padding = Literal["zeros", "circular"]

N_SCALES = 4
#: Image sides must be multiples of this: they are halved between scales.
SIDE_MULTIPLE = 2 ** (N_SCALES - 1)

#: Normalisation layers by name; ``batch`` is the paper's.
NORMS: Mapping[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(8, channels),
    "none": lambda channels: nn.Identity(),
}


class UNet(nn.Module):
    """f(x) = x + U(x) for images (B, channels, H, W), H and W multiples of 8.

    Raises ``ValueError`` for other sides.

    >>> UNet(2, width=8)(torch.ones(1, 2, 16, 24)).shape
    torch.Size([1, 2, 16, 24])
    """

    def __init__(self, channels: int, width: int = 64, norm: str = "batch") -> None:
        super().__init__()
        layer = NORMS[choose("norm", norm, NORMS)]
        widths = [width * 2**scale for scale in range(N_SCALES)]
        first = _two_convolutions(channels, width, layer, padding_mode="circular")
        self.down = nn.ModuleList(
            [first, *(_two_convolutions(a, b, layer) for a, b in pairwise(widths))]
        )
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(_upsampling(a, b, layer) for a, b in pairs)
        self.merge = nn.ModuleList(_two_convolutions(2 * b, b, layer) for _, b in pairs)
        self.last = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        if any(side % SIDE_MULTIPLE for side in x.shape[2:]):
            raise ValueError(
                f"a U-Net halves images {N_SCALES - 1} times, and {x.shape[2]} × {x.shape[3]} "
                f"pixels cannot be; crop or pad them to multiples of {SIDE_MULTIPLE}"
            )
        features, skips = self.down[0](x), []
        for block in self.down[1:]:
            skips.append(features)
            features = block(nn.functional.max_pool2d(features, 2))
        for up, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            features = merge(torch.cat([skip, up(features)], dim=1))
        result: Tensor = x + self.last(features)
        return result


@network("unet", title="U-Net of the paper")
@dataclass(frozen=True)
class UNetSpec:
    """The paper's U-Net on A†y: it learns by itself what the operator would have told it.

    f(y) = A†y + U(A†y).

    >>> net = UNetSpec().build(channels=2)
    >>> sum(weights.numel() for weights in net.parameters())
    8563522
    """

    width: Annotated[int, Setting("Channels of the first U-Net scale.", low=8, multiple_of=8)] = 64
    norm: Annotated[str, Setting("Normalisation layer.", choices=tuple(NORMS))] = "batch"

    def build(self, channels: int) -> nn.Module:
        return FromStart(UNet(channels, self.width, self.norm))


def _convolution(
    n_in: int, n_out: int, norm: Callable[[int], nn.Module], padding_mode: Padding = "zeros"
) -> list[nn.Module]:
    return [
        nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode=padding_mode),
        norm(n_out),
        nn.ReLU(inplace=True),
    ]


def _two_convolutions(
    n_in: int, n_out: int, norm: Callable[[int], nn.Module], padding_mode: Padding = "zeros"
) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(n_in, n_out, norm, padding_mode), *_convolution(n_out, n_out, norm)
    )


def _upsampling(n_in: int, n_out: int, norm: Callable[[int], nn.Module]) -> nn.Sequential:
    return nn.Sequential(UpConvolution(n_in, n_out), norm(n_out), nn.ReLU(inplace=True))
