"""TrainState: all that changes while a method is trained, and how a command changes it at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

from reilab.events import (
    EVERY,
    Command,
    Refused,
    SetAssumedNoise,
    SetLearningRate,
    SetWeight,
    Steered,
)
from reilab.key import Key
from reilab.methods.base import LearnsNoise, MethodSpec, Terms, Weight, weights_of
from reilab.methods.registry import method_of, methods
from reilab.nets.registry import NetworkSpec
from reilab.noise.base import LearnableNoise, Noise
from reilab.physics.base import Physics
from reilab.problem import Measurement, Problem
from reilab.settings import choose, complaint, settings_of
from reilab.training.config import TrainConfig
from reilab.training.engines import layout, set_engine
from reilab.training.gradient import (
    Interval,
    gather_gradients,
    gather_statistics,
    trained_parameters,
)
from reilab.training.multipliers import Multipliers, multipliers_of


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


#: Number format of autocast inside the network, by the name it has in ``TrainConfig``.
PRECISIONS: Mapping[str, torch.dtype | None] = {"float32": None, "bfloat16": torch.bfloat16}


@dataclass
class TrainState:
    """Network, optimiser, position, and the numbers that can be steered while it trains.

    ``terms`` are the loss terms of the method and ``weights`` their weights, which it owns;
    ``spec`` says what ``network`` is.
    ``gradient`` and ``statistics`` are single tensors of which the parameters' gradients and the
    layers' running statistics are parts. ``noise`` is the true model, ``engine`` what carries the
    network out. ``interval`` holds the losses of the last steps until ``Stepped`` tells of them,
    and ``best`` the network to end with where there is early stopping. A method that learns the
    noise has ``multipliers``; ``assumed_noise`` is what they came to at the last report.
    """

    method: str
    terms: Terms
    spec: NetworkSpec
    network: nn.Module
    gradient: Tensor
    statistics: Tensor
    optimizer: torch.optim.Optimizer
    weights: dict[str, float]
    learning_rate: float
    noise: Noise
    assumed_noise: float
    engine: str
    step: int = 0
    interval: Interval = field(default_factory=Interval)
    best: Best | None = None
    multipliers: Multipliers | None = None

    def believed_noise(self) -> Noise:
        """The noise that the next step believes in."""
        if self.multipliers:
            return self.multipliers.unknown()
        return self.noise.at(self.assumed_noise)

    def apply(self, command: Command) -> None:
        """Let a command take effect from the next step on.

        Raises:
            ValueError: the method has no term of that name, or the value is negative, not finite,
                or a level that the noise model does not have, or that nothing is learned from.
        """
        own = settings_of(TrainConfig)["learning_rate"]
        bounds = own if isinstance(command, SetLearningRate) else Weight("")
        if words := complaint(command.value, float, bounds):
            raise ValueError(f"{command} {words}")
        match command:
            case SetWeight(term=term, value=value):
                self.weights[choose(f"loss term of {self.method}", term, self.weights)] = value
            case SetLearningRate(value=value):
                self.learning_rate = value
            case SetAssumedNoise(value=value):
                if self.multipliers:
                    self.multipliers.set_level(value)
                self.assumed_noise = self.noise.at(value).level


def new_state(
    method: MethodSpec, problem: Problem, config: TrainConfig, assumed_noise: float | None = None
) -> TrainState:
    """An untrained state; the network starts equal for all methods of the same seed.

    Args:
        method: what to minimise.
        problem: what it will be trained on.
        config: how.
        assumed_noise: noise level that the losses believe in, the true one if left out.

    Raises:
        ValueError: a method that is not registered, that needs ground truth that the data does not
            have, or whose terms and weights do not agree; a noise level that the model does not
            have.
    """
    chosen = method_of(method)
    if chosen.oracle and not problem.train.has_truth:
        raise ValueError(
            f"method {chosen.name!r} needs ground truth and the training data has none; "
            f"choose from: {', '.join(name for name, m in methods().items() if not m.oracle)}"
        )
    terms, weights = method.terms(problem), weights_of(method)
    if terms.keys() != weights.keys():
        raise ValueError(
            f"method {chosen.name!r} has the terms {', '.join(terms)} and weights for "
            f"{', '.join(weights)}; each term needs a field with its Weight"
        )
    assumed = problem.noise.at(problem.noise.level if assumed_noise is None else assumed_noise)
    network = seeded(problem.new_network, Key(config.seed) / "network").to(problem.device)
    network = network.to(memory_format=layout(problem.device))
    engine = set_engine(network, config)
    optimizer = torch.optim.Adam(
        trained_parameters(network),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )
    return TrainState(
        chosen.name,
        terms,
        problem.network,
        network,
        gather_gradients(trained_parameters(network)),
        gather_statistics(network),
        optimizer,
        weights,
        config.learning_rate,
        problem.noise,
        assumed.level,
        engine,
        multipliers=_multipliers(method, assumed, next(network.parameters())),
    )


def _multipliers(method: MethodSpec, noise: Noise, like: Tensor) -> Multipliers | None:
    if not isinstance(method, LearnsNoise):
        return None
    if not isinstance(noise, LearnableNoise):
        raise ValueError(
            f"method {method_of(method).name!r} cannot learn noise of the kind "
            f"{type(noise).__name__}: it does not say of which parts its variance is"
        )
    return multipliers_of(noise, method.ascent(), like)


def seeded(factory: Callable[[], nn.Module], key: Key) -> nn.Module:
    """The network that ``factory`` makes from the stream at ``key``.

    Layers draw their initial weights from the CPU's global generator, which is set aside meanwhile.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key.generator().initial_seed())
        return factory()


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """f(y, physics) = network(y, physics, A†y), the network in ``precision``.

    The operator is applied in the format of y: who calls it inside a network leaves autocast first.
    """

    network: nn.Module
    precision: str = "float32"

    def __call__(self, y: Tensor, physics: Physics) -> Tensor:
        return self.from_start(y, physics, physics.pinv(y))

    def of(self, m: Measurement) -> Tensor:
        """What is reconstructed of a measurement whose A†y is at hand."""
        return self.from_start(m.y, m.physics, m.start)

    def from_start(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """The same from y and A†y."""
        dtype = PRECISIONS[choose("precision", self.precision, PRECISIONS)]
        start = start.contiguous(memory_format=layout(start.device))
        with torch.autocast(start.device.type, dtype) if dtype else nullcontext():
            image: Tensor = self.network(y, physics, start)
        return image.to(start.dtype)


def reconstruction(
    network: nn.Module, physics: Physics, precision: str = "float32"
) -> Callable[[Tensor], Tensor]:
    """f(y) for the measurements of one operator."""
    return partial(Reconstruction(network, precision), physics=physics)


Answer: TypeAlias = Steered | Refused


def steer(states: Sequence[TrainState], command: Command) -> list[Answer]:
    """Let those methods obey that a command is meant for, and that have what it sets.

    It holds from the next step on. What nobody can take, or nobody may have, is refused.

    Args:
        states: of the methods that are at work.
        command: for one of them, or for ``EVERY``.
    """
    takers = [state for state in states if _is_for(command, state)]
    if not takers:
        return [Refused("", 0, command, f"no method that is at work can take {command}")]
    return [_answer(state, command) for state in takers]


def _is_for(command: Command, state: TrainState) -> bool:
    can = not isinstance(command, SetWeight) or command.term in state.weights
    return can and command.method in (EVERY, state.method)


def _answer(state: TrainState, command: Command) -> Answer:
    try:
        state.apply(command)
    except ValueError as error:
        return Refused(state.method, state.step, command, str(error))
    return Steered(state.method, state.step, command)
