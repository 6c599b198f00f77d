"""The page in a real browser: one person follows a run, and two sessions watch one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kit.browsers import IN_A_BROWSER
from kit.lab_runs import write_run
from kit.lab_site import Site, opened, served, soon, wait_until_awake

from reilab.events import SetWeight, Steered
from reilab.record.folder import RunFolder
from reilab.runs.roster import worker_pid

pytestmark = IN_A_BROWSER
FIRST, SECOND, OTHER = "first", "second", "photographs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One tab for the whole module: the tests below follow one person through a session."""
    root = tmp_path_factory.mktemp("runs")
    write_run(root, OTHER, task="inpainting")
    write_run(root, SECOND, assumed_noise=0.4)
    write_run(root, FIRST)
    with served(root) as server, opened(server) as site:
        yield site


def test_the_settings_are_in_the_address(site: Site) -> None:
    site.go("task=ct&preset=smoke")
    site.page.locator(".reilab-task select").select_option("mri")
    slider = site.page.locator(".reilab-noise input[type=range]")
    soon(lambda: slider.get_attribute("max") == "0.3", "the slider to have the range of MRI")
    site.fill("noise", "0.2")
    soon(lambda: "noise=0.2" in site.query(), "the noise in the address")
    site.page.reload()
    wait_until_awake(site.page)
    assert site.page.locator(".reilab-noise input[type=text]").input_value() == "0.2"
    assert site.page.locator(".reilab-assumed-noise input[type=text]").input_value() == "0.2"
    assert site.page.locator(".reilab-preset select").input_value() == "smoke"


def test_panes_have_numbers_and_follow_the_slider(site: Site) -> None:
    site.go(f"run={FIRST}")
    site.pane("rei").wait_for()
    assert site.psnr("rei") == 18
    assert site.page.locator(".reilab-ssim-ei").inner_text() == "0.500"
    late = site.picture("rei")
    slider = site.page.locator(".reilab-moment input:visible")
    slider.fill("1")
    soon(lambda: site.step() == "step 10", "the earlier step")
    assert site.psnr("rei") == 15
    assert site.picture("rei") != late
    soon(lambda: "at=10" in site.query(), "the step in the address")
    site.click("live")
    soon(lambda: site.step() == "step 40", "the live end")
    site.click("play")
    soon(lambda: site.step() != "step 40", "an earlier moment")
    soon(lambda: site.step() == "step 40", "the last moment")


def test_keys_scrub_and_choose_panes(site: Site) -> None:
    site.page.locator("h1").click()
    site.page.keyboard.press("ArrowLeft")
    soon(lambda: site.step() == "step 30", "the moment before")
    site.page.keyboard.press("End")
    site.page.keyboard.press("2")
    site.pane("pinv").wait_for(state="hidden")
    site.page.keyboard.press("2")
    site.pane("pinv").wait_for()
    site.page.keyboard.press("?")
    site.page.get_by_role("heading", name="Keys").wait_for()
    site.page.keyboard.press("?")


def test_another_test_image_window_and_colours(site: Site) -> None:
    site.page.locator(".reilab-sample select:visible").select_option("2")
    soon(lambda: site.psnr("rei") == 20, "the numbers of the third image")
    before = site.picture("ei")
    site.page.get_by_label("White level").locator("visible=true").fill("0.4")
    soon(lambda: site.picture("ei") != before, "a brighter image")
    assert site.page.locator(".reilab-window .ends:visible").inner_text() == "0.00 – 0.40"
    before = site.picture("ei")
    site.page.locator(".reilab-colours select:visible").select_option("viridis")
    soon(lambda: site.picture("ei") != before, "an image in colours")


def test_zoom_is_shared_kept_in_the_address_and_taken_back(site: Site) -> None:
    before = site.picture("supervised")
    site.pane("ei").get_by_role("img").first.hover()
    site.page.keyboard.down("Control")
    site.page.mouse.wheel(0, -400)
    site.page.keyboard.up("Control")
    soon(lambda: "zoom=" in site.query(), "the zoom in the address")
    assert site.picture("supervised") != before
    site.pane("ei").get_by_role("img").first.dblclick()
    soon(lambda: "zoom=" not in site.query(), "the whole image")


