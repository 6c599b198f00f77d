"""Bridges to deepinv: every part here is what it is there, and the other way round."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import reilab
from reilab.groups import Flips, Group, QuarterTurns, Shifts
from reilab.key import Key
from reilab.methods.base import Loss, Reconstruct, Terms
from reilab.methods.losses import Consistency, Equivariance, Regression, RobustEquivariance, Sure
from reilab.nets.unet import UNetSpec
from reilab.noise import Gaussian, Noise, Poisson, PoissonGaussian
from reilab.physics.base import Physics
from reilab.physics.fourier import CartesianMRI
from reilab.physics.mask import PixelMask
from reilab.physics.radon import parallel_beam
from reilab.problem import MEASUREMENTS, Measurement, Oracle, Problem
from reilab.tasks.registry import find_task
from reilab.testing import check_group, check_physics, smooth_image, z_score
from reilab.training.state import Reconstruction, new_state, seeded
from reilab.training.step import take_step

with warnings.catch_warnings():
    # Its import is noisy in ways that change from version to version.
    warnings.simplefilter("ignore")
    deepinv = pytest.importorskip("deepinv")

from deepinv import physics as there
from deepinv.physics.scattering import BornOperator

from reilab.interop import deepinv as bridge
from reilab.interop.deepinv import (
    GroupFromDeepinv,
    GroupToDeepinv,
    LossFromDeepinv,
    LossToDeepinv,
    NetworkFromDeepinv,
    NetworkToDeepinv,
    PhysicsFromDeepinv,
    PhysicsToDeepinv,
    _numbers,
    _shaped,
    drawing_from,
    from_deepinv,
    noise_from_deepinv,
    noise_to_deepinv,
)

# Importing deepinv takes seconds, and it warns of what a version will change.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SIDE = 32
GREY, COLOUR, COMPLEX = (1, SIDE, SIDE), (3, SIDE, SIDE), (2, SIDE, SIDE)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=Key(seed).generator())


def rng(seed: int = 0) -> torch.Generator:
    return Key(seed).generator()


def half(*shape: int) -> Tensor:
    """A mask of half the entries."""
    return (draw(0, *shape) < 0.5).float()


def blur(padding: str = "circular") -> Any:
    return there.Blur(filter=KERNEL, padding=padding)


def inpainting(shape: tuple[int, ...] = GREY) -> Any:
    return there.Inpainting(img_size=shape, mask=half(1, SIDE, SIDE).expand(shape))


def columns() -> Tensor:
    return (torch.arange(SIDE) % 3 == 0).float().expand(1, 2, SIDE, SIDE)


def born() -> Any:
    down, right = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    field = torch.polar(torch.ones(1, 2, SIDE, SIDE), 6 * draw(1, 1, 2, SIDE, SIDE))
    receivers = torch.stack([3 + draw(2, 2, 4), 3 * draw(3, 2, 4)])
    return BornOperator(field, receivers, down.flatten(), right.flatten(), 5.0, 4e-3, SIDE)


def ultrasound() -> Any:
    elements = torch.stack([torch.linspace(-1e-3, 1e-3, 4), torch.zeros(4)], -1)
    return there.UltrasoundPlaneWave(
        img_size=(SIDE, SIDE),
        angles=torch.linspace(-0.28, 0.28, 3),
        element_positions=elements,
        n_samples=256,
        sampling_frequency=40e6,
    )


def rolled() -> Any:
    return there.LinearPhysics(A=lambda x: x.roll(1, 3), A_adjoint=lambda y: y.roll(-1, 3))


def behind_shift() -> Any:
    shift = {"x_shift": torch.tensor([3]), "y_shift": torch.tensor([5])}
    return there.VirtualLinearPhysics(
        physics=inpainting(), transform=deepinv.transform.Shift(), g_params=shift
    )


KERNEL = there.functional.gaussian_blur(sigma=(1.5, 1.0))


@dataclass(frozen=True)
class Case:
    """How an operator of deepinv's is made.

    ``exact`` says whether its adjoint is one; ``batch`` is what it can take.
    """

    make: Callable[[], Any]
    domain: tuple[int, ...] = GREY
    exact: bool = True
    batch: int = 2


#: Every linear operator of deepinv's that can be made, by the name of its class.
CASES = {
    "LinearPhysics": Case(rolled),
    "ComposedLinearPhysics": Case(lambda: inpainting() * blur()),
    "DecomposablePhysics": Case(lambda: there.DecomposablePhysics(mask=half(1, *GREY))),
    "Denoising": Case(lambda: there.Denoising()),
    "MRI": Case(lambda: there.MRI(mask=columns(), img_size=(SIDE, SIDE)), COMPLEX),
    "DynamicMRI": Case(
        lambda: there.DynamicMRI(mask=half(1, 2, 3, SIDE, SIDE), img_size=(3, SIDE, SIDE)),
        (2, 3, SIDE, SIDE),
    ),
    "SequentialMRI": Case(
        lambda: there.SequentialMRI(
            mask=half(1, 1, 3, SIDE, SIDE).expand(1, 2, -1, -1, -1), img_size=(SIDE, SIDE)
        ),
        COMPLEX,
        exact=False,  # it averages over the frames
        batch=1,
    ),
    "MultiCoilMRI": Case(
        lambda: there.MultiCoilMRI(
            mask=columns(),
            coil_maps=torch.polar(draw(4, 1, 3, SIDE, SIDE), draw(5, 1, 3, SIDE, SIDE)),
            img_size=(SIDE, SIDE),
        ),
        COMPLEX,
    ),
    "Inpainting": Case(lambda: inpainting(COLOUR), COLOUR),
    "Demosaicing": Case(lambda: there.Demosaicing(img_size=COLOUR), COLOUR),
    "BlurFFT": Case(lambda: there.BlurFFT(img_size=GREY, filter=KERNEL)),
    "Decolorize": Case(lambda: there.Decolorize(), COLOUR),
    "SinglePixelCamera": Case(lambda: there.SinglePixelCamera(m=200, img_size=GREY, rng=rng())),
    "StackedLinearPhysics": Case(
        lambda: there.StackedLinearPhysics(
            [blur(), there.Downsampling(img_size=GREY, filter="bilinear", factor=4)]
        )
    ),
    "Pansharpen": Case(lambda: there.Pansharpen(img_size=COLOUR), COLOUR),
    "CompressedSensing": Case(lambda: there.CompressedSensing(m=99, img_size=GREY, rng=rng())),
    "Downsampling": Case(lambda: there.Downsampling(img_size=GREY, filter="bilinear", factor=2)),
    "Upsampling": Case(
        lambda: there.Upsampling(img_size=(1, 2 * SIDE, 2 * SIDE), filter="bilinear", factor=2)
    ),
    "DownsamplingMatlab": Case(lambda: there.DownsamplingMatlab()),
    "Blur": Case(lambda: blur("valid")),
    "SpaceVaryingBlur": Case(
        lambda: there.SpaceVaryingBlur(
            filters=draw(6, 1, 1, 2, 5, 5),
            multipliers=draw(7, 1, 1, 2, SIDE, SIDE),
            padding="circular",
        )
    ),
    "TiledSpaceVaryingBlur": Case(
        lambda: there.TiledSpaceVaryingBlur(filters=draw(8, 1, 1, 9, 5, 5), patch_size=16, stride=8)
    ),
    "BornOperator": Case(born),
    "HyperSpectralUnmixing": Case(
        lambda: there.HyperSpectralUnmixing(M=draw(9, 3, 7), E=3, C=7), COLOUR
    ),
    "VirtualLinearPhysics": Case(behind_shift),
    "LinearPhysicsMultiScaler": Case(
        lambda: there.LinearPhysicsMultiScaler(blur(), GREY, factors=(2,))
    ),
    "BlurMultiScaler": Case(lambda: there.BlurMultiScaler(blur(), GREY, factors=(2,))),
    "BlurFFTMultiScaler": Case(
        lambda: there.BlurFFTMultiScaler(
            there.BlurFFT(img_size=GREY, filter=KERNEL), GREY, factors=(2,)
        )
    ),
    "InpaintingMultiScaler": Case(
        lambda: there.InpaintingMultiScaler(inpainting(), GREY, factors=(2,))
    ),
    "PhysicsCropper": Case(lambda: there.PhysicsCropper(blur(), (4, 4))),
    "Tomography": Case(lambda: there.Tomography(angles=9, img_width=SIDE, normalize=False)),
    "UltrasoundPlaneWave": Case(ultrasound),
    "StructuredRandom": Case(
        lambda: there.StructuredRandom(img_size=GREY, output_size=(1, 20, 20), rng=rng())
    ),
    "CompressiveSpectralImaging": Case(
        lambda: there.CompressiveSpectralImaging(img_size=(4, SIDE, SIDE), rng=rng()),
        (4, SIDE, SIDE),
        exact=False,  # ⟨Ax, y⟩ and ⟨x, Aᵀy⟩ differ by half in deepinv 0.5.0
    ),
}
#: Those that cannot.
ELSEWHERE = {
    "NonCartesianMRI": "needs mri-nufft, which deepinv does not bring",
    "RadioInterferometry": "needs torchkbnufft, which deepinv does not bring",
    "PET": "needs parallelproj, which deepinv does not bring",
    "TomographyWithAstra": "projects CUDA tensors alone",
    "PtychographyLinearOperator": "takes complex images, and ours are real",
}
every_case = pytest.mark.parametrize("name", CASES)


def linear_operators() -> set[str]:
    """The names of all classes of linear operators that deepinv has."""
    for module in pkgutil.walk_packages(there.__path__, "deepinv.physics."):
        importlib.import_module(module.name)
    found, todo = set(), [there.LinearPhysics]
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        found |= {one.__name__} if one.__module__.startswith("deepinv.") else set()
    return found


def test_every_linear_operator_is_tried_or_told_why_not() -> None:
    assert linear_operators() == CASES.keys() | ELSEWHERE.keys()
    for name, case in CASES.items():
        assert type(case.make()).__name__ == name


@every_case
def test_an_operator_is_here_what_it_is_there(name: str) -> None:
    """Forward and adjoint; what is not measured is zero, and nothing that Aᵀ would see."""
    case = CASES[name]
    operator = case.make()
    ours = PhysicsFromDeepinv(operator, case.domain)
    x = draw(10, case.batch, *case.domain)
    grid = operator.A(x)
    close(_numbers(ours.grid(ours(x))), _numbers(grid))
    assert ours(x).shape == (case.batch, *ours.range)
    entries = draw(11, *_numbers(grid).shape) - 0.5
    full = _shaped(entries, ours._tried[0])
    if not case.exact:
        full = ours.grid(ours.entries(full))
    v = ours.entries(full)
    back = operator.A_adjoint(full)
    close(ours.adjoint(v), back.real if back.is_complex() else back)
    if case.exact:
        close((ours(x) * v).sum() / v.norm(), (x * ours.adjoint(v)).sum() / v.norm(), 1e-4)


@every_case
def test_an_operator_is_there_again_what_it_was_here(name: str) -> None:
    case = CASES[name]
    ours = PhysicsFromDeepinv(case.make(), case.domain)
    again = PhysicsToDeepinv(ours)
    x, v = draw(12, case.batch, *case.domain), draw(13, case.batch, *ours.range)
    close(again.A(x), ours(x))
    close(again.A_adjoint(v), ours.adjoint(v))
    returned = PhysicsFromDeepinv(again, case.domain)
    assert returned.range == ours.range
    close(returned(x), ours(x))
    close(returned.adjoint(v), ours.adjoint(v))


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * scale)


OURS = {
    "inpainting": PixelMask(COLOUR, torch.arange(0, SIDE**2, 3)),
    "mri": CartesianMRI(COMPLEX, torch.arange(0, SIDE, 3)),
    "radon": parallel_beam(SIDE, 9),
}


@pytest.mark.parametrize("physics", OURS.values(), ids=OURS)
def test_an_operator_of_ours_keeps_its_promises_there_and_back(physics: Any) -> None:
    operator = PhysicsToDeepinv(physics)
    x = draw(14, 2, *physics.domain)
    y = operator(x)
    close(y, physics(x))
    close(operator.A_dagger(y), physics.pinv(y))
    assert abs(operator.adjointness_test(x)) < 1e-2 * float(y.norm())
    check_physics(PhysicsFromDeepinv(operator, physics.domain))


def test_masked_entries_are_not_measured() -> None:
    physics = PhysicsFromDeepinv(CASES["MRI"].make(), COMPLEX)
    assert physics.range == (2 * SIDE * 11,)
    seen = columns().expand(2, -1, -1, -1) > 0
    assert torch.equal(physics.grid(torch.ones(2, *physics.range)) != 0, seen)
    check_physics(physics)


def test_operators_that_are_no_single_matrix_are_refused() -> None:
    operator = there.Inpainting(img_size=GREY, mask=half(4, *GREY))
    with pytest.raises(ValueError, match="Inpainting has parameters for several images; give it"):
        PhysicsFromDeepinv(operator, GREY).range
    with pytest.raises(ValueError, match="operator = Haze must be a LinearPhysics"):
        PhysicsFromDeepinv(there.Haze(), GREY)


def test_the_example_of_the_module_does_what_it_says() -> None:
    assert doctest.testmod(bridge) == (0, 4)


NOISES = (Gaussian(0.1), Poisson(0.05), PoissonGaussian(0.1, 0.05))


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: type(noise).__name__)
def test_noise_goes_there_and_back(noise: Noise) -> None:
    u = draw(15, 1, *GREY)
    assert noise_from_deepinv(noise_to_deepinv(noise)) == noise
    close(noise_to_deepinv(noise, rng(1))(u), noise.sample(u, [rng(1)]))
    below = noise_to_deepinv(noise, rng(2))(u - 2)
    close(below, noise.sample(u - 2, [rng(2)]))


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (there.UniformNoise(0.1), "UniformNoise"),
        (there.PoissonNoise(0.1, normalize=False), "normalize=True"),
        (there.GaussianNoise(torch.tensor([0.1, 0.2])), "one level for all images"),
    ],
)
def test_noise_without_counterpart_is_refused(noise: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        noise_from_deepinv(noise)


def test_noise_of_our_own_is_refused_there() -> None:
    assert noise_from_deepinv(there.ZeroNoise()) == Gaussian(0.0)
    assert noise_from_deepinv(there.GaussianNoise(torch.tensor([0.1]))) == Gaussian(0.1)
    unknown = reilab.noise.UnknownNoise(Gaussian(0.1), torch.ones(1))
    for noise in (unknown, reilab.noise.Correlated(0.1, width=2.0)):
        with pytest.raises(ValueError, match=rf"{type(noise).__name__}.* has no counterpart"):
            noise_to_deepinv(noise)


def bilinear(**more: Any) -> Any:
    return deepinv.transform.Rotate(interpolation_mode="bilinear", **more)


TRANSFORMS = {
    "shift": deepinv.transform.Shift(),
    "rotation": bilinear(),
    "shift of a quarter turn": bilinear(multiples=90) * deepinv.transform.Shift(),
    "shift or quarter turn": bilinear(multiples=90) | deepinv.transform.Shift(),
}


@pytest.mark.usefixtures("random_states_untouched")
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_transform_is_a_group_with_inverses(transform: Any) -> None:
    group = GroupFromDeepinv(transform)
    image = smooth_image(GREY, torch.float32)[None].repeat(2, 1, 1, 1)
    if transform is TRANSFORMS["rotation"]:
        check_group(group, image)
    g = group.sample(12, rng(3))
    moved = group.act(g, image)
    close(moved, group.act(g, image))
    if transform is not TRANSFORMS["rotation"]:
        for one, there_ in zip(torch.split(g, 1), torch.split(moved, 2), strict=True):
            close(group.act(group.inverse(one), there_), image)
    assert len(torch.unique(moved.flatten(1), dim=0)) > 3


def test_how_many_transforms_there_are_is_said_by_methods() -> None:
    with pytest.raises(ValueError, match="n_trans = 2 must be 1"):
        GroupFromDeepinv(deepinv.transform.Shift(n_trans=2))


@pytest.mark.parametrize("group", [Shifts(SIDE), QuarterTurns(), Flips()])
def test_a_group_is_a_transform_with_inverses(group: Group) -> None:
    transform = GroupToDeepinv(group, n_trans=3, rng=rng(4))
    x = draw(16, 2, *GREY)
    params = transform.get_params(x)
    close(transform.transform(x, **params), group.act(group.sample(3, rng(4)), x))
    one = {"g": params["g"][:1]}
    close(transform.inverse(transform.transform(x, **one), **one), x)
    close(GroupFromDeepinv(GroupToDeepinv(group)).act(torch.tensor([[5]]), x), turned(group, x))
    symmetric = GroupToDeepinv(group, n_trans=2).symmetrize(lambda x: x, average=True)
    close(symmetric(x), x)


def turned(group: Group, x: Tensor) -> Tensor:
    return group.act(group.sample(1, (Key(5) / "rng" / 0).generator()), x)


SIGMA = 0.1
ONCE = reilab.TrainConfig(
    steps=10, batch=1, learning_rate=1e-3, measurements="fixed", engine="eager"
)


def small_problem() -> Problem:
    """One image to learn from, half of whose pixels are seen."""
    images = smooth_image(GREY, torch.float32).expand(2, -1, -1, -1)
    problem = from_deepinv(
        inpainting(), there.GaussianNoise(SIGMA), images[:1], test=images[1:], group=Shifts(SIDE)
    )
    problem = replace(problem, network=UNetSpec(width=8, norm="none"))
    return MEASUREMENTS["fixed"](problem, Key(ONCE.seed) / "noise")


@dataclass(frozen=True)
class Below:
    """A term whose random streams begin further down."""

    loss: Loss[Any]
    path: tuple[str | int, ...]

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return self.loss(m, xhat, f, Key(key.seed, key.path + self.path))


def our_terms(problem: Problem) -> Terms:
    """SURE and EI that draw from where a generator of deepinv's begins."""
    equivariance = Equivariance(problem.group, transforms=2)
    return {"sure": Below(Sure(), ("rng",)), "eq": Below(equivariance, ("rng", 0))}


