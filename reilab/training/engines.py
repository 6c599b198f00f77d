"""How a network is carried out, by the name it has in ``TrainConfig``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from reilab.nets.winograd.convolution import use_winograd
from reilab.nets.winograd.library import UnavailableError, available, library


def fastest(network: nn.Module) -> None:
    """Winograd's convolutions on a CPU that can compile them, torch's elsewhere."""
    if next(network.parameters()).device.type == "cpu" and available():
        use_winograd(network)


def with_winograd(network: nn.Module) -> None:
    """Winograd's convolutions.

    Raises:
        ValueError: this machine cannot have them.
    """
    try:
        library()
    except UnavailableError as error:
        raise ValueError(
            f"engine 'winograd' does not work here: {error}; or choose 'auto'"
        ) from error
    use_winograd(network)


ENGINES: Mapping[str, Callable[[nn.Module], None]] = {
    "auto": fastest,
    "eager": lambda network: None,
    "winograd": with_winograd,
    "compiled": lambda network: network.compile(),
}
