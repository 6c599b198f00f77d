"""Reconstructions without a network: what they solve, how their number is chosen, their rows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kit.dense import matrix_of
from kit.device import DEVICE
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor

from reilab.events import Posed
from reilab.key import Key
from reilab.nets.proximal import linear_part
from reilab.physics.fourier import PatternMRI
from reilab.physics.mask import PixelMask
from reilab.physics.radon import parallel_beam
from reilab.record.codec import from_line, to_line, with_images
from reilab.record.history import history_of
from reilab.record.pictures import Stored
from reilab.runs.config import check_fits, configure
from reilab.runs.stream import Prepared, prepare
from reilab.show.results import results
from reilab.tasks.registry import tasks
from reilab.testing import smooth_image
from reilab.training import baselines
from reilab.training.baselines import BASELINES, sirt, sparse_wavelets, total_variation
from reilab.training.evaluate import prepare_exam

pytestmark = pytest.mark.usefixtures("random_states_untouched")
F64 = torch.float64


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=Key(0).generator(), dtype=F64)


def test_total_variation_of_all_pixels_is_that_of_scikit_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines, "STEPS", 1000)
    noisy = smooth_image((1, 24, 24)) + 0.1 * draw(1, 24, 24)
    everything = PixelMask((1, 24, 24), torch.arange(24 * 24))
    found = total_variation(everything, noisy.reshape(1, 1, -1), 0.1)[0, 0]
    theirs = denoise_tv_chambolle(noisy[0].numpy(), weight=0.1, eps=1e-9, max_num_iter=5000)
    assert np.abs(found.numpy() - theirs).max() < 2e-3


def test_the_gradient_has_its_adjoint() -> None:
    x, slopes = draw(2, 3, 7, 9), draw(2, 2, 3, 7, 9)
    there = (baselines._gradient(x) * slopes).sum()
    torch.testing.assert_close(there, (x * baselines._gradient_adjoint(slopes)).sum())


def test_total_variation_fills_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours jump at the same place: what is missing is flat on either side of it."""
    monkeypatch.setattr(baselines, "STEPS", 1000)
    x = torch.tensor([0.2, 0.9, 0.4], dtype=F64).view(1, 3, 1, 1) * torch.ones(1, 3, 8, 8)
    x[..., 4:] = 0.6
    seen = torch.arange(64)[torch.rand(64, generator=Key(3).generator()) < 0.6]
    found = total_variation(PixelMask((3, 8, 8), seen), x.flatten(2)[..., seen], 1e-2)
    torch.testing.assert_close(found[..., :3], x[..., :3], rtol=0, atol=0.05)
    torch.testing.assert_close(found[..., 5:], x[..., 5:], rtol=0, atol=0.05)


def test_total_variation_takes_the_channels_of_a_pixel_together() -> None:
    """So a turn of the colours, or of the phase in MRI, turns the image alike."""
    noisy, turn = draw(1, 2, 8, 8), torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=F64)
    everything = PixelMask((2, 8, 8), torch.arange(64))

    def turned(x: Tensor) -> Tensor:
        return torch.einsum("ij,bjhw->bihw", turn, x)

    found = total_variation(everything, turned(noisy).flatten(2), 0.3)
    torch.testing.assert_close(found, turned(total_variation(everything, noisy.flatten(2), 0.3)))


def test_wavelets_have_their_adjoint_and_lose_but_what_is_coarse() -> None:
    x, bands = draw(2, 2, 24, 17), draw(2, 9, 2, 24, 17)
    there = (baselines._details(x) * bands).sum()
    torch.testing.assert_close(there, (x * baselines._details_adjoint(bands)).sum())
    # The frame is tight: with the coarse part the energy is that of x, and noise has little there.
    assert 0.95 < baselines._details(x).square().sum() / x.square().sum() < 1
    flat = torch.ones(1, 1, 16, 16, dtype=F64)
    assert baselines._details(flat).abs().max() < 1e-12
    # Two moments vanish: a slope is not seen, but where it ends.
    slope = torch.arange(64, dtype=F64).view(1, 1, 64, 1).expand(1, 1, 64, 64)
    assert baselines._details(slope)[..., :40, :].abs().max() < 1e-12
    assert baselines._details(slope).abs().max() > 1


