"""The page in a real browser: what it shows, keeps and hands out, and what it leaves behind."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from kit.browsers import IN_A_BROWSER
from kit.lab_runs import SIDE, write_run
from kit.lab_site import Site, opened, served, soon, wait_until_awake
from PIL import Image

from reilab.key import Key
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.record.notes import read_notes
from reilab.runs import jobs
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.runs.roster import worker_alive

pytestmark = IN_A_BROWSER
RUN, TRAINED = "lecture", "trained"
#: Where a point of a chart is in the window.
PLACE = """
([label, x, y]) => {
  const views = (view) => [view, ...(view.child_views ?? []).flatMap(views)]
  const all = [...Bokeh.index.roots].flatMap(views)
  const chart = all.find(({model}) => model.html_attributes?.["aria-label"]?.startsWith(label))
  const {left, top} = chart.el.getBoundingClientRect()
  const {x_scale, y_scale} = chart.frame
  return [left + x_scale.compute(x), top + y_scale.compute(y)]
}
"""
#: Where the cursors and marks of all charts stand.
UPRIGHT = """
() => [...Bokeh.documents[0]._all_models.values()]
  .filter((model) => model.type === "GlyphRenderer" && model.glyph.type === "VSpan")
  .map((model) => [...model.data_source.get_column("x")])
