"""One optimiser step. Nothing here waits for the device."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from reilab.key import Key
from reilab.methods.registry import find_method
from reilab.noise.draws import mean
from reilab.noise.unknown import UnknownNoise
from reilab.problem import Measurement, Oracle, Problem
from reilab.training.config import TrainConfig
from reilab.training.gradient import StepValues, accumulate_gradient
from reilab.training.state import Reconstruction, TrainState
from reilab.training.team import ALONE, Team, share


def take_step(
    state: TrainState, problem: Problem, config: TrainConfig, team: Team = ALONE
) -> StepValues:
    """Measure a batch, add up the gradient of the objective, and let the optimiser use it.

    Args:
        state: changed in place.
        problem: where the batch comes from.
        config: how to train.
        team: the processes that share the batch.
    """
    key = Key(config.seed)
    whole = sample_index(state.step, len(problem.train), config.batch, key)
    first, index = share(whole, team)
    batch = problem.train.batch(index)
    measured = problem.measure(batch, key / "noise" / state.step, first)
    noise = state.believed_noise()
    believed = replace(measured, noise=noise)
    if batch.x is not None and find_method(state.method).oracle:
        believed = _oracle(believed, batch.x)
    f = Reconstruction(state.network, config.precision)
    state.gradient.zero_()
    statistics = state.statistics.clone()
    values, xhat = accumulate_gradient(
        state.terms, state.weights, believed, f, key / "loss" / state.step
    )
    team.average(state.gradient)
    shown = torch.stack([*values.values(), _true_risk(measured, batch.x, xhat)])
    team.average(shown)
    *terms, risk = shown.unbind()
    total = torch.stack([state.weights[n] * t for n, t in zip(values, terms, strict=True)]).sum()
    if isinstance(noise, UnknownNoise):
        _learn_noise(state, noise, measured, team)
    norm = _update(state, config, total, statistics)
    state.step += 1
    return StepValues(torch.stack(terms), total, norm, risk)


def _learn_noise(state: TrainState, noise: UnknownNoise, m: Measurement, team: Team) -> None:
    """Let the multipliers ascend by what their term has found; a weight of 0 holds them."""
    assert state.multipliers
    weight = state.weights[state.multipliers.ascent.term]
    gradient = noise.theta.grad
    if weight and gradient is not None:
        scale = torch.stack([mean(w).mean() for w in noise.model.shares(m.y)])
        found = torch.stack([gradient / weight, scale])
        team.average(found)
        state.multipliers.ascend(*found)


def sample_index(step: int, n_samples: int, batch: int, key: Key) -> Tensor:
    """Which samples a step sees: a new order each pass, a rest smaller than a batch is left out."""
    per_pass = n_samples // batch
    turn, place = divmod(step, per_pass)
    order = torch.randperm(n_samples, generator=(key / "order" / turn).generator())
    return order[place * batch : (place + 1) * batch]


def _oracle(m: Measurement, x: Tensor) -> Oracle:
    return Oracle(m.y, m.start, m.physics, m.noise, m.first, x=x)


@torch.no_grad()
def _true_risk(m: Measurement, x: Tensor | None, xhat: Tensor) -> Tensor:
    if x is None:
        return xhat.new_full((), float("nan"))
    return mean((m.physics(xhat) - m.physics(x)) ** 2).mean()


def _update(state: TrainState, config: TrainConfig, total: Tensor, before: Tensor) -> Tensor:
    """Take the step, unless ``total`` or the gradient is not finite; the gradient's length.

    A step not taken leaves the running statistics as they were ``before`` it, too.
    """
    rate = config.learning_rate_at(state.step, state.learning_rate)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    norm: Tensor = torch.linalg.vector_norm(state.gradient)
    # The fused optimiser skips the step by itself where this is 1: no bad number reaches the
    # weights, and no host has to wait for the device to know.
    finite = (total + norm).isfinite()
    state.optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
    state.optimizer.step()
    state.statistics.copy_(torch.where(finite, state.statistics, before))
    return norm
