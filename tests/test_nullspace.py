"""What is seen of an error and what is not: against dense algebra, in every task."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kit.dense import matrix_of, projector
from torch import Tensor

from reilab.events import Evaluated
from reilab.key import Key
from reilab.metrics import MOST, psnr
from reilab.nullspace import STEPS, Map, exact_projection, measured_part, same
from reilab.physics.base import LinearPhysics, Physics
from reilab.physics.fourier import CartesianMRI, PatternMRI
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import Radon, parallel_beam, ramp_filter
from reilab.physics.sense import SENSE, ring_maps
from reilab.physics.transmission import Transmission
from reilab.problem import Problem, magnitude
from reilab.record.codec import from_line, to_line
from reilab.record.pictures import Stored
from reilab.tasks.registry import find_task, tasks
from reilab.training.config import TrainConfig
from reilab.training.evaluate import marks, mean_of, prepare_exam, psnr_of_parts

DOUBLE = torch.float64
#: Singular values between these shares of the largest one may count as seen in tomography, or not.
SURELY, HARDLY = 0.05, 0.005


@pytest.fixture(scope="module", params=sorted(tasks()))
def problem(request: pytest.FixtureRequest) -> Problem:
    """The smoke problem of every task."""
    built: Problem = find_task(request.param).configure("smoke", {}).build()
    if built.split(images(built)) is None:
        pytest.skip(f"{request.param} does not say what its operator sees")
    return built


@pytest.mark.parametrize("task", ["mri", "inpainting", "ct"])
def test_our_own_tasks_know_what_their_operators_see(task: str) -> None:
    built: Problem = find_task(task).configure("smoke", {}).build()
    assert built.split(images(built)) is not None


def images(problem: Problem) -> Tensor:
    x = problem.test.batch(torch.arange(4)).x
    assert x is not None
    return x


def errors(problem: Problem) -> Tensor:
    """What is wrong with A†y, which has a part in the range and one in the null space."""
    x = images(problem)
    return problem.measure(problem.test.batch(torch.arange(4)), Key(5)).start - x


def linear(problem: Problem) -> Physics:
    physics = problem.physics
    return physics.radon.double if isinstance(physics, Transmission) else physics


def energy(x: Tensor) -> Tensor:
    return x.double().square().flatten(1).sum(1)


def dense_projection(physics: Physics, least: float) -> Map:
    """On the singular vectors with at least that share of the largest singular value."""
    matrix = matrix_of(physics)
    _, values, rows = torch.linalg.svd(matrix, full_matrices=False)
    kept = rows[values >= least * values[0]]
    return lambda x: (x.double().flatten(1) @ kept.T @ kept).view(x.shape)


def test_the_parts_add_up_at_right_angles(problem: Problem) -> None:
    e = errors(problem)
    split = problem.split(e)
    assert split is not None
    seen, lost = split
    torch.testing.assert_close(seen + lost, e)
    torch.testing.assert_close(energy(seen) + energy(lost), energy(e), rtol=1e-5, atol=0)


@pytest.mark.slow
def test_the_parts_are_those_of_dense_algebra(problem: Problem) -> None:
    e = errors(problem)
    split = problem.split(e)
    assert split is not None
    physics = linear(problem)
    if isinstance(physics, Radon):
        # Twenty steps see what is seen well, and nothing that is hardly seen.
        few, many = (energy(dense_projection(physics, s)(e)) for s in (SURELY, HARDLY))
        assert (energy(split[0]) > 0.97 * few).all()
        assert (energy(split[0]) < many).all()
        assert ((many - few) < 0.1 * many).all()
        # They are where they should be, not only as large.
        gap = energy(split[0] - dense_projection(physics, SURELY)(e))
        assert (gap < 0.03 * energy(e)).all()
    else:
        exact = dense_projection(physics, 1e-6)(e)
        torch.testing.assert_close(split[0].double(), exact, atol=1e-5, rtol=1e-5)


def test_splitting_twice_is_splitting_once(problem: Problem) -> None:
    e = errors(problem)
    split = problem.split(e)
    assert split is not None
    seen, lost = split
    # In tomography other directions come first the second time.
    most = 0.01 if isinstance(linear(problem), Radon) else 1e-10
    for part, keeps in ((seen, 0), (lost, 1)):
        again = problem.split(part)
        assert again is not None
        assert (energy(again[1 - keeps]) <= most * energy(e)).all()


def test_what_was_measured_without_noise_is_right_where_a_sees(problem: Problem) -> None:
    x = images(problem)
    exam = replace(prepare_exam(problem, TrainConfig()), x=x, truth=problem.image(x))
    if isinstance(problem.physics, Transmission):
        found = problem.split(x)
        assert found is not None
        metrics = marks(found[0], problem, exam)
    else:
        metrics = marks(problem.physics.pinv(problem.physics(x)), problem, exam)
    assert metrics is not None
    for one in metrics:
        assert one.psnr_range is not None
        assert one.psnr_null is not None
        assert one.psnr_range > (30 if isinstance(problem.physics, Transmission) else MOST - 1e-9)
        assert one.psnr_range <= MOST
    kept = Evaluated("rei", 3, mean_of(metrics), Stored(Path("images.npy")), metrics)
    line = to_line(kept)
    json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert from_line(line, "here") == kept


def test_figures_are_of_the_error_itself(problem: Problem) -> None:
    """Mean squares of the parts add up to that of the error, complex in MRI."""
    e = errors(problem)
    found = psnr_of_parts(images(problem) + e, images(problem), problem)
    assert found is not None
    per_pixel = e.double().square().mean((1, 2, 3))
    if problem.image is magnitude:
        per_pixel = 2 * per_pixel
    parts = sum(10 ** (-part.double() / 10) for part in found)
    torch.testing.assert_close(parts, per_pixel, rtol=1e-4, atol=1e-10)


def test_range_is_not_null_space() -> None:
    """An error in what MRI measures is in the range, whatever it does to the magnitude."""
    task = find_task("mri")
    problem: Problem = task.configure("smoke", {}).build()
    x = images(problem)
    y = torch.randn(len(x), *problem.physics.range, generator=Key(1).generator())
    found = psnr_of_parts(x + 0.1 * problem.physics.pinv(y), x, problem)
    assert found is not None
    assert (found[0] < 40).all()
    assert (found[1] == MOST).all()
    # The phase alone is wrong: magnitudes know of no error.
    turned = torch.stack([-x[:, 1], x[:, 0]], 1)
    found = psnr_of_parts(turned, x, problem)
    assert found is not None
    assert psnr(problem.image(turned), problem.image(x))[0] == MOST
    assert all((part < 40).all() for part in found)


@pytest.mark.parametrize("precondition", [ramp_filter, same])
@pytest.mark.parametrize(("views", "tolerance"), [(3, 1e-9), (6, 1e-6), (12, 1e-3)])
def test_radon_converges_without_drift(views: int, tolerance: float, precondition: Map) -> None:
    """What is left leaves a trace of no more than the tolerance, however many steps it takes."""
    radon = parallel_beam(16, views).double
    x = torch.rand(3, 1, 16, 16, generator=Key(2).generator()).double()
    part = measured_part(radon, x, precondition, n_steps=3000, tolerance=tolerance)
    trace = (energy(radon(x - part)) / energy(radon(x))).sqrt()
    assert (trace <= 1.001 * tolerance).all()
    torch.testing.assert_close(energy(part) + energy(x - part), energy(x), rtol=1e-3, atol=0)
    if views < 12:
        torch.testing.assert_close(part, dense_projection(radon, 1e-8)(x), atol=1e-3, rtol=0)


def test_each_image_is_split_as_if_it_were_alone() -> None:
    radon = parallel_beam(16, 6)
    x = torch.rand(3, 1, 16, 16, generator=Key(2).generator())
    x[1] = 0
    together = measured_part(radon.double, x, ramp_filter, STEPS)
    alone = torch.cat([measured_part(radon.double, one, ramp_filter, STEPS) for one in x.split(1)])
    torch.testing.assert_close(together, alone)
    assert not together[1].any()
    assert together.dtype == x.dtype


def test_only_a_pseudo_inverse_is_taken_for_one() -> None:
    like = torch.zeros(1)
    mask = torch.rand(16, 16, generator=Key(3).generator()) < 0.3
    mri = PatternMRI((2, 16, 16), mask.flatten().nonzero()[:, 0])
    assert exact_projection(mri, like) is not None
    radon = parallel_beam(16, 6)
    assert exact_projection(radon, like) is None
    assert exact_projection(Transmission(radon, 1e5, 0.01), like) is None


def test_where_the_projection_is_not_known_there_are_no_parts() -> None:
    problem: Problem = replace(find_task("ct").configure("smoke", {}).build(), seen=None)
    exam = prepare_exam(problem, TrainConfig())
    assert exam.x is not None
    metrics = mean_of(marks(exam.x + 0.1, problem, exam))
    assert metrics is not None
    assert metrics.psnr == pytest.approx(20, abs=1e-3)
    assert (metrics.psnr_range, metrics.psnr_null) == (None, None)


@pytest.mark.parametrize(
    "physics",
    [
        PixelMask((3, 8, 8), random_pixels(8, 0.5, Key(3))),
        CartesianMRI((2, 8, 8), torch.tensor([1, 3, 4])),
        parallel_beam(8, 3, "cpu", DOUBLE),
        SENSE(CartesianMRI((2, 8, 8), torch.tensor([1, 4])), ring_maps(3, 8, 8)),
    ],
    ids=["mask", "mri", "ct", "coils"],
)
def test_measured_part_is_the_projection_on_what_is_seen(physics: LinearPhysics) -> None:
    x = torch.randn(2, *physics.domain, generator=Key(2).generator(), dtype=DOUBLE)
    part = measured_part(physics, x)
    exact = x.flatten(1) @ projector(physics).T
    torch.testing.assert_close(part.flatten(1), exact, atol=1e-4, rtol=1e-4)
    lost = x - part
    assert physics(lost).norm() < 1e-5 * physics(x).norm()
    assert abs(float((lost * part).sum())) < 1e-4 * float(x.square().sum())
    torch.testing.assert_close(measured_part(physics, part), part, atol=1e-4, rtol=1e-4)
    # Dense algebra itself is right only if the adjoint is that of the operator.
    y = torch.randn(2, *physics.range, generator=Key(1).generator(), dtype=DOUBLE)
    torch.testing.assert_close(y.flatten(1) @ matrix_of(physics), physics.adjoint(y).flatten(1))


def test_measured_part_of_an_image_that_leaves_no_trace_is_nothing() -> None:
    lost = torch.zeros(1, 1, 8, 8)
    mask = PixelMask((1, 8, 8), random_pixels(8, 0.5, Key(3)))
    assert torch.equal(measured_part(mask, lost), lost)