def their_losses(problem: Problem) -> dict[str, Any]:
    turn = GroupToDeepinv(problem.group, n_trans=2)
    return {
        "sure": deepinv.loss.SureGaussianLoss(SIGMA, rng=torch.Generator()),
        "eq": deepinv.loss.EILoss(turn, apply_noise=False),
    }


def trained_here(problem: Problem, terms: Terms) -> Tensor:
    """The values of the terms at each step of our loop, (10, 2)."""
    state = new_state(reilab.methods.EI(), problem, ONCE)
    state.terms, state.weights = terms, dict.fromkeys(terms, 1.0)
    return torch.stack([take_step(state, problem, ONCE).terms for _ in range(ONCE.steps)])


class Noted(deepinv.loss.Loss):  # type: ignore[misc]
    """A loss that is given the random numbers of each step, and notes its values."""

    def __init__(self, name: str, loss: Any) -> None:
        super().__init__()
        self.name_, self.loss, self.values = name, loss, list[Tensor]()

    def forward(self, **seen: Any) -> Tensor:
        key = Key(ONCE.seed) / "loss" / len(self.values) / self.name_
        with drawing_from(key, self.loss, torch.device("cpu")):
            found: Tensor = self.loss(**seen)
        self.values.append(found.detach().mean())
        return found


