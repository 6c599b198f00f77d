"""The gradient of an objective, term by term."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from reilab.key import Key
from reilab.problem import Measurement
from reilab.training.methods import Objective


def accumulate_gradient(
    objective: Objective,
    weights: Mapping[str, float],
    measurement: Measurement,
    enhance: Callable[[Tensor], Tensor],
    key: Key,
) -> tuple[dict[str, Tensor], Tensor]:
    """Add the gradient of Σ weight · term to the parameters of the network.

    Every term goes backward by itself as far as x̂ = f(y), then x̂ goes backward once. By the chain
    rule that is the gradient of the sum, but the graphs of the extra network passes of the terms
    never live at the same time.

    Args:
        objective: the named terms.
        weights: of each term.
        measurement: what the terms may see.
        enhance: the network, from images to images; f = enhance∘A†.
        key: where the terms find their random streams.

    Returns:
        The unweighted terms, and x̂, both without gradient.
    """
    xhat = enhance(measurement.start)
    leaf = xhat.detach().requires_grad_()
    values = {}
    for name, (_, loss) in objective.items():
        value = loss(
            measurement, leaf, lambda y: enhance(measurement.physics.pinv(y)), key / name
        ).mean()
        (weights[name] * value).backward()  # type: ignore[no-untyped-call]
        values[name] = value.detach()
    xhat.backward(leaf.grad)  # type: ignore[no-untyped-call]
    return values, leaf.detach()
