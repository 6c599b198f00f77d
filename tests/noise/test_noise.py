"""Noise models: moments, repeatability, and Stein's estimates against the true risk.

All statistics are z-scores with fixed seeds: the distance from the expectation in standard errors.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from kit.device import DEVICE
from torch import Tensor

import reilab.noise
from reilab.key import Key, Streams
from reilab.noise import (
    NOISE_MODEL,
    NOISES,
    READING_NOISE_MODEL,
    SIGNED_NOISE_MODEL,
    Correlated,
    Dependent,
    Gamma,
    Gaussian,
    LearnableNoise,
    Noise,
    Poisson,
    PoissonGaussian,
    Recorruptible,
    Steps,
    Unestimated,
    UnknownNoise,
    curvature,
    make_noise,
    mean,
    photons,
)
from reilab.testing import Z_LIMIT, check_noise, check_noise_model, z_score

pytestmark = pytest.mark.usefixtures("random_states_untouched")

F64 = torch.float64
KEY = Key(2024)
Estimator = Callable[[Tensor], Tensor]

#: Every noise model at levels that matter, with its variance at the noise-free value u.
CASES: dict[str, tuple[Noise, Callable[[Tensor], Tensor]]] = {
    "gaussian": (Gaussian(0.3), lambda u: 0 * u + 0.09),
    "poisson, few photons": (Poisson(0.4), lambda u: 0.4 * u),
    "poisson, many photons": (Poisson(1e-3), lambda u: 1e-3 * u),
    "poisson, second order": (Poisson(0.4, curvature_tau=1e-1), lambda u: 0.4 * u),
    "mixed": (PoissonGaussian(0.3, 0.2), lambda u: 0.2 * u + 0.09),
    "mixed, second order": (
        PoissonGaussian(0.3, 0.2, curvature_tau=1e-1),
        lambda u: 0.2 * u + 0.09,
    ),
    "correlated": (Correlated(0.3, width=1.5), lambda u: 0 * u + 0.09),
    "gamma, few looks": (Gamma(0.4), lambda u: 0.4 * u**2),
    "gamma, second order": (Gamma(0.4, curvature_tau=1e-1), lambda u: 0.4 * u**2),
}
every_model = pytest.mark.parametrize("name", CASES)
#: Noise-free values: dark, dim and bright entries.
U = torch.linspace(0.05, 2.0, 24, dtype=F64, device=DEVICE)[None]
#: Added to a row, it makes three.
OFFSETS = torch.tensor([[0.0], [0.5], [1.0]], dtype=F64, device=DEVICE)


def rng(*path: str | int) -> Streams:
    key = KEY
    for part in path:
        key = key / part
    return [key.generator(DEVICE)]


def streams(places: Iterable[int]) -> Streams:
    return KEY.streams(places, DEVICE)


def fixed(name: str, *shape: int) -> Tensor:
    """The same random numbers everywhere."""
    return torch.randn(*shape, generator=(KEY / name).generator(), dtype=F64).to(DEVICE)


def test_every_model_has_a_case() -> None:
    covered = {type(noise) for noise, _ in CASES.values()}
    for cls in (getattr(reilab.noise, name) for name in reilab.noise.__all__):
        is_model = inspect.isclass(cls) and {"sample", "sure"} <= set(dir(cls))
        # Of a noise that nobody knows, see methods/test_unsure.py.
        others = (Noise, LearnableNoise, Recorruptible, Dependent, UnknownNoise)
        is_known = cls in (*covered, *others) or (is_model and issubclass(cls, Unestimated))
        assert not is_model or is_known, f"{cls.__name__} has no case"


@every_model
def test_conformance(name: str) -> None:
    check_noise(CASES[name][0], U.expand(3, -1))


@pytest.mark.parametrize("model", NOISES)
def test_noise_models_keep_their_promises(model: str) -> None:
    check_noise_model(NOISES[model])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"level": "gamma"}, "gamma = 0.2 makes a level of 0.3"),
        ({"variance": lambda sigma, gamma, u: sigma}, "variance is .* from what it says"),
        ({"mean": lambda sigma, gamma, u: u + sigma / 9}, "mean is .* from what it says"),
        ({"spec": lambda sigma, gamma, steps: Gaussian(sigma)}, "has no documentation"),
    ],
)
def test_noise_models_that_break_a_promise(change: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_noise_model(replace(NOISES["gaussian"], **change))


def test_counts_have_no_place_among_signed_measurements() -> None:
    assert set(NOISE_MODEL.choices) >= {"gaussian", "poisson", "mixed"}
    assert "gaussian" in SIGNED_NOISE_MODEL.choices
    assert not {"poisson", "mixed", "rician"} & set(SIGNED_NOISE_MODEL.choices)
    assert not {"gamma", "impulse", "log-poisson"} & set(READING_NOISE_MODEL.choices)
    assert "rician" in READING_NOISE_MODEL.choices


@every_model
def test_mean_and_variance(name: str) -> None:
    noise, variance = CASES[name]
    u = U.expand(20_000, -1)
    gap = noise.sample(u, rng("moments")) - u
    z_mean = gap.mean(0) / gap.std(0) * len(u) ** 0.5
    assert z_mean.abs().max() < Z_LIMIT
    excess = gap.square() - variance(u)
    z_variance = excess.mean(0) / excess.std(0) * len(u) ** 0.5
    assert z_variance.abs().max() < Z_LIMIT


def test_negative_rates_count_as_none() -> None:
    u = -U
    assert torch.equal(Poisson(0.1).sample(u, rng("negative")), torch.zeros_like(u))
    dark = PoissonGaussian(0.3, 0.1).sample(u.expand(20_000, -1), rng("negative"))
    assert abs(z_score(dark.mean(1))) < Z_LIMIT


def test_poisson_measurements_are_multiples_of_the_gain() -> None:
    counts = Poisson(0.25).sample(U.expand(50, -1), rng("counts")) / 0.25
    assert torch.equal(counts, counts.round())


def test_no_noise_is_no_noise() -> None:
    assert torch.equal(Gaussian(0.0).sample(U, rng("none")), U)


@pytest.mark.parametrize(
    ("noise", "other"),
    [
        (Gaussian(0.1, tau=0.5), Gaussian(0.2, tau=0.5)),
        (Poisson(0.1, tau=0.5), Poisson(0.2, tau=0.5)),
        (Poisson(0.1, 0.5, 0.6), Poisson(0.2, 0.5, 0.6)),
        (PoissonGaussian(0.7, 0.1, 0.5, 0.6), PoissonGaussian(0.7, 0.2, 0.5, 0.6)),
        (Correlated(0.1, 0.5, width=2.0), Correlated(0.2, 0.5, width=2.0)),
        (Gamma(0.1, 0.5, 0.6), Gamma(0.2, 0.5, 0.6)),
    ],
)
def test_level(noise: Noise, other: Noise) -> None:
    assert noise.level == 0.1
    assert noise.at(0.2) == other


@pytest.mark.parametrize("noise", [Poisson(0.1), PoissonGaussian(0.1, 0.1)])
def test_the_gradient_is_cut_at_the_photons(noise: Noise) -> None:
    """As in the paper: a count does not depend on its rate smoothly."""
    u = U.clone().requires_grad_()
    (slope,) = torch.autograd.grad(noise.sample(u, rng("cut")).sum(), u)
    assert torch.equal(slope, torch.zeros_like(u))


def test_gaussian_noise_lets_the_gradient_through() -> None:
    u = U.clone().requires_grad_()
    (slope,) = torch.autograd.grad(Gaussian(0.1).sample(u, rng("through")).sum(), u)
    assert torch.equal(slope, torch.ones_like(u))


# Stein's unbiased risk estimate. No estimator here has a mean derivative of ½: −σ² and the
# divergence would cancel, and an error in σ would not show.


def matrix(values: Tensor) -> Tensor:
    """A fixed random linear map with an offset, far from symmetric."""
    weights = fixed("matrix", 24, 24) / 24**0.5
    mixed: Tensor = values @ (weights + 0.8 * torch.eye(24, dtype=F64, device=DEVICE)).T
    return mixed + 0.1


def smoother(values: Tensor) -> Tensor:
    """A small convolution, the simplest denoiser."""
    return 0.8 * values + 0.15 * values.roll(1, 1) + 0.05 * values.roll(-1, 1)


def bend(values: Tensor) -> Tensor:
    """A smooth curve of each entry and its neighbour."""
    return (1.5 * values).tanh() + 0.3 * (values + values.roll(1, 1)).sin()


def perceptron(values: Tensor) -> Tensor:
    """A small random network."""
    first, last = fixed("perceptron", 2, 24, 24) / 24**0.5
    return values + (values @ first.T).tanh() @ last.T


def errors(noise: Noise, h: Estimator, u: Tensor, n: int, derivative: bool = True) -> Tensor:
    """Estimate minus true loss of n independent measurements of u.

    Less 2(y − u)ᵀ(u − h(u))/m, which is zero on average and would be most of the spread. Without
    ``derivative``, the estimate is handed a constant h: what is then left must be seen to be wrong.
    """
    many = u.expand(n, -1)
    y = noise.sample(many, rng("y"))
    hy = h(y)
    estimate = noise.sure(y, h if derivative else lambda _: hy, hy, rng("probe"))
    return estimate - mean((hy - many) ** 2) - 2 * mean((y - many) * (many - h(many)))


def assert_unbiased(noise: Noise, h: Estimator, u: Tensor = U, n: int = 10_000) -> None:
    z = z_score(errors(noise, h, u, n))
    assert abs(z) < Z_LIMIT, f"{z:.1f} standard errors from the true risk"
    # The power of the test: the divergence is many standard errors large.
    assert abs(z_score(errors(noise, h, u, n, derivative=False))) > 10


@pytest.mark.parametrize("h", [matrix, smoother])
@every_model
def test_sure_is_unbiased_for_linear_estimators(name: str, h: Estimator) -> None:
    """Exact, however few the photons are."""
    assert_unbiased(CASES[name][0], h)


@pytest.mark.parametrize("h", [bend, perceptron])
@pytest.mark.parametrize(
    "noise",
    [
        Gaussian(0.5, tau=1e-4),
        # The Taylor remainder falls with the square of the gain, the standard error with the gain.
        Poisson(1e-4, tau=1e-4),
        PoissonGaussian(0.05, 1e-4, tau=1e-4),
        PoissonGaussian(0.05, 1e-4, tau=1e-4, curvature_tau=1e-2),
        Correlated(0.5, tau=1e-4),
        Gamma(1e-4, tau=1e-4),
        Gamma(1e-3, tau=1e-4, curvature_tau=1e-2),
    ],
    ids=repr,
)
def test_sure_is_unbiased_for_curved_estimators(noise: Noise, h: Estimator) -> None:
    assert_unbiased(noise, h)


@pytest.mark.parametrize("tau", [1e-3, 1e-1, 10.0])
@every_model
def test_the_step_does_not_matter_for_linear_estimators(name: str, tau: float) -> None:
    noise = type(CASES[name][0])(0.3, tau=tau)
    y = noise.sample(U.expand(4, -1), rng("y"))
    small = type(noise)(0.3, tau=1.0).sure(y, matrix, matrix(y), rng("probe"))
    torch.testing.assert_close(noise.sure(y, matrix, matrix(y), rng("probe")), small)


def test_sure_of_each_sample_is_its_own() -> None:
    """Row i of a batch depends on measurement i alone, apart from the random probe."""
    y = U + OFFSETS
    changed = y.index_fill(0, torch.tensor([1], device=DEVICE), 3.0)
    for noise, _ in CASES.values():
        a, b = (noise.sure(t, smoother, smoother(t), rng("own")) for t in (y, changed))
        assert torch.equal(a[[0, 2]], b[[0, 2]])
        assert a[1] != b[1]


@every_model
def test_with_a_stream_each_a_sample_does_not_depend_on_its_batch(name: str) -> None:
    """Noise and probe of a sample are its own, so a batch may be shared out among processes."""
    noise, _ = CASES[name]
    u = U + OFFSETS
    y = noise.sample(u, streams(range(3)))
    risk = noise.sure(y, smoother, smoother(y), streams(range(3)))
    for place in range(3):
        own = noise.sample(u[[place]], streams([place]))
        assert torch.equal(own, y[[place]])
        alone = noise.sure(own, smoother, smoother(own), streams([place]))
        torch.testing.assert_close(alone, risk[[place]])
    twins = noise.sample(u[[0, 0]], streams(range(2)))
    assert not torch.equal(twins[0], twins[1])


def test_streams_must_share_the_batch_equally() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        Gaussian(0.1).sample(U.expand(3, -1), streams(range(2)))


def test_rates_that_cannot_be_counted_are_not_numbers() -> None:
    rate = torch.tensor([[float("nan"), float("inf"), 1e10, -1.0, 3.0]], device=DEVICE)
    found = photons(rate, rng("vast"))[0]
    assert found.isnan().tolist() == [True, True, True, False, False]
    assert found[3] == 0
    # The count of the last one does not depend on its neighbours.
    alone = photons(torch.tensor([[0.0, 0.0, 0.0, 0.0, 3.0]], device=DEVICE), rng("vast"))[0]
    assert found[4] == alone[4]


def test_sure_is_differentiable() -> None:
    for noise, _ in CASES.values():
        weight = torch.tensor(0.5, dtype=F64, device=DEVICE, requires_grad=True)
        noise.sure(U, lambda y, w=weight: w * y, weight * U, rng("slope")).sum().backward()
        assert weight.grad is not None
        assert weight.grad.isfinite()


# The second-order term of the mixed model

CURVES = torch.linspace(-0.4, 1.0, 24, dtype=F64, device=DEVICE)


def quadratic(values: Tensor, bent: Tensor = CURVES) -> Tensor:
    """∂²hᵢ/∂yᵢ² = 2 · bentᵢ, and terms that only a wrong derivative would see."""
    neighbour = values.roll(1, -1)
    return (
        bent * values.square() + 0.3 * neighbour.square() + 0.5 * values + 0.2 * values * neighbour
    )


ONES = torch.ones((), dtype=F64, device=DEVICE)


@pytest.mark.parametrize("kappa", [0.5, 1.0, 3.0])
def test_curvature_of_a_quadratic(kappa: float) -> None:
    y = U.expand(20_000, -1)
    found = curvature(y, quadratic, quadratic(y), ONES, rng("curvature"), 0.1, kappa)
    expected = (2 * CURVES).mean()
    assert abs(z_score(found, expected)) < Z_LIMIT
    assert abs(z_score(found, -expected)) > 10


def test_curvature_of_a_line_is_zero_on_average() -> None:
    y = U.expand(100, -1)
    assert curvature(y, matrix, matrix(y), ONES, rng("curvature"), 0.1).abs().max() < 1e-10


def remainders(noise: PoissonGaussian, u: Tensor) -> tuple[float, float]:
    """What a quadratic h adds to the bias: 2σ²γκ and γ²uκ, with κ its mean second derivative.

    With E[u h(y)] = E[y h(y − γe) − σ² ∂h(y − γe)], expanded to second order in γ, the risk is the
    first-order estimate less (1/m) Σ (2σ²γ + γ² yᵢ) ∂²hᵢ/∂yᵢ².
    """
    gaussian = 2 * noise.sigma**2 * noise.gain * (2 * CURVES).mean()
    poisson = noise.gain**2 * (u * 2 * CURVES).mean()
    return float(gaussian), float(poisson)


def test_the_second_order_term_takes_the_bias_away() -> None:
    """Where 2σ² is large against γu, the case of Le Montagner et al."""
    first = PoissonGaussian(1.0, 0.05, tau=1e-3)
    second = PoissonGaussian(1.0, 0.05, tau=1e-3, curvature_tau=1.0)
    u, n = U / 20, 40_000
    biased, better = errors(first, quadratic, u, n), errors(second, quadratic, u, n)
    assert z_score(biased) > 6
    assert abs(z_score(better)) < Z_LIMIT
    # Half of it, a factor 2 forgotten, would be seen.
    assert z_score((biased + better) / 2) > 6


@pytest.mark.parametrize(("sigma", "gain"), [(0.3, 0.2), (0.1, 0.3)])
def test_the_bias_that_each_order_leaves(sigma: float, gain: float) -> None:
    """The first order is as biased as theory says, the second is not, at few photons too."""
    first = PoissonGaussian(sigma, gain, tau=1e-3)
    second = PoissonGaussian(sigma, gain, tau=1e-3, curvature_tau=0.3)
    gaussian, poisson = remainders(first, U)
    n = 40_000
    assert abs(z_score(errors(first, quadratic, U, n), gaussian + poisson)) < Z_LIMIT
    left = errors(second, quadratic, U, n)
    assert abs(z_score(left)) < Z_LIMIT
    # Without its part in γ²y, as it is often written, it would still be biased.
    assert z_score(left + poisson) > 6


def test_the_second_order_of_poisson_noise_takes_its_bias_away() -> None:
    """It is γ²uκ, with κ the mean second derivative."""
    first, second = Poisson(0.3, tau=1e-3), Poisson(0.3, tau=1e-3, curvature_tau=0.3)
    bias = float(0.3**2 * (U * 2 * CURVES).mean())
    n = 40_000
    biased, left = errors(first, quadratic, U, n), errors(second, quadratic, U, n)
    assert abs(z_score(biased, bias)) < Z_LIMIT
    assert z_score(biased) > 6
    assert abs(z_score(left)) < Z_LIMIT


@pytest.mark.parametrize("gain", [0.05, 0.3])
def test_the_second_order_of_gamma_noise_takes_its_bias_away(gain: float) -> None:
    """It is 2γ²u³κ, with κ the mean second derivative, and nothing is left for quadratic h."""
    first, second = Gamma(gain, tau=1e-3), Gamma(gain, tau=1e-3, curvature_tau=0.3)
    bias = float(2 * gain**2 * (U**3 * 2 * CURVES).mean())
    n = 40_000
    biased, left = errors(first, quadratic, U, n), errors(second, quadratic, U, n)
    assert abs(z_score(biased, bias)) < Z_LIMIT
    assert z_score(biased) > 5
    assert abs(z_score(left)) < Z_LIMIT


# Noise as a setting

#: What the settings σ = 0.3, γ = 0.2 make of each model, with its variance where u is 2.
MADE: dict[str, tuple[Noise, float]] = {
    "gaussian": (Gaussian(0.3, 0.01), 0.09),
    "poisson": (Poisson(0.2, 0.01), 0.4),
    "mixed": (PoissonGaussian(0.3, 0.2, 0.01), 0.49),
}


@pytest.mark.parametrize("model", MADE)
def test_models_by_name(model: str) -> None:
    made, variance = MADE[model]
    assert make_noise(model, 0.3, 0.2, Steps(0.01)) == made
    assert made.level == {"sigma": 0.3, "gamma": 0.2}[NOISES[model].level]
    # Not so at the brightest value 2 alone: the variance is that of the noise which is drawn.
    assert NOISES[model].variance(0.3, 0.2, 2.0) == pytest.approx(variance)
    assert CASES_OF[model](torch.tensor(2.0)) == pytest.approx(variance)


#: Variances of σ = 0.3, γ = 0.2, as ``CASES`` have them.
CASES_OF = {
    "gaussian": CASES["gaussian"][1],
    "poisson": lambda u: CASES["poisson, few photons"][1](u) / 2,
    "mixed": CASES["mixed"][1],
}


@pytest.mark.parametrize("model", MADE)
def test_steps_in_deviations_of_the_noise(model: str) -> None:
    """They grow with the noise where u is brightest."""
    deviation = MADE[model][1] ** 0.5
    noise = make_noise(model, 0.3, 0.2, Steps(0.5, "deviations"), peak=2.0)
    assert noise.tau == pytest.approx(0.5 * deviation)  # type: ignore[attr-defined]
    # An absolute step is what it is, however strong the noise.
    for sigma, gamma in ((0.3, 0.2), (3.0, 20.0)):
        noise = make_noise(model, sigma, gamma, Steps(0.01), peak=2.0)
        assert noise.tau == 0.01  # type: ignore[attr-defined]


def test_steps_of_the_second_order() -> None:
    assert make_noise("poisson", 0.3, 0.2, Steps(0.01)) == Poisson(0.2, 0.01, None)
    assert make_noise("poisson", 0.3, 0.2, Steps(0.01, "units", 0.5)) == Poisson(0.2, 0.01, 0.5)
    found = make_noise("mixed", 0.3, 0.2, Steps(0.5, "deviations", 2.0), peak=2.0)
    assert found == PoissonGaussian(0.3, 0.2, 0.5 * 0.49**0.5, 2 * 0.49**0.5)
    with pytest.raises(ValueError, match=r"curvature = 2, but SURE of Gaussian noise has no sec"):
        make_noise("gaussian", 0.3, 0.2, Steps(0.01, "units", 2.0))


def test_without_noise_there_is_still_a_step() -> None:
    noise = make_noise("gaussian", 0.0, 0.2, Steps(0.1, "deviations"))
    y = U.expand(3, -1)
    expected = mean((y - bend(y)) ** 2)
    assert torch.equal(noise.sure(y, bend, bend(y), rng("probe")), expected)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean 'poisson'"):
        make_noise("poison", 0.1, 0.1, Steps(0.01))
