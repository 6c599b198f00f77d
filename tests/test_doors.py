"""The doors: what the package and its folders offer, and that opening one loads what it needs."""

from __future__ import annotations

import subprocess
import sys
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
