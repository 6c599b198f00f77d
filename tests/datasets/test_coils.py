"""K-space of several coils in files: raw, prepared, of fastMRI and ISMRMRD; maps by ESPIRiT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import kit.data_files as make
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reilab.cli.main import main
from reilab.datasets.acquired import read_measured, white_kspace
from reilab.datasets.coils import espirit_maps
from reilab.key import Key
from reilab.noise.estimate import coil_covariance
from reilab.physics.fourier import masked_mri
from reilab.physics.sense import SENSE, ring_maps
from reilab.problem import Problem
from reilab.runs.config import configure
from reilab.runs.stream import run
from reilab.tasks.registry import find_task

COILS, SIDE, SIGMA = 4, 64, 0.01
MASK = (np.arange(SIDE) % 3 != 1) | (np.abs(np.arange(SIDE) - SIDE // 2) <= 12)
#: What mixes the noise of the coils.
ROOT = np.eye(COILS) + 0.4 * np.tri(COILS, k=-1) + 0.2j * np.tri(COILS, k=-2)
MAPS = ring_maps(COILS, SIDE, SIDE).numpy()


def slices(count: int) -> NDArray[np.complex64]:
    """Images with a slow phase, (count, H, W)."""
    phase = np.exp(1j * np.linspace(0, 2, SIDE))
    images = np.stack([make.disc(SIDE, place) * phase for place in range(count)])
    return images.astype(np.complex64)


def noise(shape: tuple[int, ...], seed: int) -> NDArray[np.complex128]:
    """(COILS, *shape), as noisy as each other and with much in common."""
    parts = np.random.default_rng(seed).normal(0, SIGMA, (2, COILS, *shape))
    return np.tensordot(ROOT, parts[0] + 1j * parts[1], 1)


def scan(count: int = 1) -> NDArray[np.complex64]:
    """K-space (count, COILS, H, W) of these coils, noise and all, 0 where nothing is measured."""
    seen = np.fft.ifftshift(slices(count)[:, None] * MAPS, (2, 3))
    kspace = np.fft.fftshift(np.fft.fft2(seen, norm="ortho"), (2, 3))
    added = np.moveaxis(noise((count, SIDE, SIDE), 0), 0, 1)
    return ((kspace + added) * MASK).astype(np.complex64)


def measured(path: Path, **settings: object) -> Problem:
    usual = {"measured": str(path), "coils": COILS, "size": SIDE}
    return find_task("mri").pose("smoke", {**usual, **settings})


def check_scan(problem: Problem) -> None:
    """The maps that were found see in the measurement the image that was there."""
    y = problem.train.batch(torch.arange(1)).y
    assert y is not None
    assert y.shape[1:] == problem.physics.range == (2 * COILS, SIDE, int(MASK.sum()))
    shown = problem.image(problem.physics.pinv(y))[0, 0].numpy()
    truth = np.abs(slices(1)[0])
    inside = truth > 0
    # Coils that are told apart by their noise are combined otherwise: the image is shaded.
    likeness = np.corrcoef(shown[inside], truth[inside])[0, 1]
    assert likeness > 0.9
    assert shown[~inside].mean() < 0.1 * shown[inside].mean()


def test_maps_of_the_centre_are_those_of_the_coils() -> None:
    found = espirit_maps(scan()[0], np.tile(MASK, (SIDE, 1)))
    np.testing.assert_allclose((np.abs(found) ** 2).sum(0), 1, rtol=1e-4)
    likeness = np.abs((found.conj() * MAPS).sum(0))[slices(1)[0] != 0]
    assert np.quantile(likeness, 0.02) > 0.99
    # Those of the single coil that is nearest are not.
    assert np.abs(MAPS).max(0)[slices(1)[0] != 0].mean() < 0.9


def test_a_centre_that_is_too_small_is_named() -> None:
    few = np.arange(SIDE) % 3 != 1
    with pytest.raises(
        ValueError, match=r"centre of k-space has 1×1 entries.*bring an array 'maps'"
    ):
        espirit_maps(scan()[0], np.tile(few, (SIDE, 1)))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_raw_scan_is_made_ready(suffix: str, tmp_path: Path) -> None:
    """Of one array: its zeros are the mask, its outer part tells the noise."""
    path = tmp_path / f"scan.{suffix}"
    if suffix == "npy":
        np.save(path, scan()[0])
    else:
        np.savez(path, y=scan(), noise=noise((5000,), 7))
    problem = measured(path)
    assert isinstance(problem.physics, SENSE)
    check_scan(problem)


def test_noise_is_white_and_its_level_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readings = noise((20_000,), 7)
    arrays = {"y": scan(), "noise": readings}
    found, mask, sigma = white_kspace(arrays, COILS)
    assert sigma is not None
    # What is left when the image's own k-space is taken away is white.
    clean, _, other = white_kspace({**arrays, "y": scan() - noisy_part()}, COILS)
    assert other is not None
    left = (found / sigma - clean / other)[0][:, mask]
    covariance = coil_covariance(left[::2] + 1j * left[1::2])
    np.testing.assert_allclose(covariance, np.eye(COILS), atol=0.06)
    np.savez(tmp_path / "scan.npz", **arrays)
    main(["noise", "estimate", str(tmp_path / "scan.npz"), "--coils", str(COILS)])
    assert f"--sigma {sigma:.3g}" in capsys.readouterr().out


def noisy_part() -> NDArray[np.complex64]:
    return (noise((1, SIDE, SIDE), 0).swapaxes(0, 1) * MASK).astype(np.complex64)


def test_what_has_maps_is_taken_as_it_is(tmp_path: Path) -> None:
    """A simulated scan in a file gives the same operator and the same measurements again."""
    simulated = find_task("mri").pose("smoke", {"coils": COILS})
    physics = simulated.physics
    assert isinstance(physics, SENSE)
    y = simulated.measure(simulated.train.batch(torch.arange(2)), Key(7)).y
    whole = physics.kspace(y).unflatten(1, (COILS, 2))
    for name, given in (("complex", torch.complex(*whole.unbind(2))), ("parts", whole)):
        path = tmp_path / f"{name}.npz"
        np.savez(path, y=given.numpy(), maps=3 * physics.maps.numpy())
        problem = measured(path, size=32)
        found = problem.train.batch(torch.arange(2)).y
        assert found is not None
        torch.testing.assert_close(found, y)
        torch.testing.assert_close(problem.physics.pinv(y), physics.pinv(y))


@pytest.mark.parametrize(
    ("change", "coils", "told"),
    [
        ({}, 1, r"needs complex \(N, H, W\), or \(N, 2, H, W\); set --coils"),
        ({}, 3, r"\(1, 4, 64, 64\); needs complex \(N, 3, H, W\)"),
        ({"noise": np.ones((2, 50), complex)}, COILS, r"needs finite readings \(4, n\)"),
        ({"noise": np.ones((COILS, 50), complex)}, COILS, "no inverse covariance"),
        ({"maps": MAPS[:3]}, COILS, r"maps has the shape \(3, 64, 64\); needs \(4, 64, 64\)"),
    ],
)
def test_what_does_not_fit_is_named(
    change: dict[str, NDArray[Any]], coils: int, told: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "scan.npz", **{"y": scan(), **change})
    with pytest.raises(ValueError, match=told) as refused:
        measured(tmp_path / "scan.npz", coils=coils)
    assert "scan.npz" in str(refused.value)


def write_fastmri(path: Path) -> None:
    """A volume of several coils as fastMRI publishes it: slices × coils × rows × columns."""
    with h5py.File(path, "w") as file:
        file["kspace"] = scan() * 1e-5
        file["mask"] = MASK


def write_ismrmrd(path: Path) -> None:
    """As the package of that name writes it: readings of noise first, each line of all coils."""
    data = ismrmrd.Dataset(str(path), "dataset", True)
    data.write_xml_header(
        make.HEADER.format(x=SIDE, y=SIDE, side=SIDE, last=SIDE - 1, middle=SIDE // 2)
    )
    kspace = scan()[0] * 1e-5
    # Read four times as fast as the lines: twice as noisy.
    readings = (2 * noise((3000,), 7) * 1e-5).astype(np.complex64)
    first = ismrmrd.Acquisition.from_array(readings)
    first.setFlag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
    first.sample_time_us = 1.0
    data.append_acquisition(first)
    for column in np.flatnonzero(MASK):
        line = ismrmrd.Acquisition.from_array(np.ascontiguousarray(kspace[:, :, column]))
        line.idx.kspace_encode_step_1, line.center_sample = column, SIDE // 2
        line.sample_time_us = 4.0
        data.append_acquisition(line)
    data.close()


@pytest.mark.parametrize("write", [write_fastmri, write_ismrmrd])
def test_what_scanners_write(write: Any, tmp_path: Path) -> None:
    write(tmp_path / "scan.h5")
    check_scan(measured(tmp_path / "scan.h5"))
    arrays = read_measured(tmp_path / "scan.h5")
    np.testing.assert_allclose(arrays["y"], scan() * 1e-5, rtol=1e-3, atol=1e-9)
    assert np.array_equal(arrays["mask"], MASK)


def test_noise_readings_are_as_noisy_as_lines(tmp_path: Path) -> None:
    write_ismrmrd(tmp_path / "scan.h5")
    readings = read_measured(tmp_path / "scan.h5")["noise"]
    expected = ROOT @ ROOT.conj().T * (SIGMA * 1e-5) ** 2
    gap = np.abs(coil_covariance(readings) - expected).max()
    assert gap < 0.1 * np.abs(expected).max()


def test_training_on_a_raw_scan(tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", scan()[0])
    settings = {"measured": str(tmp_path / "scan.npy"), "coils": COILS, "size": SIDE}
    training = {"batch": 1, "steps": 1}
    config = configure("mri", "smoke", ["rei", "sure_es"], settings=settings, training=training)
    history = run(config)
    assert history.failed is None
    assert history.finished


def test_the_operator_of_a_pattern(tmp_path: Path) -> None:
    """Entries that are no whole columns, as of a scan in three dimensions."""
    pattern = np.random.default_rng(5).random((SIDE, SIDE)) < 0.4
    pattern[SIDE // 2 - 8 : SIDE // 2 + 8, SIDE // 2 - 8 : SIDE // 2 + 8] = True
    seen = np.fft.ifftshift(slices(1)[:, None] * MAPS, (2, 3))
    kspace = np.fft.fftshift(np.fft.fft2(seen, norm="ortho"), (2, 3)) * pattern
    np.savez(tmp_path / "scan.npz", y=kspace.astype(np.complex64), maps=MAPS)
    problem = measured(tmp_path / "scan.npz")
    y = problem.train.batch(torch.arange(1)).y
    assert y is not None
    x = torch.view_as_real(torch.from_numpy(slices(1))).movedim(-1, 1)
    expected = SENSE(masked_mri(torch.from_numpy(pattern)), torch.from_numpy(MAPS))(x)
    torch.testing.assert_close(y, expected, atol=1e-4, rtol=1e-3)
