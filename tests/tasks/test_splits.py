"""Who learns from which images: training, validation and test apart, and how images stand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from reilab.datasets.catalogue import has_validation, image_splits
from reilab.datasets.folder import Folder
from reilab.datasets.pose import AS_ACQUIRED, POSES, RANDOM, Turned, disc, posed
from reilab.datasets.prepare import Plan, prepare
from reilab.datasets.recipe import Source, held_back
from reilab.datasets.samples import InMemory, Samples
from reilab.datasets.store import Store
from reilab.groups import Rotations, turned
from reilab.key import Key
from reilab.tasks.ct import CT
from reilab.tasks.inpainting import Inpainting
from reilab.tasks.mri import MRI
from reilab.tasks.registry import tasks
from reilab.testing import smooth_image

SPECS = {"mri": MRI(size=32), "ct": CT(size=32, views=6), "inpainting": Inpainting(size=32)}


def all_of(samples: Samples) -> Tensor:
    x = samples.batch(torch.arange(len(samples))).x
    assert x is not None
    return x


def rows(x: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in x}


def test_every_task_is_here() -> None:
    assert set(SPECS) <= set(tasks())


@pytest.mark.parametrize("name", SPECS)
def test_validation_images_are_neither_learned_from_nor_tested_on(name: str) -> None:
    problem = SPECS[name].build()
    assert problem.validation is not None
    parts = [rows(all_of(part)) for part in (problem.train, problem.validation, problem.test)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts))
    channels = all_of(problem.train).shape[1]
    splits = image_splits(SPECS[name].data, 32, channels)
    assert parts == [rows(all_of(part)) for part in splits if part is not None]


def test_a_problem_made_by_hand_needs_no_validation() -> None:
    problem = SPECS["mri"].build()
    assert replace(problem, validation=None).validation is None


@pytest.mark.parametrize("name", SPECS)
def test_measurements_that_were_acquired_have_none(name: str, tmp_path: Path) -> None:
    problem = SPECS[name].build()
    y = problem.measure(problem.test.batch(torch.arange(2)), Key(0)).y
    columns = {"mri": 32, "inpainting": 32 * 32}.get(name)
    if columns is None:
        np.savez(tmp_path / "scan.npz", y=y.numpy())
    else:
        mask = np.zeros(columns, bool)
        operator = problem.physics
        mask[getattr(operator, "columns" if name == "mri" else "pixels").numpy()] = True
        np.savez(tmp_path / "scan.npz", y=y.numpy(), mask=mask)
    spec = replace(SPECS[name], measured=str(tmp_path / "scan.npz"))  # type: ignore[type-var]
    assert spec.build().validation is None


def write_images(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(first, first + count):
        image = np.full((20, 20), 6 * place, np.uint8)
        image[0, 0] = 0
        np.save(folder / f"{place:02d}.npy", image)


def values(samples: Samples | None) -> list[int]:
    """Which of the images of ``write_images`` they are."""
    assert samples is not None
    return (all_of(samples)[:, 0, 10, 10] * 255 / 6).round().int().tolist()


@pytest.mark.parametrize("called", ["val", "validation", "Valid"])
def test_a_folder_may_have_validation_images(called: str, tmp_path: Path) -> None:
    write_images(tmp_path / "train", 3, 1)
    write_images(tmp_path / called, 2, 11)
    write_images(tmp_path / "test", 1, 21)
    found = [values(samples) for samples in image_splits(str(tmp_path), 20, 1)]
    assert found == [[1, 2, 3], [11, 12], [21]]
    assert has_validation(str(tmp_path))


def test_a_folder_without_any_has_none(tmp_path: Path) -> None:
    write_images(tmp_path, 10, 1)
    train, validation, test = image_splits(str(tmp_path), 20, 1)
    assert validation is None
    assert (len(train), len(test)) == (9, 1)


def prepared(root: Path, folder: Path, share: float) -> Store:
    recipe = Folder(size=20, validation=share)
    return prepare(Plan("mine", "folder", recipe, folder, root), lambda progress: None)


def test_a_share_of_the_training_files_can_be_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    monkeypatch.setenv("REILAB_DATA", str(root))
    write_images(tmp_path / "images", 20, 1)
    made = prepared(root, tmp_path / "images", 0.0)
    train, validation, test = image_splits("mine", 20, 1)
    assert validation is None
    assert (values(train), values(test)) == (list(range(1, 19)), [19, 20])
    assert made.images["validation"] == ()
    made = prepared(root, tmp_path / "images", 0.2)
    made.verify()
    train, validation, test = image_splits("mine", 20, 1)
    assert values(train) == list(range(1, 15))
    assert values(validation) == [15, 16, 17, 18]
    assert values(test) == [19, 20]


def sources(*splits: str | None) -> list[Source]:
    return [Source(Path(str(place)), split) for place, split in enumerate(splits)]


def test_the_last_files_are_held_back() -> None:
    given = sources("train", "train", "test", "train", "train", "test")
    assert held_back(given, 0.0) == given
    for share in (0.01, 0.25):
        found = [source.split for source in held_back(given, share)]
        assert found == ["train", "train", "test", "train", "validation", "test"]
    found = [source.split for source in held_back(given, 0.5)]
    assert found == ["train", "train", "test", "validation", "validation", "test"]


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        (("train", "validation", "test"), "there is a folder of such images"),
        (("train", "test"), "needs two training files at least, and there are 1"),
        ((None,), "needs two training files at least, and there are 0"),
    ],
)
def test_what_cannot_be_held_back_is_named(splits: tuple[str | None, ...], told: str) -> None:
    with pytest.raises(ValueError, match=rf"validation = 0\.1.*{told}"):
        held_back(sources(*splits), 0.1)


@pytest.mark.parametrize("degrees", [0.0, 90.0, 180.0, 270.0])
def test_quarter_turns_are_exact(degrees: float) -> None:
    x = torch.rand(2, 2, 16, 16, generator=Key(3).generator())
    expected = torch.rot90(x, round(degrees / 90), dims=(2, 3))
    assert torch.allclose(turned(x, torch.tensor([degrees, degrees])), expected, atol=1e-4)


def test_images_are_turned_as_the_group_turns_them() -> None:
    """The same direction about the same centre, each image by its own angle."""
    x = torch.stack([smooth_image((1, 48, 48)), 0.5 * smooth_image((1, 48, 48))]).float()
    angles = torch.tensor([33.0, 250.0])
    found = turned(x, angles)
    for place in range(2):
        expected = Rotations().act(angles[place].view(1, 1), x[place : place + 1])
        assert (found[place] - expected[0]).abs().mean() < 0.01 * x.max()
    assert found.min() >= min(0.0, float(x.min()))
    assert found.max() <= x.max()


def test_values_stay_where_images_may_be() -> None:
    """A bicubic curve overshoots at an edge; an image of 0 and 1 has no other values."""
    x = (torch.rand(4, 1, 24, 24, generator=Key(2).generator()) > 0.5).float()
    found = turned(x, torch.tensor([10.0, 77.0, 141.0, 300.0]))
    assert found.min() == 0
    assert found.max() == 1


def test_an_angle_belongs_to_its_image() -> None:
    x = torch.stack([smooth_image((1, 32, 32))] * 6).float()
    samples = Turned(InMemory(x), Key(4))
    whole = all_of(samples)
    assert len(rows(whole)) == 6
    picked = samples.batch(torch.tensor([5, 1, 5])).x
    assert picked is not None
    assert torch.equal(picked, whole[[5, 1, 5]])
    assert torch.equal(all_of(posed(InMemory(x), RANDOM, Key(4))), whole)
    assert not torch.equal(all_of(Turned(InMemory(x), Key(5))), whole)


@pytest.mark.parametrize("size", [32, 33])
def test_the_disc_touches_the_sides_and_is_as_large_as_a_circle(size: int) -> None:
    inside = disc(size)
    assert inside[0].any()
    assert torch.equal(inside, inside.rot90())
    assert inside.sum() == pytest.approx(math.pi * size**2 / 4, rel=0.02)


def test_angles_are_uniform() -> None:
    """Sums of cosines and sines of n uniform angles have the variance n/2: |z| < 4."""
    n = 4000
    samples = Turned(InMemory(torch.zeros(n, 1, 1, 1)), Key(6))
    angles = torch.deg2rad(samples._degrees(torch.arange(n))).double()
    for harmonic in (1, 2, 4):
        for wave in (torch.cos, torch.sin):
            assert abs(float(wave(harmonic * angles).sum())) / math.sqrt(n / 2) < 4


@pytest.mark.parametrize("name", ["mri", "ct"])
def test_the_pose_is_a_setting_of_the_task(name: str) -> None:
    setting = tasks()[name].settings["pose"]
    assert setting.choices == POSES
    assert SPECS[name].pose == AS_ACQUIRED
    upright = SPECS[name].build()
    spun, again = (replace(SPECS[name], pose=RANDOM).build() for _ in range(2))
    for part in ("train", "validation", "test"):
        x, turned_x = (all_of(getattr(problem, part)) for problem in (upright, spun))
        assert x.shape == turned_x.shape
        changed = (x - turned_x).abs().amax((1, 2, 3)) > 0.05
        assert changed.float().mean() > 0.95
        # What is turned about the centre keeps its sum within the circle.
        assert turned_x.sum() == pytest.approx(float((x * disc(32)).sum()), rel=0.02)
        assert not (turned_x * (1 - disc(32))).any()
        assert torch.equal(turned_x, all_of(getattr(again, part)))