def test_wavelets_are_those_of_daubechies() -> None:
    """An orthogonal basis on one scale at every second place: what is left out is one of four."""
    step = [float(v) for v in baselines._filters(draw(1))[1, 0].sum(0)]
    expected = [(1 - 3**0.5), -(3 - 3**0.5), (3 + 3**0.5), -(1 + 3**0.5)]
    # Summed along what is coarse, whose taps add to 1.
    torch.testing.assert_close(torch.tensor(step), torch.tensor(expected) / 8, rtol=0, atol=1e-6)


MEASURED = torch.arange(24 * 32)[torch.rand(24 * 32, generator=Key(1).generator()) < 0.5]


def test_sparse_wavelets_are_the_best_there_are() -> None:
    """No step away is any better, and any way to the noisy image is worse by what it costs."""
    physics, weight = PatternMRI((2, 24, 32), MEASURED), 0.02
    y = physics(smooth_image((2, 24, 32))[None]) + 0.05 * draw(1, *physics.range)

    def cost(x: Tensor) -> float:
        price = baselines._details(x).square().sum(2).sqrt().sum()
        return float((physics(x) - y).square().sum() / 2 + weight * price)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "STEPS", 1000)
        found = sparse_wavelets(physics, y, weight)
    least = cost(found)
    ways = [physics.pinv(y) - found, smooth_image((2, 24, 32))[None] - found, -found]
    ways += [draw(12, 2, 24, 32)[[n]] for n in range(12)]
    for way in ways:
        for length in (1e-2, 1e-3, -1e-3, -1e-2):
            assert cost(found + length * way) > least
    # Strongly convex in what is measured: half as good would be found out.
    assert least < 0.9 * min(cost(physics.pinv(y)), cost(0 * found))


def test_sirt_is_its_formula() -> None:
    radon = parallel_beam(8, 5, dtype=F64)
    A, y = matrix_of(radon), radon(smooth_image((1, 8, 8))[None])
    rows, columns = A.sum(1), A.sum(0)
    x = torch.zeros(64, dtype=F64)
    for _ in range(4):
        left = torch.where(rows > 0, (y.flatten() - A @ x) / rows, 0)
        x = x + A.T @ left / columns
    torch.testing.assert_close(sirt(radon, y, 4).flatten(), x)


def begun(task: str) -> tuple[Prepared, Posed]:
    """A run that asks for them, and the first that it tells."""
    asked = {"steps": 2, "baselines": "classical"}
    one = prepare(configure(task, "smoke", ["mc"], training=asked, device=DEVICE))
    posed = next(one.run())
    assert isinstance(posed, Posed)
    return one, posed


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "STEPS", 60)
        yield


@pytest.mark.parametrize("task", ["ct", "mri"])
def test_each_is_chosen_on_validation_images(task: str) -> None:
    one, found = begun(task)
    linear, _ = linear_part(one.problem.physics, one.exam.y[:1])
    fit = {name: known for name, known in BASELINES.items() if isinstance(linear, known.kind)}
    judged = prepare_exam(one.problem, replace(one.training, exam="validation"))
    for row, (name, known) in zip(found.baselines.items(), fit.items(), strict=True):
        marked = {v: baselines._marked(known, v, one.problem, judged).psnr for v in known.values}
        best = max(marked, key=lambda value: marked[value])
        assert row[0] == f"{name}, {known.letter} = {best:g}"
        assert row[1] == baselines._marked(known, best, one.problem, one.exam)


@pytest.mark.parametrize(
    ("task", "names"), [("ct", ["SIRT", "TV"]), ("mri", ["L1 wavelets", "TV"])]
)
def test_they_have_rows_beside_a_pseudo_inverse(task: str, names: list[str]) -> None:
    _, found = begun(task)
    start, *others = results(history_of([found]))
    assert [row.method.partition(",")[0] for row in others] == names
    assert start.metrics is not None
    for row in others:
        assert row.metrics is not None
        assert row.gain == row.metrics.psnr - start.metrics.psnr
        assert row.gain > 0
    stored = with_images(found, lambda name, images: Stored(Path(name)))
    assert from_line(to_line(stored), "here").baselines == found.baselines


def test_none_are_there_unless_asked_for() -> None:
    posed = next(prepare(configure("ct", "smoke", ["mc"], device=DEVICE)).run())
    assert isinstance(posed, Posed)
    assert posed.baselines == {}


def test_without_validation_images_they_are_refused() -> None:
    config = configure("mri", "smoke", ["mc"], training={"baselines": "classical"})
    problem = replace(tasks()["mri"].pose("smoke"), validation=None)
    with pytest.raises(ValueError, match=r"baselines = 'classical' needs validation images"):
        check_fits(problem, config.objectives, config.training)
