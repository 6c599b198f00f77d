"""GR2R: independent pairs of one measurement, the risk without bias, and what deepinv has of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import deepinv
import pytest
import torch
from scipy import stats
from torch import Tensor

from reilab.key import Key
from reilab.methods.recorrupted import GR2R, Recorruption
from reilab.methods.registry import methods
from reilab.noise import (
    NOISES,
    Correlated,
    Gamma,
    Gaussian,
    Noise,
    Poisson,
    PoissonGaussian,
    Recorruptible,
    mean,
    thinned,
)
from reilab.physics.base import Physics
from reilab.physics.mask import PixelMask
from reilab.problem import Measurement
from reilab.runs.config import check_fits, configure
from reilab.tasks.registry import tasks
from reilab.testing import Z_LIMIT, z_score
from reilab.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("random_states_untouched")
F64 = torch.float64
ALPHA, N = 0.3, 6000
SIDE = 5
#: Sees every other pixel; one image, dark and bright.
MASK = PixelMask((1, SIDE, SIDE), torch.arange(0, SIDE**2, 2))
X = torch.linspace(0.1, 1.5, SIDE**2, dtype=F64).view(1, 1, SIDE, SIDE)
U = MASK(X)
#: With the variance of y at u.
NOISY: dict[str, tuple[Recorruptible, Callable[[Tensor], Tensor]]] = {
    "gaussian": (Gaussian(0.4), lambda u: 0 * u + 0.16),
    "correlated": (Correlated(0.4), lambda u: 0 * u + 0.16),
    "poisson, few photons": (Poisson(0.5), lambda u: 0.5 * u),
    "poisson, many photons": (Poisson(1e-3), lambda u: 1e-3 * u),
    "gamma, few looks": (Gamma(0.6), lambda u: 0.6 * u**2),
    "gamma, many looks": (Gamma(1e-2), lambda u: 1e-2 * u**2),
}
every_noise = pytest.mark.parametrize("name", NOISY)


def measured(noise: Noise, n: int = N) -> Measurement:
    y = noise.sample(U.expand(n, -1, -1), Key(1).streams([0]))
    return Measurement(y, MASK.pinv(y), MASK, noise)


def pairs(noise: Recorruptible) -> tuple[Tensor, Tensor]:
    y = measured(noise).y
    first = noise.recorrupt(y, ALPHA, Key(2).streams([0]))
    return first, (y - (1 - ALPHA) * first) / ALPHA


@every_noise
def test_both_of_a_pair_measure_the_same_with_shares_of_the_noise(name: str) -> None:
    noise, variance = NOISY[name]
    for values, share in zip(pairs(noise), (1 - ALPHA, ALPHA), strict=True):
        gap = (values - U)[:, 0]
        for place, expected in enumerate(variance(U).flatten().tolist()):
            assert abs(z_score(gap[:, place])) < Z_LIMIT
            assert abs(z_score(gap[:, place] ** 2, expected / share)) < Z_LIMIT


@every_noise
def test_the_two_are_independent(name: str) -> None:
    """Not only uncorrelated: no bent function of the one tells of the other, or of its size."""
    noise, variance = NOISY[name]
    first, second = (
        (one - U) / (variance(U) / share).sqrt()
        for one, share in zip(pairs(noise), (1 - ALPHA, ALPHA), strict=True)
    )
    for one in (first, first.square() - 1, first.sin()):
        for other in (second, second.square() - 1):
            # Neighbours are looked at, too, which correlated noise makes alike.
            for values in (one * other, one[..., 1:] * other[..., :-1]):
                assert abs(z_score(mean(values))) < Z_LIMIT


@pytest.mark.parametrize("name", ["gaussian", "poisson, few photons", "gamma, few looks"])
def test_the_noisier_one_is_of_the_same_kind_of_noise(name: str) -> None:
    noise, _ = NOISY[name]
    first, u = pairs(noise)[0][:, 0, 5].numpy(), float(U[0, 0, 5])
    match noise:
        case Gaussian(sigma=sigma):
            found = stats.kstest(first, stats.norm(u, sigma / (1 - ALPHA) ** 0.5).cdf).pvalue
        case Gamma(gain=gain):
            looks = (1 - ALPHA) / gain
            found = stats.kstest(first, stats.gamma(looks, scale=u / looks).cdf).pvalue
        case Poisson(gain=gain):
            law = stats.poisson((1 - ALPHA) * u / gain)
            counts = torch.from_numpy(first * (1 - ALPHA) / gain).round().clamp(max=5).long()
            expected = [*(len(first) * law.pmf(range(5))), len(first) * law.sf(4)]
            found = stats.chisquare(torch.bincount(counts, minlength=6), expected).pvalue
    assert found > 1e-4


def linear(y: Tensor, physics: Physics) -> Tensor:
    start = physics.pinv(y)
    return 0.6 * start + 0.3 * start.roll(2, 3) + 0.1 * start.roll(1, 2)


def bent(y: Tensor, physics: Physics) -> Tensor:
    """Smooth, and of what is dark and bright at once."""
    start = physics.pinv(y)
    return (1.5 * start).tanh() + 0.4 * (start * start.roll(2, 3)).sin()


@pytest.mark.parametrize("f", [linear, bent])
@every_noise
def test_its_mean_is_the_risk_and_a_number(
    name: str, f: Callable[[Tensor, Physics], Tensor]
) -> None:
    """Exact for any f, however few the photons are; only at y₁, which is noisier than y."""
    noise, variance = NOISY[name]
    m, key = measured(noise), Key(4)
    found = Recorruption(ALPHA)(m, m.start, f, key)
    first = noise.recorrupt(m.y, ALPHA, m.streams(key))
    risk = mean((MASK(f(first, MASK)) - U) ** 2)
    constant = variance(U).mean() / ALPHA
    assert abs(z_score(found - risk, constant)) < Z_LIMIT
    # What is compared with must not be y, which has the noise that f was given.
    naive = mean((MASK(f(first, MASK)) - m.y) ** 2)
    assert abs(z_score(naive - risk, variance(U).mean())) > 10


THEIRS = {
    "gaussian": deepinv.physics.GaussianNoise(0.4),
    "poisson, few photons": deepinv.physics.PoissonNoise(0.5),
    "gamma, few looks": deepinv.physics.GammaNoise(torch.tensor(1 / 0.6)),
}


@pytest.mark.parametrize("name", THEIRS)
def test_deepinv_has_the_same_pairs_and_the_same_loss(name: str) -> None:
    noise, _ = NOISY[name]
    m, key = measured(noise), Key(5)
    loss = deepinv.loss.R2RLoss(noise_model=THEIRS[name], alpha=ALPHA)
    model = loss.adapt_model(torch.nn.Identity())
    model.curr_noise_model = THEIRS[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = model.get_corruptor(m.y)()
    ours = noise.recorrupt(m.y, ALPHA, m.streams(key))
    for power in (1, 2, 3):
        assert abs(z_score((theirs - m.y) ** power - (ours - m.y) ** power)) < Z_LIMIT
    model.corruption = ours
    expected = loss(bent(ours, MASK), m.y, Everything(), model)
    found = Recorruption(ALPHA)(m, m.start, bent, key)
    torch.testing.assert_close(found.mean(), expected)


class Everything:
    """Of deepinv's kind, as far as their loss asks."""

    A = MASK