def trained_there(problem: Problem, losses: dict[str, Any]) -> Tensor:
    """The same of deepinv's Trainer."""
    sample = problem.train.batch(torch.tensor([0]))
    assert sample.x is not None
    assert sample.y is not None
    noted = [Noted(name, loss) for name, loss in losses.items()]
    network = NetworkToDeepinv(seeded(problem.new_network, Key(ONCE.seed) / "network"))
    rates = {"lr": ONCE.learning_rate, "weight_decay": ONCE.weight_decay}
    deepinv.Trainer(
        model=network,
        physics=PhysicsToDeepinv(problem.physics, problem.noise),
        optimizer=torch.optim.Adam(network.parameters(), **rates),
        train_dataloader=torch.utils.data.DataLoader([(sample.x[0], sample.y[0])]),
        epochs=ONCE.steps,
        losses=noted,
        metrics=[],
        device="cpu",
        save_path=None,
        show_progress_bar=False,
        verbose=False,
    ).train()
    return torch.stack([torch.stack(one.values) for one in noted], 1)


def test_losses_agree_step_for_step_here_and_there() -> None:
    """SURE and EI, ours and deepinv's, in our loop and in deepinv's."""
    problem = small_problem()
    expected = trained_here(problem, our_terms(problem))
    assert expected[-1].sum() < expected[0].sum()
    theirs = {name: LossFromDeepinv(one) for name, one in their_losses(problem).items()}
    close(trained_here(problem, theirs), expected)
    close(trained_there(problem, their_losses(problem)), expected)
    path = ("sure",), ("eq",)
    loss_key = Key(ONCE.seed) / "loss"
    ours = {
        name: LossToDeepinv(Below(one, below), problem.noise, loss_key)
        for (name, one), below in zip(our_terms(problem).items(), path, strict=True)
    }
    close(trained_there(problem, ours), expected)


