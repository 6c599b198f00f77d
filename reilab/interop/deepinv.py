"""deepinv's linear operators, noise, losses, transforms and networks here, and ours there.

Here a measurement is the list of numbers that were measured, (B, m): a complex one is two, and
those of several tensors follow each other. Entries that an operator of deepinv's leaves at zero
whatever the image is, such as a mask takes out, are not measured. deepinv's losses, which average
over all entries, are given measurements that have no others, and so weigh as ours do: on deepinv's
own grid its SURE and MC are lighter, by the share of the entries that is measured.

>>> mask = (torch.arange(1024) % 4 == 0).float().view(1, 32, 32)
>>> operator = deepinv.physics.Inpainting(img_size=(1, 32, 32), mask=mask)
>>> problem = from_deepinv(operator, Gaussian(sigma=0.5), torch.rand(10, 1, 32, 32))
>>> PhysicsToDeepinv(problem.physics, problem.noise)(torch.rand(2, 1, 32, 32)).shape
torch.Size([2, 256])
"""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from reilab.datasets.samples import InMemory
from reilab.groups import Group, Rotations
from reilab.key import Key
from reilab.methods.base import Loss, Reconstruct
from reilab.nets.registry import FromStart
from reilab.noise import Gaussian, Noise, Poisson, PoissonGaussian
from reilab.nullspace import same
from reilab.physics.base import LinearPhysics, Physics
from reilab.problem import Measurement, Oracle, Picture, Problem, draw_entries, magnitude

with warnings.catch_warnings():
    # Its import is noisy in ways that change from version to version.
    warnings.simplefilter("ignore")
    try:
        import deepinv
    except ImportError as error:
        raise ImportError("deepinv is missing: pip install 'reilab[deepinv]'") from error

#: An operator of deepinv's.
Operator: TypeAlias = deepinv.physics.LinearPhysics
#: Measurements of deepinv's: a tensor, real or complex, or a ``TensorList``.
Grid: TypeAlias = Any
#: Generators that deepinv draws from are shared by all methods that train at the same time.
DRAWING = threading.RLock()


def from_deepinv(
    operator: Operator,
    noise: deepinv.physics.NoiseModel | Noise,
    images: Tensor,
    *,
    test: Tensor | None = None,
    group: Group | None = None,
    start: Callable[[Grid], Tensor] | None = None,
) -> Problem:
    """The problem of an operator of deepinv's, for ``reilab.run``.

    Args:
        operator: A, on the device of the images; ``start`` is A†, see ``PhysicsFromDeepinv``.
        noise: of deepinv's or of ours.
        images: (N, C, H, W) in [0, 1].
        test: images to test on; if left out, a fifth of ``images``, not to be learned from.
        group: rotations if left out; must not commute with A, as they do with round blur.

    Raises:
        ValueError: a single image and none to test on; noise or operator has no counterpart.
    """
    if test is None:
        n_test = max(len(images) // 5, 1)
        if n_test == len(images):
            raise ValueError("images has one image, to learn from; give another one as test")
        images, test = torch.split(images, [len(images) - n_test, n_test])
    physics = PhysicsFromDeepinv(operator, tuple(images.shape[1:]), images.device, start)

    def draw(y: Tensor) -> Tensor:
        grid = physics.grid(y)
        return draw_entries(grid if isinstance(grid, Tensor) and grid.is_floating_point() else y)

    return Problem(
        physics=physics,
        noise=noise_from_deepinv(noise) if isinstance(noise, nn.Module) else noise,
        group=group or Rotations(),
        train=InMemory(images),
        test=InMemory(test),
        image=same if images.shape[1] in (1, 3) else magnitude,
        picture=Picture("Measurement", draw),
    )


@dataclass(frozen=True, eq=False)
class PhysicsFromDeepinv:
    """A x, those of the entries of ``operator.A(x)`` that are measured: (B, *domain) to (B, m).

    Args:
        operator: of real images; neither its noise nor its sensor is asked.
        domain: shape of an image.
        device: of the operator.
        start: A†, ``operator.A_dagger`` if left out; ``operator.A_adjoint`` where that is slow.

    Raises:
        ValueError: the operator is not linear, or, when first used, has parameters for several
            images.
    """

    operator: Operator
    domain: tuple[int, ...]
    device: torch.device | str = "cpu"
    start: Callable[[Grid], Tensor] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.operator, deepinv.physics.LinearPhysics):
            raise ValueError(f"operator = {type(self.operator).__name__} must be a LinearPhysics")

    @cached_property
    def _tried(self) -> tuple[Grid, Tensor]:
        """A measurement, and the places of the measured among all its numbers."""
        rng = (Key(0) / "deepinv").generator(self.device)
        shape = (1, *self.domain)
        images = [torch.rand(shape, generator=rng, device=self.device) for _ in range(2)]
        grids = [self.operator.A(x) for x in images]
        numbers = torch.cat([_numbers(grid) for grid in grids]).detach()
        if len(numbers) > len(images):
            name = type(self.operator).__name__
            raise ValueError(f"{name} has parameters for several images; give it those of one")
        return grids[0], numbers.abs().sum(0).nonzero().flatten()

    @property
    def range(self) -> tuple[int, ...]:
        return (len(self._tried[1]),)

    def __call__(self, x: Tensor) -> Tensor:
        return self.entries(self.operator.A(x))

    def adjoint(self, y: Tensor) -> Tensor:
        # The transpose of an operator from real to complex numbers ends with the real part.
        return torch.real(self.operator.A_adjoint(self.grid(y)))

    def pinv(self, y: Tensor) -> Tensor:
        return torch.real((self.start or self.operator.A_dagger)(self.grid(y)))

    def grid(self, y: Tensor) -> Grid:
        """Measurements as deepinv has them, zero where nothing is measured."""
        like, places = self._tried
        blank = y.new_zeros(len(y), _numbers(like).shape[1])
        return _shaped(blank.index_copy(1, places, y), like)

    def entries(self, grid: Grid) -> Tensor:
        """The measured ones among the entries of deepinv's measurements."""
        return _numbers(grid).index_select(1, self._tried[1])


