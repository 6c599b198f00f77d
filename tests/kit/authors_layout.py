"""The network of the authors of EI and REI as their files hold it, and files like theirs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from reilab.key import Key
from reilab.training.state import seeded

WIDTHS = (8, 16, 32, 64, 128)


class Pair(nn.Module):
    """Two convolutions, each with its norm."""

    def __init__(self, n_in: int, n_out: int, circular: bool = False) -> None:
        super().__init__()
        first = nn.Conv2d(
            n_in, n_out, 3, padding=1, padding_mode="circular" if circular else "zeros"
        )
        second = nn.Conv2d(n_out, n_out, 3, padding=1)
        norms = nn.BatchNorm2d(n_out), nn.BatchNorm2d(n_out)
        self.conv = nn.Sequential(first, norms[0], nn.ReLU(), second, norms[1], nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class Rise(nn.Module):
    """Nearest-neighbour upsampling, then a convolution with its norm."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        plain = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), plain, nn.BatchNorm2d(n_out), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.up(x)
        return y


class Theirs(nn.Module):
    """The layout of their files: five scales stored, four of them used."""

    def __init__(self, channels: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.Conv1 = Pair(channels, a, circular=True)
        self.Conv2, self.Conv3, self.Conv4, self.Conv5 = (
            Pair(a, b),
            Pair(b, c),
            Pair(c, d),
            Pair(d, e),
        )
        self.Up5, self.Up_conv5 = Rise(e, d), Pair(2 * d, d)
        self.Up4, self.Up_conv4 = Rise(d, c), Pair(2 * c, c)
        self.Up3, self.Up_conv3 = Rise(c, b), Pair(2 * b, b)
        self.Up2, self.Up_conv2 = Rise(b, a), Pair(2 * a, a)
        self.Conv_1x1 = nn.Conv2d(a, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pool = nn.functional.max_pool2d
        one = self.Conv1(x)
        two = self.Conv2(pool(one, 2))
        three = self.Conv3(pool(two, 2))
        four = self.Conv4(pool(three, 2))
        up = self.Up_conv4(torch.cat((three, self.Up4(four)), 1))
        up = self.Up_conv3(torch.cat((two, self.Up3(up)), 1))
        up = self.Up_conv2(torch.cat((one, self.Up2(up)), 1))
        y: Tensor = self.Conv_1x1(up) + x
        return y


def theirs(channels: int) -> Theirs:
    """With weights and statistics as if it had been trained."""
    network = seeded(lambda: Theirs(channels), Key(3))
    rng = Key(4).generator()
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.copy_(0.1 * torch.randn(tensor.shape, generator=rng))
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=rng))
    assert isinstance(network, Theirs)
    return network.eval()


def save(network: nn.Module, path: Path, **changes: Tensor | None) -> Path:
    """As the authors save; a change of ``None`` leaves a weight out (``__`` stands for a dot)."""
    state = dict(network.state_dict())
    for name, tensor in changes.items():
        state.pop(name.replace("__", "."), None)
        if tensor is not None:
            state[name.replace("__", ".")] = tensor
    torch.save({"epoch": 499, "state_dict": state}, path)
    return path
