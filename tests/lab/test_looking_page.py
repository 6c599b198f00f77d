"""Images looked at closely, by mouse, keyboard and fingers, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from kit.browsers import CHROMIUM, FLAGS, IN_A_BROWSER
from kit.lab_runs import write_run
from kit.lab_site import Server, Site, playwright, served, soon

pytestmark = IN_A_BROWSER
RUN = "first"
#: What stands in the corner of an image.
TOLD = "(host) => host.shadowRoot.lastElementChild?.textContent ?? ''"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("runs")
    write_run(root, RUN)
    with served(root) as server:
        yield server


@pytest.fixture
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def opened_at(server: Server, browser: playwright.Browser, query: str, **more: Any) -> Site:
    site = Site(server, browser.new_page(**more))
    site.watch(site.page)
    site.go(f"run={RUN}&{query}")
    site.pane("rei").wait_for()
    return site


def image(site: Site, key: str, place: int = 0) -> playwright.Locator:
    return site.pane(key).get_by_role("img").nth(place)


def zoom(site: Site) -> list[float]:
    """Left, right, bottom and top of what is seen, or nothing for the whole."""
    found = re.search(r"zoom=([\d.,]+)", site.query())
    return [float(one) for one in found[1].split(",")] if found else []


def told(site: Site, key: str, place: int = 0) -> str:
    return str(image(site, key, place).evaluate(TOLD))


def test_by_mouse_and_keyboard(server: Server, browser: playwright.Browser) -> None:
    site = opened_at(server, browser, "profile=row", viewport={"width": 1440, "height": 1200})
    page = site.page
    image(site, "ei").hover()
    # All images, and the maps of their errors, tell the values of the same pixel.
    soon(lambda: re.fullmatch(r"-?\d\.\d{3}", told(site, "rei", 1)) is not None, "a value")
    truth, ei, error = (float(told(site, *of)) for of in (("truth",), ("ei",), ("ei", 1)))
    assert abs(abs(ei - truth) - error) < 0.003
    profile = page.get_by_role("img", name="Values along a line")
    before = profile.screenshot()
    box = image(site, "ei").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y - box["height"] / 4)
    soon(lambda: profile.screenshot() != before, "the profile of another row")
    for key, button, query in (("Shift", "left", "window=0,0.7"), ("Alt", "right", "window=0,0.5")):
        page.keyboard.down(key)
        page.mouse.move(x, y)
        page.mouse.down(button=button)
        page.mouse.move(x - box["width"] / 6, y - box["height"] / 6, steps=3)
        assert told(site, "ei").startswith("window 0.00 to 0.")
        page.mouse.up(button=button)
        page.keyboard.up(key)
        soon(lambda query=query: query in site.query(), "the window in the address")
    page.keyboard.press("+")
    page.keyboard.press("+")
    soon(lambda: len(zoom(site)) == 4, "a part of the image")
    left = zoom(site)[0]
    page.keyboard.press("ArrowRight")
    soon(lambda: zoom(site)[0] > left, "the part to the right of it")
    # However far it is dragged, the image ends where its pane does.
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 900, y - 900, steps=4)
    page.mouse.up()
    soon(lambda: zoom(site)[0] == zoom(site)[2] == 0, "the lower left corner")
    image(site, "rei", 1).dblclick()
    soon(lambda: zoom(site) == [], "the whole image")
    site.key("b")
    top = page.get_by_role("img", name=re.compile("^Swipe, EI"))
    top.wait_for()
    assert "1s" in top.evaluate("(host) => getComputedStyle(host).animation")
    assert site.errors == []


def test_by_fingers_and_without_motion(server: Server, browser: playwright.Browser) -> None:
    look = {"width": 390, "height": 700}
    kind = {"has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
    site = opened_at(server, browser, "swipe=1&over=blink", viewport=look, **kind)
    top = site.page.get_by_role("img", name=re.compile("^Swipe, EI"))
    assert top.evaluate("(host) => getComputedStyle(host).animationName") == "none"
    image(site, "ei").scroll_into_view_if_needed()
    hands = site.page.context.new_cdp_session(site.page)

    def touch(*ways: tuple[Sequence[float], Sequence[float]]) -> None:
        """A finger for each way from one place, seen from the middle, to another."""
        box = image(site, "ei").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def send(what: str, share: float) -> None:
            points = [
                {
                    "x": x + (1 - share) * a[0] + share * b[0],
                    "y": y + (1 - share) * a[1] + share * b[1],
                    "id": index,
                }
                for index, (a, b) in enumerate(ways)
            ]
            points = [] if what == "touchEnd" else points
            hands.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": points})
            time.sleep(0.02)

        send("touchStart", 0)
        for step in range(1, 9):
            send("touchMove", step / 8)
        send("touchEnd", 1)

    def height() -> float:
        box = image(site, "ei").bounding_box()
        assert box is not None
        return float(box["y"])

    before = height()
    touch(((0, 0), (0, -120)))
    soon(lambda: height() < before - 60, "the page to scroll")
    assert zoom(site) == []
    time.sleep(0.5)
    before = height()
    touch(((-10, 0), (-50, 0)), ((10, 0), (50, 0)))
    soon(lambda: len(zoom(site)) == 4, "a part of the image")
    assert abs(height() - before) < 1
    assert site.page.evaluate("visualViewport.scale") == 1
    for _ in range(2):
        touch(((0, 0), (0, 0)))
    soon(lambda: zoom(site) == [], "the whole image")
    assert re.fullmatch(r"-?\d\.\d{3}", told(site, "rei"))
    assert site.errors == []
