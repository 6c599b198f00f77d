"""Measurements that were acquired: their files, training without ground truth, what is refused."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from kit.lab_runs import write_run
from numpy.typing import NDArray

from reilab.cli.main import main
from reilab.datasets import catalogue
from reilab.key import Key
from reilab.lab import exports, form
from reilab.lab.comparison import content_of_several
from reilab.lab.content import content_of
from reilab.lab.exhibit import Exhibit, lines_of
from reilab.lab.model import Lab
from reilab.lab.titles import status_detail
from reilab.lab.view import View
from reilab.lab.web.components import Browser
from reilab.physics.fourier import to_kspace
from reilab.problem import Problem
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs.config import configure
from reilab.runs.jobs import Standing, Status
from reilab.runs.report import report_html
from reilab.runs.stream import prepare, run
from reilab.show.charts import svg_charts
from reilab.show.results import metrics_csv
from reilab.show.scene import scene_of
from reilab.show.table import as_text
from reilab.tasks.registry import find_task, tasks

Arrays = dict[str, NDArray[Any]]
SIZE, N = 32, 6
TASKS = ("ct", "inpainting", "mri")


def simulated(task: str) -> tuple[Problem, torch.Tensor]:
    """A problem of the smoke preset and measurements of it; nobody keeps the images."""
    problem = find_task(task).pose("smoke")
    batch = problem.train.batch(torch.arange(N))
    return problem, problem.measure(batch, Key(7)).y


def arrays(task: str) -> tuple[Arrays, torch.Tensor]:
    """What a file holds, and the measurements as the operator gives them."""
    problem, y = simulated(task)
    if task == "ct":
        return {"y": y[:, 0].numpy()}, y
    if task == "mri":
        columns = problem.physics.columns  # type: ignore[attr-defined]
        whole = torch.zeros(N, 2, SIZE, SIZE).index_copy(3, columns, y)
        mask = torch.zeros(SIZE).index_fill(0, columns, 1)
        return {"y": torch.complex(whole[:, 0], whole[:, 1]).numpy(), "mask": mask.numpy()}, y
    pixels = problem.physics.pixels  # type: ignore[attr-defined]
    mask = torch.zeros(SIZE * SIZE).index_fill(0, pixels, 1).view(SIZE, SIZE).bool()
    return {"y": problem.physics.pinv(y).numpy(), "mask": mask.numpy()}, y


def write(path: Path, held: Arrays) -> Path:
    """A file of the kind that its ending says."""
    match path.suffix:
        case ".npz":
            np.savez(path, **held)
        case ".h5":
            with h5py.File(path, "w") as tree:
                for name, array in held.items():
                    tree[name] = array
        case ".pt":
            torch.save({name: torch.from_numpy(array) for name, array in held.items()}, path)
        case ".npy":
            np.save(path, held["y"])
    return path


def measured(task: str, path: Path, **settings: object) -> Problem:
    return find_task(task).pose("smoke", {"measured": str(path), **settings})


def check(problem: Problem, y: torch.Tensor) -> None:
    """The problem has these measurements, and an operator that fits them."""
    batch = problem.train.batch(torch.arange(len(problem.train)))
    assert batch.x is None
    assert batch.y is not None
    torch.testing.assert_close(batch.y, y)
    assert tuple(problem.physics.range) == tuple(y.shape[1:])
    assert not problem.test.has_truth


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".pt"])
@pytest.mark.parametrize("task", TASKS)
def test_files(task: str, suffix: str, tmp_path: Path) -> None:
    held, y = arrays(task)
    problem = measured(task, write(tmp_path / f"scan{suffix}", held))
    check(problem, y)
    if task == "mri":
        kept = problem.physics.columns  # type: ignore[attr-defined]
        assert kept.tolist() == np.flatnonzero(held["mask"]).tolist()


def mri_parts(held: Arrays) -> Arrays:
    return {**held, "y": np.stack([held["y"].real, held["y"].imag], 1)}


def mri_columns(held: Arrays) -> Arrays:
    return {**held, "y": held["y"][..., held["mask"] == 1]}


def with_nan(held: Arrays) -> Arrays:
    return {"y": np.where(held["mask"] == 1, held["y"], np.nan)}


def as_integrals(held: Arrays) -> Arrays:
    return {"sinogram": np.log(1e5 / held["y"])}


def pixels_alone(held: Arrays) -> Arrays:
    return {**held, "y": held["y"][:, :, held["mask"]]}


@pytest.mark.parametrize(
    ("task", "other", "suffix"),
    [
        ("mri", mri_parts, ".npz"),
        ("mri", mri_columns, ".npz"),
        ("mri", with_nan, ".npy"),
        ("mri", dict, ".npy"),
        ("inpainting", pixels_alone, ".h5"),
        ("inpainting", with_nan, ".npy"),
        ("ct", as_integrals, ".pt"),
        ("ct", dict, ".npy"),
    ],
)
def test_other_layouts_mean_the_same(
    task: str, other: Callable[[Arrays], Arrays], suffix: str, tmp_path: Path
) -> None:
    held, y = arrays(task)
    check(measured(task, write(tmp_path / f"scan{suffix}", other(held))), y)


def test_kspace_of_any_pattern(tmp_path: Path) -> None:
    """A mask of entries, or NaN where nothing was measured: the same operator and measurements."""
    mask = torch.rand(SIZE, SIZE, generator=Key(8).generator()) < 0.4
    x = find_task("mri").configure("smoke", {}).build().train.batch(torch.arange(N)).x
    assert x is not None
    whole = to_kspace(x)
    kspace = torch.complex(whole[:, 0], whole[:, 1]).numpy()
    for held in (
        {"y": kspace, "mask": mask.numpy()},
        {"y": whole.numpy(), "mask": mask.expand(N, 1, -1, -1).numpy()},
        {"y": np.where(mask, kspace, np.nan)},
    ):
        problem = measured("mri", write(tmp_path / "scan.npz", held))
        check(problem, whole[:, :, mask])
        torch.testing.assert_close(problem.physics(x), whole[:, :, mask])
    with pytest.raises(ValueError, match="brings its own mask"):
        measured("mri", tmp_path / "scan.npz", mask="other.npy")


def test_readings_at_any_angles(tmp_path: Path) -> None:
    np.save(tmp_path / "angles.npy", [0.0, 20.0, 170.0])
    problem = find_task("ct").configure("smoke", {"angles": str(tmp_path / "angles.npy")}).build()
    y = problem.measure(problem.train.batch(torch.arange(N)), Key(7)).y
    path = write(tmp_path / "scan.npz", {"y": y[:, 0].numpy()})
    check(measured("ct", path, angles=str(tmp_path / "angles.npy")), y)
    with pytest.raises(ValueError, match="detectors before views"):
        measured("ct", path)


def test_a_single_measurement_and_a_folder_of_them(tmp_path: Path) -> None:
    held, y = arrays("mri")
    for index in range(N):
        write(tmp_path / f"{index}.npz", {**held, "y": held["y"][index]})
    (tmp_path / "notes.txt").write_text("left alone")
    check(measured("mri", tmp_path / "3.npz"), y[3:4])
    check(measured("mri", tmp_path), y)


def test_train_and_test_folders_and_the_data_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, y = arrays("ct")
    for split, part in (("train", held["y"][:4]), ("test", held["y"][4:])):
        (tmp_path / "scans" / split).mkdir(parents=True)
        write(tmp_path / "scans" / split / "one.npy", {"y": part})
    monkeypatch.setenv("REILAB_DATA", str(tmp_path))
    problem = measured("ct", Path("scans"))
    check(problem, y[:4])
    shown = problem.test.batch(torch.arange(2)).y
    assert shown is not None
    torch.testing.assert_close(shown, y[4:])


@pytest.mark.parametrize(
    ("task", "change", "told"),
    [
        ("mri", {"mask": None, "y": np.ones((N, SIZE, SIZE), complex)}, "has no array 'mask'"),
        ("mri", {"y": None}, "has no array 'y'"),
        (
            "mri",
            {"y": np.ones((N, 16, SIZE), complex)},
            r"\(6, 16, 32\), of which 16 rows .* --size 16",
        ),
        ("mri", {"y": np.ones((N, SIZE, 20), complex)}, "20 entries along its last axis"),
        ("mri", {"mask": np.ones(31)}, "needs 31, or the 31 that the mask has"),
        ("mri", {"mask": np.full(SIZE, 0.5)}, "needs 32 entries that are 0 or 1"),
        ("mri", {"mask": np.zeros(SIZE)}, "mask is 0 everywhere"),
        ("mri", {"mask": np.eye(SIZE)[:N]}, "mask is not the same for all"),
        ("mri", {"mask": np.ones(SIZE)}, "of 32 columns of y are zero where the mask is 1"),
        ("mri", {"mask": np.eye(SIZE), "y": np.ones((N, SIZE, 1), complex)}, "no whole columns"),
        ("mri", {"y": np.full((N, SIZE, SIZE), np.nan + 0j)}, "not finite"),
        ("mri", {"y": np.full((N, SIZE, SIZE), 1e-6 + 0j)}, "divide y, and its noise level"),
        ("mri", {"y": np.array(["a", "b"])}, "holds no numbers: y has the type <U1"),
        ("inpainting", {"y": np.ones((N, SIZE, SIZE, 3))}, r"needs \(N, 3, 32, 32\)"),
        ("inpainting", {"y": np.full((N, 3, SIZE, SIZE), 255.0)}, "brightest pixel reaches 255"),
        ("ct", {"y": np.ones((N, 12, 46))}, "detectors before views"),
        ("ct", {"y": np.ones((N, 46, 12))}, "readings go up to 1 counts, and I₀ is 100000"),
        ("ct", {"y": np.full((N, 46, 12), np.inf)}, "not finite"),
    ],
)
def test_what_does_not_fit_is_named(
    task: str, change: dict[str, NDArray[Any] | None], told: str, tmp_path: Path
) -> None:
    held = {name: a for name, a in (arrays(task)[0] | change).items() if a is not None}
    path = write(tmp_path / "scan.npz", held)
    with pytest.raises(ValueError, match=told) as refused:
        measured(task, path)
    assert "scan.npz" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".h5", ".pt", ".mat"])
def test_a_damaged_file_is_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ValueError, match=f"cut{suffix}"):
        measured("mri", path)


def test_measurements_in_other_files_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "out.h5", "w") as file:
        file.create_dataset("y", (1, 46, 12), "u1", external=[("/etc/passwd", 0, 552)])
    with pytest.raises(ValueError, match=r"out\.h5 keeps 'y' in other files"):
        measured("ct", tmp_path / "out.h5")


def test_pipes_and_links_out_of_the_folder_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(ValueError, match=r"pipe\.npz is a pipe, not a file"):
        measured("mri", tmp_path / "pipe.npz")
    write(tmp_path / "a.npz", arrays("mri")[0])
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/a.npz").symlink_to(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match="no measurements"):
        measured("mri", tmp_path / "scans")


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "code.npy", np.array([Path("a")], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"code\.npy cannot be read"):
        measured("mri", tmp_path / "code.npy")


def test_files_of_one_folder_share_their_mask(tmp_path: Path) -> None:
    held, _ = arrays("mri")
    write(tmp_path / "a.npz", held)
    other = {name: np.roll(array, 1, -1) for name, array in held.items()}
    write(tmp_path / "b.npz", other)
    with pytest.raises(ValueError, match=r"b\.npz: its mask differs"):
        measured("mri", tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="measured = 'nowhere'"):
        measured("ct", Path("nowhere"))
    with pytest.raises(FileNotFoundError, match="no measurements"):
        measured("ct", tmp_path)


@pytest.fixture
def no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test in which anything asks for images."""

    def refuse(*_: object) -> None:
        raise AssertionError("images were asked for")

    for task in TASKS:
        module = sys.modules[type(tasks()[task].spec()).__module__]
        monkeypatch.setattr(module, "image_splits", refuse)
    monkeypatch.setattr(catalogue, "image_samples", refuse)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_training_from_measurements_alone(
    task: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    path = write(tmp_path / "scans.npz", arrays(task)[0])
    request.getfixturevalue("no_images")
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    words = ["compare", task, "--preset", "smoke", "--measured", str(path), "--steps", "2"]
    with pytest.raises(SystemExit):
        main(words)
    assert "'supervised' needs ground truth" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "runs").exists()
    main([*words, "--methods", "ei", "rei", "--json"])
    printed = capsys.readouterr().out
    result = json.loads(printed.splitlines()[-1])
    assert result["measurements"] == "acquired"
    assert result["pinv"] == dict.fromkeys(("psnr", "ssim", "psnr_range", "psnr_null"))
    folder = RunFolder(Path(result["run"]))
    history = history_of(folder.events())
    assert history.finished
    assert history.posed is not None
    assert history.posed.truth is None
    assert history.tracks["rei"].metrics is None
    assert history.tracks["rei"].started.measurements == "acquired"
    assert all(event.risk is None for event in history.tracks["rei"].stepped)
    assert "nobody knows the ground truth" in report_html(folder)
    assert (folder.path / "figure.png").exists()


