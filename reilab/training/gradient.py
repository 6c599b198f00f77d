"""The gradient of the objective, term by term, and the values of its terms between two reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from reilab.key import Key
from reilab.methods.base import Terms
from reilab.physics.base import Physics
from reilab.problem import Measurement


@dataclass(frozen=True, eq=False)
class StepValues:
    """What a step was like, on the device: averages over the batch.

    Args:
        terms: the unweighted loss terms, in the order of the objective.
        total: their weighted sum.
        norm: length of the gradient.
        risk: (1/m) ‖A x̂ − A x‖² of the batch, NaN where nobody knows x. SURE estimates it.
    """

    terms: Tensor
    total: Tensor
    norm: Tensor
    risk: Tensor


@dataclass
class Interval:
    """The steps since the last ``Stepped``; the host reads their values once, when it closes.

    It is part of a state, so that a run that stops amid an interval goes on with it.
    """

    values: list[StepValues] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, values: StepValues, seconds: float) -> None:
        """One more step, and how long it took."""
        self.values.append(values)
        self.seconds += seconds

    def table(self) -> Tensor:
        """The values (n_steps, n_terms + 3): terms, total, norm, risk; on their device."""
        return torch.stack([torch.stack([*v.terms, v.total, v.norm, v.risk]) for v in self.values])

    def clear(self) -> None:
        """Start anew."""
        self.values, self.seconds = [], 0.0


def interval_of(table: Sequence[Tensor], seconds: float) -> Interval:
    """The interval of which ``table`` has the values."""
    return Interval([StepValues(row[:-3], *row[-3:].unbind()) for row in table], seconds)


def trained_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def gather_gradients(parameters: Iterable[nn.Parameter]) -> Tensor:
    """One tensor of zeros, of which the gradients of all parameters become parts.

    So it takes one operation to forget a gradient, one to measure it, and one message to share it.
    """
    owners = list(parameters)
    first = owners[0]
    whole = first.new_zeros(sum(p.numel() for p in owners), requires_grad=False)
    for owner, part in zip(owners, torch.split(whole, [p.numel() for p in owners]), strict=True):
        # In the memory order of the parameter, as the fused optimiser wants it.
        owner.grad = part.as_strided(owner.shape, owner.stride(), part.storage_offset())
    return whole


def gather_statistics(network: nn.Module) -> Tensor:
    """One tensor of which the running statistics of all layers, and their like, become parts.

    So it takes one operation to keep them, and one to take a step of theirs back.
    """
    like = next(network.parameters())
    owned = [
        (layer, name, buffer)
        for layer in network.modules()
        for name, buffer in layer.named_buffers(recurse=False)
        if buffer.dtype == like.dtype
    ]
    whole = torch.cat([like.new_empty(0), *(buffer.flatten() for *_, buffer in owned)])
    sizes = [buffer.numel() for *_, buffer in owned]
    for (layer, name, buffer), part in zip(owned, torch.split(whole, sizes), strict=True):
        setattr(layer, name, part.view(buffer.shape))
    return whole


class StartingReconstruct(Protocol):
    """f, and f of a measurement whose A†y is at hand."""

    def __call__(self, y: Tensor, physics: Physics) -> Tensor: ...

    def of(self, m: Measurement) -> Tensor: ...


def accumulate_gradient(
    terms: Terms,
    weights: Mapping[str, float],
    measurement: Measurement,
    f: StartingReconstruct,
    key: Key,
) -> tuple[dict[str, Tensor], Tensor]:
    """Add the gradient of Σ weight · term to the parameters of the network.

    Every term goes backward by itself as far as x̂ = f(y), then x̂ goes backward once. By the chain
    rule that is the gradient of the sum, but the graphs of the extra network passes of the terms
    never live at the same time.

    Args:
        terms: the named loss terms.
        weights: of each term.
        measurement: what the terms may see.
        f: the reconstruction.
        key: where the terms find their random streams.

    Returns:
        The unweighted terms, and x̂, both without gradient.
    """
    xhat = f.of(measurement)
    leaf = xhat.detach().requires_grad_()
    values = {}
    for name, loss in terms.items():
        value = loss(measurement, leaf, f, key / name).mean()
        (weights[name] * value).backward()  # type: ignore[no-untyped-call]
        values[name] = value.detach()
    if leaf.grad is not None:  # Terms may all have reconstructed something else.
        xhat.backward(leaf.grad)  # type: ignore[no-untyped-call]
    return values, leaf.detach()
