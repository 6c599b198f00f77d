"""Every registered task, a plug-in's too, keeps the promises that the rest relies on."""

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reilab.key import Key
from reilab.nets.unet import UNetSpec
from reilab.noise import NOISES
from reilab.physics.fourier import to_kspace
from reilab.physics.radon import Beam
from reilab.problem import draw_entries
from reilab.runs.config import configure
from reilab.settings import validate
from reilab.tasks.registry import Preset, Task, find_task, task, tasks
from reilab.testing import check_noise, check_task
from reilab.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("random_states_untouched")
every_task = pytest.mark.parametrize("name", tasks())


def test_the_paper_s_three_tasks_are_there() -> None:
    assert {"mri", "inpainting", "ct"} <= tasks().keys()


@every_task
def test_conformance(name: str) -> None:
    check_task(tasks()[name])


@every_task
def test_specs_are_frozen_and_say_what_they_are(name: str) -> None:
    spec = tasks()[name].spec()
    validate(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.size = 8  # type: ignore[attr-defined]
    assert tasks()[name].title


@every_task
def test_building_twice_gives_the_same_problem(name: str) -> None:
    first, second = (tasks()[name].pose("smoke") for _ in range(2))
    index = torch.arange(2)
    x, same = first.train.batch(index).x, second.train.batch(index).x
    assert x is not None
    assert same is not None
    assert torch.equal(x, same)
    assert torch.equal(first.physics(x), second.physics(x))


@every_task
def test_an_unknown_preset_or_setting_names_the_nearest(name: str) -> None:
    with pytest.raises(ValueError, match="Did you mean 'smoke'"):
        tasks()[name].configure("smok", {})
    known = next(iter(tasks()[name].settings))
    with pytest.raises(ValueError, match=f"Did you mean '{known}'"):
        tasks()[name].configure("smoke", {known + "x": 1})


def broken(task_: Task, **changes: object) -> Task:
    return dataclasses.replace(task_, **changes)  # type: ignore[arg-type]


def test_the_checks_find_a_missing_preset() -> None:
    good = tasks()["inpainting"]
    with pytest.raises(AssertionError, match="presets smoke and quick"):
        check_task(broken(good, presets={"smoke": good.presets["smoke"]}))


def test_the_checks_find_a_noise_field_that_is_no_noise() -> None:
    with pytest.raises(AssertionError, match="the noise field is 'sigma', but 'gamma'"):
        check_task(broken(tasks()["ct"], noise="sigma"))


def test_the_checks_find_a_setting_without_help() -> None:
    good = tasks()["mri"]
    mute = {**good.settings, "size": dataclasses.replace(good.settings["size"], help=" ")}
    with pytest.raises(AssertionError, match="size of mri has no help"):
        check_task(broken(good, settings=mute))


def test_a_task_needs_its_presets_and_its_noise() -> None:
    good = tasks()["mri"]
    spec = type(good.spec())
    with pytest.raises(ValueError, match="needs the presets: quick"):
        task("mine", title="Mine", noise="sigma", presets={"smoke": good.presets["smoke"]})(spec)
    with pytest.raises(ValueError, match="unknown noise field of mine 'sigmas'"):
        task("mine", title="Mine", noise="sigmas", presets=good.presets)(spec)
    with pytest.raises(ValueError, match="two tasks are called 'mri'"):
        task("mri", title="Mine", noise="sigma", presets=good.presets)(type("Other", (spec,), {}))
    assert "mine" not in tasks()


@every_task
def test_bundled_images_are_enough(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The small presets need no download."""
    monkeypatch.setenv("REILAB_DATA", str(tmp_path))
    assert tasks()[name].pose("smoke").train.has_truth


def test_the_picture_of_kspace_shows_the_mask() -> None:
    problem = tasks()["mri"].pose("smoke")
    x = problem.test.batch(torch.arange(2)).x
    assert x is not None
    drawn = problem.picture.draw(problem.physics(x))
    measured = torch.zeros(32, dtype=torch.bool)
    measured[problem.physics.columns] = True  # type: ignore[attr-defined]
    assert drawn.shape == (2, 1, 32, 32)
    assert drawn.amax((0, 1, 2)).bool().tolist() == measured.tolist()
    # The mean of the image is its brightest entry, at the centre.
    assert drawn[:, 0, 16, 16].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "level"), [("mri", "sigma"), ("inpainting", "gamma"), ("ct", "gamma")]
)
def test_the_step_of_sure_grows_with_the_noise(name: str, level: str) -> None:
    """But for the paper's own, which is what it is at every level."""

    def step(factor: float, **settings: object) -> float:
        spec = tasks()[name].configure("smoke", {})
        changed = {level: factor * getattr(spec, level), **settings}
        noise = tasks()[name].pose("smoke", changed).noise
        return noise.tau  # type: ignore[attr-defined, no-any-return]

    power = 1 if level == "sigma" else 0.5
    assert step(9) == pytest.approx(9**power * step(1), rel=1e-2)
    assert step(9, tau=2.0) == pytest.approx(2 / vars(tasks()[name].spec())["tau"] * step(9))
    assert step(9, tau=2.0, tau_in="units") == step(1, tau=2.0, tau_in="units") == 2


@every_task
def test_noise_models(name: str) -> None:
    """Each that a task offers is drawn, and its level is the setting that says so."""
    found = tasks()[name]
    for model in found.models:
        level = NOISES[model].level
        for value in (0.1, 0.2):
            settings = {"noise_model": model, level: value}
            problem = found.pose("smoke", settings)
            assert problem.noise.level == value
            config = configure(name, "smoke", ["ei"], settings=settings)
            assert config.noise == config.assumed_noise == value
            x = problem.train.batch(torch.arange(2)).x
            assert x is not None
            check_noise(problem.noise, problem.physics(x))


def test_kspace_has_no_counts() -> None:
    with pytest.raises(ValueError, match=r"'poisson' is not one of: .*gaussian.*counts have none"):
        tasks()["mri"].configure("smoke", {"noise_model": "poisson"})


def test_masks_and_angles_as_settings(tmp_path: Path) -> None:
    """From a file, or by a seed; and what a mask says is what is measured."""
    pattern = torch.rand(32, 32, generator=Key(1).generator()) < 0.3
    np.save(tmp_path / "mask.npy", pattern.numpy())
    file = str(tmp_path / "mask.npy")
    x = torch.rand(1, 3, 32, 32, generator=Key(2).generator())
    masked = tasks()["inpainting"].pose("smoke", {"mask": file})
    assert torch.equal(masked.physics(x), x[..., pattern])
    kspace = tasks()["mri"].pose("smoke", {"mask": file})
    torch.testing.assert_close(kspace.physics(x[:, :2]), to_kspace(x[:, :2])[..., pattern])
    drawn = kspace.picture.draw(kspace.physics(x[:, :2]))
    assert not drawn[0, 0][~pattern].any()
    for name in ("inpainting", "mri"):
        drawn = [tasks()[name].pose("smoke", {"mask_seed": seed}).physics for seed in (3, 3, 4)]
        first, same, other = (physics.pinv(physics(x[:, : physics.domain[0]])) for physics in drawn)
        assert torch.equal(first, same)
        assert not torch.equal(first, other)
    (tmp_path / "angles.txt").write_text("0 7.5 90")
    built = tasks()["ct"].pose("smoke", {"angles": str(tmp_path / "angles.txt")})
    assert built.physics.radon.angles == (0, 7.5, 90)  # type: ignore[attr-defined]
    built = tasks()["ct"].pose("smoke", {"arc": 60.0, "views": 4})
    assert built.physics.radon.angles == (0, 15, 30, 45)  # type: ignore[attr-defined]


def test_a_fan_as_a_setting() -> None:
    """The source keeps its distance in image sides at every size; a parallel beam has none."""
    fan = {"geometry": "fan", "source_distance": 2.0, "arc": 360.0, "detectors": 40}
    for size in (32, 64):
        built = tasks()["ct"].pose("smoke", {**fan, "size": size, "filter": "hann"}).physics
        assert built.radon.beam == Beam(2 * size, detectors=40, filter="hann")  # type: ignore[attr-defined]
        assert built.range == (1, 40, 12)
    shifted = {"detector_pixel": 1.5, "detector_offset": 0.25, "source_distance": 2.0}
    built = tasks()["ct"].pose("smoke", shifted).physics
    assert built.radon.beam == Beam(pixel=1.5, offset=0.25)  # type: ignore[attr-defined]
    assert tasks()["ct"].pose("smoke").physics.radon.beam == Beam()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"geometry": "cone"}, "geometry = 'cone' is not one of: parallel, fan"),
        ({"filter": "ramp"}, "filter = 'ramp' is not one of: ram-lak, shepp-logan, cosine, hann"),
        ({"source_distance": 0.5}, "source_distance = 0.5 is too small; the least is 0.75 image"),
        ({"detector_pixel": 0.0}, "detector_pixel = 0.0 is too small; the least is 0.1 pixels"),
        ({"detector_offset": math.nan}, "detector_offset = nan is not finite"),
        ({"arc": 361.0}, "arc = 361.0 is too large; the most is 360 degrees"),
    ],
)
def test_geometries_that_cannot_be(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        tasks()["ct"].configure("smoke", settings)


def test_the_object_keeps_its_physical_size() -> None:
    """A body that is everywhere 1 lets through as many photons along its middle at every size."""
    readings = []
    for size in (32, 64, 128):
        physics = tasks()["ct"].pose("smoke", {"size": size, "views": 2}).physics
        sinogram = physics(torch.ones(1, *physics.domain))
        readings.append(float(sinogram[0, 0, sinogram.shape[2] // 2, 0]))
    # The paper's: 256 pixels of 0.0064 each.
    assert readings == pytest.approx([1e5 * math.exp(-256 * 0.0064)] * 3, rel=1e-4)


def test_the_picture_of_a_sinogram_is_in_proportion_to_the_line_integrals() -> None:
    problem = tasks()["ct"].pose("smoke")
    x = problem.test.batch(torch.arange(2)).x
    assert x is not None
    integrals = problem.physics.radon(x)  # type: ignore[attr-defined]
    drawn = problem.picture.draw(problem.physics(x))
    for one, expected in zip(drawn, integrals, strict=True):
        dim = one < 1
        torch.testing.assert_close(one[dim], (expected / expected.max())[dim], atol=2e-3, rtol=2e-2)


def test_the_picture_of_a_masked_photograph_has_its_measured_pixels() -> None:
    problem = tasks()["inpainting"].pose("smoke")
    x = problem.test.batch(torch.arange(1)).x
    assert x is not None
    drawn = problem.picture.draw(problem.physics(x))
    seen = drawn.amax(1, keepdim=True) > 0
    torch.testing.assert_close(drawn, x * seen)


@pytest.mark.parametrize(
    ("range_", "drawn"), [((1, 4, 6), (1, 4, 6)), ((2, 4, 6), (1, 4, 6)), ((3, 10), (1, 6, 6))]
)
def test_measurements_of_any_shape_have_a_picture(
    range_: tuple[int, ...], drawn: tuple[int, ...]
) -> None:
    y = torch.linspace(-50, 900, 2 * math.prod(range_)).view(2, *range_)
    picture = draw_entries(y)
    assert picture.shape == (2, *drawn)
    assert picture.amin((1, 2, 3)).tolist() == [0, 0]
    assert picture.amax((1, 2, 3)).tolist() == [1, 1]
    assert not draw_entries(torch.ones(1, *range_)).isnan().any()


def test_a_level_of_another_noise_model_changes_nothing() -> None:
    preset = find_task("ct").preset("quick")
    for level in preset.levels:
        other = {"noise_model": "gaussian", "sigma": level}
        assert find_task("ct").preset("quick", other) == preset


def test_a_preset_changes_any_part_at_a_level() -> None:
    preset = Preset({"size": 32}, TrainConfig(), network=UNetSpec(width=8), methods={"alpha_eq": 1})
    changes = {"size": 64, "steps": 7, "width": 16, "alpha_eq": 2, "alpha_req": 3}
    assert preset.with_changes(changes, {"size"}) == Preset(
        {"size": 64},
        TrainConfig(steps=7),
        network=UNetSpec(width=16),
        methods={"alpha_eq": 2, "alpha_req": 3},
    )
