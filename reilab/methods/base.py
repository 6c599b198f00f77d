"""What a method is made of: named loss terms, each with a weight that can be turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from torch import Tensor

from reilab.key import Key
from reilab.physics.base import Physics
from reilab.problem import Measurement, Problem
from reilab.settings import Setting, settings_of

#: f: from measurements (B, *range) of an operator to images (B, C, H, W).
Reconstruct: TypeAlias = Callable[[Tensor, Physics], Tensor]

#: The range of weights that is worth exploring.
SPAN = (1e-8, 1e5)

M = TypeVar("M", bound=Measurement, contravariant=True)


class Loss(Protocol[M]):
    """A loss term: one value per sample (or per transformed sample)."""

    def __call__(self, m: M, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        """``xhat`` is f(m.y, m.physics), already at hand; random numbers come from ``key``.

        A term may reconstruct anything else: a virtual measurement, a part of y, or the
        measurement of another operator.
        """
        ...


#: The loss terms of a method by name.
Terms: TypeAlias = Mapping[str, Loss[Any]]


class MethodSpec(Protocol):
    """A method as it is asked for: a frozen dataclass of weights and other settings."""

    def terms(self, problem: Problem) -> Terms:
        """Its loss terms, by the names that its weights give them."""
        ...


@dataclass(frozen=True)
class NoiseAscent:
    """How a method learns the strength of the noise; see ``training.multipliers``.

    Args:
        term: the loss term that is least in f and largest in the strength of the noise.
        rate: by which share of itself the strength goes on in a step, where the derivative is 1.
        momentum: share of the steps before in the next one.

    >>> from reilab.methods import UNSURE
    >>> UNSURE(noise_rate=0.02).ascent()
    NoiseAscent(term='unsure', rate=0.02, momentum=0.5)
    """

    term: str
    rate: float
    momentum: float


@runtime_checkable
class LearnsNoise(Protocol):
    """A method that nobody tells how strong the noise is; it begins with the assumed level."""

    def ascent(self) -> NoiseAscent:
        """How it learns it."""
        ...


@dataclass(frozen=True)
class Weight(Setting):
    """The setting of a field that weighs a loss term, and all there is to say of that term.

    Images are of order 1: far beyond ``SPAN`` sums of losses would leave float32.

    Args:
        term: name of the term.
        label: how the weight is called on screen.
        formula: the term in plain letters: x̂ is f(y), T_g a transform, ``{noise}`` the assumed
            level; ``_x`` or ``_{xy}`` is written below the line.
        estimates_risk: whether its values are to be read beside the true risk.
        needs: what it asks of the noise, of ``NEEDS``, which not every noise has.
        crosses: whether it goes through the operators of other samples, and so has nothing of its
            own to teach where all samples have one.

    >>> from reilab.methods import EI
    >>> weight_fields(EI)["alpha_mc"].formula
    '‖y − A x̂‖²'
    """

    low: float | None = 0.0
    high: float | None = 1e9
    slider: tuple[float, float] | None = SPAN
    log: bool = True
    term: str = ""
    label: str = ""
    formula: str = ""
    estimates_risk: bool = False
    needs: str = ""
    crosses: bool = False


def weight_fields(spec: type) -> dict[str, Weight]:
    """The weights of a method by the names of their fields, in order."""
    return {n: one for n, one in settings_of(spec).items() if isinstance(one, Weight)}


def weights_of(spec: MethodSpec) -> dict[str, float]:
    """The values of a method's weights, by the names of their terms."""
    fields = weight_fields(type(spec))
    return {weight.term: float(getattr(spec, name)) for name, weight in fields.items()}