def test_one_measurement_each_for_good(tmp_path: Path) -> None:
    """A†y is computed once, and the numbers are those of computing it at every step."""
    path = write(tmp_path / "scans.npz", arrays("ct")[0])
    config = configure("ct", "smoke", ["rei"], settings={"measured": str(path)})
    prepared = prepare(config)
    batch = prepared.problem.train.batch(torch.arange(2))
    assert batch.start is not None
    assert batch.y is not None
    assert torch.equal(batch.start, prepared.problem.physics.pinv(batch.y))
    first, again = (run(config).tracks["rei"].stepped[-1].losses for _ in range(2))
    assert first == again


def test_the_lab_refuses_supervised_training_with_the_reason(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    choices = lab.choices
    choices.task, choices.preset = "mri", "smoke"
    assert form.control(lab, "data").shown
    form.answer(choices, "measured", "scans.npz")
    assert not form.control(lab, "data").shown
    with pytest.raises(ValueError, match="'supervised' needs ground truth"):
        choices.config()
    choices.methods = ["ei", "rei"]
    assert vars(choices.config().spec)["measured"] == "scans.npz"


@pytest.mark.slow
def test_the_lab_shows_a_run_without_ground_truth(tmp_path: Path) -> None:
    """Images without error maps, loss curves alone, a table without metrics."""
    folder = write_run(tmp_path, "run", ("ei", "rei"), known=False)
    view, history = View(), history_of(folder.events())
    content = content_of("run", history, view)
    assert [shot.key for shot in content.scene.shots] == ["pinv", "ei", "rei"]
    assert all(shot.truth is None and shot.metrics is None for shot in content.scene.shots)
    assert content.kinds["psnr"] == content.kinds["risk"] == {}
    assert list(content.kinds["losses"]) == ["ei total", "ei mc", "ei eq"] + [
        f"rei {name}" for name in ("total", "sure", "req")
    ]
    exhibit = Exhibit(view, Browser(), "results")
    for look in ({}, {"swipe": True}, {"sample": 1, "at": 20}, {"hidden": ["errors"]}):
        view.param.update(**look)
        exhibit.show(content_of("run", history, view))
    assert as_text(lines_of(content.rows, {}), ",").splitlines()[1] == "A†y,,,,,,,,,,,"
    told = status_detail(history, Standing(Status.FINISHED))
    assert told.endswith("acquired measurements, no ground truth")
    other = history_of(write_run(tmp_path, "other").events())
    for pair in ({"A": history, "B": other}, {"A": other, "B": history}):
        Exhibit(view, Browser(), "results").show(content_of_several(pair, view, {"ei", "rei"}))
    scene = scene_of("run", history, 0)
    assert scene is not None
    assert [shot.key for shot in scene.panes] == ["measurement", "pinv", "ei", "rei"]
    assert "PSNR" not in "".join(svg_charts(history))
    assert metrics_csv(history, {}).splitlines()[1].startswith("A†y,,,,,")
    pictures = zipfile.ZipFile(io.BytesIO(exports.pictures(folder, history, 0, None).content))
    assert not [name for name in pictures.namelist() if "error" in name or "truth" in name]