SURES = {
    "mri": lambda noise: deepinv.loss.SureGaussianLoss(noise.sigma, tau=noise.tau),
    "inpainting": lambda noise: deepinv.loss.SurePoissonLoss(noise.gain, tau=noise.tau),
    "ct": lambda noise: deepinv.loss.SurePGLoss(noise.sigma, noise.gain, tau1=noise.tau),
}


@pytest.mark.parametrize("task", SURES)
def test_sure_of_every_task_is_that_of_deepinv(task: str) -> None:
    """To the digit, with the same probe; the operator of CT is not linear."""
    problem = find_task(task).pose("smoke")
    m = problem.measure(problem.train.batch(torch.tensor([0])), Key(23))
    f = Reconstruction(seeded(problem.new_network, Key(24)).eval())
    theirs = SURES[task](problem.noise)
    theirs.rng = torch.Generator()
    with torch.no_grad():
        found = LossFromDeepinv(theirs)(m, f.of(m), f, Key(25))
        close(found, Sure()(m, f.of(m), f, Key(25) / "rng"))


def half_measured(n: int) -> tuple[Measurement, Tensor]:
    """Measurements of half the pixels, and their images."""
    x = draw(17, n, *GREY)
    problem = from_deepinv(inpainting(), there.GaussianNoise(SIGMA), x, test=x[:1])
    return problem.measure(problem.train.batch(torch.arange(n)), Key(18)), x


