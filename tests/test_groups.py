"""Groups of transforms: sampling, acting, inverses, for every group there is."""

import inspect
import math
from itertools import combinations

import pytest
import torch
from kit.device import DEVICE
from torch import Tensor

import reilab.groups
from reilab.groups import GROUPS, Flips, Group, QuarterTurns, Rotations, Shifts
from reilab.key import Key
from reilab.testing import Z_LIMIT, check_group, smooth_image

pytestmark = pytest.mark.usefixtures("random_states_untouched")

F64 = torch.float64
#: Every group, with the relative error that an inverse may leave.
CASES: dict[str, tuple[Group, float]] = {
    "shifts": (Shifts(24), 1e-12),
    "rotations": (Rotations(), 0.1),
    "quarter turns": (QuarterTurns(), 1e-12),
    "flips": (Flips(), 1e-12),
}
every_group = pytest.mark.parametrize("name", CASES)
EXACT = [name for name in CASES if name != "rotations"]


def draw(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=Key(5).generator(), dtype=F64).to(DEVICE)


def smooth(*shape: int) -> Tensor:
    return smooth_image(shape).to(DEVICE)


def test_every_group_has_a_case() -> None:
    covered = {type(group) for group, _ in CASES.values()}
    for cls in vars(reilab.groups).values():
        is_group = inspect.isclass(cls) and {"sample", "act"} <= set(dir(cls)) and cls is not Group
        assert not is_group or cls in covered, f"{cls.__name__} has no case"


def test_every_group_can_be_chosen_by_its_name() -> None:
    chosen = {type(make(24)) for make in GROUPS.values()}
    assert chosen == {type(group) for group, _ in CASES.values()}


@every_group
def test_conformance(name: str) -> None:
    group, tolerance = CASES[name]
    image = torch.stack([smooth(2, 24, 24), 0.5 * smooth(2, 24, 24)])
    check_group(group, image, tolerance)


@every_group
def test_no_element_is_the_identity(name: str) -> None:
    group, _ = CASES[name]
    x = draw(1, 1, 24, 24)
    elements = group.sample(3000, Key(0).generator()).unique(dim=0)
    assert not any(torch.equal(group.act(g, x), x) for g in elements.split(1))


every_range = pytest.mark.parametrize(
    ("name", "low", "high"),
    [("shifts", 1, 23), ("rotations", 1, 359), ("quarter turns", 1, 3), ("flips", 1, 3)],
)


@every_range
def test_every_element_is_drawn(name: str, low: int, high: int) -> None:
    group, _ = CASES[name]
    for numbers in group.sample(8000, Key(0).generator()).T:
        assert numbers.unique().tolist() == list(range(low, high + 1))


