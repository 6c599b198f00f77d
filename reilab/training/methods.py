"""Methods by name: each says which loss terms it adds up, and with what weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reilab.groups import Group
from reilab.training.config import TrainConfig
from reilab.training.losses import (
    Consistency,
    Equivariance,
    Loss,
    RobustEquivariance,
    Supervised,
    Sure,
)

#: Named loss terms with their weights.
Objective = Mapping[str, tuple[float, Loss[Any]]]


@dataclass(frozen=True)
class Method:
    """A way of training; ``oracle`` marks one that needs the ground truth."""

    title: str
    objective: Callable[[Group, TrainConfig], Objective]
    oracle: bool = False


def supervised() -> Objective:
    """Regression on the ground truth: what the others are measured by."""
    return {"supervised": (1.0, Supervised())}


def mc(alpha_mc: float = 1.0) -> Objective:
    """Measurement consistency alone: blind to the null space of A."""
    return {"mc": (alpha_mc, Consistency())}


def sure(alpha_sure: float = 1.0) -> Objective:
    """SURE alone: denoises in the range of A, blind to its null space."""
    return {"sure": (alpha_sure, Sure())}


def ei(
    group: Group, transforms: int = 2, alpha_mc: float = 1.0, alpha_eq: float = 1.0
) -> Objective:
    """Equivariant Imaging (Chen, Tachella & Davies, ICCV 2021)."""
    return {
        "mc": (alpha_mc, Consistency()),
        "eq": (alpha_eq, Equivariance(group, transforms)),
    }


def rei(
    group: Group, transforms: int = 2, alpha_sure: float = 1.0, alpha_req: float = 1.0
) -> Objective:
    """Robust Equivariant Imaging (Chen, Tachella & Davies, CVPR 2022)."""
    return {
        "sure": (alpha_sure, Sure()),
        "req": (alpha_req, RobustEquivariance(group, transforms)),
    }


METHODS: Mapping[str, Method] = {
    "supervised": Method("Supervised", lambda group, config: supervised(), oracle=True),
    "mc": Method("MC", lambda group, config: mc(config.alpha_mc)),
    "sure": Method("SURE", lambda group, config: sure(config.alpha_sure)),
    "ei": Method(
        "EI",
        lambda group, config: ei(group, config.transforms, config.alpha_mc, config.alpha_eq),
    ),
    "rei": Method(
        "REI",
        lambda group, config: rei(group, config.transforms, config.alpha_sure, config.alpha_req),
    ),
}
