"""Image metrics against scikit-image and against what is known of the authors' PSNR."""

from typing import Any

import numpy as np
import pytest
import torch
from skimage import metrics as reference
from torch import Tensor

from reilab.key import Key
from reilab.metrics import MOST, nmse, psnr, rei_legacy_psnr, ssim

pytestmark = pytest.mark.usefixtures("random_states_untouched")
every_shape = pytest.mark.parametrize("shape", [(1, 1, 16, 16), (3, 3, 17, 20), (2, 2, 32, 9)])


def pair(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """An image that is a noisy version of a truth whose maximum is 1."""
    rng = Key(0).generator()
    truth = torch.rand(shape, generator=rng, dtype=torch.float64)
    truth.flatten(1)[:, 0] = 1
    return truth + 0.1 * torch.randn(shape, generator=rng, dtype=torch.float64), truth


@every_shape
@pytest.mark.parametrize("peak", [1.0, 0.7])
def test_psnr(shape: tuple[int, ...], peak: float) -> None:
    image, truth = pair(shape)
    expected = [
        reference.peak_signal_noise_ratio(t.numpy(), i.numpy(), data_range=peak)
        for i, t in zip(image, truth, strict=True)
    ]
    torch.testing.assert_close(psnr(image, truth, peak), torch.tensor(expected).double())


def test_psnr_of_a_known_error() -> None:
    truth = torch.zeros(2, 3, 4, 4)
    torch.testing.assert_close(psnr(truth + 0.1, truth), torch.full((2,), 20.0))
    torch.testing.assert_close(psnr(truth + 0.1, truth, peak=2.0), torch.full((2,), 26.0206))
    assert (psnr(truth, truth) == MOST).all()


@every_shape
def test_nmse(shape: tuple[int, ...]) -> None:
    image, truth = pair(shape)
    expected = [
        np.linalg.norm(t - i) ** 2 / np.linalg.norm(t) ** 2
        for i, t in zip(image.numpy(), truth.numpy(), strict=True)
    ]
    torch.testing.assert_close(nmse(image, truth), torch.tensor(expected).double())


@every_shape
@pytest.mark.parametrize("peak", [1.0, 0.7])
def test_ssim(shape: tuple[int, ...], peak: float) -> None:
    image, truth = pair(shape)
    expected = [
        np.mean(
            [
                reference.structural_similarity(a, b, data_range=peak)
                for a, b in zip(i.numpy(), t.numpy(), strict=True)
            ]
        )
        for i, t in zip(image, truth, strict=True)
    ]
    torch.testing.assert_close(ssim(image, truth, peak), torch.tensor(expected).double())
    torch.testing.assert_close(ssim(truth, truth), torch.ones(len(truth)).double())


@pytest.mark.parametrize(
    ("shape", "lower_by"),
    [((1, 1, 16, 16), 0.0), ((1, 3, 16, 16), 4.7712), ((2, 1, 16, 16), 3.0103)],
    ids=["one grey image", "one colour image", "two grey images"],
)
def test_the_legacy_psnr_leaves_channels_and_batch_out_of_its_mean(
    shape: tuple[int, ...], lower_by: float
) -> None:
    truth = torch.rand(shape, generator=Key(0).generator(), dtype=torch.float64)
    truth.flatten(1)[:, 0] = 1
    image = truth + 0.1
    expected = float(psnr(image, truth).mean()) - lower_by
    assert float(rei_legacy_psnr(image, truth)) == pytest.approx(expected, abs=1e-3)


def test_the_legacy_peak_is_the_maximum_of_the_truth() -> None:
    image, truth = pair((1, 1, 16, 16))
    half = rei_legacy_psnr(image / 2, truth / 2)
    torch.testing.assert_close(half, rei_legacy_psnr(image, truth))
    torch.testing.assert_close(half, psnr(image / 2, truth / 2, peak=0.5)[0])


BLACK, GREY, WHITE = (
    torch.zeros(2, 1, 16, 16),
    torch.full((2, 1, 16, 16), 0.5),
    torch.ones(2, 1, 16, 16),
)
#: Image, truth, and what PSNR, SSIM, NMSE and the authors' PSNR (of the first one) are to be.
DEGENERATE = {
    "perfect": (GREY, GREY, (MOST, 1, 0, MOST)),
    "black, and it is": (BLACK, BLACK, (MOST, 1, 0, MOST)),
    "constant, where it is black": (GREY, BLACK, (6.0206, 0.0004, 1, 6.0206)),
    "black, where it is not": (BLACK, GREY, (6.0206, 0.0004, 1, 0)),
    "as bright as may be": (1e9 * WHITE, BLACK, (-180, 0, 1, -180)),
    "bytes": (WHITE.byte(), WHITE.byte(), (MOST, 1, 0, MOST)),
    "bytes that would wrap around": (BLACK.byte(), WHITE.byte(), (0, 1e-4, 1, 0)),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_images_have_finite_marks(name: str) -> None:
    image, truth, expected = DEGENERATE[name]
    found = [float(metric(image, truth)[0]) for metric in (psnr, ssim, nmse)]
    found.append(float(rei_legacy_psnr(image[:1], truth[:1])))
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("metric", [psnr, ssim, nmse, rei_legacy_psnr])
@pytest.mark.parametrize("image", [GREY.expand(-1, 3, -1, -1), GREY[:1], GREY + 0j])
def test_what_cannot_be_compared_is_refused(metric: Any, image: Tensor) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        metric(image, WHITE)
