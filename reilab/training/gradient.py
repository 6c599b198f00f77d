"""The gradient of an objective, term by term."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from reilab.key import Key
from reilab.problem import Measurement
from reilab.training.losses import Reconstruct
from reilab.training.methods import Objective


def accumulate_gradient(
    objective: Objective,
    weights: Mapping[str, float],
    measurement: Measurement,
    f: Reconstruct,
    key: Key,
) -> dict[str, Tensor]:
    """Add the gradient of Σ weight · term to the parameters of f; return the unweighted terms.

    Every term goes backward by itself as far as x̂ = f(y), then x̂ goes backward once. By the chain
    rule that is the gradient of the sum, but the graphs of the extra network passes of the terms
    never live at the same time.
    """
    xhat = f(measurement.y)
    leaf = xhat.detach().requires_grad_()
    values = {}
    for name, (_, loss) in objective.items():
        value = loss(measurement, leaf, f, key / name).mean()
        (weights[name] * value).backward()  # type: ignore[no-untyped-call]
        values[name] = value.detach()
    xhat.backward(leaf.grad)  # type: ignore[no-untyped-call]
    return values
