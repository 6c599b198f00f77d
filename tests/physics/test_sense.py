"""MRI with several coils: the plain formula, the field of wires, combination, problems and runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reilab.key import Key
from reilab.methods.registry import methods
from reilab.nets.registry import networks
from reilab.physics.fourier import CartesianMRI, masked_mri, random_columns
from reilab.physics.sense import RING, SENSE, as_channels, as_complex, ring_maps
from reilab.runs.config import configure
from reilab.runs.stream import run
from reilab.tasks.registry import find_task
from reilab.testing import check_problem

H, W, COILS = 12, 10, 3
MASK = torch.rand(H, W, generator=Key(9).generator()) < 0.4


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 2, H, W, generator=Key(0).generator(), dtype=torch.float64)


def test_the_plain_formula() -> None:
    x, maps = images(), ring_maps(COILS, H, W)
    y = SENSE(masked_mri(MASK), maps)(x)
    assert y.shape == (2, 2 * COILS, int(MASK.sum()))
    for image, found in zip(x.numpy(), y.numpy(), strict=True):
        for coil, sensitivity in enumerate(maps.numpy()):
            seen = sensitivity * (image[0] + 1j * image[1])
            kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(seen), norm="ortho"))
            expected = kspace[MASK.numpy()]
            np.testing.assert_allclose(found[2 * coil], expected.real, atol=1e-6)
            np.testing.assert_allclose(found[2 * coil + 1], expected.imag, atol=1e-6)


def test_maps_are_the_field_of_wires() -> None:
    """That at d from a wire is (−d_y, d_x)/|d|²; a coil takes B_x − i B_y of it."""
    maps = ring_maps(COILS, H, W).numpy()
    y, x = np.meshgrid(np.linspace(-1, 1, H), np.linspace(-1, 1, W), indexing="ij")
    fields = []
    for coil in range(COILS):
        angle = 2 * np.pi * coil / COILS
        dx, dy = x - RING * np.cos(angle), y - RING * np.sin(angle)
        fields.append((-dy - 1j * dx) / (dx**2 + dy**2))
    for coil in range(1, COILS):
        ratio = maps[coil] / maps[0] / (fields[coil] / fields[0])
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
        assert abs(ratio[0, 0]) == pytest.approx(1, abs=1e-4)
    middle = ring_maps(COILS, 11, 11)[:, 5, 5]
    torch.testing.assert_close(middle, torch.full((COILS,), COILS**-0.5 + 0j))


def test_maps_are_normalised_and_of_any_number() -> None:
    for coils in (1, 2, 8):
        sums = ring_maps(coils, H, W).abs().square().sum(0)
        torch.testing.assert_close(sums, torch.ones(H, W))


def test_coils_are_combined_to_the_image() -> None:
    """AᵀA = I where all was measured; nowhere is it more than that."""
    x = images()
    full = SENSE(CartesianMRI((2, H, W), torch.arange(W)), ring_maps(COILS, H, W))
    torch.testing.assert_close(full.pinv(full(x)), x, atol=1e-6, rtol=1e-6)
    some = SENSE(masked_mri(MASK), ring_maps(COILS, H, W))
    eye = torch.eye(2 * H * W, dtype=torch.float64).view(-1, 2, H, W)
    values = torch.linalg.eigvalsh(some.adjoint(some(eye)).flatten(1))
    assert values.min() > -1e-6
    assert values.max() < 1 + 1e-6
    # More is seen than one coil sees: twice as many dimensions as it has entries.
    assert (values > 0.01).sum() > 1.5 * 2 * MASK.sum()


def test_complex_and_channels() -> None:
    x = images()
    assert torch.equal(as_complex(x), torch.complex(x[:, 0], x[:, 1]))
    assert torch.equal(as_channels(as_complex(x)), x)


@pytest.mark.parametrize("coils", [2, 3])
def test_problems_with_coils_keep_all_promises(coils: int) -> None:
    problem = find_task("mri").pose("smoke", {"coils": coils})
    assert isinstance(problem.physics, SENSE)
    check_problem(problem)
    x = problem.test.batch(torch.arange(2)).x
    assert x is not None
    parts = problem.split(x)
    assert parts is not None
    # Less is lost than with one coil.
    (_, lost), alone = parts, find_task("mri").pose("smoke").split(x)
    assert alone is not None
    assert lost.norm() < 0.8 * alone[1].norm()


def test_many_masks_split_images_of_coils_each_by_its_own() -> None:
    problem = find_task("mri").pose("smoke", {"coils": 3, "operators": "many"})
    batch = problem.test.batch(torch.arange(2))
    assert batch.x is not None
    assert batch.places is not None
    parts = problem.having(batch.places).split(batch.x)
    assert parts is not None
    for at in range(2):
        own = problem.having(batch.places[at : at + 1]).split(batch.x[at : at + 1])
        assert own is not None
        torch.testing.assert_close(parts[1][at], own[1][0], atol=1e-3, rtol=0)
    assert (parts[0] * parts[1]).sum().abs() < 1e-4 * batch.x.square().sum()


def test_one_coil_is_the_operator_of_before() -> None:
    problem = find_task("mri").pose("smoke")
    assert isinstance(problem.physics, CartesianMRI)
    columns = random_columns(32, 4, 0.08, seed=1)
    assert torch.equal(problem.physics.columns, columns)
    assert problem.seen is None


@pytest.mark.parametrize("name", networks())
def test_every_network_learns_from_coils(name: str) -> None:
    settings, training = {"coils": 3}, {"steps": 1}
    history = run(
        configure("mri", "smoke", ["rei"], network=name, settings=settings, training=training)
    )
    assert history.failed is None
    assert history.finished


def test_every_method_learns_from_coils() -> None:
    settings, training = {"coils": 3}, {"steps": 1}
    history = run(configure("mri", "smoke", list(methods()), settings=settings, training=training))
    assert history.failed is None
    assert history.finished
    assert history.tracks.keys() == methods().keys()
