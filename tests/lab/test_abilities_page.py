"""What the page can do beside training, in a real browser: tour, watching, figures, own files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kit.browsers import IN_A_BROWSER
from kit.lab_runs import N_STEPS, write_run
from kit.lab_site import Site, opened, served, soon
from PIL import Image
from playwright.sync_api import Locator

from reilab.lab.guide import SHORT, STOPS, WRONG_BELIEF
from reilab.runs.roster import signed_in

pytestmark = IN_A_BROWSER
RUN = "lecture"
#: Words of the part where the keyboard is, through all shadows, or else its style classes.
HELD = """() => {
  let at = document.activeElement
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  return at?.innerText || at?.className
}"""
#: Words of the clipboard.
COPIED = "navigator.clipboard.readText()"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One tab for the whole module, and an empty data root."""
    base = tmp_path_factory.mktemp("abilities")
    root = base / "runs"
    write_run(root, RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REILAB_DATA", str(base / "data"))
        with served(root) as server, opened(server) as site:
            site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            yield site


def entered(site: Site, control: str) -> str:
    return str(site.page.locator(f".reilab-{control} :is(input[type=text], select)").input_value())


def expect_entry(site: Site, control: str, value: str) -> None:
    soon(lambda: entered(site, control) == value, f"{value} as {control}")


def chosen(site: Site) -> set[str]:
    """The methods that are ticked."""
    # At once: they may be drawn anew meanwhile.
    ticked = site.page.locator(".reilab-methods input:checked")
    return set(ticked.evaluate_all("(boxes) => boxes.map((box) => box.value)"))


def believed(site: Site) -> float:
    """How many times the true noise the methods are told."""
    return float(entered(site, "assumed-noise")) / float(entered(site, "noise"))


def expect_copy(site: Site, words: str) -> None:
    """Wait until the clipboard has them, and the page as well."""
    soon(lambda: words in site.page.evaluate(COPIED), f"{words} on the clipboard")
    site.page.locator("pre:visible", has_text=words).wait_for()


def files_below(root: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_the_first_stop_of_the_keyboard_leads_past_all_else(site: Site) -> None:
    page = site.page
    # What is below the images comes last, and moves the rest.
    page.get_by_role("heading", name="Curves").first.wait_for()
    link = page.get_by_role("link", name="Skip to the images")
    assert link.evaluate("link => getComputedStyle(link).clipPath") == "inset(50%)"
    page.keyboard.press("Tab")
    assert page.evaluate(HELD) == "Skip to the images"
    assert link.evaluate("link => getComputedStyle(link).clipPath") == "none"
    page.keyboard.press("Enter")
    soon(lambda: "reilab-transport" in page.evaluate(HELD), "the keyboard above the images")
    page.keyboard.press("Tab")
    soon(lambda: page.evaluate(HELD) == "Train", "the first button")


def test_the_tour_sets_the_controls_and_points_at_what_is_there(site: Site) -> None:
    page = site.page
    site.go("task=ct&preset=smoke")
    site.press("Guided tour")
    for stop in STOPS:
        page.get_by_role("heading", name=stop.title).wait_for()
        page.locator(".reilab-guide").get_by_text(stop.watch).wait_for()
        # What is pointed at is on the page.
        page.locator(f".reilab-{stop.point}:visible").first.wait_for()
        expect_entry(site, "task", stop.task)
        expect_entry(site, "preset", "quick")
        soon(lambda stop=stop: chosen(site) == set(stop.methods), "its methods")
        same = page.locator(".reilab-same input")
        soon(lambda stop=stop, same=same: same.is_checked() == (stop.belief == 1), "its belief")
        if stop.needs_run:
            expect_entry(site, "steps", str(SHORT))
        if stop.belief != 1:
            soon(lambda: believed(site) == pytest.approx(WRONG_BELIEF), "a wrong noise")
        if not stop.needs_run:
            page.locator(".tour [aria-current]", has_text="✓").wait_for()
        if stop is not STOPS[-1]:
            site.press("Next")
    assert entered(site, "group") == "shifts"
    page.locator(".reilab-news", has_text="Shifts teach nothing here").wait_for()
    page.locator(".reilab-task select").select_option("ct")
    site.press("Show me")
    expect_entry(site, "task", STOPS[-1].task)
    page.keyboard.press("Escape")
    page.locator(".reilab-guide").wait_for(state="hidden")
    assert site.errors == []


def test_on_a_telephone_the_tour_is_read_beside_what_it_points_at(site: Site) -> None:
    page = site.page
    wide = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    try:
        site.go("task=mri&preset=smoke")
        site.press("Guided tour")
        words = page.locator(".reilab-guide")
        for stop in STOPS[:2]:
            words.get_by_text(stop.watch).wait_for()
            shown = page.locator(f".reilab-{stop.point}:visible").first

            def is_read(shown: Locator = shown) -> bool:
                told, seen = words.bounding_box(), shown.bounding_box()
                if told is None or seen is None or told["y"] < 0:
                    return False
                # Two hundred pixels and more of it are below the words.
                return told["y"] + told["height"] <= seen["y"] + 1 <= 844 - 200

            soon(is_read, f"{stop.point} below the words")
            site.press("Next")
        site.press("Next")
        words.get_by_text("Assume the true noise").wait_for()
        drawer = page.get_by_role("button", name="Open drawer")
        moves = "button => button.getAnimations().length > 0"
        soon(lambda: drawer.evaluate(moves), "what opens the drawer with the control")
        page.keyboard.press("Escape")
        words.wait_for(state="hidden")
    finally:
        page.set_viewport_size(wide or {"width": 1440, "height": 900})
    assert site.errors == []


def test_a_page_that_watches_changes_nothing(site: Site) -> None:
    page = site.page
    going = write_run(site.root, "going", finished=False)
    with signed_in(going):
        before = files_below(site.root)
        site.go(f"watch=1&run={going.name}")
        site.pane("rei").wait_for()
        site.expect("Training")
        assert site.psnr("rei") == pytest.approx(16)
        acts = re.compile("^(Train|New run|Resume|Pause|Continue|Step|Stop|Fork.*)$")
        assert page.get_by_role("button", name=acts).count() == 0
        site.key("g")
        site.key(" ")
        site.fill("alpha-req", "7")
        site.part("runs").click()
        page.get_by_label(f"Choose {RUN}").check()
        site.click("runs-pin")
        page.locator(".reilab-notice", has_text="This page only watches").wait_for()
        assert page.locator(".reilab-note input[type=text]").is_disabled()
        site.click("runs-delete")
        page.get_by_role("button", name="Delete for good").click()
        page.locator(f"[data-key={RUN}]").wait_for()
        site.part("sweep").click()
        page.locator(".reilab-start-sweep button[disabled]").wait_for()
        assert "watch=1" in site.query()
        assert files_below(site.root) == before
    assert site.errors == []


def test_what_is_on_screen_is_taken_home(site: Site) -> None:
    page = site.page
    site.go(f"run={RUN}&hidden=ei")
    site.pane("rei").wait_for()
    files = {}
    for name in ("figure-svg", "figure-pdf", "figure-png", "results-tex"):
        with page.expect_download() as saved:
            site.click(name)
        files[saved.value.suggested_filename] = Path(saved.value.path()).read_bytes()
    assert list(files) == [
        *(f"{RUN}-step-{N_STEPS}.{kind}" for kind in ("svg", "pdf", "png")),
        "reilab-results.tex",
    ]
    svg, pdf, png, tex = files.values()
    assert b"REI" in svg
    assert f"{site.psnr('rei'):.2f} dB".encode() in svg
    assert b">EI" not in svg
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert png.startswith(b"\x89PNG")
    assert rb"\begin{tabular}" in tex
    assert f"{site.psnr('rei'):.2f}".encode() in tex
    site.click("copy-command")
    expect_copy(site, f"reilab runs repeat {RUN}")
    assert site.errors == []


def test_images_of_ones_own_are_brought_described_and_trained_on(
    site: Site, tmp_path: Path
) -> None:
    page, pixels = site.page, np.random.default_rng(0).integers(0, 255, (3, 32, 32), np.uint8)
    names = [tmp_path / f"cell-{index}.png" for index in range(3)]
    for name, one in zip(names, pixels, strict=True):
        Image.fromarray(one).save(name)
    site.go("task=mri&preset=smoke")
    site.press("My data")
    panel = page.locator(".reilab-my-data-panel")
    bring = page.locator(".reilab-my-files input[type=file]")
    bring.set_input_files(names[2])
    panel.get_by_text("one image cannot be learned from").wait_for()
    train = page.get_by_role("button", name="Train on these images")
    assert train.count() == 0
    bring.set_input_files(names)
    panel.get_by_text("3 grey images, 32 × 32 pixels").wait_for()
    panel.get_by_role("img", name="The first image of uploads/cell-0").wait_for()
    brought = files_below(site.root.parent / "data" / "uploads" / "cell-0")
    assert sorted(brought.values()) == sorted(name.read_bytes() for name in names)
    train.click()
    expect_entry(site, "data", "uploads/cell-0")
    said = page.locator(".reilab-data option:checked").inner_text()
    assert said == "Folder uploads/cell-0"
    soon(lambda: "data=uploads/cell-0" in site.query(), "the images in the address")
    for what, words in (("command", "reilab compare mri --preset smoke"), ("python", "'mri',")):
        site.click(f"copy-{what}")
        expect_copy(site, words)
        assert "uploads/cell-0" in page.evaluate(COPIED)
    assert site.errors == []


def test_what_a_does_not_see_is_shown_and_told(site: Site) -> None:
    page = site.page
    site.go("task=mri&preset=smoke")
    meter = page.locator(".reilab-news.meter")
    meter.wait_for()
    said = r"Of what the operator does not see .* it sees \d+% when the image is moved by one of "
    assert re.match(said, meter.inner_text())
    site.pane("rei").wait_for()
    image, note = site.picture("rei"), page.locator(".reilab-note:visible")
    pictures = {image}
    for part, words in (
        ("seen", "What A sees of each image"),
        ("unseen", "What A does not see"),
        ("spectrum", "Log magnitude of the spectrum"),
    ):
        page.locator(".reilab-part:visible select").select_option(part)
        note.filter(has_text=words).wait_for()
        soon(lambda: site.picture("rei") not in pictures, "another picture")
        pictures.add(site.picture("rei"))
    page.locator(".reilab-part:visible select").select_option("image")
    soon(lambda: site.picture("rei") == image, "the image again")
    difference = page.get_by_role("img", name="Difference, EI − REI")
    site.key("d")
    difference.wait_for()
    toggle = page.locator(".reilab-swipe button[data-value=difference]")
    assert toggle.get_attribute("aria-pressed") == "true"
    page.locator(".reilab-swipe-right select").select_option("supervised")
    page.get_by_role("img", name="Difference, EI − Supervised").wait_for()
    toggle.click()
    page.get_by_role("img", name=re.compile("^Difference")).wait_for(state="hidden")
    assert site.errors == []


def test_a_head_of_the_list_sorts_it(site: Site) -> None:
    write_run(site.root, "early", finished=False)
    write_run(site.root, "without", ("ei",))
    site.go("tab=runs&compared=")
    table = site.page.locator(".reilab-run-table")
    table.locator("[data-key=without]").wait_for()
    head = table.locator("thead th", has=site.page.get_by_role("button", name=re.compile("^REI")))
    keys = "rows => rows.map(row => row.dataset.key)"

    def sorted_so(state: str) -> list[str]:
        head.get_by_role("button").click()
        soon(lambda: head.get_attribute("aria-sort") == state, f"{state} numbers")
        return [str(key) for key in table.locator("tbody tr").evaluate_all(keys)]

    down, up = sorted_so("descending"), sorted_so("ascending")
    assert down[0] == up[-2] == RUN
    assert up[0] != RUN
    assert "early" in down[1:-1]
    # Runs without the method stand last, whichever way.
    assert down[-1] == up[-1] == "without"
    assert site.errors == []
