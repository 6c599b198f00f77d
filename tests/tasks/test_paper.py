"""The paper's presets, number by number, and the dry run that tries them out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reilab.cli.main import main
from reilab.cli.show import duration, size
from reilab.datasets.bundled import load_bundled
from reilab.groups import Rotations, Shifts
from reilab.nets.unet import UNetSpec
from reilab.runs.config import configure
from reilab.runs.trial import n_evaluations, try_out
from reilab.tasks.registry import find_task
from reilab.training.config import TrainConfig

#: Where the authors' masks may lie; they are not ours to pass on.
AUTHORS = Path(os.environ.get("REILAB_AUTHORS_MASKS", "../shared/data"))
#: Images, epochs, batch, learning rate, epochs at which it drops, transforms, and weights.
PAPER: dict[str, dict[str, Any]] = {
    "mri": {
        "images": 900, "epochs": 500, "batch": 2, "rate": 5e-4, "drops": (300,), "transforms": 2,
        "weights": (1, 1), "data": "fastmri", "size": 320, "acceleration": 4, "sigma": 0.1,
    },
    "inpainting": {
        "images": 90, "epochs": 500, "batch": 1, "rate": 1e-4, "drops": (100, 200, 300, 400),
        "transforms": 3, "weights": (1, 1), "data": "urban100", "size": 256, "keep": 0.699,
        "gamma": 0.05,
    },
    "ct": {
        "images": 90, "epochs": 3000, "batch": 2, "rate": 5e-4, "drops": (1000, 2000),
        "transforms": 2, "weights": (1e-5, 1e3), "data": "ct100", "size": 256, "views": 50,
        "blank": 1e5, "sigma": 30, "gamma": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("task", PAPER)
def test_numbers(task: str) -> None:
    paper = PAPER[task]
    found = find_task(task).presets["paper"]
    spec, training = find_task(task).configure("paper", {}), found.training
    per_epoch = paper["images"] // paper["batch"]
    assert training.steps == paper["epochs"] * per_epoch
    assert training.milestones == tuple(epoch * per_epoch for epoch in paper["drops"])
    assert (training.batch, training.learning_rate) == (paper["batch"], paper["rate"])
    assert training.weight_decay == 1e-8
    values = configure(task, "paper", ["ei", "rei"]).method_values
    assert values["transforms"] == paper["transforms"]
    assert (values["alpha_sure"], values["alpha_req"]) == paper["weights"]
    share = {"mri": 0.25625, "inpainting": 0.699, "ct": 1}[task]
    assert values["alpha_mc"] == pytest.approx(share * paper["weights"][0])
    assert values["alpha_eq"] == paper["weights"][1]
    assert (training.measurements, training.precision) == ("online", "float32")
    kept = vars(spec)
    for name in paper.keys() & kept.keys():
        assert kept[name] == paper[name], name
    assert found.network == UNetSpec(width=64, norm="batch")
    assert kept["measured"] == ""


@pytest.mark.slow
@pytest.mark.parametrize("task", PAPER)
def test_what_is_built(task: str, tmp_path: Path) -> None:
    """Steps of SURE, groups, and the shares that are measured, on images of the paper's size."""
    side = PAPER[task]["size"]
    for index in range(2):
        np.save(tmp_path / f"{index}.npy", np.tile(np.linspace(0, 1, side), (side, 1)))
    problem = find_task(task).pose("paper", {"data": str(tmp_path)})
    assert problem.noise.tau == (10 if task == "ct" else 1e-2)  # type: ignore[attr-defined]
    assert isinstance(problem.group, Shifts if task == "inpainting" else Rotations)
    if task == "mri":
        assert problem.physics.range == (2, 320, 82)
        columns = problem.physics.columns  # type: ignore[attr-defined]
        seen = torch.zeros(320, dtype=torch.bool).index_fill(0, columns, True)
        assert seen[153:167].all()
        assert longest_run(seen.numpy()) == 14
    elif task == "inpainting":
        assert problem.physics.range[1] / 256**2 == pytest.approx(0.699, abs=1e-4)
    else:
        assert problem.physics.range == (1, 363, 50)
        assert problem.physics.attenuation == 0.0064  # type: ignore[attr-defined]
    with torch.device("meta"):
        assert sum(p.numel() for p in problem.new_network().parameters()) // 1000 in range(
            8562, 8565
        )