def test_swipe_between_two_panes(site: Site) -> None:
    site.key("s")
    frame = site.page.get_by_role("img", name=re.compile("^Swipe"))
    frame.first.wait_for()
    site.page.locator(".reilab-swipe-left select:visible").select_option("truth")
    divide = site.page.get_by_label("Swipe: where the left image ends").locator("visible=true")
    divide.fill("20")
    soon(lambda: "divide=20" in site.query(), "the place of the line in the address")
    assert "left=truth" in site.query()
    site.key("s")
    frame.first.wait_for(state="hidden")


def test_curves_table_and_formula(site: Site) -> None:
    charts = site.page.get_by_role("img", name=re.compile("against steps"))
    assert charts.locator("visible=true").count() == 5
    site.page.get_by_text("Log scale").locator("visible=true").click()
    soon(lambda: "log_losses=0" in site.query(), "a linear scale")
    table = site.page.locator(".reilab-results:visible")
    table.get_by_role("button", name="PSNR").first.click()
    rows = table.locator("tbody tr").evaluate_all("all => all.map(row => row.dataset.key)")
    assert rows == ["rei", "ei", "supervised", "pinv"]
    with site.page.expect_download() as saved:
        site.click("results-csv")
    assert "PSNR [dB]" in Path(saved.value.path()).read_text(encoding="utf-8")
    formula = site.page.locator(".reilab-formula-rei").inner_text()
    assert "SURE" in formula
    assert "now 0.025" in formula


def test_runs_are_filtered_compared_and_deleted_after_a_question(site: Site) -> None:
    site.part("runs").click()
    rows = site.page.locator(".reilab-run-table tbody tr")
    soon(lambda: rows.count() == 3, "three runs")
    site.fill("filter", "inpainting")
    soon(lambda: rows.count() == 1, "one run")
    site.fill("filter", "")
    for name in (FIRST, SECOND):
        site.page.get_by_label(f"Choose {name}").check()
    site.click("runs-compare")
    rows_of_images = site.page.locator(".row-head")
    soon(lambda: rows_of_images.count() == 2, "a row for each run")
    assert site.page.locator(".reilab-pane-rei:visible").count() == 2
    assert ["Assumed noise 0.4" in one for one in rows_of_images.all_inner_texts()].count(True) == 1
    site.part("runs").click()
    for name in (FIRST, SECOND):
        site.page.get_by_label(f"Choose {name}").uncheck()
    site.page.get_by_label(f"Choose {OTHER}").check()
    site.click("runs-delete")
    site.page.get_by_role("button", name="Keep").click()
    assert (site.root / OTHER).is_dir()
    site.click("runs-delete")
    site.press("Delete for good")
    soon(lambda: rows.count() == 2, "two runs")
    assert not (site.root / OTHER).exists()


def test_the_page_is_laid_out_once_for_all_that_changes(site: Site) -> None:
    page = '[...Bokeh.documents[0]._all_models.values()].find((one) => one.class_name === "Page")'
    count = """
    async (view) => {
      let laidOut = 0
      const update = view.update_layout
      view.update_layout = () => { laidOut += 1; update.call(view) }
      for (let change = 0; change < 10; change += 1) view.invalidate_layout()
      view.compute_layout()
      await new Promise((done) => setTimeout(done, 1000))
      delete view.update_layout
      return laidOut
    }
    """
    assert 1 <= site.page.evaluate(f"({count})(Bokeh.index.get({page}))") <= 3


def test_settings_are_duplicated(site: Site) -> None:
    site.page.get_by_label(f"Choose {SECOND}").check()
    site.click("runs-duplicate-settings")
    site.page.get_by_text("Press Train").wait_for()
    assert site.page.locator(".reilab-assumed-noise input[type=text]").input_value() == "0.4"