"""
#: The names of the lines that are hidden.
HIDDEN = """
() => [...Bokeh.documents[0]._all_models.values()]
  .filter((model) => model.type === "GlyphRenderer" && model.glyph.type === "Line")
  .filter((model) => !model.visible).map((model) => model.name)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One tab for the whole module, and a folder of images below the data root."""
    base = tmp_path_factory.mktemp("features")
    root, mine = base / "runs", base / "data" / "mine"
    mine.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(6):
        pixels = rng.integers(0, 255, (64, 64), np.uint8)
        Image.fromarray(pixels).save(mine / f"{index}.png")
    config = configure("mri", "smoke", ["ei", "rei"], training={"steps": 1})
    execute(RunFolder.create(root / TRAINED, config.to_yaml()))
    write_run(root, RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REILAB_DATA", str(base / "data"))
        with served(root) as server, opened(server) as site:
            yield site


def test_the_assumed_noise_follows_the_true_one_until_parted(site: Site) -> None:
    site.go("task=mri&preset=smoke")
    true, assumed = (
        site.page.locator(f".reilab-{name} input[type=text]") for name in ("noise", "assumed-noise")
    )
    same = site.page.locator(".reilab-same input")
    site.fill("noise", "0.3")
    soon(lambda: assumed.input_value() == "0.3", "the assumed noise to follow")
    assert assumed.is_disabled()
    # Why, to those too who have no mouse.
    help_on = site.page.locator(".reilab-assumed-noise .help")
    assert "untick" in str(help_on.text_content())
    same.uncheck()
    soon(assumed.is_enabled, "an assumed noise of its own")
    site.fill("assumed-noise", "0.15")
    soon(lambda: "assumed_noise=0.15" in site.query(), "it in the address")
    assert true.input_value() == "0.3"
    same.check()
    soon(lambda: assumed.input_value() == "0.3", "the assumed noise to follow again")


def test_a_run_on_a_folder_of_images_ends_with_a_notification(site: Site) -> None:
    site.page.locator(".reilab-data select").select_option("mine")
    soon(lambda: "data=mine" in site.query(), "the folder in the address")
    site.press("Train")
    site.expect("Finished")
    site.page.get_by_text(re.compile("^Finished: ")).first.wait_for()
    assert "data: mine" in site.run().config


def test_trained_networks_are_put_to_work_on_files_below_the_data_root(site: Site) -> None:
    page, problem = site.page, configure("mri", "smoke").spec.build()
    y = problem.measure(problem.test.batch(torch.arange(1)), Key(0)).y
    mask = torch.zeros(32).index_fill(0, problem.physics.columns, 1)  # type: ignore[attr-defined]
    root = site.root.parent / "data"
    np.savez(root / "scan.npz", y=y.numpy(), mask=mask.numpy())
    np.savez(root / "strange.npz", y=np.ones((1, 5, 5), np.complex64))
    site.press("My data")

    def put_to_work(name: str) -> None:
        page.locator(".reilab-my-data select").select_option(name)
        page.locator(".reilab-my-data-panel strong", has_text=name).wait_for()
        page.locator(".reilab-trained select").select_option(TRAINED)
        site.click("put-to-work")

    put_to_work("mine")
    table = page.get_by_role("table", name="Marks of the networks")
    table.get_by_role("row", name=re.compile(r"^REI [\d.]+ ")).wait_for()
    with page.expect_download() as saved:
        site.click("keep-outcome")
    rows = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("Task,Run,Seed,Step,noise,method,image,psnr,")
    put_to_work("strange.npz")
    page.locator(".reilab-at-work .notice", has_text="strange.npz").wait_for()
    assert not table.is_visible()
    put_to_work("scan.npz")
    pane = page.locator(".reilab-at-work").locator(".reilab-pane-pinv, .reilab-pane-rei")
    soon(lambda: pane.count() == 2 and pane.last.is_visible(), "A†y and x̂")
    with page.expect_download() as saved:
        site.click("keep-outcome")
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert {"rei/scan.npy", "rei/scan.png"} <= set(archive.namelist())
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    site.press("My data")


def test_compared_runs_show_what_is_seen_and_unseen(site: Site) -> None:
    site.go(f"tab=compare&compared={TRAINED},{RUN}&part=unseen")
    numbers = site.page.locator(".reilab-pane-rei:visible .numbers").first
    soon(lambda: re.match(r"seen [\d.]+ · unseen [\d.]+ dB", numbers.inner_text()), "both PSNR")
    note = site.page.locator(".reilab-note:visible")
    # The images of the made-up run are smaller than those of its operator.
    soon(lambda: "What A does not see" in note.inner_text(), "what is shown of the one")
    assert "none of the operator's" in note.inner_text()
    site.page.locator(".reilab-part:visible select").select_option("image")
    soon(lambda: "SSIM" in numbers.inner_text(), "the images again")


def test_meters_and_the_measurement_are_shown(site: Site) -> None:
    site.go(f"run={RUN}")
    site.pane("measurement").get_by_text("Half of it").wait_for()
    assert site.picture("measurement") != site.picture("truth")
    site.page.get_by_text(re.compile(r"CPU \d+ % · memory [\d.]+ of \d+ GiB")).wait_for()


def test_curves_have_a_cursor_units_smoothing_and_a_legend_that_hides(site: Site) -> None:
    site.page.locator(".reilab-moment input:visible").fill("2")
    soon(lambda: site.page.evaluate(UPRIGHT).count([20]) == 10, "cursor and mark in all charts")
    site.page.get_by_role("img", name=re.compile("^PSNR on")).scroll_into_view_if_needed()
    site.page.mouse.move(*site.page.evaluate(PLACE, ["PSNR on", 40, 18]))
    site.page.get_by_text("18 dB").wait_for()
    site.page.get_by_role("slider", name="Smoothing").locator("visible=true").fill("0.6")
    soon(lambda: "smoothing=0.6" in site.query(), "the smoothing in the address")
    assert site.page.evaluate(HIDDEN) == []
    chart = site.page.get_by_role("img", name=re.compile("^PSNR on"))
    chart.get_by_text("REI", exact=True).click()
    soon(lambda: site.page.evaluate(HIDDEN) == ["REI"], "a line less")


def test_the_table_is_copied(site: Site) -> None:
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.click("results-copy")
    read = "navigator.clipboard.readText()"
    soon(lambda: "PSNR [dB]\t" in site.page.evaluate(read), "the table on the clipboard")


def test_runs_are_noted_pinned_and_exported(site: Site) -> None:
    site.part("runs").click()
    site.page.get_by_label(f"Choose {RUN}").check()
    site.fill("note", "for the lecture")
    folder = RunFolder(site.root / RUN)
    soon(lambda: read_notes(folder).text == "for the lecture", "the note in the folder")
    site.click("runs-pin")
    site.page.locator(f"[data-key={RUN}]", has_text="★").wait_for()
    files = {}
    for name in ("pictures", "curves", "report", "command"):
        with site.page.expect_download() as saved:
            site.click(f"runs-{name}")
        files[saved.value.suggested_filename] = Path(saved.value.path()).read_bytes()
    names = [f"{RUN}-step-20.zip", f"{RUN}-curves.csv", f"{RUN}.html", f"{RUN}.sh"]
    assert list(files) == names
    pictures, curves, report, command = files.values()
    with zipfile.ZipFile(io.BytesIO(pictures)) as archive:
        whose = f"{RUN}-mri-noise-0.1-seed-0"
        named = {f"{whose}-{name}" for name in ("truth-step-0", "pinv-step-0", "rei-step-20")}
        assert {f"{name}.png" for name in named} <= set(archive.namelist())
        (error,) = (name for name in archive.namelist() if "rei-step-20-error" in name)
        assert re.fullmatch(rf"{whose}-rei-step-20-error-0-to-[\d.]+\.png", error)
        picture = Image.open(io.BytesIO(archive.read(f"{whose}-rei-step-20.png")))
        assert picture.size == (SIDE, SIDE)
    assert b"psnr" in curves.splitlines()[0].lower()
    assert not re.findall(rb"(?:src|href)=.https?:", report)
    assert b"reilab" in command


def test_closing_all_leaves_the_run_going_and_nothing_behind(site: Site) -> None:
    before = site.server.held()
    assert before["sessions"] >= 1
    # Nobody looks for garbage among what was imported.
    assert before["aside"] > 0
    site.go("task=mri&preset=smoke&size=64&width=16&steps=100000")
    site.press("Train")
    site.expect("Training")
    folder = site.run()
    for _ in range(2):
        other = site.watch(site.page.context.browser.new_page())
        other.goto(f"{site.address}?run={folder.name}")
        wait_until_awake(other)
        other.close()
    site.page.close()
    # One is left for whoever comes next, with its heartbeat.
    soon(lambda: site.server.held()["sessions"] <= 1, "the sessions to end")
    after = site.server.held()
    assert after["callbacks"] <= 1
    # Panel keeps the first page that it has served as a model for those to come.
    assert after["pages"] <= 2
    assert after["threads"] <= before["threads"]
    step = history_of(folder.events()).progress
    soon(lambda: history_of(folder.events()).progress > step, "the run to go on")
    assert worker_alive(folder)
    jobs.stop(folder)
    soon(lambda: not worker_alive(folder), "the run to stop")
    assert site.errors == []