def excess(cells: Tensor, shares: Tensor) -> float:
    """How far cell numbers are from their shares: χ² less its mean, in standard deviations."""
    expected = shares / shares.sum() * len(cells)
    found = cells.bincount(minlength=len(shares))
    freedom = len(shares) - 1
    return float(((found - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom)


@every_range
def test_elements_are_drawn_evenly(name: str, low: int, high: int) -> None:
    g = CASES[name][0].sample(40_000, Key(1).generator())
    for numbers in g.T:
        assert abs(excess(numbers - low, torch.ones(high - low + 1))) < Z_LIMIT


@every_range
def test_the_numbers_of_elements_do_not_tell_of_each_other(name: str, low: int, high: int) -> None:
    """Shifts go everywhere, not along a line, and each transform is drawn by itself."""
    g = CASES[name][0].sample(40_000, Key(2).generator())
    n_bins = min(6, high - low + 1)
    bins = (torch.arange(low, high + 1) - low) * n_bins // (high - low + 1)
    shares = bins.bincount().double()
    neighbours = torch.cat([g[0::2], g[1::2]], dim=1) - low
    for one, other in combinations(neighbours.T, 2):
        cells = bins[one] * n_bins + bins[other]
        assert abs(excess(cells, torch.outer(shares, shares).flatten())) < Z_LIMIT


@every_group
def test_results_are_ordered_by_transform(name: str) -> None:
    group, _ = CASES[name]
    x = draw(2, 3, 24, 24)
    g = group.sample(4, Key(0).generator())
    turned = group.act(g, x).reshape(4, 2, 3, 24, 24)
    for i in range(4):
        for j in range(2):
            one = group.act(g[i : i + 1], x[j : j + 1])
            torch.testing.assert_close(turned[i, j], one[0])


@pytest.mark.parametrize("name", EXACT)
def test_exact_groups_move_values_and_undo_it(name: str) -> None:
    group, _ = CASES[name]
    x = draw(2, 3, 24, 24)
    for g in group.sample(10, Key(0).generator()).split(1):
        moved = group.act(g, x)
        assert torch.equal(moved.flatten(2).sort().values, x.flatten(2).sort().values)
        assert torch.equal(group.act(group.inverse(g), moved), x)


@every_group
def test_acting_is_linear_and_its_gradient_known(name: str) -> None:
    group, _ = CASES[name]
    x, v = draw(2, 1, 1, 24, 24)
    g = group.sample(3, Key(0).generator())
    torch.testing.assert_close(group.act(g, 2 * x - v), 2 * group.act(g, x) - group.act(g, v))
    leaf, w = x.clone().requires_grad_(), draw(3, 1, 24, 24)
    (slope,) = torch.autograd.grad(group.act(g, leaf), leaf, w)
    torch.testing.assert_close((slope * v).sum(), (w * group.act(g, v)).sum())


def test_shifts_go_down_and_right() -> None:
    x = torch.zeros(1, 1, 5, 6, device=DEVICE)
    x[0, 0, 1, 2] = 1
    assert Shifts(5).act(torch.tensor([[1, 3]]), x)[0, 0, 2, 5] == 1
    assert Shifts(5).act(torch.tensor([[4, 0]]), x)[0, 0, 0, 2] == 1


@pytest.mark.parametrize("shape", [(8, 8), (9, 9), (8, 12), (9, 6)])
@pytest.mark.parametrize("name", ["shifts", "flips"])
def test_rectangular_images(name: str, shape: tuple[int, int]) -> None:
    group, x = CASES[name][0], draw(2, 1, *shape)
    g = group.sample(3, Key(0).generator())
    moved = group.act(g, x)
    assert moved.shape == (6, 1, *shape)
    for one, images in zip(torch.split(g, 1), torch.split(moved, 2), strict=True):
        assert torch.equal(group.act(group.inverse(one), images), x)


@pytest.mark.parametrize("size", [16, 17])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotations_by_right_angles_are_quarter_turns(size: int, turns: int) -> None:
    x = draw(1, 2, size, size)
    found = Rotations().act(torch.tensor([[90 * turns]]), x)
    torch.testing.assert_close(found, QuarterTurns().act(torch.tensor([[turns]]), x))
    torch.testing.assert_close(found, torch.rot90(x, turns, dims=(2, 3)))


def test_rotations_keep_the_shape_of_things_in_rectangular_images() -> None:
    x = torch.zeros(1, 1, 20, 40, dtype=F64, device=DEVICE)
    x[0, 0, 4:16, 12:28] = draw(12, 16)
    expected = torch.zeros_like(x)
    expected[0, 0, 2:18, 14:26] = torch.rot90(x[0, 0, 4:16, 12:28])
    torch.testing.assert_close(Rotations().act(torch.tensor([[90]]), x), expected)


@pytest.mark.parametrize("degrees", [1, 30, 137, 244, 359])
def test_rotations_undo_each_other_on_smooth_images(degrees: int) -> None:
    """Bilinear interpolation blurs: 2 % at 64 pixels, where the blobs are several pixels wide."""
    x = smooth(1, 64, 64)[None]
    g = torch.tensor([[degrees]])
    turned = Rotations().act(g, x)
    back = Rotations().act(Rotations().inverse(g), turned)
    assert (back - x).norm() / x.norm() < 0.02
    assert abs(turned.mean() / x.mean() - 1) < 0.01
    assert (turned - x).norm() / x.norm() > 0.01


def test_rotations_add_up() -> None:
    x = smooth(1, 64, 64)[None]
    once = Rotations().act(torch.tensor([[70]]), x)
    twice = Rotations().act(torch.tensor([[50]]), Rotations().act(torch.tensor([[20]]), x))
    assert (once - twice).norm() / once.norm() < 0.02


def test_quarter_turns_want_squares() -> None:
    with pytest.raises(ValueError, match=r"images of 50 × 33 out of 33 × 50; crop"):
        QuarterTurns().act(torch.tensor([[2]]), draw(1, 1, 33, 50))
