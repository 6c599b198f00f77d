"""Masks of each image its own: the operator of a batch is that of its images one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from kit.device import DEVICE
from torch import Tensor
from torch.autograd import gradcheck

from reilab.datasets.samples import InMemory
from reilab.groups import Shifts
from reilab.key import Key
from reilab.noise import Gaussian
from reilab.physics.base import CoredPhysics, MaskedPhysics
from reilab.physics.fourier import CartesianMRI, equally_many_columns, random_columns
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.part import part_of
from reilab.physics.places import Masks, placed, taken
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import pinv, prepare_exam, reconstruct_all

F64 = torch.float64
WIDTH, CENTER, N_COLUMNS = 64, 0.1, 20
KEY = Key(4)


def columns(key: Key) -> Tensor:
    return equally_many_columns(N_COLUMNS, WIDTH, CENTER, key)


#: An operator of one mask, and what draws others.
CASES: dict[str, tuple[MaskedPhysics, Callable[[Key], Tensor]]] = {
    "pixels": (PixelMask((3, 8, 8), random_pixels(8, 0.4, KEY)), partial(random_pixels, 8, 0.4)),
    "columns": (CartesianMRI((2, 6, WIDTH), columns(KEY)), columns),
}
every_case = pytest.mark.parametrize("name", CASES)


def masks(draw: Callable[[Key], Tensor], n: int = 3) -> Tensor:
    return Masks(draw, KEY, lambda physics, y: y).at(KEY / "masks", range(n)).to(DEVICE)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=Key(seed).generator(), dtype=F64).to(DEVICE)


@every_case
@pytest.mark.parametrize("times", [1, 2])
def test_a_batch_is_measured_as_its_images_one_by_one(name: str, times: int) -> None:
    """Also one that is there several times over, as the transforms of its images are."""
    one, draw = CASES[name]
    places = masks(draw)
    many = one.masked(places)
    x = normal(1, 3 * times, *one.domain)
    y, z = many(x), normal(2, 3 * times, *one.range)
    assert many.range == one.range
    for at, (image, found, entries) in enumerate(zip(x, y, z, strict=True)):
        own = one.masked(places[at % 3])
        torch.testing.assert_close(found, own(image[None])[0], rtol=0, atol=1e-12)
        for inverse in ("adjoint", "pinv"):
            back = getattr(many, inverse)(z)[at]
            torch.testing.assert_close(back, getattr(own, inverse)(entries[None])[0])


@every_case
def test_adjoint_and_gradient(name: str) -> None:
    one, draw = CASES[name]
    many = one.masked(masks(draw))
    x, y = normal(1, 6, *one.domain), normal(2, 6, *one.range)
    forward, backward = (many(x) * y).flatten(1).sum(1), (x * many.adjoint(y)).flatten(1).sum(1)
    torch.testing.assert_close(forward, backward, rtol=1e-10, atol=1e-10)
    assert gradcheck(many, x[:3].clone().requires_grad_(), fast_mode=True)
    assert gradcheck(many.pinv, y[:3].clone().requires_grad_(), fast_mode=True)


@every_case
def test_one_image_through_each_mask(name: str) -> None:
    one, draw = CASES[name]
    many, x = one.masked(masks(draw)), normal(1, 1, *one.domain)
    torch.testing.assert_close(many(x), many(x.expand(3, -1, -1, -1)))


@every_case
def test_a_batch_of_another_size_is_refused(name: str) -> None:
    one, draw = CASES[name]
    many = one.masked(masks(draw))
    for wrong in (2, 4, 5):
        with pytest.raises(RuntimeError):
            many(normal(1, wrong, *one.domain))
        with pytest.raises(RuntimeError):
            many.adjoint(normal(1, wrong, *one.range))


@every_case
def test_a_part_of_each_mask(name: str) -> None:
    one, draw = CASES[name]
    places, part = masks(draw), torch.tensor([0, 2, 5], device=DEVICE)
    x = normal(1, 6, *one.domain)
    many = part_of(one.masked(places), part)
    y = many(x)
    for at in range(6):
        own = part_of(one.masked(places[at % 3]), part)
        torch.testing.assert_close(y[at], own(x[at : at + 1])[0])
        torch.testing.assert_close(many.pinv(y)[at], own.pinv(y[at : at + 1])[0])


def test_places_are_taken_and_put_back() -> None:
    places = torch.tensor([[0, 2], [3, 1]])
    grid = torch.arange(8.0).view(2, 1, 4)
    y = taken(grid, places)
    assert y.tolist() == [[[0, 2]], [[7, 5]]]
    assert placed(y, places, 4).tolist() == [[[0, 0, 2, 0]], [[0, 5, 0, 7]]]


@pytest.mark.parametrize(("center", "core"), [(CENTER, [31, 32, 33]), (0.02, [32])])
def test_the_core_of_many_masks_is_that_of_all_of_them(center: float, core: list[int]) -> None:
    """At most 3 % of the width from the origin: one to either side, where all masks have it."""
    one, _ = CASES["columns"]
    places = masks(partial(equally_many_columns, N_COLUMNS, WIDTH, center), 20)
    many = one.masked(places)
    assert isinstance(many, CoredPhysics)
    # Splitting asks in every step: a GPU is to tell it once.
    assert many.core is many.core
    assert many.core.device.type == "cpu"
    assert sorted(places[0, many.core].tolist()) == core
    assert bool((places[:, many.core] == places[0, many.core]).all())


@pytest.mark.parametrize("known", [True, False])
def test_each_measurement_is_judged_by_its_own_mask(known: bool) -> None:
    """Also where nobody knows the images."""
    one, draw = CASES["pixels"]
    drawn = Masks(draw, KEY, lambda physics, y: y)
    x, places = normal(5, 3, *one.domain).float(), masks(draw)
    many = one.masked(places)
    samples = InMemory(x if known else None, many(x), places=places)
    problem = Problem(one, Gaussian(0.1), Shifts(8), samples, samples, masks=drawn)
    exam = prepare_exam(problem, TrainConfig())
    assert torch.equal(reconstruct_all(pinv, problem, exam), many.pinv(many(x)))


def test_columns_are_those_of_fastmri_s_masks_with_equally_many() -> None:
    """Its centre is in all, and of the rest each is as likely as in the ones that it draws."""
    drawn = [random_columns(WIDTH, 3, CENTER, seed) for seed in range(400)]
    alike = torch.stack([one for one in drawn if len(one) == N_COLUMNS])
    ours = masks(columns, 1000).cpu()
    assert ours.shape == (1000, N_COLUMNS)
    assert all(len(set(row)) == N_COLUMNS for row in ours.tolist())
    often, theirs = (
        torch.zeros(len(some), WIDTH).scatter(1, some, 1.0).mean(0) for some in (ours, alike)
    )
    n_center = round(CENTER * WIDTH)
    assert bool(((often == 1) == (theirs == 1)).all())
    assert int((often == 1).sum()) == n_center
    share = (N_COLUMNS - n_center) / (WIDTH - n_center)
    for found, n in ((often, len(ours)), (theirs, len(alike))):
        z = (found[found < 1] - share) / math.sqrt(share * (1 - share) / n)
        assert float(z.abs().max()) < 4


def test_an_address_has_one_mask() -> None:
    for _, draw in CASES.values():
        source = Masks(draw, KEY, lambda physics, y: y)
        some, all_of_them = source.at(KEY, [7, 2]), source.at(KEY, range(8))
        assert torch.equal(some, all_of_them[[7, 2]])
        assert len(torch.unique(all_of_them, dim=0)) == 8
        assert not torch.equal(all_of_them, source.at(KEY / "test", range(8)))
