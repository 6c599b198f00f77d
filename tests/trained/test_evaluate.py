"""reilab evaluate: marks, files, noise levels, with ground truth and without."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
import torch
from kit.authors_layout import WIDTHS, save, theirs
from PIL import Image

from reilab.cli.main import main
from reilab.key import Key
from reilab.nets.unet import UNetSpec
from reilab.nets.weights import fill, read_torch_weights
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.tasks.registry import find_task
from reilab.trained.assess import Assessment, assess
from reilab.trained.evaluate import _told
from reilab.training.config import TrainConfig
from reilab.training.evaluate import pinv, prepare_exam
from reilab.training.state import Reconstruction, seeded

#: Of what each row of ``per_image.csv`` is.
ORIGINS = ("Task", "Run", "Seed", "Step")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two methods with a seed of its own."""
    out = tmp_path_factory.mktemp("trained") / "run"
    words = ["compare", "mri", "--preset", "smoke", "--methods", "ei", "rei", "--steps", "2"]
    main([*words, "--seed", "5", "--sigma", "0.07", "--out", str(out)])
    return out


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def evaluated(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["evaluate", *words, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def refuse(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *words])
    assert stopped.value.code == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_run_has_the_marks_that_it_had_while_it_was_trained(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(capsys, "mri", "--checkpoint", str(trained))
    history = history_of(RunFolder(trained).events())
    assert history.posed is not None
    expected = {"A†y": history.posed.pinv_metrics} | {
        name: track.metrics for name, track in history.tracks.items()
    }
    assert [row["method"] for row in found["results"]] == ["A†y", "ei", "rei"]
    for row in found["results"]:
        metrics = expected[row["method"]]
        assert metrics is not None
        assert row["noise"] == 0.07
        assert row["psnr"]["mean"] == pytest.approx(metrics.psnr, abs=1e-4)
        assert row["ssim"]["mean"] == pytest.approx(metrics.ssim, abs=1e-5)
        assert row["nmse"]["mean"] == pytest.approx(metrics.nmse, rel=1e-4)
        assert row["psnr_range"]["mean"] == pytest.approx(metrics.psnr_range, abs=1e-3)
        assert row["psnr_null"]["mean"] == pytest.approx(metrics.psnr_null, abs=1e-3)


def test_files(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trained / "checkpoints" / "rei.safetensors"
    words = ["mri", "--checkpoint", str(path), "--noise", "0.01", "0.2", "--out", "there"]
    main(["evaluate", *words, "--json"])
    told = capsys.readouterr()
    found = json.loads(told.out.splitlines()[-1])
    # Two levels, A†y and a network, 16 images.
    assert "64/64" in told.err
    with (tmp_path / "there" / "per_image.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * 2 * 16
    assert {tuple(row[name] for name in ("method", *ORIGINS)) for row in rows} == {
        ("A†y", "mri", "", "", ""),
        ("rei", "mri", "run", "5", "2"),
    }
    for entry in found["results"]:
        mine = [
            float(row["psnr"])
            for row in rows
            if row["method"] == entry["method"] and float(row["noise"]) == entry["noise"]
        ]
        assert entry["images"] == len(mine)
        assert entry["psnr"]["mean"] == pytest.approx(fmean(mine))
        assert entry["psnr"]["std"] == pytest.approx(stdev(mine))
    noises = [entry["noise"] for entry in found["results"]]
    assert noises == [0.01, 0.01, 0.2, 0.2]
    first, last = found["results"][0], found["results"][2]
    assert first["psnr"]["mean"] > last["psnr"]["mean"] + 3
    kept = json.loads((tmp_path / "there" / "evaluation.json").read_text(encoding="utf-8"))
    assert kept["results"] == found["results"]
    assert kept["settings"]["size"] == 32
    for level in ("0.01", "0.2"):
        with Image.open(tmp_path / "there" / f"cases-rei-{level}.png") as picture:
            assert min(picture.size) > 300
    assert "exists already" in refuse(capsys, *words)


def test_the_authors_checkpoint_is_judged_as_our_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(theirs(3), tmp_path / "ckp_final.pth.tar")
    words = ["inpainting", "--checkpoint", str(path), "--preset", "smoke"]
    row = evaluated(capsys, *words, "--width", str(WIDTHS[0]))["results"][1]
    assert row["method"] == "ckp_final"
    network = seeded(lambda: UNetSpec(WIDTHS[0]).build(3), Key(0)).eval()
    fill(network, read_torch_weights(path), path)
    problem = find_task("inpainting").pose("smoke")
    exam = prepare_exam(problem, TrainConfig())
    own = assess("own", Reconstruction(network), problem, exam, Key(0) / "assess")
    assert row["psnr"]["mean"] == pytest.approx(own.mean("psnr"), abs=1e-4)
    assert row["sure"]["mean"] == pytest.approx(own.mean("sure"), rel=1e-3)
    told = refuse(capsys, "ct", "--checkpoint", str(path), "--preset", "smoke", "--out", "none")
    assert "Conv1.conv.0.weight (8, 3, 3, 3) for (8, 1, 3, 3)" in told
    assert not (tmp_path / "none").exists()


def test_a_checkpoint_says_what_its_network_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(
        "mri",
        "smoke",
        ["rei"],
        network="unrolled",
        settings={"width": 16},
        training={"steps": 1},
    )
    folder = RunFolder.create(tmp_path / "run", config.to_yaml())
    history = execute(folder)
    moved = tmp_path / "elsewhere" / "mine.safetensors"
    moved.parent.mkdir()
    folder.checkpoint("rei").rename(moved)
    row = evaluated(capsys, "mri", "--checkpoint", str(moved), "--preset", "smoke")["results"][1]
    metrics = history.tracks["rei"].metrics
    assert metrics is not None
    assert row["psnr"]["mean"] == pytest.approx(metrics.psnr, abs=1e-4)


def measurements(path: Path) -> Path:
    problem = find_task("mri").pose("smoke")
    y = problem.measure(problem.test.batch(torch.arange(6)), Key(3)).y
    mask = torch.zeros(32).index_fill(0, problem.physics.columns, 1)  # type: ignore[attr-defined]
    np.savez(path, y=y.numpy(), mask=mask.numpy())
    return path


def test_without_ground_truth(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A†y fits y exactly, so its risk is σ² by definition, and SURE finds that."""
    scan = measurements(tmp_path / "scan.npz")
    words = ["mri", "--checkpoint", str(trained), "--measured", str(scan)]
    start, *networks = evaluated(capsys, *words, "--noise", "0.1")["results"]
    assert start.keys() == {"noise", "method", "images", "consistency", "sure"}
    assert start["images"] == 6
    assert start["consistency"]["mean"] < 1e-9
    assert start["sure"]["mean"] == pytest.approx(0.01, rel=0.1)
    assert all(row["consistency"]["mean"] > 1e-4 for row in networks)
    assert "one --noise" in refuse(capsys, *words, "--noise", "0.1", "0.2")
    # Of this noise there is no SURE.
    found = evaluated(capsys, *words, "--noise", "0.1", "--noise-model", "laplace", "--out", "told")
    assert all("sure" not in row for row in found["results"])
    assert list(Path("told").glob("*.png"))


def test_several_checkpoints_of_one_name_are_told_apart(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rei = trained / "checkpoints" / "rei.safetensors"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "rei.safetensors").write_bytes(rei.read_bytes())
    found = evaluated(capsys, "mri", "--checkpoint", str(rei), "elsewhere/rei.safetensors")
    names = [row["method"] for row in found["results"]]
    assert names == ["A†y", "run/rei", "elsewhere/rei"]
    assert found["results"][1]["psnr"] == found["results"][2]["psnr"]
    told = refuse(capsys, "mri", "--checkpoint", str(rei), str(rei))
    assert "several checkpoints are called 'run/rei'" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mri"], "name a checkpoint"),
        (["mir", "--checkpoint", "RUN"], "Did you mean 'mri'?"),
        (["mri", "--checkpoint", "nowhere.pt"], "no checkpoint at nowhere.pt"),
        (["mri", "--checkpoint", "nowhere"], "no run 'nowhere'"),
        (["ct", "--checkpoint", "RUN"], "is of the task 'mri', not 'ct'"),
        (["mri", "--checkpoint", "RUN", "--noise", "-1"], "sigma = -1.0 is too small"),
        (["mri", "--checkpoint", "RUN", "--width", "16"], "of another shape: images.down.0.0.bias"),
        (["mri", "--checkpoint", "RUN", "--norm", "none"], "unexpected: images.down.0.1.bias"),
        (["mri", "--checkpoint", "RUN", "--data", "nothing"], "data = 'nothing'"),
        (["mri", "--checkpoint", "RUN", "--device", "gpu"], "device = 'gpu' is unknown"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    words: list[str],
    told: str,
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told in refuse(capsys, *[str(trained) if word == "RUN" else word for word in words])
    assert not list(tmp_path.iterdir())


def test_cases_are_ranked_by_psnr_or_else_by_sure() -> None:
    marks = {"psnr": (20.0, 10.0, 30.0), "sure": (1.0, 2.0, 3.0)}
    images = torch.zeros(3, 1, 8, 8)
    assert Assessment("rei", 0.1, marks, images).ranking() == [1, 0, 2]
    assert Assessment("rei", 0.1, {"sure": (1.0, 3.0, 2.0)}, images).ranking() == [1, 2, 0]


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ({"sure": (0.25,), "consistency": (0.5,)}, "SURE 0.25"),
        ({"consistency": (0.5,)}, "consistency 0.5"),
    ],
)
def test_a_case_without_truth_tells_what_is_known(
    marks: dict[str, tuple[float, ...]], told: str
) -> None:
    case = Assessment("rei", 0.1, marks, torch.zeros(1, 1, 8, 8))
    assert _told("REI", case, 0) == f"REI\n{told}"


def test_colour_images_read_4_77_db_low_by_the_legacy_metric() -> None:
    """As on the masked photographs of the paper, image by image; grey ones read the same."""
    for task, lower_by in (("inpainting", 4.7712), ("ct", 0.0)):
        problem = configure(task, "smoke").spec.build()
        exam = prepare_exam(problem, TrainConfig())
        assert exam.truth is not None
        peaks = exam.truth.flatten(1).amax(1)
        found = assess("A†y", pinv, problem, exam, Key(0))
        gap = torch.tensor(found.marks["psnr"]) - torch.tensor(found.marks["rei_legacy_psnr"])
        torch.testing.assert_close(gap, lower_by - 20 * peaks.log10(), atol=1e-3, rtol=0)