def test_steering_in_one_session_shows_in_another(site: Site) -> None:
    # Big enough that steps do not come faster than a busy browser can draw them.
    site.go("task=mri&preset=smoke&size=64&width=16&steps=100000&learning_rate=0.003")
    site.press("Train")
    site.expect("Training")
    site.page.locator(".reilab-psnr-rei").wait_for()
    other = site.watch(site.page.context.browser.new_page())
    other.goto(f"{site.address}?run={site.shown_run()}")
    wait_until_awake(other)
    other.locator(".reilab-psnr-rei").wait_for()
    site.page.get_by_role("button", name="α REQ ×10").click()
    site.page.get_by_text("weight of req = 10").wait_for()
    other.get_by_text("weight of req = 10").wait_for()
    box = other.locator(".reilab-alpha-req input[type=text]")
    soon(lambda: box.input_value() == "10", "the number in the other session")
    steered = {event.command for event in site.run().events() if isinstance(event, Steered)}
    assert steered == {SetWeight("req", 10.0)}
    other.close()


def test_a_second_run_queues(site: Site) -> None:
    going = site.shown_run()
    site.press("New run")
    site.page.locator(".reilab-others", has_text="yours would wait").wait_for()
    site.press("Train")
    site.expect("Queued, number 1 in line")
    site.press("Stop")
    site.expect("Stopped")
    site.go(f"run={going}")


def test_a_reload_finds_the_run_again(site: Site) -> None:
    site.page.reload()
    wait_until_awake(site.page)
    site.expect("Training")
    site.page.locator(".reilab-psnr-rei").wait_for()
    assert site.page.locator(".reilab-alpha-req input[type=text]").input_value() == "10"


def test_a_killed_worker_is_reported_and_the_run_resumed(site: Site) -> None:
    pid = worker_pid(RunFolder(site.root / site.shown_run()))
    assert pid is not None
    psutil.Process(pid).kill()
    site.expect("Worker lost")
    notice = site.page.locator(".reilab-notice")
    assert f"process {pid} was ended by SIGKILL" in notice.inner_text()
    site.press("Resume")
    site.expect("Training")


def test_a_fork_goes_on_from_the_past_with_other_settings(site: Site) -> None:
    site.press("Stop")
    site.expect("Stopped")
    parent = site.shown_run()
    site.click("fork")
    soon(lambda: site.shown_run() != parent, "another run in the address")
    site.expect("Training")
    site.press("Stop")
    site.expect("Stopped")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(site: Site, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    site.page.emulate_media(color_scheme=theme)
    site.go(f"run={FIRST}&compared={FIRST},{SECOND}&swipe=1")
    site.pane("rei").wait_for()
    bad = []
    for part in ("run", "runs", "compare"):
        site.part(part).click()
        site.page.wait_for_timeout(1000)
        bad += [
            (part, fault["id"], fault["nodes"][0]["target"], fault["nodes"][0]["failureSummary"])
            for fault in axe.run(site.page).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
    assert bad == []


def test_the_theme_follows_the_system_and_the_switch(site: Site) -> None:
    def ground() -> str:
        return str(site.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = ground()
    site.page.emulate_media(color_scheme="light")
    soon(lambda: ground() != dark, "a light page")
    site.page.get_by_role("button", name=re.compile("theme", re.I)).click()
    soon(lambda: ground() == dark, "a dark page")
    soon(lambda: "theme=dark" in site.query(), "the theme in the address")


def test_the_page_fits_a_telephone(site: Site) -> None:
    site.page.set_viewport_size({"width": 390, "height": 844})
    site.go(f"run={FIRST}&compared={FIRST},{SECOND}&swipe=1")
    site.pane("rei").wait_for()
    for part in ("run", "runs", "compare"):
        site.part(part).click()
        site.page.wait_for_timeout(700)
        widest = site.page.evaluate("document.querySelector('*').scrollWidth")
        main = site.page.locator(".main-content").evaluate("e => e.scrollWidth - e.clientWidth")
        assert (part, widest) == (part, 390)
        assert (part, main) == (part, 0)
    site.page.set_viewport_size({"width": 1440, "height": 900})


def test_nothing_left_this_machine_and_nothing_went_wrong(site: Site) -> None:
    hosts = {url.split("/")[2] for url in site.requests if url.startswith(("http", "ws"))}
    assert hosts == {site.address.split("/")[2]}
    assert site.errors == []
