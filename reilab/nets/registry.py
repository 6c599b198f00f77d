"""The registry of networks: files of this package, installed plug-ins, and single files.

A network is a frozen dataclass of settings with a ``build`` that makes the module::

    @network("small", title="Small CNN")
    @dataclass(frozen=True)
    class Small:
        width: Annotated[int, Setting("Channels.", low=8)] = 32

        def build(self, channels: int) -> nn.Module: ...

The module is called as ``net(y, physics, start)`` and gives images (B, channels, H, W). Its
settings are options of the command line and controls of the lab as soon as it is chosen. It is
found in this folder, through the entry-point group ``reilab.networks``, or in a file named by the
environment variable ``REILAB_PLUGINS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from reilab.physics.base import Physics
from reilab.plain import to_plain
from reilab.registry import Registry, complete_settings
from reilab.settings import Setting, override


class NetworkSpec(Protocol):
    """A network as it is asked for: a frozen dataclass of settings."""

    def build(self, channels: int) -> nn.Module:
        """An untrained module for images of so many channels, called as a ``Network`` is."""
        ...


class Network(Protocol):
    """How the module of a network is called."""

    def __call__(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """Images (B, C, H, W) from measurements.

        Args:
            y: the measurements (B, *range).
            physics: the operator that made them.
            start: A†y, so that whoever has it already need not compute it again.
        """
        ...


class FromStart(nn.Module):
    """f(y) = images(A†y): a network that maps images to images and sees the operator through A†.

    Args:
        images: the map of images (B, C, H, W).

    >>> import torch
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> FromStart(nn.Identity())(y, physics, physics.pinv(y)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, images: nn.Module) -> None:
        super().__init__()
        self.images = images

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        result: Tensor = self.images(start)
        return result


@dataclass(frozen=True)
class NetworkKind:
    """A registered kind of network; its settings are those of its fields."""

    name: str
    title: str
    spec: Callable[..., NetworkSpec]
    settings: Mapping[str, Setting]

    @property
    def summary(self) -> str:
        """The first line of the network's documentation."""
        return (self.spec.__doc__ or "").strip().splitlines()[0]


T = TypeVar("T", bound=type)
_NETWORKS: Registry[NetworkKind] = Registry("network", "reilab.nets", "reilab.networks")


def network(name: str, *, title: str) -> Callable[[T], T]:
    """Class decorator: register a frozen dataclass as a network.

    Raises:
        ValueError: the name is taken, or a field has no setting.
    """

    def register(spec: T) -> T:
        settings = complete_settings("network", name, spec)
        _NETWORKS.add(NetworkKind(name, title, spec, settings))
        return spec

    return register


def networks() -> Mapping[str, NetworkKind]:
    """All networks by name, in order of name."""
    return _NETWORKS.all()


def find_network(name: str) -> NetworkKind:
    """The network of that name.

    Raises:
        ValueError: there is none; the message has the nearest match.
    """
    return _NETWORKS.find(name)


def network_of(spec: NetworkSpec) -> NetworkKind:
    """The entry of a network that is asked for.

    Raises:
        ValueError: its class is not registered.
    """
    return _NETWORKS.of(spec)


def is_registered(spec: NetworkSpec) -> bool:
    """Whether a network has a name."""
    return any(isinstance(spec, one.spec) for one in networks().values())  # type: ignore[arg-type]


def described(spec: NetworkSpec) -> dict[str, Any]:
    """A network as plain values: its name and its settings.

    Raises:
        ValueError: its class is not registered.
    """
    return {"name": network_of(spec).name, **to_plain(spec)}


def from_description(plain: Mapping[str, Any]) -> NetworkSpec:
    """The network of such values.

    Raises:
        ValueError: an unknown network or setting, or a value out of bounds.
    """
    settings = dict(plain)
    return override(find_network(settings.pop("name")).spec(), settings)
