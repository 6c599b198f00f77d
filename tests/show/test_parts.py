"""Parts of images: they add up, they are those of the operator, and their scale is the one told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from reilab.events import Metrics
from reilab.problem import Problem
from reilab.runs.config import build, configure
from reilab.show.panes import PINV, TRUTH
from reilab.show.parts import SEEN, UNSEEN, spectrum_of, split_of
from reilab.show.scene import Scene, Shot


def scene_of_problem(problem: Problem) -> Scene:
    """Ground truth, A†y and a blurred image as a run would show them."""
    x = problem.test.batch(torch.tensor([0])).x
    assert x is not None
    pinv = problem.physics.pinv(problem.physics(x))
    images = [
        problem.image(one)[0].permute(1, 2, 0).numpy().astype(np.float32)
        for one in (x, pinv, 0.8 * x)
    ]
    truth, metrics = images[0], Metrics(20, 0.5, 0.1, 23, 24)
    shots = [
        Shot(key, key, "#123456", 0, 0, image, None if key == TRUTH else truth, metrics)
        for key, image in zip((TRUTH, PINV, "rei"), images, strict=True)
    ]
    return Scene("run", 0, shots, None, 0.0, 1.0)


@pytest.mark.parametrize("task", ["mri", "inpainting", "ct"])
def test_what_is_seen_and_unseen_add_up_to_the_image(task: str) -> None:
    problem = build(configure(task, "smoke"))
    scene = scene_of_problem(problem)
    seen, unseen = (split_of(scene, part, problem) for part in (SEEN, UNSEEN))
    for whole, one, other in zip(scene.shots, seen.shots, unseen.shots, strict=True):
        assert (one.part, other.part) == (SEEN, UNSEEN)
        assert one.image + other.image == pytest.approx(whole.image, abs=1e-4)
    lost = np.abs(unseen.shots[0].image).max()
    assert lost > 0.02
    # Errors are those of the part, as shares of the range of whole images.
    missed = unseen.shots[2].image - unseen.shots[0].image
    assert unseen.errors["rei"] == pytest.approx(np.abs(missed).mean(-1), abs=1e-5)


def test_inpainting_sees_the_pixels_that_are_kept_and_ct_says_how_it_looks() -> None:
    problem = build(configure("inpainting", "smoke"))
    scene = scene_of_problem(problem)
    seen, unseen = (split_of(scene, part, problem) for part in (SEEN, UNSEEN))
    kept = scene.shots[1].image.any(-1)
    assert not seen.shots[0].image[~kept].any()
    assert not unseen.shots[0].image[kept].any()
    assert (seen.low, seen.high) == (0.0, 1.0)
    assert unseen.low == -unseen.high
    assert f"white {unseen.high:g}" in unseen.note
    problem = build(configure("ct", "smoke"))
    assert "20 steps" in split_of(scene_of_problem(problem), SEEN, problem).note


def test_all_of_the_first_reconstruction_is_seen_though_its_phase_is_not_kept() -> None:
    problem = build(configure("mri", "smoke"))
    scene = scene_of_problem(problem)
    unseen = split_of(scene, UNSEEN, problem)
    assert not unseen.shots[1].image.any()
    assert unseen.shots[2].image.any()
    assert "magnitudes" in unseen.note


def test_a_spectrum_goes_60_db_down_and_is_centred() -> None:
    x = np.mgrid[:32, :32][1]
    waves = 0.5 + 0.05 * np.cos(2 * np.pi * 4 * x / 32).astype(np.float32)[..., None]
    scene = Scene("run", 0, [Shot(TRUTH, "x", "#0", 0, 0, waves)], None, 0.0, 1.0)
    found = spectrum_of(scene)
    [shot] = found.shots
    assert shot.image[16, 16, 0] == pytest.approx(1.0)
    # A twentieth of the mean, half of it on either side: 26 dB below.
    assert shot.image[16, 20, 0] == pytest.approx(1 + 20 * np.log10(0.05) / 60, abs=1e-3)
    assert shot.image[5, 5, 0] == 0
    assert (found.low, found.high, found.errors) == (0.0, 1.0, {})


def test_images_of_another_problem_and_unknown_projections_are_refused() -> None:
    problem = build(configure("inpainting", "smoke"))
    scene = scene_of_problem(problem)
    small = replace(scene, shots=[replace(one, image=one.image[:8, :8]) for one in scene.shots])
    with pytest.raises(ValueError, match="none of the operator's"):
        split_of(small, SEEN, problem)

    class Unknown:
        domain, range = problem.physics.domain, problem.physics.range
        __call__ = staticmethod(problem.physics)

        @staticmethod
        def pinv(y: torch.Tensor) -> torch.Tensor:
            return problem.physics.pinv(y) ** 2

    with pytest.raises(ValueError, match="not known"):
        split_of(scene, SEEN, replace(problem, physics=Unknown()))