@pytest.mark.parametrize("noise", [Gaussian(0.0), Poisson(1e-6), Gamma(1e-8)], ids=repr)
def test_next_to_no_noise_leaves_y_as_it_is(noise: Recorruptible) -> None:
    m = measured(noise, 3)
    first = noise.recorrupt(m.y, ALPHA, m.streams(Key(0)))
    torch.testing.assert_close(first, m.y, rtol=0, atol=0.01)


def test_what_cannot_be_counted_is_not_drawn_for_ever() -> None:
    y = torch.tensor([[float("nan"), float("inf"), -2.0, 2.6, 1e9]])
    found = thinned(y, 0.5, Key(0).streams([0]))[0]
    assert found[:3].tolist() == [0, 0, 0]
    assert 0 <= found[3] <= 3
    assert found[4] == pytest.approx(5e8, rel=1e-3)
    assert Poisson(1.0).recorrupt(y, 0.5, Key(0).streams([0]))[0, 0].isnan()


REFUSING = [n for n in NOISES if n not in ("gaussian", "correlated", "poisson", "gamma")]


@pytest.mark.parametrize("model", REFUSING)
def test_noise_without_pairs_is_refused(model: str) -> None:
    words = f"'gr2r' needs pairs, and {model} noise has none: to draw them .+; .*supervised.*, ei"
    with pytest.raises(ValueError, match=words) as refused:
        configure("inpainting", "smoke", ["mc", "gr2r"], settings={"noise_model": model})
    assert "\n" not in str(refused.value)
    m = replace(measured(Gaussian(0.1), 1), noise=PoissonGaussian(0.1))
    with pytest.raises(ValueError, match="PoissonGaussian noise has no pairs"):
        Recorruption(ALPHA)(m, m.start, linear, Key(0))


def test_problems_made_by_hand_are_refused_too() -> None:
    problem = replace(tasks()["inpainting"].pose("smoke"), noise=PoissonGaussian(0.1))
    with pytest.raises(ValueError, match="'gr2r' needs pairs, and PoissonGaussian noise has none"):
        check_fits(problem, [GR2R()], TrainConfig(batch=2))
    assert "gr2r" in methods()
