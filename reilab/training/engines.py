"""How a network is carried out, by its name in ``TrainConfig``, and how images lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from reilab.nets.winograd.convolution import use_winograd
from reilab.nets.winograd.library import UnavailableError, available, library
from reilab.training.config import TrainConfig


def layout(device: torch.device) -> torch.memory_format:
    """The order in which the convolutions of a training step are fastest on ``device``.

    Channels last on CPUs with AVX-512, and on GPUs, where it is the order of the tensor cores and
    was not measured. On CPUs that have AVX2 only, oneDNN's gradient of the weights takes twice as
    long in that order (``docs/LOG.md``).
    """
    slow = device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2"
    return torch.contiguous_format if slow else torch.channels_last


def fastest(network: nn.Module) -> str:
    """Winograd's convolutions on a CPU that can compile them, torch's layers elsewhere.

    A network without a layer that suits has torch's.
    """
    if next(network.parameters()).device.type != "cpu" or not available():
        return "eager"
    return with_winograd(network)


def with_winograd(network: nn.Module) -> str:
    """Winograd's convolutions.

    Raises:
        ValueError: this machine cannot have them, or the network is elsewhere.
    """
    device = next(network.parameters()).device
    if device.type != "cpu":
        raise ValueError(f"engine 'winograd' is for CPUs, the device is {device}; choose 'auto'")
    try:
        library()
    except UnavailableError as error:
        raise ValueError(
            f"engine 'winograd' does not work here: {error}; or choose 'auto'"
        ) from error
    return "winograd" if use_winograd(network) else "eager"


def eager(network: nn.Module) -> str:
    """Torch's layers, one after the other."""
    return "eager"


def compiled(network: nn.Module) -> str:
    """Torch's compiler."""
    network.compile()
    return "compiled"


#: Instructions for products of bfloat16; without them it is slower than float32.
BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})

#: Each makes a network run so, and returns the name of what runs.
ENGINES: Mapping[str, Callable[[nn.Module], str]] = {
    "auto": fastest,
    "eager": eager,
    "winograd": with_winograd,
    "compiled": compiled,
}


def precision_on(device: str, asked: str) -> str:
    """The precision that ``asked`` stands for on a device; ``auto`` depends on the machine."""
    if asked != "auto":
        return asked
    return "bfloat16" if device == "cpu" and BFLOAT16 & _abilities() else "float32"


def _abilities() -> frozenset[str]:
    """What the processor can do, by the names that torch has for it."""
    return frozenset(name for name, can in torch.cpu.get_capabilities().items() if can is True)


def set_engine(network: nn.Module, config: TrainConfig) -> str:
    """Make a network run as the config says; returns the name of what runs.

    Raises:
        ValueError: this machine or the network's device does not have the engine.
    """
    # Winograd's convolutions know float32 alone.
    by_layers = config.engine == "auto" and config.precision != "float32"
    return ENGINES["eager" if by_layers else config.engine](network)