def _numbers(grid: Grid) -> Tensor:
    """The real numbers of deepinv's measurements, (B, n)."""
    if isinstance(grid, deepinv.utils.TensorList):
        return torch.cat([_numbers(part) for part in grid], 1)
    return (torch.view_as_real(grid) if grid.is_complex() else grid).flatten(1)


def _shaped(numbers: Tensor, like: Grid) -> Grid:
    """The inverse of ``_numbers``."""
    if isinstance(like, deepinv.utils.TensorList):
        parts = torch.split(numbers, [_numbers(part).shape[1] for part in like], 1)
        return deepinv.utils.TensorList(list(map(_shaped, parts, like)))
    if like.is_complex():
        return torch.view_as_complex(numbers.reshape(-1, *like.shape[1:], 2).contiguous())
    return numbers.reshape(-1, *like.shape[1:])


class PhysicsToDeepinv(deepinv.physics.LinearPhysics):
    """An operator of ours there, A† its ``pinv``; ``rng`` draws the noise, if there is any."""

    def __init__(
        self, physics: Physics, noise: Noise | None = None, rng: torch.Generator | None = None
    ) -> None:
        super().__init__(img_size=physics.domain)
        self.physics = physics
        if noise is not None:
            self.noise_model = noise_to_deepinv(noise, rng)

    def A(self, x: Tensor, **_: Any) -> Tensor:
        return self.physics(x)

    def A_adjoint(self, y: Tensor, **_: Any) -> Tensor:
        assert isinstance(self.physics, LinearPhysics), f"{self.physics} has no adjoint"
        return self.physics.adjoint(y)

    def A_dagger(self, y: Tensor, **_: Any) -> Tensor:
        return self.physics.pinv(y)


def _ours(operator: Operator, y: Grid) -> tuple[Physics, Tensor]:
    """An operator and measurements of deepinv's as ours."""
    if isinstance(operator, PhysicsToDeepinv):
        return operator.physics, y
    like = operator.A_adjoint(y)
    # Tried anew each time: masks are changed in place.
    physics = PhysicsFromDeepinv(operator, tuple(like.shape[1:]), like.device)
    return physics, physics.entries(y)


