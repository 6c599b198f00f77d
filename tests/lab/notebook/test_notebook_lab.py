"""The lab in a notebook, without a browser: its controls, its pulse, and a run from it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from bokeh.core.serialization import Buffer, Serialized
from bokeh.document import Document
from bokeh.models import LinearScale, LogScale
from ipywidgets.widgets import widget
from kit.lab_runs import N_STEPS, write_run

from reilab.events import SetAssumedNoise, SetLearningRate, SetWeight, Stepped
from reilab.lab import form
from reilab.lab.choices import OWN
from reilab.lab.controls import Controls
from reilab.lab.explain import label, span_words, unit
from reilab.lab.notebook import LabPanel, lab
from reilab.lab.notebook.controls import NotebookField
from reilab.lab.notebook.figures import NotebookCurves, NotebookPictures
from reilab.lab.view import ERRORS
from reilab.runs import jobs
from reilab.runs.jobs import Status
from reilab.show.words import method_colour
from reilab.tasks.registry import tasks

PATIENCE_SECONDS = 120
Scenario = Callable[[LabPanel], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_process_stands_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start when they are asked for."""
    monkeypatch.setattr(jobs, "warm", lambda root: None)


def in_a_notebook(root: Path, scenario: Scenario) -> None:
    """Play a scenario on a running loop, as a kernel has one."""

    async def play() -> None:
        panel = LabPanel(root)
        panel.lab.choices.task, panel.lab.choices.preset = "mri", "smoke"
        try:
            await scenario(panel)
            if panel.lab.live:
                panel.transport.buttons["stop"].click()
                await until(lambda: not panel.lab.live)
        finally:
            panel.close()

    asyncio.run(play())


