"""Black and constant images, no noise and too much, huge rates: a number or a word, never NaN."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from kit.trainings import fitting

from benchmarks.faults import numbers
from reilab.datasets.samples import InMemory
from reilab.events import Failed
from reilab.key import Key
from reilab.methods.registry import methods
from reilab.nets.registry import networks
from reilab.noise import HIGHEST, NOISES, Steps, make_noise
from reilab.runs.stream import prepare_values
from reilab.tasks.registry import MODEL, find_task, tasks
from reilab.training.config import TrainConfig

every_task = pytest.mark.parametrize("task", sorted(tasks()))


@pytest.mark.parametrize("method", sorted(methods()))
def test_every_method_learns_of_black_images(method: str) -> None:
    """``python -m benchmarks.faults numbers`` tries more of them, in every task."""
    model = fitting("ct", [method]).get(MODEL, "")
    assert not numbers.learn("ct", method, images="black", model=model, batch=1)


@every_task
@pytest.mark.parametrize("images", ["black", "white", "one image"])
def test_degenerate_images_are_learned_from(task: str, images: str) -> None:
    assert not numbers.learn(task, "rei", images=images, batch=1)


@every_task
@pytest.mark.parametrize("network", sorted(networks()))
def test_every_network_learns_of_black_images(task: str, network: str) -> None:
    assert not numbers.learn(task, "rei", network=network, images="black", batch=1)


@every_task
def test_next_to_no_noise_is_no_trouble(task: str) -> None:
    level = 0.0 if task == "mri" else 1e-3
    assert not numbers.learn(task, "rei", level=level, batch=1)


@every_task
def test_a_network_that_gives_no_images_any_more_has_failed(task: str) -> None:
    """Its last step was finite, its weights are not."""
    problem = numbers.posed(task, "unet", "ordinary", "", "", 1.0)
    config = TrainConfig(1, log_every=1, evaluate_every=1)
    specs = [methods()["supervised"].spec()]
    prepared = prepare_values(problem, specs, config, None, None, "cpu")
    # No rate that may be asked for does it.
    prepared.states[0].learning_rate = 1e30
    *_, last = prepared.run()
    assert isinstance(last, Failed)
    assert (last.method, last.step, last.term) == ("supervised", 1, "x̂")
    assert "after step 1" in last.message
    assert "smaller learning rate" in last.message


REFUSED = {
    "none": "there is no image x",
    "one NaN": r"sample 0 \(4 of 4 samples\) has values that are not finite",
    "infinite": "are not finite|reaches inf",
    "huge": "an image to evaluate on reaches|are not finite",
    "bytes": r"train images are .* of torch\.uint8",
    "double": r"of torch\.float64, and the operator has",
    "complex": r"of torch\.complex64.*two channels",
    "odd sides": r"\(., 31, 32\)",
    "another channel": r"train images are \([234], 32, 32\)",
}


@every_task
@pytest.mark.parametrize("images", REFUSED)
def test_what_is_no_image_is_named_before_training(task: str, images: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[images]):
        numbers.learn(task, "ei", images=images)


def test_a_refused_sample_is_counted_from_0() -> None:
    x = torch.zeros(3, 1, 4, 4)
    x[1, 0, 2, 2] = torch.nan
    with pytest.raises(ValueError, match=r"image x of sample 1 \(1 of 3 samples\)"):
        InMemory(x)


@pytest.mark.parametrize("model", sorted(NOISES))
@pytest.mark.parametrize(("sigma", "gamma"), [(1e300, 1.0), (1.0, 1e300), (1.0, 1e-300)])
def test_levels_that_no_number_holds_are_refused(model: str, sigma: float, gamma: float) -> None:
    if (NOISES[model].level == "sigma" or model == "impulse") and gamma < 1:
        pytest.skip("has no gain")
    told = r"(sigma|gamma) = 1e[+-]300 is too (large|small)|gain = 1e-300 is too small"
    with pytest.raises(ValueError, match=told):
        make_noise(model, sigma, gamma, Steps(0.1))


@pytest.mark.parametrize("model", sorted(NOISES))
def test_sure_of_degenerate_measurements_is_finite(model: str) -> None:
    noise = make_noise(model, 0.0, 1e-6, Steps(0.01, "deviations"))
    for value in () if NOISES[model].lacks("SURE") else (0.0, 1.0):
        u = torch.full((2, 1, 8, 8), value)
        y = noise.sample(u, Key(0).streams(range(2)))
        risk = noise.sure(y, lambda z: 0 * z, 0 * y, Key(1).streams(range(2)))
        torch.testing.assert_close(risk, torch.full((2,), value), atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="too large"):
        noise.at(10 * HIGHEST)


@every_task
def test_measurements_of_nothing_can_be_looked_at(task: str) -> None:
    problem = find_task(task).pose("smoke")
    drawn = problem.picture.draw(problem.physics(torch.zeros(2, *problem.physics.domain)))
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_a_share_of_the_attacks_is_held_off(tmp_path: Path) -> None:
    wrong = {one.name: one.strike() for one in numbers.attacks(random.Random(7), 12, tmp_path)}
    assert not {name: fault for name, fault in wrong.items() if fault}
