"""Many runs in a real browser: found, chosen, compared, swept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kit.browsers import IN_A_BROWSER
from kit.lab_runs import write_run
from kit.lab_site import Site, opened, served, soon

from reilab.record.folder import list_runs

pytestmark = IN_A_BROWSER
#: How far the list is from the top of its page.
PLACE = "all => all[0].getBoundingClientRect().top"


def four(panes: Any) -> bool:
    return bool(panes.count() == 4)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    root = tmp_path / "runs"
    write_run(root, "photographs", task="inpainting")
    for index, noise in enumerate((0.07, 0.1, 0.2, 0.3)):
        methods = ("ei", "rei") if index % 2 else ("rei", "supervised")
        write_run(root, f"run-{index}", methods, noise=noise, seed=index)
    with served(root) as server, opened(server) as site:
        yield site


#: A letter is typed, and then something of the field changes from elsewhere.
TYPED_MEANWHILE = """box => {
  const fields = [...Bokeh.documents[0]._all_models.values()]
  const field = fields.find((one) => one.data?.label === "Filter")
  box.value += "7"
  box.dispatchEvent(new Event("input", {bubbles: true}))
  field.data.help += "."
  return box.value
}"""


def test_what_is_being_typed_is_not_written_over(site: Site) -> None:
    site.go("tab=runs")
    rows = site.page.locator(".reilab-run-table tbody tr")
    soon(lambda: rows.count() == 5, "five runs")
    box = site.page.locator(".reilab-filter input[type=text]")
    box.fill("0.0")
    assert box.evaluate(TYPED_MEANWHILE) == "0.07"
    soon(lambda: rows.count() == 1, "the run of that noise")
    assert site.errors == []


def test_many_runs_are_found_compared_and_swept(site: Site) -> None:
    site.go("tab=runs")
    table = site.page.locator(".reilab-run-table")
    rows = table.locator("tbody tr")
    soon(lambda: rows.count() == 5, "five runs")
    heads = table.locator("thead button").all_inner_texts()
    assert [head.split()[0] for head in heads[3:7]] == ["A†y", "Supervised", "EI", "REI"]
    before = rows.evaluate_all(PLACE)
    box = site.page.locator(".reilab-filter input[type=text]")
    box.press_sequentially("0.07", delay=20)
    soon(lambda: rows.count() == 1, "the run of that noise, without Enter")
    box.fill("accelerated")
    soon(lambda: rows.count() == 4, "the runs of one task")
    site.page.get_by_label("Choose all that are shown").check()
    soon(lambda: "compared=" in site.query(), "the choice in the address")
    site.page.get_by_text("1 hidden by the filter").wait_for()
    assert rows.evaluate_all(PLACE) == before
    box.fill("")
    soon(lambda: rows.count() == 5, "all runs")
    assert rows.evaluate_all(PLACE) == before
    assert table.locator("tbody input:checked").count() == 4
    site.click("runs-compare")
    for key in ("truth", "pinv", "rei", "measurement"):
        panes = site.page.locator(f".reilab-pane-{key}:visible")
        soon(partial(four, panes), f"four panes of {key}")
    assert site.page.locator(".row-head").count() == 4
    assert site.page.locator(".reilab-differences").is_visible()
    with site.page.expect_download() as saved:
        site.click("results-csv")
    with Path(saved.value.path()).open(encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert {row["Run"] for row in told} == {f"run-{index}" for index in range(4)}
    assert all(row["Task"] and row["Seed"] and row["Noise"] for row in told)
    site.go("tab=sweep&task=mri&preset=smoke&methods=ei,rei")
    site.fill("levels", "0,05 0.2")
    site.fill("seeds", "1")
    site.page.locator(".reilab-sweep-asked", has_text="4 runs of 4 steps").wait_for()
    site.click("start-sweep")
    site.page.locator(".reilab-sweep-state", has_text="4 of 4 runs finished").wait_for()
    site.page.get_by_role("img", name="Accelerated MRI: PSNR against noise").wait_for()
    assert len(list_runs(site.root)) == 5 + 4
    site.page.set_viewport_size({"width": 390, "height": 844})
    assert site.page.evaluate("document.querySelector('*').scrollWidth") == 390
    assert site.errors == []
