"""reilab reconstruct: images from files of measurements, good ones and bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reilab.cli.main import main
from reilab.key import Key
from reilab.problem import Problem
from reilab.record.folder import RunFolder
from reilab.runs.config import build, from_yaml
from reilab.trained.checkpoints import Checkpoint, load_trained
from reilab.training.state import Reconstruction, reconstruction


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two methods."""
    out = tmp_path_factory.mktemp("trained") / "run"
    words = ["compare", "mri", "--preset", "smoke", "--methods", "ei", "rei", "--steps", "1"]
    main([*words, "--out", str(out)])
    return out


@pytest.fixture
def scans(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """One good file of two measurements, one of one, and two that are no use."""
    monkeypatch.chdir(tmp_path)
    problem = built(trained)
    y = problem.measure(problem.test.batch(torch.arange(3)), Key(3)).y
    mask = torch.zeros(32).index_fill(0, problem.physics.columns, 1)  # type: ignore[attr-defined]
    np.savez("two.npz", y=y[:2].numpy(), mask=mask.numpy())
    np.savez("one.npz", y=y[2:].numpy(), mask=mask.numpy())
    np.savez("unmasked.npz", y=y.numpy())
    Path("broken.npz").write_bytes(b"nothing")
    return y


def built(trained: Path) -> Problem:
    return build(from_yaml(RunFolder(trained).config))


def refuse(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["reconstruct", "mri", *words])
    assert stopped.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_bad_inputs_do_not_stop_the_others(
    trained: Path, scans: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = ["broken.npz", "two.npz", "missing.npz", "unmasked.npz", "one.npz"]
    told = refuse(
        capsys, "--checkpoint", str(trained), "--method", "rei", *inputs, "--out", "images"
    )
    assert "broken.npz cannot be read" in told
    assert "unmasked.npz: has no array 'mask'" in told
    assert told.endswith("not reconstructed: broken.npz, missing.npz, unmasked.npz")
    written = sorted(path.name for path in Path("images").iterdir())
    assert written == ["one.npy", "one.png", "two-000.png", "two-001.png", "two.npy"]
    problem = built(trained)
    path = trained / "checkpoints" / "rei.safetensors"
    f = reconstruction(load_trained(Checkpoint("rei", path), problem), problem.physics)
    with torch.no_grad():
        expected = f(scans)
    found = np.concatenate([np.load("images/two.npy"), np.load("images/one.npy")])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    with Image.open("images/two-001.png") as picture:
        shown = np.asarray(picture)
    bright = np.hypot(*expected[1].numpy()).clip(0, 1)
    np.testing.assert_allclose(shown / 255, bright, atol=0.51 / 255)


def test_folders_and_equal_names(
    trained: Path, scans: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("more").mkdir()
    Path("more/one.npz").write_bytes(Path("one.npz").read_bytes())
    path = trained / "checkpoints" / "ei.safetensors"
    main(["reconstruct", "mri", "--checkpoint", str(path), "one.npz", "more", "--out", "images"])
    assert "2 of 2 inputs reconstructed" in capsys.readouterr().out
    written = sorted(path.name for path in Path("images").iterdir())
    assert written == ["one.npy", "one.png", "one~2.npy", "one~2.png"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--checkpoint", "RUN", "one.npz", "--out", "new"], "choose with --method ei | rei"),
        (["--checkpoint", "RUN", "--method", "re", "one.npz", "--out", "new"], "mean 'rei'"),
        (["--checkpoint", "EI", "one.npz"], "--out DIR"),
        (["--checkpoint", "EI", "--out", "new"], "name the files"),
        (["--checkpoint", "EI", "one.npz", "--out", "."], "exists already"),
        (["--checkpoint", "EI", "broken.npz", "--out", "new"], "not reconstructed: broken.npz"),
        (["--checkpoint", "EI", "one.npz", "--width", "16", "--out", "new"], "does not fit"),
        (["--checkpoint", "broken.npz", "one.npz", "--out", "new"], "no ending of a checkpoint"),
    ],
)
def test_what_is_refused_writes_nothing(
    words: list[str],
    told: str,
    trained: Path,
    scans: torch.Tensor,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = sorted(path.name for path in Path().iterdir())
    places = {"RUN": str(trained), "EI": str(trained / "checkpoints" / "ei.safetensors")}
    assert told in refuse(capsys, *[places.get(word, word) for word in words])
    assert sorted(path.name for path in Path().iterdir()) == before


def test_what_is_no_image_is_told_and_not_written(
    trained: Path,
    scans: torch.Tensor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def diverged(*_: object) -> Reconstruction:
        return lambda y: torch.full((len(y), 2, 32, 32), torch.nan)

    monkeypatch.setattr("reilab.trained.reconstruct.reconstruction", diverged)
    path = trained / "checkpoints" / "ei.safetensors"
    told = refuse(capsys, "--checkpoint", str(path), "one.npz", "--out", "images")
    assert "one.npz: what the network gives reaches nan" in told
    assert not list(Path("images").iterdir())