def smoothed(y: Tensor, physics: Physics) -> Tensor:
    x = physics.pinv(y)
    return 0.7 * x + 0.3 * x.roll(1, 3)


def smoothed_there(y: Any, operator: Any) -> Tensor:
    x = operator.A_dagger(y)
    return 0.7 * x + 0.3 * x.roll(1, 3)


def test_a_loss_that_averages_over_all_entries_sees_the_measured_ones_alone() -> None:
    """On deepinv's own grid MC is lighter by the share that is measured, SURE by that and σ²."""
    m, _ = half_measured(400)
    operator, grid = m.physics.operator, m.physics.grid(m.y)  # type: ignore[attr-defined]
    xhat, seen = smoothed(m.y, m.physics), {"y": grid, "physics": operator}
    share = m.y.shape[1] / SIDE**2
    assert 0.4 < share < 0.6
    mc = deepinv.loss.MCLoss()
    found = LossFromDeepinv(mc)(m, xhat, smoothed, Key(0))
    close(found, Consistency()(m, xhat, smoothed, Key(0)).mean().expand(400))
    close(mc(x_net=xhat, **seen), share * found[0])
    sure = deepinv.loss.SureGaussianLoss(SIGMA, rng=torch.Generator())
    measured = LossFromDeepinv(sure)(m, xhat, smoothed, Key(0))
    assert abs(z_score(measured - Sure()(m, xhat, smoothed, Key(1)))) < 4
    everywhere = sure(x_net=xhat, model=smoothed_there, **seen)
    assert abs(z_score(everywhere - (share * (measured + SIGMA**2) - SIGMA**2))) < 4
    assert abs(z_score(everywhere - measured)) > 10
    there_too = LossToDeepinv(Consistency(), m.noise, Key(0))
    close(
        there_too(x_net=xhat, model=smoothed_there, **seen),
        Consistency()(m, xhat, smoothed, Key(0)),
    )
    own = LossToDeepinv(Sure(), m.noise, Key(2))
    close(
        own(x_net=xhat, model=smoothed_there, **seen), Sure()(m, xhat, smoothed, Key(2) / 0), 1e-3
    )


