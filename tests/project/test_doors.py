"""The doors: what the package and its folders offer, and that opening one loads what it needs."""

from __future__ import annotations

import subprocess
import sys
from inspect import isclass, isfunction
from types import ModuleType

import pytest

import reilab
import reilab.course

DOORS = (
    reilab,
    reilab.course,
    reilab.datasets,
    reilab.methods,
    reilab.nets,
    reilab.physics,
    reilab.tasks,
)
#: Their classes are explained by examples, which ``make quick`` runs.
EXPLAINED = (
    reilab.groups,
    reilab.methods,
    reilab.metrics,
    reilab.nets,
    reilab.noise,
    reilab.physics,
)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_all_that_is_offered_is_there_and_explained(door: ModuleType) -> None:
    assert door.__all__ == sorted(set(door.__all__))
    assert set(door.__all__) <= set(dir(door))
    assert door.__doc__
    unexplained = [name for name in door.__all__ if not getattr(door, name).__doc__]
    assert unexplained == []


def test_the_package_opens_without_torch() -> None:
    code = "import reilab, sys; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False"]


def test_names_complete_where_one_looks_for_them() -> None:
    assert reilab.tasks.MRI is reilab.tasks.registry.find_task("mri").spec
    assert {"MRI", "CT", "Inpainting"} <= set(dir(reilab.tasks))
    assert {"EI", "REI", "Supervised"} <= set(dir(reilab.methods))


@pytest.mark.parametrize("door", EXPLAINED, ids=lambda door: door.__name__)
def test_every_class_and_metric_has_an_example(door: ModuleType) -> None:
    offered = [
        getattr(door, name) for name in getattr(door, "__all__", vars(door)) if name[0] != "_"
    ]
    own = [one for one in offered if getattr(one, "__module__", "").startswith(door.__name__)]
    kind = isfunction if door is reilab.metrics else isclass
    concrete = [one for one in own if kind(one) and not getattr(one, "_is_protocol", False)]
    assert concrete
    assert [one.__name__ for one in concrete if ">>> " not in (one.__doc__ or "")] == []
