"""All registered noise models: moments, distributions, who has SURE, and where each is offered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from kit.device import DEVICE
from scipy import stats
from torch import Tensor

from reilab.groups import Shifts
from reilab.key import Key
from reilab.lab.form import control
from reilab.lab.model import Lab
from reilab.methods.registry import methods
from reilab.noise import (
    NOISES,
    Correlated,
    Gamma,
    Gaussian,
    Laplace,
    LearnableNoise,
    Steps,
    UnknownNoise,
    make_noise,
)
from reilab.physics import PixelMask
from reilab.problem import Problem
from reilab.runs.config import check_fits, configure
from reilab.tasks.registry import tasks
from reilab.testing import Z_LIMIT, z_score
from reilab.trained.assess import assess
from reilab.training.config import TrainConfig
from reilab.training.evaluate import pinv, prepare_exam

F64 = torch.float64
SIGMA, GAMMA = 0.3, 0.2
every_model = pytest.mark.parametrize("name", NOISES)
UNESTIMATED = [name for name, model in NOISES.items() if model.lacks("SURE")]


def clean(name: str) -> Tensor:
    """Noise-free values that the model is for, (1, 8)."""
    low, high = -1.0 if NOISES[name].signed else 0.0, 1.0
    return torch.linspace(low, high, 8, dtype=F64, device=DEVICE)[None]


@every_model
def test_mean_and_variance_are_those_of_the_formula(name: str) -> None:
    model, u = NOISES[name], clean(name)
    n = 20_000
    y = make_noise(name, SIGMA, GAMMA, Steps(0.01)).sample(u.expand(n, -1), Key(1).streams([0]))
    for values, one in zip(y.T, u[0].tolist(), strict=True):
        gap = values - model.mean(SIGMA, GAMMA, one)
        variance = model.variance(SIGMA, GAMMA, one)
        if not variance:
            assert not gap.any()
            continue
        assert abs(z_score(gap)) < Z_LIMIT, f"mean at {one:g}"
        assert abs(z_score(gap**2, variance)) < Z_LIMIT, f"variance at {one:g}"


@every_model
def test_a_sample_does_not_depend_on_its_batch(name: str) -> None:
    noise, u = make_noise(name, SIGMA, GAMMA, Steps(0.01)), clean(name).repeat(3, 4)
    y = noise.sample(u, Key(5).streams(range(3)))
    for place in range(3):
        assert torch.equal(noise.sample(u[[place]], Key(5).streams([place])), y[[place]])
    assert not torch.equal(y[0], y[1])


#: Distributions of y at u = 0.7, by another library.
LAWS: dict[str, Any] = {
    "gaussian": stats.norm(0.7, SIGMA),
    "correlated": stats.norm(0.7, SIGMA),
    "laplace": stats.laplace(0.7, SIGMA / 2**0.5),
    "uniform": stats.uniform(0.7 - 3**0.5 * SIGMA, 2 * 3**0.5 * SIGMA),
    "rician": stats.rice(0.7 / SIGMA, scale=SIGMA),
    "gamma": stats.gamma(1 / GAMMA, scale=0.7 * GAMMA),
}


@pytest.mark.parametrize("name", LAWS)
def test_distributions_and_formulas_are_those_of_scipy(name: str) -> None:
    noise, law = make_noise(name, SIGMA, GAMMA, Steps(0.01)), LAWS[name]
    y = noise.sample(torch.full((5000, 1), 0.7, dtype=F64), Key(2).streams([0]))
    assert stats.kstest(y[:, 0].numpy(), law.cdf).pvalue > 1e-4
    mean, variance = law.stats()
    model = NOISES[name]
    assert model.mean(SIGMA, GAMMA, 0.7) == pytest.approx(float(mean))
    assert model.variance(SIGMA, GAMMA, 0.7) == pytest.approx(float(variance))


def test_many_photons_make_the_logarithm_nearly_gaussian() -> None:
    model = NOISES["log-poisson"]
    assert model.mean(0.0, 1e-6, 0.7) == pytest.approx(0.7, abs=1e-5)
    assert model.variance(0.0, 1e-6, 0.7) == pytest.approx(1e-6 * torch.e**0.7, rel=1e-3)


def test_magnitudes_without_noise_have_a_gradient_where_they_are_zero() -> None:
    u = torch.zeros(1, 4, requires_grad=True)
    noise = make_noise("rician", 0.0, GAMMA, Steps(0.01))
    (slope,) = torch.autograd.grad(noise.sample(u, Key(0).streams([0])).sum(), u)
    assert slope.isfinite().all()


# Correlated noise


@pytest.mark.parametrize("width", [0.4, 1.0, 2.5])
def test_neighbours_are_alike_and_the_ends_as_noisy_as_the_middle(width: float) -> None:
    u = torch.zeros(40_000, 12, dtype=F64)
    y = Correlated(SIGMA, width=width).sample(u, Key(3).streams([0]))
    reach = torch.arange(-40, 41, dtype=F64)
    taps = torch.exp(-(reach**2) / (2 * width**2)) * (reach.abs() <= -(-3 * width // 1))
    overlaps = torch.stack([(taps[d:] * taps[: len(taps) - d]).sum() for d in range(12)])
    overlaps *= SIGMA**2 / overlaps[0].clone()
    for d in range(12):
        for left in (0, 5, 11 - d):
            if left + d < 12:
                assert abs(z_score(y[:, left] * y[:, left + d], overlaps[d])) < Z_LIMIT


def test_correlated_noise_runs_along_detectors() -> None:
    """Views, and channels, are independent."""
    y = Correlated(1.0).sample(torch.zeros(5000, 2, 6, 3, dtype=F64), Key(4).streams([0]))
    assert z_score(y[:, 0, 2, 1] * y[:, 0, 3, 1]) > 10
    for other in (y[:, 0, 2, 2], y[:, 1, 2, 1], y[:, 1, 3, 1]):
        assert abs(z_score(y[:, 0, 2, 1] * other)) < Z_LIMIT


def test_the_estimate_of_white_noise_is_wrong_where_noise_is_correlated() -> None:
    u = torch.linspace(0, 1, 24, dtype=F64).expand(20_000, -1)

    def h(y: Tensor) -> Tensor:
        return 0.5 * y + 0.3 * y.roll(1, 1)

    y = Correlated(SIGMA).sample(u, Key(6).streams([0]))
    white = Gaussian(SIGMA).sure(y, h, h(y), Key(7).streams([0]))
    assert abs(z_score(white - (h(y) - u).square().mean(1))) > 10


def test_unsure_of_correlated_noise_probes_as_the_noise_is() -> None:
    noise, y = Correlated(SIGMA), torch.rand(3, 24, generator=Key(8).generator(), dtype=F64)

    def h(values: Tensor) -> Tensor:
        return values + values.roll(1, 1) ** 2

    unknown = UnknownNoise(noise, torch.tensor([SIGMA**2], dtype=F64))
    found, known = (one.sure(y, h, h(y), Key(9).streams([0])) for one in (unknown, noise))
    torch.testing.assert_close(found - SIGMA**2, known)


def test_what_is_learned_of_gamma_noise_is_its_gain() -> None:
    noise = Gamma(0.25)
    theta = torch.tensor(list(noise.multipliers.values()), dtype=F64)
    assert isinstance(noise, LearnableNoise)
    assert float(noise.having({"gain": theta}).level) == pytest.approx(0.25)
    y = torch.rand(3, 24, generator=Key(8).generator(), dtype=F64)
    unknown = UnknownNoise(noise, theta).sure(y, torch.sin, y.sin(), Key(9).streams([0]))
    variance = (0.2 * y**2).mean(1)
    known = noise.sure(y, torch.sin, y.sin(), Key(9).streams([0]))
    torch.testing.assert_close(unknown - variance, known)
    # Ascent may come to a share that no gain has.
    assert noise.having({"gain": torch.tensor(1.5)}).level == pytest.approx(1.5e9)


# Who needs SURE, and who has it


#: What each kind of term needs.
NEEDED = {"Sure": "SURE", "Recorruption": "pairs"}
NEEDED |= dict.fromkeys(("Splitting", "TurnedSplitting"), "independent parts")


def test_methods_say_what_they_need_of_the_noise() -> None:
    problem = tasks()["inpainting"].pose("smoke", {"noise_model": "laplace"})
    for method in methods().values():
        kinds = [type(term).__name__ for term in method.spec().terms(problem).values()]
        assert list(method.needs) == [NEEDED[kind] for kind in kinds if kind in NEEDED]


@pytest.mark.parametrize("noise", UNESTIMATED)
def test_methods_that_need_sure_refuse_noise_that_has_none(noise: str) -> None:
    settings = {"noise_model": noise}
    for name, method in methods().items():
        if "pairs" in method.needs:
            continue
        if "SURE" not in method.needs:
            assert configure("inpainting", "smoke", [name], settings=settings).methods == (name,)
            continue
        others = "choose from: supervised, .*mc, .*ei"
        words = f"method '{name}' needs SURE, and {noise} noise has none: .+; {others}"
        with pytest.raises(ValueError, match=words) as refused:
            configure("inpainting", "smoke", [name, "mc"], settings=settings)
        assert "\n" not in str(refused.value)


def test_problems_made_by_hand_are_refused_too() -> None:
    samples = tasks()["inpainting"].pose("smoke").train
    physics = PixelMask((3, 32, 32), torch.arange(500))
    problem = Problem(physics, Laplace(0.1), Shifts(32), samples, samples)
    spec = methods()["rei"].spec()
    with pytest.raises(ValueError, match=r"'rei' needs SURE, and Laplace noise has none: .*ssdu"):
        check_fits(problem, [spec], TrainConfig(batch=2))
    with pytest.raises(ValueError, match="Laplace noise has no SURE"):
        Laplace(0.1).sure(torch.ones(1, 3), torch.sin, torch.ones(1, 3), Key(0).streams([0]))


def test_without_sure_networks_are_marked_by_the_rest() -> None:
    problem = tasks()["inpainting"].pose("smoke", {"noise_model": "impulse"})
    exam = prepare_exam(problem, TrainConfig(batch=2))
    found = assess("A†y", pinv, problem, exam, Key(0))
    assert "sure" not in found.marks
    assert {"psnr", "consistency"} <= found.marks.keys()
    del found.marks["psnr"]
    worst = found.marks["consistency"].index(max(found.marks["consistency"]))
    assert found.ranking()[0] == worst


@pytest.mark.parametrize(
    ("model", "sigma", "gamma", "words"),
    [
        ("impulse", 0.1, 1.5, "gamma of impulse noise: share = 1.5 is too large; the most is 1"),
        ("log-poisson", 0.1, 1e-12, "gamma of log-poisson noise: gain = 1e-12 is too small"),
        ("gamma", 0.1, 0.0, "gamma of gamma noise: gain = 0.0 is too small"),
        ("laplace", -1.0, 0.1, "sigma of laplace noise: sigma = -1.0 is too small"),
    ],
)
def test_levels_that_a_model_does_not_have(
    model: str, sigma: float, gamma: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        make_noise(model, sigma, gamma, Steps(0.01))


# Where they are offered


def test_tasks_offer_the_models_that_fit_their_measurements() -> None:
    offered = {name: set(task.models) for name, task in tasks().items() if task.models}
    assert offered["mri"] >= {"gaussian", "correlated", "laplace", "uniform"}
    assert offered["inpainting"] == set(NOISES)
    assert set(NOISES) - offered["ct"] == {"gamma", "impulse", "log-poisson"}


def test_the_lab_offers_them_and_says_why_one_does_not_fit(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.choices.task, lab.choices.preset, lab.choices.methods = "inpainting", "smoke", ["rei"]
    shown = control(lab, "noise_model")
    assert [one.value for one in shown.options] == list(NOISES)
    assert "impulse (salt and pepper in place of a share gamma" in shown.help
    lab.choices.set_further("noise_model", "laplace")
    with pytest.raises(ValueError, match="'rei' needs SURE, and laplace noise has none"):
        lab.choices.config()
    lab.choices.methods = ["ei"]
    assert vars(lab.choices.config().spec)["noise_model"] == "laplace"
