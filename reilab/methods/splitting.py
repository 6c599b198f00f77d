"""Splitting: to foretell one part of each measurement from the rest, alone and with turns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from reilab.groups import Group
from reilab.key import Key
from reilab.methods.base import Reconstruct, Terms, Weight
from reilab.methods.losses import AlphaSure, Sure
from reilab.methods.registry import method
from reilab.noise.draws import mean
from reilab.physics.base import CoredPhysics, Physics
from reilab.physics.part import part_of, turned_by, whole_of
from reilab.problem import Measurement, Problem
from reilab.settings import Setting

#: The terms, and what they need of the noise.
SPLIT, TURNED_SPLIT, PARTS = "split", "turned_split", "independent parts"


@dataclass(frozen=True)
class Splitting:
    """What of a measurement was held back, foretold from the rest.

    (1/|Λ|) ‖A_Λ f(y_Θ, A_Θ) − y_Λ‖², with a new division of the places into Θ and Λ at each step;
    a value for each image. Where the noise of different places is independent, its mean is the risk
    in Λ and a number that f cannot change: nobody has to know the noise. The core of k-space, which
    nothing else foretells, is always in Θ.

    Args:
        given: share of the places in Θ.

    >>> import torch
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.1))
    >>> Splitting(given=0.5)(m, m.start, lambda y, physics: physics.pinv(y), Key(0))
    tensor([1.])
    """

    given: float

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        given, held = _divided(m.y.shape[-1], _core(m.physics), self.given, key, m.y.device)
        found = f(m.y.index_select(-1, given), part_of(m.physics, given))
        left = m.physics(found) - m.y
        return mean(left.index_select(-1, held) ** 2)


@dataclass(frozen=True)
class TurnedSplitting:
    """Splitting behind a random turn: y = (A T_g) x′ is a measurement of the image x′ = T_g⁻¹ x.

    (1/|Λ|) ‖A_Λ T_g f(y_Θ, A_Θ T_g) − y_Λ‖², a value for each image. One operator is seen as many,
    so f learns what A does not see; a network for which f(y, A T_g) = T_g⁻¹ f(y, A) would find the
    same behind every turn.

    Args:
        group: the turns.
        given: share of the places in Θ.

    >>> import torch
    >>> from reilab.groups import Shifts
    >>> from reilab.noise import Gaussian
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 2, 2), torch.tensor([0, 3])), torch.ones(1, 1, 2)
    >>> m = Measurement(y, physics.pinv(y), physics, Gaussian(sigma=0.1))
    >>> loss = TurnedSplitting(Shifts(size=2), given=0.5)
    >>> loss(m, m.start, lambda y, physics: physics.pinv(y), Key(0))
    tensor([1.])
    """

    group: Group
    given: float

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        g = self.group.sample(1, (key / "turn").generator())
        turn, back = (partial(self.group.act, way) for way in (g, self.group.inverse(g)))
        behind = Measurement(m.y, m.start, turned_by(m.physics, turn, back), m.noise, m.first)
        return Splitting(self.given)(behind, xhat, f, key)


def _core(physics: Physics) -> Tensor:
    """The places that are always given."""
    whole = whole_of(physics)
    return whole.core if isinstance(whole, CoredPhysics) else torch.empty(0, dtype=torch.long)


def _divided(
    n: int, core: Tensor, share: float, key: Key, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The places 0 … n − 1 in two parts at random, each in order, neither of them empty.

    Raises:
        ValueError: there is but one.
    """
    if n < 2:
        raise ValueError(f"splitting divides the last axis of y, which has {n}; measure 2 or more")
    order = torch.randperm(n, generator=(key / "part").generator())
    order = torch.cat([core, order[~torch.isin(order, core)]])
    n_given = min(max(round(share * n), len(core), 1), n - 1)
    given, held = order[:n_given].sort().values, order[n_given:].sort().values
    return given.to(device, non_blocking=True), held.to(device, non_blocking=True)


AlphaSplit: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of splitting: from a part of y, the rest of y must be foretold. Nobody has to know "
        "the noise.",
        term=SPLIT,
        label="α SPLIT",
        formula="‖A_Λ f(y_Θ) − y_Λ‖²",
        needs=PARTS,
    ),
]
AlphaTurnedSplit: TypeAlias = Annotated[
    float,
    Weight(
        "Weight of splitting behind random turns: the operator is seen as many, which teaches what "
        "one does not see. Nobody has to know the noise.",
        term=TURNED_SPLIT,
        label="α ES",
        formula="‖A_Λ T_g f(y_Θ, A_Θ T_g) − y_Λ‖²",
        needs=PARTS,
    ),
]
Given: TypeAlias = Annotated[
    float,
    Setting(
        "Share of what was measured that the network is given; it is to foretell the rest.",
        low=0.05,
        high=0.95,
        slider=(0.3, 0.95),
    ),
]


@method("ssdu", title="SSDU", colour="#a0522d")
@dataclass(frozen=True)
class SSDU:
    """Self-supervision by data undersampling (Yaman et al., Magn. Reson. Med. 84, 2020).

    min (1/|Λ|) ‖A_Λ f(y_Θ, A_Θ) − y_Λ‖². Where all images are measured by one operator, nothing
    asks for what that never sees: f may still fill it in as it learned to fill in what was held
    back.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(SSDU())
    {'split': 1.0}
    """

    alpha_split: AlphaSplit = 1.0
    given: Given = 0.8

    def terms(self, problem: Problem) -> Terms:
        return {SPLIT: Splitting(self.given)}


@method("es", title="Equivariant splitting", colour="#7b5cd6")
@dataclass(frozen=True)
class EquivariantSplitting:
    """Equivariant Splitting (Sechaud, Scanvic, Barthélemy, Abry & Tachella, arXiv 2510.00929).

    min E_g (1/|Λ|) ‖A_Λ T_g f(y_Θ, A_Θ T_g) − y_Λ‖². The paper builds networks that are
    equivariant; here turns drawn at random teach any network to be.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(EquivariantSplitting())
    {'turned_split': 1.0}
    """

    alpha_turned_split: AlphaTurnedSplit = 1.0
    given: Given = 0.8

    def terms(self, problem: Problem) -> Terms:
        return {TURNED_SPLIT: TurnedSplitting(problem.group, self.given)}


@method("sure_es", title="SURE + ES", colour="#00838f")
@dataclass(frozen=True)
class SUREWithES:
    """Equivariant Splitting for what A does not see, and SURE for what it does.

    α_sure SURE(y) + α_es E_g (1/|Λ|) ‖A_Λ T_g f(y_Θ, A_Θ T_g) − y_Λ‖². Splitting asks nothing of
    what is given, so its noise stays; SURE takes that away, where the noise is known.

    >>> from reilab.methods.base import weights_of
    >>> weights_of(SUREWithES(alpha_turned_split=3.0))
    {'sure': 1.0, 'turned_split': 3.0}
    """

    alpha_sure: AlphaSure = 1.0
    alpha_turned_split: AlphaTurnedSplit = 1.0
    given: Given = 0.8

    def terms(self, problem: Problem) -> Terms:
        return {"sure": Sure(), TURNED_SPLIT: TurnedSplitting(problem.group, self.given)}