async def until(reached: Callable[[], bool]) -> None:
    """Let the loop go on until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"in vain for {PATIENCE_SECONDS} s"
        await asyncio.sleep(0.02)


def parts(whole: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """A widget and all that is in it."""
    inside = getattr(whole, "children", ())
    return [whole, *(part for child in inside for part in parts(child))]


def part(field: NotebookField, kind: type[ipywidgets.Widget]) -> ipywidgets.Widget:
    """The first part of that kind."""
    return next(one for one in parts(field.widget) if isinstance(one, kind))


def words_of(field: NotebookField) -> str:
    """All that is written on a control, as it is read."""
    every = parts(field.widget)
    written = [one.value for one in every if isinstance(one, ipywidgets.HTML)]
    return unescape(re.sub("<[^>]+>", "", " ".join([*map(title, every), *written])))


def title(one: ipywidgets.Widget) -> str:
    """What is written on a button or beside a field."""
    return str(getattr(one, "description", ""))


def written(view: NotebookPictures) -> str:
    """All that is written among the images."""
    return "".join(view.figures.texts)


def names(view: NotebookPictures) -> list[str]:
    """What the images and error maps show, for those who cannot see them."""
    return [figure.html_attributes["aria-label"] for figure in view.figures.figures]


def pixels(panel: LabPanel, title: str) -> np.ndarray:
    """What an image shows now."""
    place = [name.split(" at ")[0] for name in names(panel.pictures)].index(title)
    image: np.ndarray = pixels_of(panel.pictures.figures.figures[place])
    return image


def pixels_of(figure: Any) -> Any:
    """What a figure of an image shows."""
    return figure.renderers[0].data_source.data["image"][0]


def marks_of(curves: NotebookCurves) -> str:
    """What is said at the upright marks of the losses."""
    drawn = curves.charts.figures["losses"].renderers
    (marks,) = (d for one in drawn if "words" in (d := one.data_source.data))
    return "; ".join(marks["words"])


@pytest.mark.parametrize("task", sorted(tasks()))
def test_every_field_of_every_task_has_a_control_with_unit_and_range(
    task: str, tmp_path: Path
) -> None:
    async def look(panel: LabPanel) -> None:
        panel.lab.choices.task = task
        fields = {**panel.controls.form.fields, **panel.controls.form.own}
        choices = panel.lab.choices
        settings = tasks()[task].settings.keys() - {tasks()[task].noise}
        assert settings | set(OWN) - {"same_noise"} <= fields.keys()
        for name in {*form.NUMBERS, *panel.controls.form.own}:
            setting, words = choices.setting(name), words_of(fields[name])
            assert label(name) in words
            assert unit(name, setting) in words
            assert span_words(setting) in words

    in_a_notebook(tmp_path, look)


def test_both_faces_have_the_same_controls(tmp_path: Path) -> None:
    async def compare(panel: LabPanel) -> None:
        page, own = Controls(panel.lab).form, panel.controls.form
        assert page.fields.keys() == own.fields.keys()
        assert page.own.keys() == own.own.keys()
        for name, field in {**page.fields, **page.own}.items():
            words = words_of({**own.fields, **own.own}[name])
            assert field.label in words
            assert field.unit in words
            assert field.help in words

    in_a_notebook(tmp_path, compare)


def test_a_slider_has_the_range_of_its_setting_and_moves_its_number(tmp_path: Path) -> None:
    async def move(panel: LabPanel) -> None:
        slider = part(panel.controls.form.fields["noise"], ipywidgets.FloatSlider)
        assert (slider.min, slider.max) == panel.lab.choices.setting("noise").slider
        slider.value = 0.2
        assert panel.lab.choices.noise == 0.2
        assert part(panel.controls.form.fields["assumed_noise"], ipywidgets.Text).value == "0.2"
        panel.lab.choices.noise = 7.0
        assert slider.value == slider.max
        assert panel.lab.choices.noise == 7.0

    in_a_notebook(tmp_path, move)


def test_what_is_entered_is_chosen(tmp_path: Path) -> None:
    async def enter(panel: LabPanel) -> None:
        fields, choices = panel.controls.form.fields, panel.lab.choices
        text = part(fields["learning_rate"], ipywidgets.Text)
        text.value = "2.50e-3"
        assert (choices.learning_rate, text.value) == (0.0025, "0.0025")
        down, up = (one for one in parts(fields["alpha_req"].widget) if "10" in title(one))
        up.click()
        up.click()
        down.click()
        assert choices.alpha_req == 10
        part(fields["task"], ipywidgets.Dropdown).value = "ct"
        assert (choices.task, choices.preset) == ("ct", "smoke")
        assert "views" in panel.controls.form.own
        part(panel.controls.form.own["views"], ipywidgets.Text).value = "30"
        assert choices.further["views"] == 30
        ei = next(one for one in parts(fields["methods"].widget) if title(one) == "EI")
        ei.value = False
        assert choices.methods == ["supervised", "rei"]
        assert fields["alpha_eq"].widget.layout.display == "none"
        part(fields["same"], ipywidgets.Checkbox).value = False
        part(fields["assumed_noise"], ipywidgets.Text).value = "40"
        assert choices.config().assumed_noise == 40

    in_a_notebook(tmp_path, enter)


def test_bad_input_is_explained_and_starts_nothing(tmp_path: Path) -> None:
    async def enter(panel: LabPanel) -> None:
        part(panel.controls.form.fields["steps"], ipywidgets.Text).value = "-5"
        panel.transport.buttons["train"].click()
        assert "Steps: -5 is too small" in panel.transport.words
        assert "-5 is too small" in panel.controls.form.fields["steps"]._help.value
        assert panel.lab.runs() == []

    in_a_notebook(tmp_path, enter)


@pytest.mark.slow
def test_trouble_is_told_and_the_lab_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(root: Path) -> None:
        raise OSError("no space left")

    async def meet(panel: LabPanel) -> None:
        with monkeypatch.context() as trouble:
            trouble.setattr(jobs, "advance", refuse)
            await until(lambda: "no space left" in panel.transport.words)
        await until(lambda: "no space left" not in panel.transport.words)

    in_a_notebook(tmp_path, meet)


@pytest.mark.slow
def test_a_run_is_trained_steered_paused_stepped_and_stopped(tmp_path: Path) -> None:
    async def train(panel: LabPanel) -> None:
        buttons, choices = panel.transport.buttons, panel.lab.choices
        choices.methods, choices.steps = ["ei", "rei"], 100_000
        buttons["train"].click()
        await until(lambda: panel.lab.standing.status is Status.RUNNING)
        await until(lambda: "reilab-psnr-rei" in written(panel.pictures))
        first = pixels(panel, "REI")
        await until(lambda: not np.array_equal(pixels(panel, "REI"), first))
        assert re.search(r"Training.*step [\d,]+ of 100,000 · [\d.]+ it/s", panel.transport.words)
        assert part(panel.controls.form.fields["steps"], ipywidgets.Text).disabled
        choices.same_noise = False
        for name, value in {"alpha_req": 10, "learning_rate": 1e-4, "assumed_noise": 0.3}.items():
            part(panel.controls.form.fields[name], ipywidgets.Text).value = str(value)
        tracks = panel.lab.history.tracks
        await until(lambda: len(tracks["rei"].steered) == 3)
        told = {event.command for event in tracks["rei"].steered}
        assert told == {SetWeight("req", 10), SetLearningRate(1e-4), SetAssumedNoise(0.3)}
        await until(lambda: "weight of req = 10" in marks_of(panel.curves))
        buttons["pause"].click()
        await until(lambda: panel.lab.paused)
        await until(lambda: buttons["pause"].description == "Continue")
        at = tracks["rei"].step
        buttons["step"].click()
        await until(lambda: tracks["rei"].step > at)
        buttons["pause"].click()
        await until(lambda: panel.lab.standing.status is Status.RUNNING)
        buttons["stop"].click()
        await until(lambda: panel.lab.standing.status is Status.STOPPED)
        assert "Stopped" in panel.transport.words
        assert buttons["resume"].layout.display is None

    in_a_notebook(tmp_path, train)


@pytest.mark.slow
def test_a_cell_that_blocks_the_kernel_does_not_harm_the_run(tmp_path: Path) -> None:
    async def block(panel: LabPanel) -> None:
        panel.lab.choices.methods, panel.lab.choices.steps = ["rei"], 100_000
        panel.transport.buttons["train"].click()
        await until(lambda: panel.lab.standing.status is Status.RUNNING)
        seen = panel.lab.history.tracks["rei"].step
        reader, reached, deadline = panel.lab.folder.follow(), seen, time.monotonic() + 120
        # No await: this is what a cell that computes is like.
        while reached < seen + 20 and time.monotonic() < deadline:
            steps = [event.step for event in reader.poll() if isinstance(event, Stepped)]
            reached = max([reached, *steps])
            time.sleep(0.01)
        assert panel.lab.history.tracks["rei"].step == seen
        await until(lambda: panel.lab.history.tracks["rei"].step >= reached >= seen + 20)

    in_a_notebook(tmp_path, block)


@pytest.mark.slow
def test_a_lab_that_is_closed_leaves_no_task_thread_or_widget(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    widgets_before = set(widget._instances)

    async def open_and_close() -> None:
        tasks_before, threads_before = asyncio.all_tasks(), set(threading.enumerate())
        panel = LabPanel(tmp_path)
        panel.show_run("run")
        panel.lab.choices.task = "ct"
        await asyncio.sleep(0)
        panel.close()
        await until(lambda: asyncio.all_tasks() == tasks_before)
        assert set(threading.enumerate()) <= threads_before

    asyncio.run(open_and_close())
    left = {widget._instances[key] for key in widget._instances.keys() - widgets_before}
    assert not left


@pytest.mark.slow
def test_a_kernel_has_one_lab_which_finds_a_run_that_is_going(tmp_path: Path) -> None:
    async def twice() -> None:
        first = lab(tmp_path, "mri", "smoke")
        first.lab.choices.methods, first.lab.choices.steps = ["rei"], 100_000
        first.transport.buttons["train"].click()
        await until(lambda: first.lab.standing.status is Status.RUNNING)
        second = lab(tmp_path, "ct", "smoke")
        assert first.comm is None
        assert (second.lab.run, second.lab.choices.task) == (first.lab.run, "mri")
        await until(lambda: "reilab-psnr-rei" in written(second.pictures))
        second.transport.buttons["stop"].click()
        await until(lambda: not second.lab.live)
        second.close()

    asyncio.run(twice())


def test_an_unknown_task_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="Did you mean 'inpainting'"):
        lab(task="inpaint")


def test_any_image_and_moment_of_a_run_can_be_looked_at(tmp_path: Path) -> None:
    write_run(tmp_path, "run")

    async def look(panel: LabPanel) -> None:
        panel.show_run("run")
        panes = ["Ground truth", "A†y", "EI", "REI", "Supervised"]
        assert [name.split(" at ")[0] for name in names(panel.pictures)[::2]] == panes
        assert "18.00" in written(panel.pictures)
        assert "REI at step 40: PSNR 18.00 dB, SSIM 0.500" in names(panel.pictures)
        assert "REI: absolute error" in names(panel.pictures)
        assert "y: Half of it" in written(panel.pictures)
        late = pixels(panel, "REI")
        panel.look.at = 10
        assert "REI at step 10: PSNR 15.00 dB, SSIM 0.500" in names(panel.pictures)
        assert not np.array_equal(pixels(panel, "REI"), late)
        panel.look.sample = 2
        assert "REI at step 10: PSNR 17.00 dB, SSIM 0.500" in names(panel.pictures)
        panel.look.hidden = [ERRORS]
        assert "REI: absolute error" not in names(panel.pictures)
        assert "18.00</td>" in panel.table.value
        assert panel.lab.history.moments[-1] == N_STEPS

    in_a_notebook(tmp_path, look)


@pytest.mark.slow
def test_a_browser_gets_all_when_it_asks_and_then_one_message_a_change(tmp_path: Path) -> None:
    write_run(tmp_path, "run")

    async def show(panel: LabPanel) -> None:
        told: list[tuple[dict[str, Any], list[bytes]]] = []
        widget = panel.pictures.figures
        widget.send = lambda content, buffers=(): told.append((content, list(buffers)))
        panel.show_run("run")
        assert told == [], "nobody looks"
        widget._handle_custom_msg({"script": True}, [])
        (whole, _) = told.pop()
        assert "Bokeh" in whole["script"]
        shown = Document.from_json(whole["document"])
        assert len(shown.roots) == len(widget.figures) == 10
        before = pixels(panel, "REI")
        panel.look.at = 10
        ((change, buffers),) = told
        sent = [Buffer(*one) for one in zip(change["buffers"], buffers, strict=True)]
        shown.apply_json_patch(Serialized(json.loads(change["patch"]), sent))
        place = names(panel.pictures).index("REI at step 10: PSNR 15.00 dB, SSIM 0.500")
        image = pixels_of(shown.roots[place])
        assert np.array_equal(image, pixels(panel, "REI"))
        assert not np.array_equal(image, before)
        assert any("15.00" in words for words in change["texts"].values())
        told.clear()
        panel.look.at = 12
        assert told == [], "it is the same moment"
        panel.look.hidden = [ERRORS]
        ((whole, _),) = told
        assert "script" not in whole
        assert len(Document.from_json(whole["document"]).roots) == 5

    in_a_notebook(tmp_path, show)


@pytest.mark.slow
def test_the_curves_are_those_of_the_page_with_marks_and_cursor(tmp_path: Path) -> None:
    write_run(tmp_path, "run")

    async def draw(panel: LabPanel) -> None:
        panel.show_run("run")
        kinds = ("psnr", "psnr_null", "psnr_range", "losses", "risk")
        assert list(panel.curves.charts.figures) == list(kinds)
        figure = panel.curves.charts.figures["losses"]
        assert figure.html_attributes["aria-label"] == "Loss terms, mean square against steps"
        assert isinstance(figure.y_scale, LogScale)
        lines = {one.name: one for one in figure.renderers if one.name}
        assert list(lines["REI total"].data_source.data["x"]) == list(range(5, N_STEPS + 1, 5))
        assert lines["REI total"].glyph.line_color == method_colour("rei")
        assert marks_of(panel.curves) == "weight of req = 3"
        panel.look.at = 10
        assert list(figure.renderers[-1].data_source.data["x"]) == [10]
        panel.look.log_losses = False
        assert isinstance(panel.curves.charts.figures["losses"].y_scale, LinearScale)

    in_a_notebook(tmp_path, draw)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("reilab.lab.page", "ipywidgets"),
        ("reilab.lab.page", "anywidget"),
        ("reilab.lab.notebook", "panel_material_ui"),
    ],
)
def test_each_face_loads_without_the_other(module: str, absent: str) -> None:
    code = f"import {module}, sys; print({absent!r} in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
