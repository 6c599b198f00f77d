"""How noisy a file is: estimates against the noise that was put in, and the command that tells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reilab.cli.main import main
from reilab.datasets.noisiness import noisiness
from reilab.key import Key
from reilab.noise.estimate import haar_noise
from reilab.tasks.registry import tasks


def smooth(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[:height, :width]
    return np.asarray(0.5 + 0.2 * np.sin(y / 9) + 0.2 * np.cos(x / 7), np.float32)


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.1])
def test_noise_is_told_from_what_varies_slowly(sigma: float) -> None:
    noise = np.random.default_rng(0).normal(0, sigma, (121, 160)).astype(np.float32)
    assert haar_noise(smooth(121, 160) + noise) == pytest.approx(sigma, rel=0.06)
    colours = smooth(121, 160) + np.stack([noise, noise[::-1], noise[:, ::-1]])
    assert haar_noise(colours) == pytest.approx(sigma, rel=0.06)


def test_what_was_not_measured_tells_nothing() -> None:
    rng = np.random.default_rng(1)
    image = smooth(121, 160) + rng.normal(0, 0.1, (121, 160)).astype(np.float32)
    image[rng.random(image.shape) < 0.3] = np.nan
    assert haar_noise(image) == pytest.approx(0.1, rel=0.08)
    image[::2] = np.nan
    with pytest.raises(ValueError, match="no four neighbours"):
        haar_noise(image)


def kspace(file: Path, sigma: float, by_parts: bool = False) -> None:
    problem = tasks()["mri"].pose("quick", {"size": 128, "sigma": sigma})
    physics, x = problem.physics, problem.test.batch(torch.arange(2)).x
    assert x is not None
    y = problem.noise.sample(physics(x), Key(0).streams(range(2)))
    whole = physics.kspace(y).numpy()  # type: ignore[attr-defined]
    seen = physics.kspace(torch.ones_like(y))[0, 0, 0].numpy() != 0  # type: ignore[attr-defined]
    np.savez(file, y=whole if by_parts else whole[:, 0] + 1j * whole[:, 1], mask=seen)


def photographs(file: Path, sigma: float) -> None:
    rng = np.random.default_rng(2)
    y = np.stack([smooth(64, 64)] * 6).reshape(2, 3, 64, 64)
    y += rng.normal(0, sigma, y.shape).astype(np.float32)
    mask = rng.random((64, 64)) < 0.7
    np.savez(file, y=y[..., mask], mask=mask)


def readings(file: Path, sigma: float) -> None:
    y = 1e5 * np.stack([smooth(91, 64)] * 3)
    np.savez(file, y=y + np.random.default_rng(3).normal(0, 1e5 * sigma, y.shape))


FILES = {
    "k-space": (kspace, 2, "of the image maximum", 1.0),
    "photographs": (photographs, 2, "of image values", 1.0),
    "readings": (readings, 3, "counts", 1e5),
}


@pytest.mark.parametrize("sigma", [0.05, 0.1])
@pytest.mark.parametrize("what", FILES)
def test_the_noise_of_measurements_is_found(what: str, sigma: float, tmp_path: Path) -> None:
    make, n, unit, scale = FILES[what]
    file = tmp_path / "y.npz"
    make(file, sigma)
    found = noisiness(file)
    assert (found.what, found.unit, found.option) == (what, unit, "--sigma")
    assert found.sigmas == pytest.approx([scale * sigma] * n, rel=0.1)


def test_parts_of_kspace_may_be_told_apart(tmp_path: Path) -> None:
    for by_parts in (False, True):
        kspace(tmp_path / f"{by_parts}.npz", 0.05, by_parts)
    assert noisiness(tmp_path / "True.npz") == noisiness(tmp_path / "False.npz")


def test_line_integrals_have_no_option(tmp_path: Path) -> None:
    np.savez(tmp_path / "y.npz", sinogram=smooth(91, 64)[None])
    assert noisiness(tmp_path / "y.npz").option == ""


def test_the_command_says_what_to_do_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    noise = np.random.default_rng(4).normal(0, 0.05, (90, 80))
    picture = Image.fromarray(np.uint8(255 * np.clip(smooth(90, 80) + noise, 0, 1)))
    picture.save(tmp_path / "a.png")
    main(["noise", "estimate", str(tmp_path / "a.png"), "--json"])
    *table, last = capsys.readouterr().out.splitlines()
    told = json.loads(last)
    assert told["median"] == pytest.approx(0.05, rel=0.1)
    assert told["sigmas"] == [told["median"]]
    assert f"--sigma {told['median']:.3g}" in table[-1]
    assert "of their range" in " ".join(table)


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["noise", "models"])
    told = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): line for line in told.splitlines() if "│" in line}
    assert "yes" in rows["gamma"]
    assert "no" in rows["laplace"].split("│")[-2]


@pytest.mark.parametrize("name", ["none.png", "bad.npz"])
def test_what_cannot_be_read_is_named(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\3\4")
    with pytest.raises(SystemExit) as ended:
        main(["noise", "estimate", str(tmp_path / name)])
    assert ended.value.code == 2
    assert name in capsys.readouterr().err
