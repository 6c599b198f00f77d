"""A newcomer's first minutes at the page, by keyboard where hands would; links, and a way back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from kit.browsers import IN_A_BROWSER
from kit.lab_runs import write_run
from kit.lab_site import Site, opened, served, soon

from reilab.events import Evaluated, Paused, SetWeight, Steered
from reilab.record.folder import list_runs
from reilab.record.history import history_of
from reilab.runs.roster import signed_in

pytestmark = IN_A_BROWSER
OLD, OTHER = "before", "another"
#: Big enough that steps do not come faster than a busy browser can draw them.
START = "task=mri&preset=smoke&size=64&width=16&learning_rate=0.003"
#: Where the keyboard is, through all shadows, as style classes.
FOCUS = """() => {
  let at = document.activeElement
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  return at?.className ?? ""
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("runs")
    write_run(root, OTHER, assumed_noise=0.4)
    write_run(root, OLD)
    with served(root) as server, opened(server) as site:
        yield site


def step_told(site: Site) -> int:
    told = site.page.locator(".reilab-status").inner_text()
    return int(re.findall(r"step ([\d,]+)", told)[0].replace(",", ""))


def look_around(site: Site) -> None:
    """Noise is moved, the example scrubbed, a help text and the list of keys are opened."""
    page = site.page
    page.get_by_text("Press Train").wait_for()
    assert page.get_by_role("heading", level=1).count() == 1
    seen = page.locator(".reilab-pane-outlook-pinv .numbers b").first
    before = seen.inner_text()
    slider = page.locator(".reilab-noise input[type=range]")
    slider.focus()
    page.keyboard.press("End")
    soon(lambda: seen.inner_text() != before, "A†y to follow the noise")
    assert float(slider.get_attribute("max") or 0) == pytest.approx(0.3)
    assert not page.locator(".reilab-seed input[type=range]").is_visible()
    page.get_by_role("button", name="Help on α SURE").focus()
    page.keyboard.press("Enter")
    words = page.locator(".reilab-alpha-sure .help")
    words.wait_for()
    assert "Range" in words.inner_text()
    page.keyboard.press("Escape")
    words.wait_for(state="hidden")
    site.pane("rei").wait_for()
    late = site.picture("rei")
    site.key("Home")
    soon(lambda: site.step() == "step 0", "the example before its first step")
    site.pane("rei").get_by_text("untrained").wait_for()
    assert site.picture("rei") != late
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Keys").wait_for(state="hidden")


def type_a_number(site: Site) -> None:
    """What is wrong is said in the field while it is typed, and by Train for all fields at once."""
    box = site.page.locator(".reilab-steps input[type=text]")
    box.fill("")
    box.press_sequentially("-5")
    site.page.locator(".reilab-steps .fault", has_text="-5 is too small").wait_for()
    assert box.get_attribute("aria-invalid") == "true"
    box.press("Tab")
    site.key("g")
    site.page.locator(".reilab-notice", has_text="Steps: -5 is too small").wait_for()
    assert {run.name for run in list_runs(site.root)} == {OLD, OTHER}
    site.fill("steps", "100000")
    soon(lambda: box.get_attribute("aria-invalid") == "false", "the field to be right")


def train_and_steer(site: Site) -> None:
    site.page.get_by_role("button", name="Train", exact=True).focus()
    site.page.keyboard.press("Enter")
    site.expect("Training")
    soon(lambda: "reilab-transport" in site.page.evaluate(FOCUS), "the keyboard to stay there")
    site.page.locator(".reilab-psnr-rei").wait_for()
    before = site.picture("supervised")
    soon(lambda: site.picture("supervised") != before, "the image to change")
    assert "▶" in site.page.title()
    assert "σ = 0.3" in site.page.locator("h1").inner_text()
    site.page.get_by_role("button", name="α REQ ×10").focus()
    site.page.keyboard.press("Enter")
    site.page.get_by_text("weight of req = 10").wait_for()
    steered = {event.command for event in site.run().events() if isinstance(event, Steered)}
    assert steered == {SetWeight("req", 10.0)}


def pause_and_step(site: Site) -> None:
    """A step moves the counter by one, and shows images of that very step."""
    site.key(" ")
    site.expect("Paused")
    # Paused is told at once; a method that is a step behind takes that step first.
    soon(
        lambda: steps_seen(site) == dict.fromkeys(steps_taken(site), step_told(site)),
        "all methods to be looked at where they stand",
    )
    soon(lambda: site.step() == f"step {step_told(site):,}", "the images of where it was paused")
    before, image = step_told(site), site.picture("supervised")
    site.page.get_by_role("button", name="Step", exact=True).focus()
    site.page.keyboard.press("Enter")
    soon(lambda: site.step() == f"step {before + 1:,}", "the images of the next step")
    assert step_told(site) == before + 1
    assert site.picture("supervised") != image
    assert set(steps_taken(site).values()) == {before + 1}
    site.press("Stop")
    site.expect("Stopped")


def steps_taken(site: Site) -> dict[str, int]:
    """The step at which each method of the run stands, by its log."""
    return {name: track.step for name, track in history_of(site.run().events()).tracks.items()}


def steps_seen(site: Site) -> dict[str, int]:
    """The step at which each method was looked at since the run paused, by its log."""
    events = list(site.run().events())
    paused = max(index for index, event in enumerate(events) if isinstance(event, Paused))
    return {event.method: event.step for event in events[paused:] if isinstance(event, Evaluated)}


def test_a_newcomer_finds_the_way(site: Site) -> None:
    site.go(START)
    look_around(site)
    type_a_number(site)
    train_and_steer(site)
    pause_and_step(site)
    made = site.shown_run()
    site.part("runs").click()
    for name in (OLD, OTHER):
        site.page.locator(f"[data-key='{name}'] input").check()
    site.click("runs-compare")
    soon(lambda: site.pane("rei").locator("visible=true").count() == 2, "REI of both runs")
    site.page.go_back()
    site.page.locator(".reilab-run-table tbody tr").first.wait_for()
    site.page.go_back()
    site.expect("Stopped")
    assert site.shown_run() == made
    assert site.errors == []


def test_a_talk_has_one_screen(site: Site) -> None:
    page = site.page
    page.set_viewport_size({"width": 1920, "height": 1080})
    site.go(f"run={OLD}")
    site.pane("rei").wait_for()
    follow = page.get_by_role("button", name="Follow it")
    with signed_in(write_run(site.root, "going", finished=False)):
        follow.wait_for()
        site.key("p")
        chart = page.get_by_role("img", name=re.compile("against steps")).locator("visible=true")
        soon(lambda: chart.count() == 1, "the curve of PSNR alone")
        over = "e => [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth]"
        soon(lambda: page.locator(".main-content").evaluate(over) == [0, 0], "all on one screen")
        page.locator(".reilab-formula-rei").wait_for()
        assert page.locator(".reilab-results").locator("visible=true").count() == 0
        assert not follow.is_visible()
        assert not page.get_by_role("button", name="Copy command").is_visible()
        page.keyboard.press("Escape")
        soon(lambda: chart.count() == 5, "all curves")
        follow.wait_for()
    page.set_viewport_size({"width": 1440, "height": 900})


def test_a_link_says_what_it_cannot_open_and_a_page_outlives_its_server(site: Site) -> None:
    site.go("run=gone&task=ct&preset=smoke&window=5,-3&step=3")
    told = site.page.locator(".reilab-notice").inner_text()
    assert all(words in told for words in ("gone", "window=5,-3", "“step”"))
    assert site.page.locator(".reilab-task select").input_value() == "ct"
    site.go(f"run={OLD}&at=20")
    site.pane("rei").wait_for()
    site.server.process.terminate()
    site.server.process.wait()
    site.page.get_by_text("comes back by itself").wait_for()
    port = int(site.address.split(":")[-1].strip("/"))
    with served(site.root, port=port):
        site.page.get_by_text("comes back by itself").wait_for(state="detached")
        site.pane("rei").wait_for()
        assert site.step() == "step 20"
        hosts = {url.split("/")[2] for url in site.requests if url.startswith(("http", "ws"))}
        assert hosts == {site.address.split("/")[2]}
