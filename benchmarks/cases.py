"""The REI step of each task in three formulations: ours, the authors' written plainly, deepinv's.

Same images, same network and weights at the start, same batch, transforms and loss weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measure import Action
from benchmarks.plain import Draws, plain_network, plain_physics, rei_terms
from reilab.key import Key
from reilab.methods.rei import REI
from reilab.nets.registry import FromStart
from reilab.physics.radon import radon_at
from reilab.problem import Problem
from reilab.runs.config import RunConfig, build, configure, objectives, values_of
from reilab.tasks.registry import find_task
from reilab.training.state import TrainState, new_state
from reilab.training.step import take_step

FORMULATIONS = ("ours", "plain", "deepinv")


@dataclass(frozen=True)
class Case:
    """A task at a size, with the numbers of transforms and the weights of the paper.

    ``data`` names images instead of those of the preset, which end at 256².
    """

    task: str
    size: int
    width: int = 64
    batch: int = 2
    views: int = 50
    engine: str = "auto"
    precision: str = "float32"
    device: str = "cpu"
    data: str = ""

    @property
    def config(self) -> RunConfig:
        settings: dict[str, Any] = {"size": self.size, "width": self.width}
        if self.task == "ct":
            settings["views"] = self.views
        if self.data:
            settings["data"] = self.data
        paper = find_task(self.task).preset("paper")
        settings |= values_of(objectives(["rei"], paper.methods))
        return configure(
            self.task,
            "standard",
            ["rei"],
            network="unet",
            settings=settings,
            training={
                "learning_rate": paper.training.learning_rate,
                "batch": self.batch,
                "steps": 1000,
                "engine": self.engine,
                "precision": self.precision,
            },
            device=self.device,
        )


def prepare(formulation: str, task: str, size: str, width: str = "64", batch: str = "2") -> Action:
    """A function that takes one optimiser step; arguments are words of a command line.

    ``eager`` is our step with torch's layers: what a GPU runs.
    """
    engine = "auto" if formulation == "ours" else "eager"
    case = Case(task, int(size), int(width), int(batch), engine=engine)
    action = action_of(formulation, build(case.config), case.config)
    # What the others do not use of ours must not count as memory of theirs.
    radon_at.cache_clear()
    return action


def action_of(formulation: str, problem: Problem, config: RunConfig) -> Action:
    """The same for a problem at hand."""
    state = new_state(_rei(config), problem, config.training)
    state.network.train()
    make = {"ours": ours, "eager": ours, "plain": plain, "deepinv": with_deepinv}[formulation]
    return make(problem, state, config)


def ours(problem: Problem, state: TrainState, config: RunConfig) -> Action:
    """The step that reilab takes."""
    return lambda: take_step(state, problem, config.training)


def plain(problem: Problem, state: TrainState, config: RunConfig) -> Action:
    """One summed loss of the plain formulation."""
    network, physics = plain_network(images_of(state.network)), plain_physics(problem.physics)
    x, noise, group = _images(problem, config), problem.noise, problem.group
    rng, turns = [Key(0).generator(problem.device)], Key(1).generator()
    gaussian = type(noise).__name__ == "Gaussian"

    def sign(y: Tensor) -> Tensor:
        return 2.0 * torch.randint_like(y, 0, 2) - 1

    def loss() -> Tensor:
        with torch.no_grad():
            y = noise.sample(physics.forward(x), rng) * physics.mask
        draws = Draws(
            probe=torch.randn_like if gaussian else sign,
            skewed=sign,
            g=group.sample(_rei(config).transforms, turns),
            noisy=lambda u: noise.sample(u, rng) * physics.mask,
        )
        terms = rei_terms(physics, noise, group, network, y, draws)
        fit = sum((term for name, term in terms.items() if name != "req"), x.new_zeros(()))
        return _rei(config).alpha_sure * fit + _rei(config).alpha_req * terms["req"]

    return _optimised(network, config, loss)


def with_deepinv(problem: Problem, state: TrainState, config: RunConfig) -> Action:
    """Deepinv's losses on deepinv's operators, without the second-order term."""
    # Takes seconds to import, and is not everywhere.
    from benchmarks.with_deepinv import (
        FromPseudoInverse,
        deepinv_physics,
        equivariance_loss,
        sure_loss,
        transform,
    )

    model = FromPseudoInverse(plain_network(images_of(state.network)))
    physics, x = deepinv_physics(problem), _images(problem, config)
    sure = sure_loss(problem.noise)
    ei = equivariance_loss(transform(problem, _rei(config).transforms), noisy=True)

    def loss() -> Tensor:
        with torch.no_grad():
            y = physics(x)
        xhat = model(y, physics)
        fit = sure(y=y, x_net=xhat, physics=physics, model=model).mean()
        equivariance = ei(x_net=xhat, physics=physics, model=model)
        total: Tensor = _rei(config).alpha_sure * fit + _rei(config).alpha_req * equivariance
        return total

    return _optimised(model, config, loss)


def images_of(network: nn.Module) -> nn.Module:
    """The map of images inside a network that sees the operator through A† alone."""
    assert isinstance(network, FromStart)
    return network.images


def _rei(config: RunConfig) -> REI:
    (method,) = config.objectives
    assert isinstance(method, REI)
    return method


def _images(problem: Problem, config: RunConfig) -> Tensor:
    x = problem.train.batch(torch.arange(config.training.batch)).x
    assert x is not None
    return x


def _optimised(network: torch.nn.Module, config: RunConfig, loss: Callable[[], Tensor]) -> Action:
    optimizer = torch.optim.Adam(network.parameters(), lr=config.training.learning_rate)

    def step() -> None:
        optimizer.zero_grad()
        total = loss()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        assert math.isfinite(total.item())

    return step
