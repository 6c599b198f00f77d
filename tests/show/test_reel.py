"""A run as one page that is scrubbed and swiped from disk."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from kit.browsers import CHROMIUM, FLAGS, IN_A_BROWSER
from kit.lab_runs import N_IMAGES, SIDE, write_run
from PIL import Image

from reilab.record.folder import RunFolder, examples
from reilab.record.history import history_of
from reilab.runs.report import report_html
from reilab.show import reel
from reilab.show.panes import to_colours
from reilab.show.reel import reels
from reilab.show.scene import scene_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_run(tmp_path_factory.mktemp("runs"), "run</script><b>")


def test_a_reel_has_every_moment_of_every_method(folder: RunFolder) -> None:
    history = history_of(folder.events())
    found = reels(history)
    assert [one.number for one in found] == list(range(1, N_IMAGES + 1))
    first = found[0]
    assert first.steps == (0, 10, 20, 30, 40)
    assert (first.left, first.right) == ("ei", "rei")
    panes = {pane.key: pane for pane in first.panes}
    assert list(panes) == ["truth", "pinv", "ei", "rei", "supervised"]
    assert len(panes["truth"].told) == 1
    for place, step in enumerate(first.steps):
        scene = scene_of("", history, 0, step)
        assert scene is not None
        (shot,) = (one for one in scene.shots if one.key == "rei")
        assert panes["rei"].told[place] == shot.caption
        strip = strip_of(panes["rei"].source)[..., 0]
        assert strip.shape == (SIDE * len(first.steps), SIDE)
        own = strip[place * SIDE : (place + 1) * SIDE]
        assert np.abs(own - scene.pixels(shot)).mean() < 12


def strip_of(source: str) -> np.ndarray:
    """The pictures of a pane, one below the other."""
    data = base64.b64decode(source.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32)


def test_error_maps_share_the_scale_of_the_last_moment(folder: RunFolder) -> None:
    history = history_of(folder.events())
    last = scene_of("", history, 0)
    assert last is not None
    first = reels(history)[0]
    assert first.end == last.end
    panes = {pane.key: pane for pane in first.panes}
    assert panes["truth"].errors == ""
    assert strip_of(panes["pinv"].errors).shape == (SIDE, SIDE, 3)
    strip = strip_of(panes["rei"].errors)
    for place, step in enumerate(first.steps):
        scene = scene_of("", history, 0, step)
        assert scene is not None
        own = strip[place * SIDE : (place + 1) * SIDE]
        assert np.abs(own - to_colours(scene.errors["rei"], last.end)).mean() < 12


def test_without_the_truth_there_are_no_error_maps(tmp_path: Path) -> None:
    acquired = write_run(tmp_path, "acquired", known=False)
    first = reels(history_of(acquired.events()))[0]
    assert (first.end, {pane.errors for pane in first.panes}) == (0.0, {""})


def test_a_reel_is_thinned_to_what_there_is_room_for(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three methods, each with its errors, at three moments.
    monkeypatch.setattr(reel, "BUDGET", SIDE * SIDE * 3 * 2 * 3)
    (only,) = reels(history_of(folder.events()))
    assert only.steps == (0, 20, 40)


@pytest.mark.slow
@pytest.mark.parametrize("run", examples(), ids=lambda run: run.name)
def test_the_examples_as_pages_are_small_and_whole(run: RunFolder) -> None:
    page = report_html(run)
    assert len(page.encode()) < 5_000_000
    assert page.count("data:image/webp;base64,") >= 5 + 4
    assert (
        re.findall(
            r"""(?:src|href)\s*=\s*["']?(?!data:|#)[^\s"'>]+|url\(["']?(?!data:)\w+:""", page
        )
        == []
    )


class TestInABrowser:
    pytestmark = IN_A_BROWSER

    def test_a_page_from_disk_is_scrubbed_and_swiped_and_asks_for_nothing(
        self, folder: RunFolder, tmp_path: Path
    ) -> None:
        playwright = pytest.importorskip("playwright.sync_api")
        file = tmp_path / "report.html"
        file.write_text(report_html(folder), encoding="utf-8")
        asked, errors = [], []
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
            page = phone.new_page()
            page.set_default_timeout(15_000)
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda told: errors.append(told.text))
            page.goto(file.as_uri())
            moment, swipe = page.locator("#reel-moment"), page.locator("#reel-divide")
            rei = page.locator("[data-key=rei]")
            assert rei.inner_text().startswith("REI")
            last = rei.inner_text()
            moment.focus()
            page.keyboard.press("Home")
            page.keyboard.press("ArrowRight")
            assert page.locator("#reel-words").inner_text() == "step 10"
            assert rei.inner_text() != last
            frame = "document.querySelector('[data-key=rei] .reel-frame').style.backgroundPosition"
            assert page.evaluate(frame) == "0px 25%"
            over = "document.querySelectorAll('#reel-stage .reel-frame')[1]"
            swipe.focus()
            page.keyboard.press("Home")
            assert page.evaluate(f"{over}.style.clipPath") == "inset(0px 100% 0px 0px)"
            page.locator("#reel-left").select_option("supervised")
            assert page.evaluate(f"{over}.ariaLabel").startswith("Supervised")
            source = page.evaluate(f"{over}.style.backgroundImage")
            page.get_by_label("Errors").check()
            assert page.evaluate(f"{over}.ariaLabel").startswith("Error of Supervised")
            assert page.evaluate(f"{over}.style.backgroundImage") != source
            assert page.locator("[data-key=truth] .reel-frame").get_attribute("aria-label") == (
                "Ground truth"
            )
            page.get_by_label("Errors").uncheck()
            stage = page.locator("#reel-stage")
            stage.scroll_into_view_if_needed()
            box = stage.bounding_box()
            assert box is not None
            page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 20)
            assert float(swipe.input_value()) == pytest.approx(75, abs=1.5)
            page.locator("#reel-play").click()
            page.locator("#reel-words", has_text=re.compile("step 20")).wait_for()
            page.locator("#reel-image").select_option("1")
            assert rei.inner_text() != last
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            browser.close()
        assert errors == []
        assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]

    @pytest.mark.parametrize("theme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1440])
    def test_axe_finds_no_fault(
        self, folder: RunFolder, tmp_path: Path, width: int, theme: str
    ) -> None:
        playwright = pytest.importorskip("playwright.sync_api")
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        file = tmp_path / "report.html"
        file.write_text(report_html(folder), encoding="utf-8")
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            # The page runs no script but its own; axe is another.
            context = browser.new_context(
                viewport={"width": width, "height": 844}, color_scheme=theme, bypass_csp=True
            )
            page = context.new_page()
            page.goto(file.as_uri())
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (ground == "rgb(255, 255, 255)") == (theme == "light")
            faults = axe.run(page).response["violations"]
            browser.close()
        assert [(one["id"], one["nodes"][0]["target"]) for one in faults] == []
