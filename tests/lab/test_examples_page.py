"""The examples in a real browser."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from kit.browsers import IN_A_BROWSER
from kit.lab_site import Site, opened, served, soon

from reilab.record.folder import find_run, list_runs
from reilab.record.history import history_of
from reilab.tasks.registry import tasks

pytestmark = IN_A_BROWSER
PSNR = ".reilab-psnr-rei:visible"


def shows(site: Site, task: str) -> bool:
    """Whether the page shows the example, and REI's number of its first image."""
    told = history_of(find_run(f"{task}-hour").events()).tracks["rei"].evaluated[-1]
    assert told.per_image is not None
    if f"run={task}-hour" not in site.query() or not site.page.locator(PSNR).count():
        return False
    return site.psnr("rei") == pytest.approx(told.per_image[0].psnr, abs=0.06)


def test_the_page_opens_every_example_with_nothing_trained(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    root.mkdir()
    with served(root) as server, opened(server) as site:
        for task in tasks():
            site.part("runs").click()
            site.press(f"{task}-hour")
            soon(partial(shows, site, task), f"the numbers of {task}-hour")
        assert site.errors == []
    assert {run.name for run in list_runs(root)} == {f"{task}-hour" for task in tasks()}