@pytest.mark.usefixtures("random_states_untouched")
def test_noise_on_virtual_measurements_is_that_which_is_believed() -> None:
    """EILoss adds deepinv's noise, drawn from torch's global generator, which is set aside."""
    m, _ = half_measured(200)
    xhat, flips = smoothed(m.y, m.physics), Flips()
    metric = nn.MSELoss(reduction="none")
    loss = LossFromDeepinv(Each(deepinv.loss.EILoss(GroupToDeepinv(flips), metric)))
    found = loss(m, xhat, smoothed, Key(3))
    assert torch.equal(found, loss(m, xhat, smoothed, Key(3)))
    assert not torch.equal(found, loss(m, xhat, smoothed, Key(4)))
    sure = LossFromDeepinv(deepinv.loss.SureGaussianLoss(SIGMA))
    first, again, other = (sure(m, xhat, smoothed, Key(seed)) for seed in (6, 6, 7))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # Flips do not change how much noise there is; the turn is the same.
    ours = RobustEquivariance(SameTurn(flips, Key(3) / "rng" / 0), 1)(m, xhat, smoothed, Key(5))
    assert abs(z_score(found - ours)) < 4
    clean = Equivariance(SameTurn(flips, Key(3) / "rng" / 0), 1)(m, xhat, smoothed, Key(5))
    assert z_score(found - clean) > 10


