"""What a task builds is what was asked for: each setting counts, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from reilab.groups import GROUPS
from reilab.settings import Setting, override
from reilab.tasks.registry import Spec, Task, tasks
from reilab.testing import smooth_image

pytestmark = pytest.mark.usefixtures("random_states_untouched")
every_task = pytest.mark.parametrize("name", tasks())


def fingerprint(spec: Spec) -> tuple[object, ...]:
    """All that a problem is: its operators by what they measure of an image, and its images.

    Nothing, where settings do not go together.
    """
    try:
        problem = spec.build()
    except ValueError:
        return ()
    batch = problem.train.batch(torch.tensor([1, 2]))
    physics, images = problem.having(batch.places).physics, batch.x
    y = physics(smooth_image(tuple(problem.physics.domain), torch.float32).expand(2, -1, -1, -1))
    pinv = physics.pinv(y)
    assert images is not None
    shown = tuple(tensor.numpy().tobytes() for tensor in (y, pinv, images))
    return (*shown, repr(problem.noise), repr(problem.group), len(problem.train))


def alternatives(value: Any, setting: Setting) -> list[Any]:
    """Other values to try, possible or not; none for the names of files."""
    if setting.choices:
        return [choice for choice in setting.choices if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [2 * value, value / 2, value + 1]
    return []


def changed(spec: Spec, name: str, setting: Setting) -> Iterator[Spec]:
    """The spec with other values of a setting, those that are possible."""
    value = getattr(spec, name)
    for other in alternatives(value, setting):
        try:
            yield override(spec, {name: type(value)(other)})
        except ValueError:
            continue


def kinds(task: Task) -> list[Spec]:
    """The smoke preset, and it with every other choice of what has choices."""
    smoke = task.configure("smoke", {})
    chosen = {name: one for name, one in task.settings.items() if one.choices}
    return [smoke, *(spec for name, one in chosen.items() for spec in changed(smoke, name, one))]


def fields() -> list[tuple[str, str]]:
    """The tasks and their settings, those of which there are other values to try."""
    return [
        (name, field)
        for name, task in tasks().items()
        for field, setting in task.settings.items()
        if alternatives(getattr(task.configure("smoke", {}), field), setting)
    ]


@pytest.mark.parametrize(("name", "field"), fields())
def test_every_setting_counts(name: str, field: str) -> None:
    """There is a choice of the others with which another value makes another problem."""
    task = tasks()[name]
    pairs = [
        (kind, other)
        for kind in kinds(task)
        for other in changed(kind, field, task.settings[field])
    ]
    prints = ((fingerprint(kind), fingerprint(other)) for kind, other in pairs)
    assert any(one and two and one != two for one, two in prints), f"{field} of {name} is unused"


@pytest.mark.parametrize("size", [32, 48])
@pytest.mark.parametrize("group", GROUPS)
@every_task
def test_the_group_is_that_of_the_images(name: str, group: str, size: int) -> None:
    problem = tasks()[name].pose("smoke", {"group": group, "size": size})
    assert problem.physics.domain[1:] == (size, size)
    assert problem.group == GROUPS[group](size)


@pytest.mark.parametrize("blank", [2e4, 1e6])
def test_the_blank_reading_is_the_one_asked_for(blank: float) -> None:
    problem = tasks()["ct"].pose("smoke", {"blank": blank})
    reading = problem.physics(torch.zeros(1, *problem.physics.domain))
    torch.testing.assert_close(reading, torch.full_like(reading, blank))