def _theirs(physics: Physics, y: Tensor) -> tuple[Operator, Grid]:
    """An operator and measurements as deepinv's; what came from there is as it was."""
    if isinstance(physics, PhysicsFromDeepinv):
        return physics.operator, physics.grid(y)
    return PhysicsToDeepinv(physics), y


def noise_from_deepinv(noise: deepinv.physics.NoiseModel) -> Noise:
    """Gaussian, Poisson, mixed or no noise of deepinv's as ours, with our steps of SURE.

    Raises:
        ValueError: another kind, counts that are not scaled, or levels of several images.
    """
    # Float32 has seven digits: what was 0.1 is so again.
    levels = {n: float(f"{float(one):.7g}") for n, one in noise.named_buffers() if one.numel() == 1}
    match type(noise).__name__, levels:
        case ("ZeroNoise", _):
            return Gaussian(0.0)
        case ("GaussianNoise", {"sigma": sigma}):
            return Gaussian(sigma)
        case ("PoissonNoise", {"gain": gain, "normalize": 1.0}):
            return Poisson(gain)
        case ("PoissonGaussianNoise", {"sigma": sigma, "gain": gain}):
            return PoissonGaussian(sigma, gain)
    raise ValueError(
        f"noise = {noise} has no counterpart: give Gaussian noise, Poisson noise (normalize=True) "
        "or both, with one level for all images, or a noise of reilab.noise"
    )


def noise_to_deepinv(noise: Noise, rng: torch.Generator | None = None) -> Any:
    """Gaussian, Poisson or mixed noise of ours as deepinv's, without the steps of SURE.

    Raises:
        ValueError: another kind.
    """
    match noise:
        # A correlated one is Gaussian, too, and has no counterpart.
        case Gaussian(sigma=sigma) if type(noise) is Gaussian:
            return deepinv.physics.GaussianNoise(sigma, rng=rng)
        case Poisson(gain=gain):
            return deepinv.physics.PoissonNoise(gain, clip_positive=True, rng=rng)
        case PoissonGaussian(sigma=sigma, gain=gain):
            return deepinv.physics.PoissonGaussianNoise(gain, sigma, clip_positive=True, rng=rng)
    raise ValueError(f"noise = {noise} has no counterpart: deepinv takes Gaussian, Poisson or both")


@contextmanager
def drawing_from(key: Key, module: nn.Module, device: torch.device) -> Iterator[None]:
    """Let all that deepinv draws come from ``key``, and touch no global generator.

    Generators that parts of the module hold begin at ``key / "rng" / i``, in the order of
    ``modules()``, the global ones, which are set aside meanwhile, at ``key / "global"``.
    """
    seed = (key / "global").generator().initial_seed()
    cuda = range(torch.cuda.device_count()) if device.type == "cuda" else ()
    with DRAWING, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed_all(seed)
        held = [getattr(part, "rng", None) for part in module.modules()]
        for place, rng in enumerate(one for one in held if isinstance(one, torch.Generator)):
            rng.manual_seed((key / "rng" / place).generator().initial_seed())
        yield


@dataclass(frozen=True, eq=False)
class LossFromDeepinv:
    """A loss of deepinv's as a term; a mean over the batch stands for each of its samples.

    It sees measured entries alone, an operator with the noise that is believed, and a ground truth
    if the method is an oracle. What it draws comes from the key, see ``drawing_from``.

    Raises:
        ValueError: a loss that changes the network, or learns the noise, which no run would save.
    """

    loss: deepinv.loss.Loss

    def __post_init__(self) -> None:
        adapts = type(self.loss).adapt_model is not deepinv.loss.Loss.adapt_model
        if adapts or getattr(self.loss, "unsure", False):
            name = type(self.loss).__name__
            raise ValueError(f"{name} is more than a term: take a method, as gr2r, ssdu or unsure")

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        def model(y: Grid, operator: Operator, **_: Any) -> Tensor:
            physics, own = _ours(operator, y)
            return f(own, physics)

        seen = {"y": m.y, "x_net": xhat, "x": m.x if isinstance(m, Oracle) else None}
        with drawing_from(key, self.loss, m.y.device):
            physics = PhysicsToDeepinv(m.physics, m.noise)
            found: Tensor = self.loss(**seen, physics=physics, model=model)
        return found.reshape(-1) if found.numel() > 1 else found.reshape(1).expand(len(m.y))