class Each(deepinv.loss.Loss):  # type: ignore[misc]
    """A loss of pixels as one of images."""

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, **seen: Any) -> Tensor:
        pixels: Tensor = self.loss(**seen)
        return pixels.flatten(1).mean(1)


@dataclass(frozen=True)
class SameTurn:
    """A group that gives the elements that a stream gives, whoever asks."""

    group: Group
    key: Key

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return self.group.sample(n, self.key.generator())

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        return self.group.act(g, x)

    def inverse(self, g: Tensor) -> Tensor:
        return self.group.inverse(g)


def test_methods_that_train_at_the_same_time_draw_their_own_numbers() -> None:
    m, _ = half_measured(2)
    xhat = smoothed(m.y, m.physics)
    shared = LossFromDeepinv(deepinv.loss.EILoss(deepinv.transform.Shift()))
    keys = [Key(seed) for seed in range(40)]

    def value(key: Key) -> Tensor:
        return shared(m, xhat, smoothed, key)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(value, keys))
    assert all(map(torch.equal, together, map(value, keys)))


def test_a_loss_that_is_told_the_truth() -> None:
    m, x = half_measured(3)
    xhat = smoothed(m.y, m.physics)
    told = Oracle(m.y, m.start, m.physics, m.noise, x=x)
    expected = Regression()(told, xhat, smoothed, Key(0))
    found = LossFromDeepinv(deepinv.loss.SupLoss())(told, xhat, smoothed, Key(0))
    close(found, expected.mean().expand(3))
    again = LossToDeepinv(Regression(), m.noise, Key(0))
    operator, grid = m.physics.operator, m.physics.grid(m.y)  # type: ignore[attr-defined]
    close(again(x_net=xhat, x=x, y=grid, physics=operator, model=smoothed_there), expected)


