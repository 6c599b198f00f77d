"""Early stopping: of a method that sees the truth, the network that did best on validation images.

Methods without ground truth have nothing to judge their networks by, so they end with the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Best:
    """A network as it was after ``step`` steps, and its mean PSNR [dB] on the validation images."""

    psnr: float
    step: int
    tensors: Mapping[str, Tensor]


def better(best: Best | None, network: nn.Module, step: int, psnr: float) -> Best:
    """The best of those so far and of the network as it is now, which is copied."""
    if best is not None and psnr <= best.psnr:
        return best
    tensors = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    return Best(psnr, step, tensors)
