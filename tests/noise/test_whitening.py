"""Noise that several coils share: its covariance from readings, and SURE once it is white."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from reilab.key import Key
from reilab.noise import Gaussian, mean
from reilab.noise.estimate import coil_covariance, whitened
from reilab.physics.fourier import masked_mri
from reilab.physics.sense import SENSE, as_channels, as_complex, ring_maps
from reilab.testing import smooth_image, z_score

COILS, SIDE = 3, 8
#: Ψ = L Lᴴ: coils of other strengths, that have much noise in common.
ROOT = np.array([[0.3, 0, 0], [0.3 + 0.1j, 0.1, 0], [0.2, 0.2 - 0.1j, 0.1]])
PSI = ROOT @ ROOT.conj().T
MASK = torch.rand(SIDE, SIDE, generator=Key(1).generator()) < 0.5


def readings(n: int, seed: int = 0) -> NDArray[np.complex128]:
    """Noise of the covariance Ψ in each component, (coils, n)."""
    parts = np.random.default_rng(seed).normal(size=(2, COILS, n))
    return ROOT @ (parts[0] + 1j * parts[1])


def test_the_covariance_is_that_of_the_readings() -> None:
    trials = torch.from_numpy(np.stack([coil_covariance(readings(50, k)) for k in range(400)]))
    for i in range(COILS):
        assert abs(z_score(trials[:, i, i].real, float(PSI[i, i].real))) < 4
        for j in range(i):
            assert abs(z_score(trials[:, i, j].real, float(PSI[i, j].real))) < 4
            assert abs(z_score(trials[:, i, j].imag, float(PSI[i, j].imag))) < 4


def test_whitened_noise_is_white() -> None:
    noise = readings(100_000).reshape(COILS, 100, 1000)
    white = whitened(noise, PSI).reshape(COILS, -1)
    np.testing.assert_allclose(coil_covariance(white), np.eye(COILS), atol=0.02)
    assert whitened(noise.astype(np.complex64), PSI).dtype == np.complex64


@pytest.mark.parametrize("noise", [readings(2), np.vstack([readings(50)[:2], np.zeros((1, 50))])])
def test_what_has_no_inverse_is_named(noise: NDArray[np.complex128]) -> None:
    with pytest.raises(ValueError, match="noise of 3 coils has no inverse covariance"):
        whitened(readings(4).reshape(COILS, 2, 2), coil_covariance(noise))


def sure_of(y: Tensor, physics: SENSE, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """SURE of σ = 1 of a reconstruction that is not linear, and h(y)."""

    def h(values: Tensor) -> Tensor:
        return physics(0.6 * torch.tanh(physics.adjoint(values)))

    hy = h(y)
    return Gaussian(1.0, tau=1e-3).sure(y, h, hy, [rng]), hy


def test_sure_is_unbiased_once_the_noise_is_white() -> None:
    """Of acquired coils with noise in common; the whitened operator has whitened maps."""
    n, maps = 4000, ring_maps(COILS, SIDE, SIDE).to(torch.complex128)
    covariance = coil_covariance(readings(200_000, seed=3))
    white_maps = torch.from_numpy(whitened(maps.numpy(), covariance))
    plain, white = (SENSE(masked_mri(MASK), one) for one in (maps, white_maps))
    x = smooth_image((2, SIDE, SIDE))[None]
    # Each of the readings is an entry of k-space that was measured.
    drawn = torch.from_numpy(readings(n * int(MASK.sum()))).view(COILS, n, -1).transpose(0, 1)
    noise = torch.view_as_real(drawn).movedim(-1, 2).flatten(1, 2)
    y = plain(x) + noise
    as_read = torch.view_as_complex(y.unflatten(1, (COILS, 2)).movedim(2, -1).contiguous())
    ready = whitened(as_read[..., None].numpy(), covariance)[..., 0]
    y_white = torch.view_as_real(torch.from_numpy(ready)).movedim(-1, 2).flatten(1, 2)
    estimate, hy = sure_of(y_white, white, Key(4).generator())
    assert abs(z_score(estimate - mean((hy - white(x)) ** 2))) < 4
    # With the noise that coils have in common left in, it is not.
    scale = float(PSI.diagonal().real.mean()) ** 0.5
    estimate, hy = sure_of(y / scale, SENSE(plain.one, maps / scale), Key(4).generator())
    assert abs(z_score(estimate - mean((hy - plain(x) / scale) ** 2))) > 10


def test_whitening_commutes_with_the_operator() -> None:
    """L⁻¹ (A x) is what the operator of L⁻¹ S measures."""
    x = smooth_image((2, SIDE, SIDE))[None]
    maps = ring_maps(COILS, SIDE, SIDE).to(torch.complex128)
    every = masked_mri(torch.ones(SIDE, SIDE, dtype=torch.bool))
    y = SENSE(every, maps)(x).unflatten(1, (COILS, 2))
    found = whitened(as_complex(y).numpy(), PSI)
    expected = SENSE(every, torch.from_numpy(whitened(maps.numpy(), PSI)))(x)
    torch.testing.assert_close(as_channels(torch.from_numpy(found)).flatten(1, 2), expected)
