"""What a person brings to the page and takes home from it, without a browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kit.lab_runs import write_run
from PIL import Image

from reilab.datasets.findings import Findings
from reilab.lab import exports
from reilab.lab.comparison import Comparison
from reilab.lab.content import content_of, rows
from reilab.lab.exhibit import lines_of
from reilab.lab.form import image_sources
from reilab.lab.hands import Hands
from reilab.lab.model import Lab
from reilab.lab.mydata import MyData, findings_html, use_images, use_measurements
from reilab.lab.pictures import Pictures
from reilab.lab.takehome import Repeat, framing_of
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Browser
from reilab.record.history import history_of
from reilab.runs.library import Library
from reilab.runs.report import command_of
from reilab.show.figures import PAPERS
from reilab.tasks.registry import find_task


class Ears(Browser):
    """A browser that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.files: dict[str, bytes] = {}

    def copy(self, text: str) -> None:
        self.heard.append(text)

    def download(self, name: str, content: bytes, kind: str) -> None:
        self.files[name] = content


def test_a_figure_is_framed_as_the_view_is(tmp_path: Path) -> None:
    history = history_of(write_run(tmp_path, "run").events())
    look = View(
        hidden=["supervised", ERRORS], at=20, window=(0.2, 0.7), zoom=(1, 9, 2, 8), sample=1
    )
    content = content_of("run", history, look)
    facts = {"": {"Task": "mri"}}
    framing = framing_of(content, look, Pictures(look), facts, curve=True)
    assert (framing.errors, framing.zoom) == (False, (1, 9, 2, 8))
    assert framing.levels == pytest.approx((0.2, 0.7))
    assert framing.notes == ["Task mri", "Test image 2, step 20."]
    assert [curve.label for curve in framing.curves] == ["A†y", "EI", "REI", "Supervised"]
    assert not framing_of(content, look, Pictures(look), facts, curve=False).curves
    browser = Ears()
    paper = PAPERS["column"]
    exports.hand_out(browser, lambda: exports.figure(content.scene, paper, framing, "svg"))
    assert b"Test image 2, step 20." in browser.files["run-step-20.svg"]


def test_rows_of_several_runs_have_the_facts_of_their_own(tmp_path: Path) -> None:
    for name, noise in (("one", None), ("two", 0.5)):
        write_run(tmp_path, name, assumed_noise=noise)
    look = View(tab="compare", compared=["one", "two"])
    comparison = Comparison(Library(tmp_path), look, Ears())
    comparison.update()
    facts = comparison._facts()
    assert [one["Run"] for one in facts.values()] == ["one", "two"]
    history = history_of(write_run(tmp_path, "three").events())
    keyed = [
        row if row.key == "pinv" else type(row)(f"B/{row.key}", row.name, row.result)
        for row in rows(history)
    ]
    lines = lines_of(keyed, facts)
    assert [line.facts["Run"] for line in lines] == ["one", *["two"] * 3]
    assert "assumed 0.5" in lines[1].facts["Noise"]


def test_the_command_is_that_of_the_run_or_of_what_is_chosen(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "run")
    lab, browser = Lab(tmp_path), Ears()
    repeat = Repeat(lab, browser)
    lab.choices.task = "ct"
    repeat._copy(repeat._command)
    repeat._copy(repeat._python)
    lab.open("run")
    repeat._copy(repeat._command)
    assert browser.heard[0] == "reilab compare ct"
    assert "reilab.configure(\n    'ct'," in browser.heard[1]
    assert browser.heard[2] == command_of(folder)
    assert browser.heard[2].startswith("reilab runs repeat run\n# Steered while it ran. Step 20")
    lab.choices.noise = -1
    repeat._copy(repeat._command)
    assert len(browser.heard) == 3
    assert "sigma" in repeat._shown.object.text


def test_images_of_ones_own_go_into_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    (root / "uploads" / "cells").mkdir(parents=True)
    monkeypatch.setenv("REILAB_DATA", str(root))
    rng = np.random.default_rng(0)
    for index in range(2):
        pixels = rng.integers(0, 255, (16, 16), np.uint8)
        Image.fromarray(pixels).save(root / "uploads" / "cells" / f"{index}.png")
    np.savez(root / "scan.npz", y=np.ones((1, 16, 16), np.complex64))
    lab = Lab(tmp_path / "runs")
    panel = MyData(lab, Library(lab.root), Ears())
    panel.toggle()
    assert [one[0] for one in panel._place.options] == ["", "scan.npz", "uploads/cells"]
    panel._place.value = "uploads/cells"
    assert "2 grey images" in panel._told.object.text
    assert panel._images.visible
    assert not panel._measured.visible
    use_images(lab, "uploads/cells")
    assert vars(lab.choices.config().spec)["data"] == "uploads/cells"
    assert image_sources(find_task("mri"))["uploads/cells"] == "Folder uploads/cells"
    assert "uploads" not in image_sources(find_task("mri"))
    lab.choices.task = "mri"
    use_measurements(lab, "scan.npz")
    assert vars(lab.choices.config().spec)["measured"] == "scan.npz"
    assert "supervised" not in lab.choices.methods
    panel._place.value = "../secret"
    assert "no &#x27;../secret&#x27; below" in unpacked(panel)


def unpacked(panel: MyData) -> str:
    return str(panel._trouble.object.text).replace("&amp;", "&")


def test_who_watches_brings_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path / "data"))
    lab = Lab(tmp_path / "runs", Hands(tied=True))
    panel = MyData(lab, Library(lab.root), Ears())
    assert not panel._files.visible
    before = dict(lab.choices.further)
    panel._files.filename = ["a.png"]
    panel._files.value = [b"x"]
    assert "only watches" in unpacked(panel)
    panel._name = "cells"
    panel._use_images()
    assert "only watches" in unpacked(panel)
    assert lab.choices.further == before
    assert not (tmp_path / "data").exists()


def test_what_is_found_is_told_as_text(tmp_path: Path) -> None:
    html = findings_html("<b>x</b>", Findings("<i>", (0.0, 1.0), notes=("<u>",)))
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html
