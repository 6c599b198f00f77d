"""Checks of the promises that operators, noise models, groups, tasks, methods and networks make.

For the tests of a plug-in: each function returns nothing, or raises an ``AssertionError`` that says
which promise is broken and by how much::

    from reilab.tasks.registry import find_task
    from reilab.testing import check_task


    def test_my_task():
        check_task(find_task("denoising"))
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from reilab.datasets.samples import Samples
from reilab.groups import Group
from reilab.key import Key, Streams
from reilab.methods.base import weights_of
from reilab.methods.registry import Method
from reilab.nets.registry import NetworkKind
from reilab.noise.base import NEEDS, Noise, Recorruptible, no_sure
from reilab.noise.draws import mean
from reilab.noise.registry import NOISES, Model, Steps, make_noise
from reilab.physics.base import Physics
from reilab.problem import Oracle, Problem
from reilab.settings import validate
from reilab.tasks.registry import MODEL, Task, tasks
from reilab.training.state import Reconstruction, seeded

#: A statistic further than this many standard errors from its expectation is an error.
Z_LIMIT = 4.0
#: Where the blobs of ``smooth_image`` are, down and right, and their width, from −1 to 1.
BLOBS = ((-0.25, -0.1, 0.22), (0.2, 0.3, 0.16), (0.3, -0.25, 0.12))


def z_score(values: Tensor, expected: float | Tensor = 0.0) -> float:
    """How many standard errors the mean of independent ``values`` is away from ``expected``."""
    gap = (values - expected).double().flatten()
    return float(gap.mean() / (gap.std() / math.sqrt(len(gap))))


def smooth_image(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    """Soft blobs without symmetry, (C, H, W) in [0, 1], that vanish near the border."""
    n_channels, height, width = shape
    rows = torch.linspace(-1, 1, height, dtype=dtype)[:, None]
    columns = torch.linspace(-1, 1, width, dtype=dtype)[None, :]
    image = torch.zeros(shape, dtype=dtype)
    for channel in range(n_channels):
        weights = (1.0, 0.7 - 0.2 * channel, 0.5 + 0.1 * channel)
        for weight, (top, left, spread) in zip(weights, BLOBS, strict=True):
            distance = (rows - top) ** 2 + (columns - left) ** 2
            image[channel] += weight * torch.exp(-distance / (2 * spread**2))
    return image / image.max()


def check_physics(
    physics: Physics, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> None:
    """Shapes, number formats, batches and gradients of A, ``pinv`` and any ``adjoint``.

    Args:
        physics: the operator.
        dtype: the number format that the operator was built for.
        device: where the operator lives.
    """
    rng = (Key(0) / "check_physics").generator(device)
    x = torch.rand(3, *physics.domain, generator=rng, dtype=dtype, device=device)
    before = x.clone()
    y = physics(x)
    _check_map("A", physics, x, y, tuple(physics.range))
    _check_map("pinv", physics.pinv, y, physics.pinv(y), tuple(physics.domain))
    assert torch.equal(x, before), "A changes its input"
    _check_gradient("A", physics, x)
    _check_gradient("pinv", physics.pinv, y)
    adjoint = getattr(physics, "adjoint", None)
    if adjoint is not None:
        v = torch.randn(y.shape, generator=rng, dtype=dtype, device=device)
        _check_map("adjoint", adjoint, v, adjoint(v), tuple(physics.domain))
        _check_linear(physics, x, v, adjoint(v))


def _check_map(
    name: str, function: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, shape: tuple[int, ...]
) -> None:
    assert y.shape == (len(x), *shape), f"{name} gives {tuple(y.shape)}, not {(len(x), *shape)}"
    assert y.dtype == x.dtype, f"{name} turns {x.dtype} into {y.dtype}"
    assert y.isfinite().all(), f"{name} gives values that are not finite"
    singles = torch.cat([function(one) for one in torch.split(x, 1)])
    gap = _relative(singles - y, y)
    assert gap < _precision(x), f"{name} of a batch and of its images one by one differ by {gap:g}"


def _check_gradient(name: str, function: Callable[[Tensor], Tensor], x: Tensor) -> None:
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(leaf).square().sum(), leaf)
    assert slope.isfinite().all(), f"the gradient through {name} is not finite"
    assert slope.abs().max() > 0, f"no gradient flows through {name}"


def _check_linear(physics: Physics, x: Tensor, v: Tensor, back: Tensor) -> None:
    y = physics(x)
    gap = _relative(physics(2 * x - x.flip(0)) - (2 * y - y.flip(0)), y)
    assert gap < _precision(x), f"A has an adjoint but is not linear: relative gap {gap:g}"
    forward, backward = float((y * v).sum()), float((x * back).sum())
    gap = abs(forward - backward) / float(y.norm() * v.norm())
    assert gap < _precision(x), f"⟨Ax, y⟩ = {forward:g} but ⟨x, Aᵀy⟩ = {backward:g}"


def check_noise(noise: Noise, u: Tensor, n_draws: int = 2000) -> None:
    """Formats, repeatability, level, negative rates, and that any SURE or pair has no bias.

    Args:
        noise: the model.
        u: noise-free measurements (B, *range) of a size that the model is meant for.
        n_draws: samples of the Monte Carlo test.
    """
    for dtype in (torch.float32, torch.float64):
        clean = u.to(dtype)
        y = noise.sample(clean, _rng(u, "a"))
        assert y.shape == u.shape, f"sample gives {tuple(y.shape)}, not {tuple(u.shape)}"
        assert y.dtype == dtype, f"sample turns {dtype} into {y.dtype}"
        assert torch.equal(y, noise.sample(clean, _rng(u, "a"))), "equal generators, other noise"
        assert not torch.equal(y, noise.sample(clean, _rng(u, "b"))), (
            "other generators, equal noise"
        )
        below = noise.sample(clean - 2 * clean.abs().max(), _rng(u, "a"))
        assert below.isfinite().all(), "negative rates give values that are not finite"
    assert noise.at(noise.level) == noise, "at(level) is not the same model"
    changed = noise.at(2 * noise.level).level
    assert changed == 2 * noise.level, f"at({2 * noise.level:g}) has the level {changed:g}"
    clean = u[:1].double().flatten(1)[:, :256].expand(n_draws, -1)
    if not no_sure(noise):
        _check_sure(noise, clean)
    if isinstance(noise, Recorruptible):
        _check_pairs(noise, clean)


def _check_sure(noise: Noise, clean: Tensor) -> None:
    y = noise.sample(clean, _rng(clean, "draws"))

    def smoother(values: Tensor) -> Tensor:
        # Not ½: there −σ² and the divergence cancel, and a wrong σ would not show.
        return 0.8 * values + 0.2 * values.roll(1, 1)

    hy = smoother(y)
    estimate = noise.sure(y, smoother, hy, _rng(clean, "probe"))
    found, n_draws = tuple(estimate.shape), len(clean)
    assert found == (n_draws,), f"sure gives {found}, not ({n_draws},)"
    z = z_score(estimate - mean((hy - clean) ** 2))
    assert abs(z) < Z_LIMIT, f"SURE is {z:.1f} standard errors from the true risk"


def _check_pairs(noise: Recorruptible, clean: Tensor, alpha: float = 0.3) -> None:
    y = noise.sample(clean, _rng(clean, "draws"))
    first = noise.recorrupt(y, alpha, _rng(clean, "pairs")) - clean
    second = (y - clean - (1 - alpha) * first) / alpha
    gaps = {"mean of y₁": first, "mean of y₂": second, "covariance of the two": first * second}
    for name, gap in gaps.items():
        z = z_score(mean(gap))
        assert abs(z) < Z_LIMIT, f"recorrupt: the {name} is {z:.1f} standard errors off"


def check_noise_model(model: Model, n_draws: int = 5000) -> None:
    """Words, level, mean and variance of a noise model, and the promises of the noise it makes.

    Args:
        model: a registered noise model.
        n_draws: samples of the Monte Carlo tests.
    """
    assert (model.spec.__doc__ or "").strip(), f"noise model {model.name} has no documentation"
    sigma, gamma, brightest = 0.3, 0.2, 1.0 if model.unit_range else 2.0
    noise = make_noise(model.name, sigma, gamma, Steps(0.01))
    asked = {"sigma": sigma, "gamma": gamma}[model.level]
    assert noise.level == asked, f"{model.level} = {asked:g} makes a level of {noise.level:g}"
    lowest = -brightest if model.signed else 0.05
    u = torch.linspace(lowest, brightest, 24, dtype=torch.float64)[None].expand(3, -1)
    check_noise(noise, u, n_draws)
    clean = torch.full((n_draws, 24), brightest, dtype=torch.float64)
    gap = noise.sample(clean, _rng(u, "moments")) - model.mean(sigma, gamma, brightest)
    z = z_score(mean(gap))
    assert abs(z) < Z_LIMIT, f"the mean is {z:.1f} standard errors from what it says"
    z = z_score(mean(gap**2), model.variance(sigma, gamma, brightest))
    assert abs(z) < Z_LIMIT, f"the variance is {z:.1f} standard errors from what it says"


def check_group(group: Group, image: Tensor, tolerance: float = 0.1, n: int = 6) -> None:
    """Sampling, order of the results, values kept, inverses and gradients.

    Args:
        group: the transforms.
        image: (B, C, H, W), smooth and zero near the border, such as ``smooth_image``.
        tolerance: relative error of an inverse, and of the mean, that interpolation may leave.
        n: number of random elements.
    """
    g = group.sample(n, (Key(0) / "check_group").generator())
    again = group.sample(n, (Key(0) / "check_group").generator())
    other = group.sample(50, (Key(1) / "check_group").generator())
    assert len(g) == n, f"sample({n}) gives {len(g)} elements"
    assert torch.equal(g, again), "equal generators, other elements"
    assert len(torch.unique(other, dim=0)) > 1, "sample always gives the same element"
    turned = group.act(g, image)
    expected = (n * len(image), *image.shape[1:])
    assert turned.shape == expected, f"act gives {tuple(turned.shape)}, not {expected}"
    assert turned.dtype == image.dtype, f"act turns {image.dtype} into {turned.dtype}"
    ones = torch.cat([group.act(one, image) for one in torch.split(g, 1)])
    assert _relative(turned - ones, turned) < _precision(image), "act is not transform by transform"
    moved = torch.split(turned, len(image))
    for one, images in zip(torch.split(g, 1), moved, strict=True):
        _check_element(group, one, image, images, tolerance)
    _check_gradient("act", lambda x: group.act(g, x), image)


def _check_element(group: Group, g: Tensor, image: Tensor, moved: Tensor, tolerance: float) -> None:
    assert not torch.equal(moved, image), f"element {g.tolist()} leaves the image as it is"
    slack = tolerance * float(image.max())
    assert moved.max() <= image.max() + slack, f"element {g.tolist()} makes the image brighter"
    assert moved.min() >= image.min() - slack, f"element {g.tolist()} makes the image darker"
    gap = abs(float(moved.mean() / image.mean()) - 1)
    assert gap < tolerance, f"element {g.tolist()} changes the mean by {gap:.1%}"
    gap = _relative(group.act(group.inverse(g), moved) - image, image)
    assert gap < tolerance, f"the inverse of {g.tolist()} leaves a relative error of {gap:g}"


def check_task(task: Task) -> None:
    """Help, presets, and a ``smoke`` problem whose parts fit together and keep their promises."""
    assert task.summary, f"task {task.name} has no documentation"
    for name, setting in task.settings.items():
        assert setting.help.strip(), f"the setting {name} of {task.name} has no help text"
    assert task.noise in task.settings, f"the noise field {task.noise!r} is no setting"
    assert {"smoke", "quick"} <= task.presets.keys(), "the presets smoke and quick are needed"
    for name, preset in task.presets.items():
        validate(task.configure(name, {}))
        validate(preset.training)
    check_problem(task.pose("smoke"))
    usual = task.level_name(vars(task.spec()))
    assert usual == task.noise, f"the noise field is {task.noise!r}, but {usual!r} is the level"
    for model in task.models:
        level = NOISES.find(model).level
        assert level in task.settings, f"{level}, the level of {model} noise, is no setting"
    for settings in [{MODEL: model} for model in task.models] or [{}]:
        _check_level(task, settings)


def _check_level(task: Task, settings: Mapping[str, Any]) -> None:
    spec = task.configure("smoke", settings)
    name, level = task.level_name(vars(spec)), 2 * task.level_of(spec)
    built = task.pose("smoke", {**settings, name: level}).noise.level
    assert built == level, f"{name} = {level:g} builds a noise of level {built:g}"


def check_problem(problem: Problem) -> None:
    """Operator, noise, group, images and network of a problem with ground truth."""
    physics = problem.physics
    x = _images("train", problem.train, physics)[:2]
    _images("test", problem.test, physics)
    check_physics(physics, x.dtype, x.device)
    check_noise(problem.noise, physics(x))
    check_group(problem.group, smooth_image(tuple(physics.domain), x.dtype)[None].to(x.device))
    network = seeded(problem.new_network, Key(0)).to(x.device)
    image = network(physics(x), physics, physics.pinv(physics(x)))
    assert image.shape == x.shape, f"the network gives {tuple(image.shape)}, not {tuple(x.shape)}"
    shown = problem.image(image)
    assert shown.shape[1] in (1, 3), f"image() gives {shown.shape[1]} channels, not 1 or 3"
    drawn = problem.picture.draw(physics(x))
    assert drawn.ndim == 4, f"the picture of y is {tuple(drawn.shape)}, not (B, C, H, W)"
    assert drawn.shape[:2] in ((len(x), 1), (len(x), 3)), f"it is {tuple(drawn.shape)}"
    assert drawn.min() >= 0, f"the picture of y goes down to {drawn.min():g}, below 0"
    assert drawn.max() <= 1, f"the picture of y goes up to {drawn.max():g}, above 1"


def check_method(method: Method) -> None:
    """Words, colour, and loss terms that fit its weights and are one value for each sample.

    Args:
        method: a registered method.
    """
    assert method.summary, f"method {method.name} has no documentation"
    assert re.fullmatch("#[0-9a-f]{6}", method.colour), f"{method.colour} is no colour as #2b87d1"
    for name, setting in method.settings.items():
        assert setting.help.strip(), f"the setting {name} of {method.name} has no help text"
    for name, weight in method.weights.items():
        assert weight.term, f"the weight {name} of {method.name} names no term"
        assert weight.label, f"the weight {name} of {method.name} has no label"
        assert weight.formula, f"the weight {name} of {method.name} has no formula"
        assert weight.low == 0, f"the weight {name} of {method.name} may be negative"
    for task in tasks().values():
        _check_terms(method, task.pose("smoke"))


def _check_terms(method: Method, problem: Problem) -> None:
    if any(NEEDS[need](problem.noise, problem.physics.range) for need in method.needs):
        return
    spec = method.spec()
    terms = spec.terms(problem)
    assert terms.keys() == weights_of(spec).keys(), (
        f"method {method.name} has the terms {sorted(terms)} and weights for "
        f"{sorted(weights_of(spec))}"
    )
    batch = problem.train.batch(torch.arange(2))
    m = problem.measure(batch, Key(0) / "check_method")
    assert batch.x is not None
    shown = Oracle(m.y, m.start, m.physics, m.noise, x=batch.x) if method.oracle else m
    f = Reconstruction(seeded(problem.new_network, Key(0)).to(problem.device))
    xhat = f.of(m).detach().requires_grad_()
    for name, loss in terms.items():
        values = loss(shown, xhat, f, Key(0) / name)
        assert values.ndim == 1, f"the term {name} gives {tuple(values.shape)}, not one axis"
        assert len(values) % len(m.y) == 0, f"the term {name} gives {len(values)} values for two"
        assert values.isfinite().all(), f"the term {name} is not finite"
        again = loss(shown, xhat, f, Key(0) / name)
        assert torch.equal(values, again), f"the term {name} differs with equal random streams"


def check_network(kind: NetworkKind) -> None:
    """Words, the result's shape and format for every task, and a gradient to each parameter.

    Args:
        kind: a registered network.
    """
    assert kind.summary, f"network {kind.name} has no documentation"
    for name, setting in kind.settings.items():
        assert setting.help.strip(), f"the setting {name} of {kind.name} has no help text"
    for task in tasks().values():
        problem = replace(task.pose("smoke"), network=kind.spec())
        x = problem.train.batch(torch.arange(2)).x
        assert x is not None
        y = problem.physics(x)
        module = seeded(problem.new_network, Key(0)).to(x.device)
        again = seeded(problem.new_network, Key(0)).state_dict()
        assert all(torch.equal(again[n], t.cpu()) for n, t in module.state_dict().items()), (
            f"network {kind.name}: equal seeds, other weights"
        )
        image = module(y, problem.physics, problem.physics.pinv(y))
        assert image.shape == x.shape, f"{kind.name} gives {tuple(image.shape)}, not {x.shape}"
        assert image.dtype == x.dtype, f"{kind.name} turns {x.dtype} into {image.dtype}"
        image.square().sum().backward()
        still = [n for n, p in module.named_parameters() if p.requires_grad and p.grad is None]
        assert not still, f"no gradient reaches {', '.join(still)} of {kind.name}"


def _images(name: str, samples: Samples, physics: Physics) -> Tensor:
    assert len(samples), f"there are no {name} samples"
    x = samples.batch(torch.arange(len(samples))).x
    assert x is not None, f"the {name} samples have no images"
    expected = (len(samples), *physics.domain)
    assert x.shape == expected, f"{name} images are {tuple(x.shape)}, not {expected}"
    assert x.isfinite().all(), f"{name} images are not finite"
    assert x.min() >= 0, f"{name} images go down to {x.min():g}, below 0"
    assert x.max() <= 1, f"{name} images go up to {x.max():g}, above 1"
    return x


def _rng(like: Tensor, name: str) -> Streams:
    return [(Key(0) / "check_noise" / name).generator(like.device)]


def _relative(gap: Tensor, reference: Tensor) -> float:
    return float(gap.norm() / reference.norm())


def _precision(x: Tensor) -> float:
    return math.pow(torch.finfo(x.dtype).eps, 0.7)
