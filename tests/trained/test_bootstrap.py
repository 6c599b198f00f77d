"""Error bars by the equivariant bootstrap: where their coverage is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from reilab.cli.main import main
from reilab.datasets.samples import InMemory
from reilab.groups import Rotations, Shifts
from reilab.key import Key
from reilab.methods.base import Reconstruct
from reilab.noise import Gaussian
from reilab.physics.mask import PixelMask
from reilab.problem import Problem
from reilab.trained.bootstrap import FEWEST, LEVELS, ErrorBars, bootstrap, rms
from reilab.trained.tally import Tally
from reilab.training.evaluate import Exam, pinv

SIDE, N_IMAGES, SIGMA = 6, 400, 0.1


def posed(pixels: Tensor, sigma: float = SIGMA, n_images: int = N_IMAGES) -> tuple[Problem, Exam]:
    """Pixels of random images, with Gaussian noise."""
    x = torch.rand(n_images, 1, SIDE, SIDE, generator=Key(0).generator())
    mask = PixelMask((1, SIDE, SIDE), pixels)
    samples = InMemory(x, None, None)
    problem = Problem(mask, Gaussian(sigma), Shifts(SIDE), samples, samples)
    y = problem.measured_once(samples, Key(1)).y
    assert y is not None
    return problem, Exam(y, x, x, batch=100)


EVERY = torch.arange(SIDE * SIDE)


def found_and_true(
    f: Reconstruct, problem: Problem, exam: Exam, n: int = 39
) -> tuple[ErrorBars, Tensor]:
    assert exam.x is not None
    errors = f(exam.y, problem.physics) - exam.x
    return bootstrap(f, problem, exam, n, Key(2)), errors


def test_it_counts_what_is_reconstructed() -> None:
    told: list[tuple[int, int]] = []
    problem, exam = posed(EVERY)
    tally = Tally(FEWEST * N_IMAGES, lambda done, of: told.append((done, of)))
    bootstrap(pinv, problem, exam, FEWEST, Key(0), tally)
    assert len(told) == FEWEST * -(-N_IMAGES // exam.batch)
    assert told == sorted(told)
    assert told[-1] == (tally.of, tally.of)


def test_bounds_hold_as_often_as_they_promise() -> None:
    """Whose error is noise alone, the bootstrap draws it from the law that it has."""
    problem, exam = posed(EVERY)
    bars, errors = found_and_true(pinv, problem, exam)
    for shares, n in zip(bars.coverage(errors).values(), (N_IMAGES, exam.y.numel()), strict=True):
        for level, share in shares.items():
            nominal = float(level)
            deviation = (nominal * (1 - nominal) / n) ** 0.5
            # The deviation of 39 draws makes of a normal law one of Student, wider by up to 1 %.
            assert abs(share - nominal) < 4 * deviation + 0.01
    # χ²: the relative deviation of a variance of n draws of all images is √(2/n).
    mean_square = float(bars.deviation.square().mean())
    assert mean_square == pytest.approx(SIGMA**2, rel=4 * (2 / (39 * exam.y.numel())) ** 0.5)
    assert float(bars.draws.mean()) == pytest.approx(SIGMA, rel=0.02)


def test_moved_images_tell_what_the_operator_does_not_see() -> None:
    """Half of the pixels are lost: so is half of the energy of moved images, but of few.

    Nothing is found of it where images are not moved, for A†A x̂ = x̂.
    """
    problem, exam = posed(EVERY[::2], 0.0)
    bars, errors = found_and_true(pinv, problem, exam)
    assert float(bars.draws.amax(1).min()) > 0.2
    assert float(rms(errors).mean()) > 0.3


def test_the_map_is_moved_back() -> None:
    """An error at one place of the detector is one at many places of the image."""
    problem, exam = posed(EVERY, 0.0, 3)
    spot = torch.zeros(1, 1, SIDE, SIDE)
    spot[0, 0, 2, 3] = 1.0
    bars, _ = found_and_true(lambda y, physics: physics.pinv(y) + spot, problem, exam)
    energy = bars.deviation.square()
    torch.testing.assert_close(energy.sum((1, 2, 3)), torch.ones(3))
    assert int((energy[0] > 1e-3).sum()) > 10
    # No shift leaves a pixel in its place.
    assert float(energy[:, 0, 2, 3].max()) < 1e-9
    torch.testing.assert_close(bars.draws, torch.full((3, 39), 1 / SIDE))


def test_an_error_that_moves_with_the_image_stays_in_its_place() -> None:
    """Too bright by half: wherever the image is moved, each pixel is off by half of itself."""
    problem, exam = posed(EVERY, 0.0, 3)
    bars = bootstrap(lambda y, physics: 1.5 * physics.pinv(y), problem, exam, FEWEST, Key(0))
    assert exam.x is not None
    torch.testing.assert_close(bars.deviation, 0.5 * 1.5 * exam.x)


def test_interpolation_is_no_error_of_the_network() -> None:
    problem, exam = posed(EVERY, 0.0, 3)
    turned = Problem(problem.physics, problem.noise, Rotations(), problem.train, problem.test)
    bars = bootstrap(pinv, turned, exam, FEWEST, Key(0))
    assert float(bars.deviation.max()) < 1e-6


def test_bounds_are_order_statistics() -> None:
    draws = torch.arange(1.0, 20.0).flip(0).repeat(2, 1)
    bars = ErrorBars(torch.full((2, 1, 1, 1), 12.0), draws)
    assert [bars.bound(level)[0].item() for level in LEVELS] == [10, 16, 18, 19]
    # 18 and 20 are 1.5 and 1.67 deviations, of which a normal law has 87 % and 90.4 % below.
    assert bars.coverage(torch.tensor([18.0, -20.0]).view(2, 1, 1, 1)) == {
        "images": {"0.5": 0.0, "0.8": 0.0, "0.9": 0.5, "0.95": 0.5},
        "values": {"0.5": 0.0, "0.8": 0.0, "0.9": 0.5, "0.95": 1.0},
    }


def test_draws_do_not_depend_on_batches() -> None:
    problem, exam = posed(EVERY, n_images=5)
    together, _ = found_and_true(pinv, problem, exam)
    apart, _ = found_and_true(pinv, problem, Exam(exam.y, exam.x, exam.x, batch=2))
    torch.testing.assert_close(together.draws, apart.draws)
    assert float(together.draws.std(0).min()) > 0
    assert float(together.draws.std(1).min()) > 0


def test_too_few_draws_are_refused() -> None:
    problem, exam = posed(EVERY, n_images=1)
    with pytest.raises(ValueError, match="bootstrap = 18 is too small"):
        bootstrap(pinv, problem, exam, 18, Key(0))


@pytest.mark.slow
def test_evaluate_tells_and_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run, out = tmp_path / "run", tmp_path / "out"
    main(["train", "inpainting", "--preset", "smoke", "--steps", "1", "--out", str(run)])
    words = ["inpainting", "--checkpoint", str(run), "--bootstrap", "19", "--out", str(out)]
    main(["evaluate", *words, "--json"])
    *_, line = shown = capsys.readouterr().out.splitlines()
    start, rei = json.loads(line)["results"]
    for shares in (rei["coverage"][what] for what in ("images", "values")):
        assert list(shares) == [f"{level:g}" for level in LEVELS]
    assert rei["bound_90"]["mean"] > 0
    assert start["coverage"] != rei["coverage"] or start["bound_90"] != rei["bound_90"]
    assert any(row.split()[2:3] == ["values"] for row in shown)
    (kept,) = out.glob("deviation-rei-*.npy")
    assert np.load(kept).shape == (rei["images"], 3, 32, 32)