@pytest.mark.parametrize(
    "loss",
    [
        deepinv.loss.R2RLoss(),
        deepinv.loss.SplittingLoss(),
        deepinv.loss.SureGaussianLoss(0.1, unsure=True),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_that_are_more_than_a_term_are_refused(loss: Any) -> None:
    with pytest.raises(ValueError, match=f"{type(loss).__name__} is more than a term"):
        LossFromDeepinv(loss)


def removal() -> Any:
    """A network of deepinv's that calls A† itself."""
    unet = deepinv.models.UNet(1, 1, scales=2, batch_norm=False)
    return deepinv.models.ArtifactRemoval(unet, mode="pinv")


def test_a_reconstructor_is_here_what_it_is_there() -> None:
    m, _ = half_measured(2)
    model = removal()
    here = NetworkFromDeepinv(model).build(channels=1)
    physics: Any = m.physics
    expected = model(physics.grid(m.y), physics.operator)
    close(here(m.y, m.physics, m.start), expected)
    ours = PixelMask(GREY, torch.arange(0, SIDE**2, 3))
    y = ours(draw(19, 2, *GREY))
    close(here(y, ours, ours.pinv(y)), model(y, PhysicsToDeepinv(ours)))
    denoiser = NetworkFromDeepinv(model.backbone_net).build(channels=1)
    close(denoiser(m.y, m.physics, m.start), model.backbone_net(m.start))


def test_a_network_is_there_what_it_is_here() -> None:
    m, _ = half_measured(2)
    network = UNetSpec(width=8, norm="none").build(channels=1)
    there_too = NetworkToDeepinv(network)
    physics: Any = m.physics
    expected = Reconstruction(network)(m.y, m.physics)
    close(there_too(physics.grid(m.y), physics.operator), expected)
    close(there_too(m.y, PhysicsToDeepinv(physics)), expected)
    again = NetworkFromDeepinv(there_too).build(channels=1)
    close(again(m.y, m.physics, m.start), expected)


def test_every_method_trains_a_copy_of_a_network() -> None:
    model = removal()
    before = model.backbone_net.state_dict()
    problem = from_deepinv(inpainting(), Gaussian(0.1), draw(20, 5, *GREY))
    how = reilab.TrainConfig(steps=2, log_every=1, evaluate_every=2)
    methods = [reilab.methods.EI(), reilab.methods.REI()]
    history = reilab.run(problem, methods, how, network=NetworkFromDeepinv(model))
    assert [track.step for track in history.tracks.values()] == [2, 2]
    assert all(torch.equal(one, model.backbone_net.state_dict()[n]) for n, one in before.items())


@pytest.mark.parametrize("name", ["Inpainting", "MRI", "Pansharpen", "BornOperator"])
def test_any_operator_is_a_task_in_one_line(name: str) -> None:
    case = CASES[name]
    images = smooth_image(GREY, torch.float32).expand(5, *case.domain)
    how = reilab.TrainConfig(steps=2, log_every=1, evaluate_every=2)
    narrow = UNetSpec(width=8)
    problem = from_deepinv(case.make(), Gaussian(0.05), images)
    history = reilab.run(problem, [reilab.methods.REI()], how, network=narrow)
    assert history.tracks["rei"].step == 2
    assert (len(problem.train), len(problem.test)) == (4, 1)
    shown = problem.image(images[:1])
    assert shown.shape[1] in (1, 3)
    assert problem.picture.draw(problem.physics(images[:2])).ndim == 4


def test_one_image_is_not_learned_from_and_tested_on() -> None:
    with pytest.raises(ValueError, match="images has one image"):
        from_deepinv(inpainting(), Gaussian(0.1), draw(21, 1, *GREY))


def test_what_a_problem_starts_from_can_be_chosen() -> None:
    operator, images = blur(), draw(22, 5, *GREY)
    problem = from_deepinv(operator, Gaussian(0.1), images, start=operator.A_adjoint)
    y = problem.physics(images)
    close(problem.physics.pinv(y), operator.A_adjoint(operator.A(images)))
