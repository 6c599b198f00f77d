"""Forward operators: shapes, adjoints, gradients and inverses, for every operator there is."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.device import DEVICE
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import reilab.physics
from reilab.key import Key
from reilab.physics.base import Physics
from reilab.physics.fourier import CartesianMRI, PatternMRI, masked_mri, random_columns
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.part import part_of, turned_by
from reilab.physics.radon import (
    Beam,
    n_detectors,
    parallel_beam,
    parallel_beam_at,
    radon_at,
    ray_shares,
    spread_angles,
    view_shares,
)
from reilab.physics.sense import SENSE, ring_maps
from reilab.physics.transmission import Transmission
from reilab.testing import check_physics, smooth_image

pytestmark = pytest.mark.usefixtures("random_states_untouched")

F64 = torch.float64
COLUMNS = torch.tensor([0, 3, 4, 5, 9])
PIXELS = torch.tensor([0, 1, 5, 17, 30, 31, 62])
#: A pattern that no swap of its axes leaves as it is.
PATTERN = torch.rand(12, 10, generator=Key(9).generator()) < 0.3
#: On a GPU the order of additions may change between two evaluations.
NONDET = 1e-9
ANGLES = (0.0, 10.0, 25.0, 90.0, 171.5, 200.0)

#: Every operator, by a name for the test's report; the factory takes device and number format.
CASES: dict[str, Callable[[str, torch.dtype], Any]] = {
    "mask": lambda device, dtype: PixelMask((3, 9, 7), PIXELS.to(device)),
    "mask of one pixel": lambda device, dtype: PixelMask(
        (1, 4, 4), torch.tensor([6], device=device)
    ),
    "mri": lambda device, dtype: CartesianMRI((2, 12, 10), COLUMNS.to(device)),
    "mri, odd": lambda device, dtype: CartesianMRI((2, 11, 13), COLUMNS.to(device)),
    "mri, pattern": lambda device, dtype: masked_mri(PATTERN.to(device)),
    "coils": lambda device, dtype: SENSE(
        CartesianMRI((2, 12, 10), COLUMNS.to(device)), ring_maps(3, 12, 10).to(device)
    ),
    "coils, pattern": lambda device, dtype: SENSE(
        masked_mri(PATTERN.to(device)), ring_maps(4, 12, 10).to(device)
    ),
    "radon, even": lambda device, dtype: parallel_beam(12, 7, device, dtype),
    "radon, odd": lambda device, dtype: parallel_beam(11, 6, device, dtype),
    "radon, any angles": lambda device, dtype: parallel_beam_at(12, ANGLES, device, dtype),
    "radon, limited": lambda device, dtype: parallel_beam_at(
        11, spread_angles(5, 70), device, dtype
    ),
    "radon, fan": lambda device, dtype: radon_at(
        12, spread_angles(7, 360), Beam(source=15, offset=0.25), device, dtype
    ),
    "radon, fan of few detectors": lambda device, dtype: radon_at(
        11,
        ANGLES,
        Beam(source=9, pixel=1.3, offset=-1.5, detectors=8, filter="hann"),
        device,
        dtype,
    ),
    "transmission": lambda device, dtype: Transmission(
        parallel_beam(12, 7, device, dtype), 1e4, 0.05
    ),
    "part of a mask": lambda device, dtype: _some(PixelMask((3, 9, 7), PIXELS.to(device)), device),
    "some views": lambda device, dtype: _some(
        Transmission(parallel_beam(12, 7, device, dtype), 1e4, 0.05), device
    ),
    "turned mask": lambda device, dtype: _turned(PixelMask((1, 8, 8), PIXELS.to(device))),
    "turned views": lambda device, dtype: _turned(
        Transmission(parallel_beam(12, 7, device, dtype), 1e4, 0.05)
    ),
}


def _some(physics: Physics, device: str) -> Physics:
    return part_of(physics, torch.tensor([1, 2, 5], device=device))


def _turned(physics: Physics) -> Physics:
    return turned_by(physics, lambda x: x.rot90(1, (2, 3)), lambda x: x.rot90(-1, (2, 3)))


LINEAR = [name for name in CASES if name not in ("transmission", "some views", "turned views")]
PROJECTIONS = [name for name in LINEAR if not name.startswith(("radon", "coils"))]


def operator(name: str, dtype: torch.dtype = F64) -> Any:
    return CASES[name](DEVICE, dtype)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=Key(seed).generator(), dtype=F64).to(DEVICE)


def smooth(size: int) -> Tensor:
    return smooth_image((1, size, size))[None].to(DEVICE)


def test_every_operator_has_a_case() -> None:
    covered = {type(operator(name)) for name in CASES}
    for module in pkgutil.iter_modules(reilab.physics.__path__):
        members = vars(importlib.import_module(f"reilab.physics.{module.name}")).values()
        for cls in filter(inspect.isclass, members):
            is_role = getattr(cls, "_is_protocol", False)
            looks_like_one = {"__call__", "pinv"} <= set(dir(cls)) and not is_role
            assert not looks_like_one or cls in covered, f"{cls.__name__} has no case"


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("name", CASES)
def test_conformance(name: str, dtype: torch.dtype) -> None:
    check_physics(operator(name, dtype), dtype, DEVICE)


@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_cuda_equals_cpu(name: str) -> None:
    on_cpu, on_cuda = (CASES[name](device, F64) for device in ("cpu", "cuda"))
    x = torch.rand(2, *on_cpu.domain, generator=Key(0).generator(), dtype=F64)
    y = on_cpu(x)
    torch.testing.assert_close(on_cuda(x.cuda()).cpu(), y)
    torch.testing.assert_close(on_cuda.pinv(y.cuda()).cpu(), on_cpu.pinv(y))
    if name in LINEAR:
        torch.testing.assert_close(on_cuda.adjoint(y.cuda()).cpu(), on_cpu.adjoint(y))


@pytest.mark.parametrize("name", LINEAR)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 3))
def test_adjoint(name: str, seed: int, n: int) -> None:
    physics = operator(name)
    x, y = draw(seed, n, *physics.domain), draw(seed + 1, n, *physics.range)
    forward, backward = (physics(x) * y).sum(), (x * physics.adjoint(y)).sum()
    assert abs(forward - backward) < 1e-10 * physics(x).norm() * y.norm()


@pytest.mark.parametrize("name", LINEAR)
def test_linear(name: str) -> None:
    physics = operator(name)
    a, b = draw(0, 2, *physics.domain), draw(1, 2, *physics.domain)
    torch.testing.assert_close(physics(3 * a - b), 3 * physics(a) - physics(b))


@pytest.mark.parametrize("name", LINEAR)
def test_the_gradient_is_the_adjoint(name: str) -> None:
    physics = operator(name)
    x = draw(0, 2, *physics.domain).requires_grad_()
    y = draw(1, 2, *physics.range).requires_grad_()
    (slope,) = torch.autograd.grad(physics(x), x, y.detach())
    torch.testing.assert_close(slope, physics.adjoint(y.detach()))
    (slope,) = torch.autograd.grad(physics.adjoint(y), y, x.detach())
    torch.testing.assert_close(slope, physics(x.detach()))


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_derivatives(name: str) -> None:
    physics = operator(name)
    x = draw(0, 1, *physics.domain).abs().requires_grad_()
    y = physics(x.detach()).requires_grad_()
    with torch.random.fork_rng(devices=[]):  # gradcheck draws its directions from the global one
        torch.manual_seed(0)
        for function, at in ((physics, x), (physics.pinv, y)):
            # The square makes the second derivative of a linear map differ from zero.
            assert gradcheck(
                lambda t, f=function: f(t).square(), at, fast_mode=True, nondet_tol=NONDET
            )
            assert gradgradcheck(
                lambda t, f=function: f(t).square(), at, fast_mode=True, nondet_tol=NONDET
            )


def test_the_range_holds_measured_entries_only() -> None:
    n_channels, n_pixels = operator("mask").range
    assert n_channels * n_pixels == 3 * len(PIXELS)
    assert operator("mri").range == (2, 12, len(COLUMNS))
    assert operator("mri, pattern").range == (2, PATTERN.sum())
    assert operator("radon, odd").range == (1, n_detectors(11), 6)
    assert operator("radon, any angles").range == (1, n_detectors(12), len(ANGLES))
    for name in PROJECTIONS:
        physics = operator(name)
        seen = physics.adjoint(physics(draw(0, 1, *physics.domain)))
        rank = torch.autograd.functional.jacobian(
            lambda y, f=physics.adjoint: f(y).flatten(),
            torch.zeros(1, *physics.range, dtype=F64, device=DEVICE),
        )
        assert seen.shape[1:] == physics.domain
        assert torch.linalg.matrix_rank(rank.flatten(1)) == torch.Size(physics.range).numel()


@pytest.mark.parametrize("name", PROJECTIONS)
def test_pinv_of_a_projection(name: str) -> None:
    physics = operator(name)
    x, y = draw(0, 2, *physics.domain), draw(1, 2, *physics.range)
    torch.testing.assert_close(physics(physics.pinv(y)), y)
    seen = physics.pinv(physics(x))
    torch.testing.assert_close(physics.pinv(physics(seen)), seen)
    assert not torch.allclose(seen, x)
    # The projector is orthogonal: what it leaves out is orthogonal to what it keeps.
    assert abs(((x - seen) * seen).sum()) < 1e-10 * x.square().sum()


def test_mask_keeps_the_values_of_its_pixels() -> None:
    x = torch.arange(2 * 3 * 9 * 7, dtype=F64, device=DEVICE).reshape(2, 3, 9, 7)
    assert torch.equal(operator("mask")(x), x.reshape(2, 3, 63)[:, :, PIXELS.to(DEVICE)])


def test_random_pixels() -> None:
    pixels = random_pixels(20, 0.7, Key(3))
    assert len(pixels) == len(pixels.unique()) == 280
    assert torch.equal(pixels, pixels.sort().values)
    assert torch.equal(pixels, random_pixels(20, 0.7, Key(3)))
    assert not torch.equal(pixels, random_pixels(20, 0.7, Key(4)))


def test_a_mask_of_whole_columns_is_one_of_columns() -> None:
    mask = torch.zeros(12, 10, dtype=torch.bool).index_fill(1, COLUMNS, True).to(DEVICE)
    by_columns, by_entries = (
        masked_mri(mask),
        PatternMRI((2, 12, 10), mask.flatten().nonzero()[:, 0]),
    )
    assert isinstance(by_columns, CartesianMRI)
    assert torch.equal(by_columns.columns.cpu(), COLUMNS)
    x = draw(0, 2, 2, 12, 10)
    assert torch.equal(by_columns(x).flatten(2), by_entries(x))
    assert torch.equal(by_columns.pinv(by_columns(x)), by_entries.pinv(by_entries(x)))
    # Rows are no columns.
    assert isinstance(masked_mri(mask.T), PatternMRI)


def test_the_whole_kspace_is_zero_where_nothing_was_measured() -> None:
    """And has what was measured in its place: the zero frequency in the middle."""
    ones = torch.ones(1, 2, 12, 10, dtype=F64, device=DEVICE)
    for name in ("mri", "mri, pattern"):
        physics = operator(name)
        assert torch.equal(
            physics(0 * ones), torch.zeros(1, *physics.range, dtype=F64, device=DEVICE)
        )
        kspace = physics.kspace(torch.ones(1, *physics.range, dtype=F64, device=DEVICE))
        columns = torch.zeros(12, 10).index_fill(1, COLUMNS, 1)
        measured = PATTERN.double() if name == "mri, pattern" else columns.double()
        assert torch.equal(kspace.cpu(), measured.expand(1, 2, -1, -1))
    middle = torch.zeros(12, 10, dtype=torch.bool, device=DEVICE)
    middle[6, 5] = True
    mean = masked_mri(middle)
    torch.testing.assert_close(
        mean(ones), torch.full((1, 2, 1), 120**0.5, dtype=F64, device=DEVICE)
    )


def test_all_columns() -> None:
    assert torch.equal(random_columns(80, 4, 1.0, seed=1), torch.arange(80))


def test_random_columns() -> None:
    columns = random_columns(320, 4, 0.08, seed=1)
    assert len(columns) == 82  # the paper's mask, 25.6 %
    center = torch.arange(160 - 13, 160 + 13)
    assert torch.isin(center, columns).all()
    assert torch.equal(columns, random_columns(320, 4, 0.08, seed=1))


def test_the_columns_of_another_seed_are_others() -> None:
    layouts = [random_columns(320, 4, 0.04, seed) for seed in range(1, 6)]
    assert len({tuple(columns.tolist()) for columns in layouts}) == 5
    for columns in layouts:
        assert len(columns) == pytest.approx(80, abs=4 * (80 * 0.75) ** 0.5)
        assert torch.isin(torch.arange(160 - 6, 160 + 6), columns).all()
        # Most of them are scattered: few have both of their neighbours.
        inner = torch.isin(columns - 1, columns) & torch.isin(columns + 1, columns)
        assert inner.sum() < len(columns) / 3


@pytest.mark.parametrize("angles", [spread_angles(9), spread_angles(9, 60), ANGLES])
def test_projections_keep_the_mass(angles: tuple[float, ...]) -> None:
    x = smooth(32)
    sums = parallel_beam_at(32, angles, DEVICE, F64)(x).sum(dim=2)
    torch.testing.assert_close(sums, x.sum().expand_as(sums), rtol=1e-3, atol=0)


def test_views_at_any_angles_are_those_of_the_even_ones() -> None:
    """In whatever order, and 180° further they see the same from behind."""
    x, all_views = draw(0, 1, 1, 12, 12), parallel_beam(12, 8, DEVICE, F64)
    chosen = (5, 0, 3)
    some = parallel_beam_at(12, tuple(22.5 * view for view in chosen), DEVICE, F64)
    torch.testing.assert_close(some(x), all_views(x)[..., chosen])
    behind = parallel_beam_at(12, tuple(180 + 22.5 * view for view in chosen), DEVICE, F64)
    # The middle detector is n // 2 = 8 of 17.
    torch.testing.assert_close(behind(x), some(x).flip(2))


def test_angles_over_an_arc() -> None:
    assert spread_angles(4) == (0, 45, 90, 135)
    assert spread_angles(4, 60) == (0, 15, 30, 45)


@pytest.mark.parametrize(
    ("angles", "degrees"),
    [
        (spread_angles(6), [30] * 6),
        ((150.0, 30.0, 0.0, 90.0, 60.0, 120.0), [30] * 6),
        ((60.0, 10.0, 0.0, 120.0), [55, 30, 35, 60]),
        # From both sides: each of a pair stands for half.
        ((0.0, 60.0, 120.0, 180.0, 240.0, 300.0), [30] * 6),
        # A limited range: for what nobody saw no view stands.
        (spread_angles(10, 50), [5] * 10),
        ((80.0, 90.0, 95.0, 100.0), [10, 7.5, 5, 5]),
        ((175.0, 0.0, 5.0), [5, 5, 5]),
        ((40.0,), [180]),
        ((40.0, 40.0), [90, 90]),
    ],
)
def test_what_each_view_stands_for(angles: tuple[float, ...], degrees: list[float]) -> None:
    assert np.rad2deg(view_shares(angles)) == pytest.approx(degrees)


def uneven(n: int) -> tuple[float, ...]:
    """Angles over 180°, twice as dense at the one end as at the other."""
    share = np.linspace(0, 1, n, endpoint=False)
    return tuple(180 * (share + share**2 / 2) / 1.5)


@pytest.mark.parametrize("angles", [spread_angles(90), uneven(120), spread_angles(180, 360)])
def test_filtered_back_projection_finds_the_image(angles: tuple[float, ...]) -> None:
    x = smooth(64)
    radon = parallel_beam_at(64, angles, DEVICE, F64)
    error = (radon.pinv(radon(x)) - x).norm() / x.norm()
    assert error < 0.03


def test_filtered_back_projection_of_a_limited_range_is_what_was_seen_of_the_image() -> None:
    """The frequencies that were seen keep their weight; two ranges add up to the image."""
    x = smooth(64)
    first = parallel_beam_at(64, spread_angles(45, 90), DEVICE, F64)
    rest = parallel_beam_at(64, tuple(90 + a for a in spread_angles(45, 90)), DEVICE, F64)
    seen, other = first.pinv(first(x)), rest.pinv(rest(x))
    assert (seen + other - x).norm() < 0.03 * x.norm()
    assert (seen - x).norm() > 0.2 * x.norm()


FAN = Beam(source=96)


@pytest.mark.parametrize(
    ("arc", "beam", "tolerance"),
    [
        (360, FAN, 0.01),
        (360, Beam(source=70, pixel=0.7, offset=0.25), 0.01),
        # Rays that two views have, and rays that one has: 180° and the opening of the fan are 236°.
        (300, FAN, 0.02),
        (240, FAN, 0.02),
        (360, Beam(source=96, filter="hann"), 0.03),
        (180, Beam(pixel=1.6, offset=-0.5), 0.03),
    ],
)
def test_filtered_back_projection_of_a_beam_finds_the_image(
    arc: int, beam: Beam, tolerance: float
) -> None:
    x = smooth(64)
    radon = radon_at(64, spread_angles(arc // 3, arc), beam, DEVICE, F64)
    assert (radon.pinv(radon(x)) - x).norm() < tolerance * x.norm()


def test_a_fan_from_far_away_is_a_parallel_beam() -> None:
    angles, x = spread_angles(8, 360), draw(0, 1, 1, 12, 12)
    parallel = parallel_beam_at(12, angles, DEVICE, F64)
    far = radon_at(12, angles, Beam(source=1e9, detectors=n_detectors(12)), DEVICE, F64)
    torch.testing.assert_close(far(x), parallel(x), rtol=0, atol=1e-6)
    torch.testing.assert_close(far.pinv(far(x)), parallel.pinv(parallel(x)), rtol=0, atol=1e-6)


def test_a_scanner_that_stands_still_at_first_loses_nothing() -> None:
    angles, tilts = (0.0, *range(0, 115, 6)), np.deg2rad(np.arange(-30, 31, 5.0))
    assert ray_shares(angles, tilts)[:, 1:] == pytest.approx(ray_shares(angles[1:], tilts))
    x = draw(0, 1, 1, 12, 12)
    twice, once = (radon_at(12, a, Beam(source=24), DEVICE, F64) for a in (angles, angles[1:]))
    torch.testing.assert_close(twice.pinv(twice(x)), once.pinv(once(x)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("arc", [360, 320, 240, 200, 120])
def test_rays_that_two_views_have_count_once(arc: int) -> None:
    """A ray counts with what the view behind it counts, and wholly where there is none."""
    views, tilts = 2 * arc, np.arange(-30, 31, 5.0)
    angles = spread_angles(views, arc)
    shares = ray_shares(angles, np.deg2rad(tilts))
    # Views are half a degree apart, so the one at β + 180° − 2γ is there, if any.
    for tilt, row, behind in zip(tilts, shares, shares[::-1], strict=True):
        other = (2 * (np.array(angles) + 180 - 2 * tilt)).round().astype(int) % 720
        seen = other < views
        assert row[seen] + behind[other[seen]] == pytest.approx(1)
        assert row[~seen] == pytest.approx(1)
        # Half all around; at the end of a range almost nothing, where another view has it.
        if 180 - 2 * tilt + 10 < arc:
            assert row[0] == pytest.approx(0.5 if arc == 360 else 0, abs=0.01)


def test_beams_that_cannot_be() -> None:
    with pytest.raises(
        ValueError, match=r"source = 8 pixels .* image of 12×12; give more than 8\.5"
    ):
        radon_at(12, ANGLES, Beam(source=8), DEVICE, F64)
    with pytest.raises(ValueError, match=r"unknown filter 'han'. Did you mean 'hann'\?"):
        radon_at(12, ANGLES, Beam(filter="han"), DEVICE, F64)


def transmission(
    photons: float = 1e4, attenuation: float = 0.05, floor: float = 1.0
) -> Transmission:
    return Transmission(parallel_beam(12, 7, DEVICE, F64), photons, attenuation, floor)


@pytest.mark.parametrize(("photons", "attenuation"), [(1e4, 0.05), (1e5, 0.0064), (50.0, 0.01)])
def test_photons_and_attenuation_cancel(photons: float, attenuation: float) -> None:
    physics = transmission(photons, attenuation)
    x = smooth(12)
    expected = physics.radon.pinv(physics.radon(x))
    torch.testing.assert_close(physics.pinv(physics(x)), expected)


def test_beer_lambert() -> None:
    physics = transmission()
    x = smooth(12)
    assert torch.equal(
        physics(0 * x), torch.full((1, *physics.range), 1e4, dtype=F64, device=DEVICE)
    )
    assert (physics(2 * x) <= physics(x)).all()
    torch.testing.assert_close(physics(2 * x) * 1e4, physics(x) ** 2)
    # A brighter reading is a thinner object: the line integral falls with the count.
    counts = torch.tensor([2.0, 10.0, 1e3, 1e4], dtype=F64, device=DEVICE)
    images = physics.pinv(
        counts[:, None, None, None] * torch.ones(1, *physics.range, dtype=F64, device=DEVICE)
    )
    assert (images[:, 0, 6, 6].diff() < 0).all()


def test_counts_below_the_floor_count_as_the_floor() -> None:
    physics = transmission(floor=2.0)
    y = torch.full((1, *physics.range), 2.0, dtype=F64, device=DEVICE)
    for count in (1.9, 0.0, -40.0):
        low = torch.full_like(y, count).requires_grad_()
        found = physics.pinv(low)
        torch.testing.assert_close(found, physics.pinv(y))
        (slope,) = torch.autograd.grad(found.square().sum(), low)
        assert slope.isfinite().all()
