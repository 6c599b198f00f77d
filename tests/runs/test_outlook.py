"""The outlook: a problem seen before anything is trained, and what its group can teach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from reilab.identifiability import news_of_images
from reilab.runs.config import build, configure
from reilab.runs.outlook import N_TRANSFORMS, outlook
from reilab.runs.stream import prepare
from reilab.tasks.registry import tasks


@pytest.mark.parametrize("task", tasks())
def test_it_shows_what_a_run_would(task: str) -> None:
    config = configure(task, "smoke")
    seen, run = outlook(config).posed, prepare(config).posed()
    assert seen.truth is not None
    assert run.truth is not None
    np.testing.assert_array_equal(seen.truth[0], run.truth[0])
    # The first image is the first of either, and has the same noise.
    np.testing.assert_allclose(seen.pinv[0], run.pinv[0], atol=1e-5)
    assert seen.measurement_title == run.measurement_title


@pytest.mark.parametrize("sample", [1, 99])
def test_it_shows_the_image_that_is_asked_for(sample: int) -> None:
    config = configure("inpainting", "smoke")
    truth, run = outlook(config, sample).posed.truth, prepare(config).posed().truth
    assert truth is not None
    assert run is not None
    np.testing.assert_array_equal(truth[0], run[min(sample, len(run) - 1)])


@pytest.mark.parametrize(
    ("task", "group", "low", "high"),
    [
        ("mri", "shifts", 0.0, 1e-6),
        ("mri", "rotations", 0.1, 1.0),
        ("inpainting", "shifts", 0.1, 1.0),
        ("ct", "rotations", 0.02, 1.0),
    ],
)
def test_news_tell_whether_a_group_can_teach(
    task: str, group: str, low: float, high: float
) -> None:
    found = outlook(configure(task, "smoke", settings={"group": group})).news
    assert found is not None
    assert low <= found <= high


def test_news_of_shifts_are_counted_by_hand() -> None:
    problem = build(configure("inpainting", "smoke"))
    x = problem.test.batch(torch.tensor([0])).x
    assert x is not None
    g = problem.group.sample(N_TRANSFORMS, torch.Generator().manual_seed(0))
    mask = problem.physics.pinv(problem.physics(torch.ones_like(x)))
    lost = (1 - mask) * x
    by_hand = [
        (mask * lost.roll(one, (2, 3))).square().sum() / lost.square().sum() for one in g.tolist()
    ]
    found = news_of_images(problem.split, problem.group, g, x)
    torch.testing.assert_close(found, torch.stack(by_hand))


def test_nothing_is_claimed_where_what_is_seen_is_not_known() -> None:
    problem = build(configure("inpainting", "smoke"))
    x = problem.test.batch(torch.tensor([0])).x
    assert x is not None
    with pytest.raises(ValueError, match="give the problem a `seen`"):
        news_of_images(lambda x: None, problem.group, torch.ones(1, 2, dtype=torch.int64), x)


def test_data_that_are_missing_are_named() -> None:
    config = configure("mri", "smoke")
    with pytest.raises(ValueError, match="data = 'nothing'"):
        outlook(replace(config, spec=replace(config.spec, data="nothing")))