class LossToDeepinv(deepinv.loss.Loss):
    """A term of ours there, which believes in ``noise``; the n-th call draws from ``key / n``."""

    def __init__(self, loss: Loss[Any], noise: Noise, key: Key) -> None:
        super().__init__()
        self.loss, self.noise, self.key, self.n_calls = loss, noise, key, 0

    def forward(
        self, x_net: Tensor, y: Grid, physics: Operator, model: Any, x: Any = None, **_: Any
    ) -> Tensor:
        ours, own = _ours(physics, y)

        def f(y: Tensor, wanted: Physics) -> Tensor:
            as_it_came = wanted is ours and isinstance(physics, PhysicsToDeepinv)
            operator, grid = (physics, y) if as_it_came else _theirs(wanted, y)
            found: Tensor = model(grid, operator)
            return found

        known = (own, ours.pinv(own), ours, self.noise)
        m = Measurement(*known) if x is None else Oracle(*known, x=x)
        key, self.n_calls = self.key / self.n_calls, self.n_calls + 1
        return self.loss(m, x_net, f, key)


@dataclass(frozen=True, eq=False)
class GroupFromDeepinv:
    """A transform of deepinv's as a group: g (n, 1) seeds its parameters, −g are their inverses.

    Raises:
        ValueError: ``n_trans`` is not 1.
    """

    transform: deepinv.transform.Transform

    def __post_init__(self) -> None:
        if self.transform.n_trans != 1:
            n = self.transform.n_trans
            raise ValueError(f"n_trans = {n} must be 1: methods say how many transforms they draw")

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randint(1, 2**31, (n, 1), generator=rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        return torch.cat([self._act(seed, x) for seed in g[:, 0].tolist()])

    def inverse(self, g: Tensor) -> Tensor:
        return -g

    def _act(self, seed: int, x: Tensor) -> Tensor:
        with drawing_from(Key(abs(seed)), self.transform, x.device):
            # Those of one image: some transforms have others for each.
            params = self.transform.get_params(x[:1])
            # A choice between transforms is made when they act, and its inverse remembers it.
            moved: Tensor = self.transform.transform(x, **params)
            return moved if seed > 0 else self.transform.inverse(x, **params)


class GroupToDeepinv(deepinv.transform.Transform):
    """A group of ours there; ``rng`` lives on the CPU, and without it deepinv takes its own."""

    def __init__(self, group: Group, n_trans: int = 1, rng: torch.Generator | None = None) -> None:
        super().__init__(n_trans=n_trans, rng=rng)
        self.group = group

    def _get_params(self, x: Tensor) -> dict[str, Tensor]:
        return {"g": self.group.sample(self.n_trans, self.rng)}

    def invert_params(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"g": self.group.inverse(params["g"])}

    def _transform(self, x: Tensor, g: Tensor, **_: Any) -> Tensor:
        return self.group.act(g, x)


@dataclass(frozen=True, eq=False)
class NetworkFromDeepinv:
    """A network of deepinv's, of which each method trains a copy, whatever the seed.

    A reconstructor is given operators of deepinv's as they were. Any other module maps A†y to
    images; a denoiser that must be told σ becomes a reconstructor by their ``ArtifactRemoval``.
    """

    model: nn.Module

    def build(self, channels: int) -> nn.Module:
        """A copy, whose number of channels is its own."""
        here = _Here if isinstance(self.model, deepinv.models.Reconstructor) else FromStart
        return here(copy.deepcopy(self.model))


class _Here(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        operator, grid = _theirs(physics, y)
        # It applies the operator itself, for which short numbers are no good.
        with torch.autocast(y.device.type, enabled=False):
            image: Tensor = self.model(grid, operator)
        return image


class NetworkToDeepinv(deepinv.models.Reconstructor):
    """A network of ours there, which starts from ``A_dagger`` of y."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Grid, physics: Operator, **_: Any) -> Tensor:
        ours, own = _ours(physics, y)
        image: Tensor = self.network(own, ours, ours.pinv(own))
        return image