def longest_run(seen: NDArray[np.bool_]) -> int:
    """Of neighbouring columns that are all measured."""
    return max(len(run) for run in "".join(str(int(one)) for one in seen).split("0"))


@pytest.mark.skipif(not AUTHORS.is_dir(), reason="the authors' masks are not here")
@pytest.mark.parametrize(
    ("task", "file", "range_"),
    [
        ("mri", "rei_mri_mask_4x_320_columns.npy", (2, 320, 82)),
        ("inpainting", "rei_inpainting_mask_256.npy", (3, 45_827)),
    ],
)
def test_the_authors_masks(task: str, file: str, range_: tuple[int, ...], tmp_path: Path) -> None:
    """They are taken as they are; in MRI as many columns are in the centre as in the preset."""
    side = PAPER[task]["size"]
    np.save(tmp_path / "a.npy", np.tile(np.linspace(0, 1, side), (side, 1)))
    np.save(tmp_path / "b.npy", np.tile(np.linspace(0, 1, side), (side, 1)))
    settings = {"data": str(tmp_path), "mask": str(AUTHORS / file)}
    problem = find_task(task).pose("paper", settings)
    assert problem.physics.range == range_
    stored = np.load(AUTHORS / file)
    if task == "mri":
        assert problem.physics.columns.tolist() == np.flatnonzero(stored).tolist()  # type: ignore[attr-defined]
        assert longest_run(stored) == 14
    else:
        assert problem.physics.pixels.tolist() == np.flatnonzero(stored).tolist()  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_dry_run_leaves_nothing_behind(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REILAB_RUNS", str(tmp_path / "runs"))
    words = ["mri", "--preset", "smoke", "--steps", "1000", "--evaluate-every", "100"]
    main([command, *words, "--dry-run"])
    told = capsys.readouterr().out
    n_train, n_test = (len(load_bundled("knee", part, 32)) for part in ("train", "test"))
    assert f"{n_train} training and {n_test} test samples" in told
    assert "2 × 32 × 32, measured as 2 × 32 × 12" in told
    assert "135,018 parameters" in told
    assert "1,000" in told
    assert ("supervised" in told) == (command == "compare")
    assert not list(tmp_path.iterdir())


def test_what_a_trial_adds_up() -> None:
    config = configure("ct", "smoke", ["ei", "rei"], training={"steps": 1000, "kept_states": 3})
    trial = try_out(config)
    assert [pace.method for pace in trial.paces] == ["ei", "rei"]
    for pace in trial.paces:
        assert pace.total == pytest.approx(1000 * pace.step + 502 * pace.evaluation)
    assert trial.seconds == pytest.approx(sum(pace.total for pace in trial.paces))
    assert trial.memory > 1e8
    assert trial.disk == 2 * 4 * 12 * trial.parameters


@pytest.mark.parametrize(
    ("steps", "every", "times"), [(4, 2, 4), (5, 2, 5), (1, 10, 2), (100, 50, 9)]
)
def test_evaluations_are_counted(steps: int, every: int, times: int) -> None:
    assert n_evaluations(TrainConfig(steps=steps, log_every=1, evaluate_every=every)) == times


def test_missing_data_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["train", "mri", "--preset", "paper", "--dry-run"])
    assert "fastmri" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.42, "0.4 s"), (75, "1 min 15 s"), (7300, "2 h 1 min"), (90000, "1 day 1 h")],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told
    assert size(2.25e9) == "2.2 GB"
    assert size(512e6) == "512 MB"
