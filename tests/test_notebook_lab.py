"""The lab in a notebook, without a browser: its controls, its pulse, and a run from it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from ipywidgets.widgets import widget
from lab_runs import N_STEPS, write_run

from reilab.events import SetAssumedNoise, SetLearningRate, SetWeight, Stepped
from reilab.lab import form
from reilab.lab.controls import Controls
from reilab.lab.explain import label, span_words, unit
from reilab.lab.lines import PlotAxes, PlotLine, PlotMark
from reilab.lab.notebook import LabPanel, lab
from reilab.lab.notebook.chart import chart_html
from reilab.lab.notebook.fields import NotebookField
from reilab.lab.notebook.ticks import linear_ticks, log_ticks, tick_text
from reilab.lab.series import Series
from reilab.lab.view import ERRORS
from reilab.runs import jobs
from reilab.runs.jobs import Status
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


@pytest.mark.parametrize("task", sorted(tasks()))
def test_every_field_of_every_task_has_a_control_with_unit_and_range(
    task: str, tmp_path: Path
) -> None:
    async def look(panel: LabPanel) -> None:
        panel.lab.choices.task = task
        fields = {**panel.controls.fields, **panel.controls.own}
        choices = panel.lab.choices
        settings = tasks()[task].settings.keys() - {tasks()[task].noise}
        assert settings | set(choices.own) - {"same_noise"} <= fields.keys()
        for name in {*form.NUMBERS, *panel.controls.own}:
            setting, words = choices.setting(name), words_of(fields[name])
            assert label(name) in words
            assert unit(name, setting) in words
            assert span_words(setting) in words

    in_a_notebook(tmp_path, look)


def test_both_faces_have_the_same_controls(tmp_path: Path) -> None:
    async def compare(panel: LabPanel) -> None:
        page = Controls(panel.lab)
        assert page._fields.keys() == panel.controls.fields.keys()
        assert page._own.keys() == panel.controls.own.keys()
        for name, field in {**page._fields, **page._own}.items():
            own = {**panel.controls.fields, **panel.controls.own}[name]
            assert field.label in words_of(own)
            assert field.unit in words_of(own)
            assert field.help in words_of(own)

    in_a_notebook(tmp_path, compare)


def test_a_slider_has_the_range_of_its_setting_and_moves_its_number(tmp_path: Path) -> None:
    async def move(panel: LabPanel) -> None:
        slider = part(panel.controls.fields["noise"], ipywidgets.FloatSlider)
        assert (slider.min, slider.max) == panel.lab.choices.setting("noise").slider
        slider.value = 0.2
        assert panel.lab.choices.noise == 0.2
        assert part(panel.controls.fields["assumed_noise"], ipywidgets.Text).value == "0.2"
        panel.lab.choices.noise = 7.0
        assert slider.value == slider.max
        assert panel.lab.choices.noise == 7.0

    in_a_notebook(tmp_path, move)


def test_what_is_entered_is_chosen(tmp_path: Path) -> None:
    async def enter(panel: LabPanel) -> None:
        fields, choices = panel.controls.fields, panel.lab.choices
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
        assert "views" in panel.controls.own
        part(panel.controls.own["views"], ipywidgets.Text).value = "30"
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
        part(panel.controls.fields["steps"], ipywidgets.Text).value = "-5"
        panel.transport.buttons["train"].click()
        assert "steps = -5 is too small" in panel.transport.words
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
        await until(lambda: "rei" in panel.pictures.figures)
        first = panel.pictures.figures["rei"].value
        await until(lambda: panel.pictures.figures["rei"].value != first)
        assert re.search(r"Training.*step [\d,]+ of 100,000 · [\d.]+ it/s", panel.transport.words)
        assert part(panel.controls.fields["steps"], ipywidgets.Text).disabled
        choices.same_noise = False
        for name, value in {"alpha_req": 10, "learning_rate": 1e-4, "assumed_noise": 0.3}.items():
            part(panel.controls.fields[name], ipywidgets.Text).value = str(value)
        tracks = panel.lab.history.tracks
        await until(lambda: len(tracks["rei"].steered) == 3)
        told = {event.command for event in tracks["rei"].steered}
        assert told == {SetWeight("req", 10), SetLearningRate(1e-4), SetAssumedNoise(0.3)}
        await until(lambda: "weight of req = 10" in panel.curves.widget.children[0].value)
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


def test_a_lab_that_is_closed_leaves_no_task_thread_or_widget(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    widgets_before = set(widget._instances)

    async def open_and_close() -> None:
        tasks_before, threads = asyncio.all_tasks(), threading.active_count()
        panel = LabPanel(tmp_path)
        panel.show_run("run")
        panel.lab.choices.task = "ct"
        await asyncio.sleep(0)
        panel.close()
        await until(lambda: asyncio.all_tasks() == tasks_before)
        assert threading.active_count() == threads

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
        await until(lambda: "rei" in second.pictures.figures)
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
        figures = panel.pictures.figures
        assert list(figures) == ["truth", "pinv", "ei", "rei", "supervised"]
        assert "18.00" in figures["rei"].value
        assert 'alt="REI at step 40: PSNR 18.00 dB, SSIM 0.500"' in figures["rei"].value
        assert 'alt="REI: absolute error"' in figures["rei"].value
        assert "y: Half of it" in figures["truth"].value
        panel.look.at = 10
        assert "step 10: PSNR 15.00 dB" in figures["rei"].value
        panel.look.sample = 2
        assert "step 10: PSNR 17.00 dB" in figures["rei"].value
        panel.look.hidden = [ERRORS]
        assert "absolute error" not in figures["rei"].value
        assert "18.00</td>" in panel.table.value
        assert panel.lab.history.moments[-1] == N_STEPS

    in_a_notebook(tmp_path, look)


def test_a_chart_has_its_unit_lines_gaps_marks_and_cursor() -> None:
    values = [1.0, 0.0, 100.0]
    lines = {"a": Series(PlotLine("REI & co", "#123456", "dashed"), ([0, 5, 10], values))}
    drawn = chart_html(PlotAxes("Loss", "dB", True, 10), lines, [PlotMark(5, "x < 1")], 2)
    assert 'aria-label="Loss (dB) against steps"' in drawn
    assert "REI &amp; co" in drawn
    assert "x &lt; 1" in drawn
    (path,) = re.findall(r'd="(M[^"]*)" stroke="#123456" stroke-dasharray="7 4"><title>', drawn)
    assert path.count("M") == 2
    assert all(f">{tick}</text>" in drawn for tick in (1, 10, 100))
    nothing = {"a": Series(PlotLine("a", "#123456"), ([], []))}
    assert "nan" not in chart_html(PlotAxes("Loss", "", True, 10), nothing, [], None)


def test_ticks_are_round_and_within_the_axis() -> None:
    assert linear_ticks(0, 640) == [0, 200, 400, 600]
    assert linear_ticks(14.1, 21.8) == [16, 18, 20]
    assert linear_ticks(3, 3) == [3]
    assert log_ticks(0.002, 30) == pytest.approx([0.01, 0.1, 1, 10])
    assert log_ticks(0.5, 8) == pytest.approx([0.5, 1, 2, 5])
    assert len(log_ticks(1e-12, 1e3)) <= 8
    assert len(log_ticks(0.0611, 0.0615)) > 1
    for low, high in np.random.default_rng(0).random((50, 2)) * [1, 0.5] + [0, 1]:
        assert all(low <= tick <= high for tick in linear_ticks(low, high))
    assert [tick_text(value) for value in (0.1 + 0.2, 2e4, 1e-7)] == ["0.3", "20\u202f000", "1e-7"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("reilab.lab.page", "ipywidgets"),
        ("reilab.lab.notebook", "panel"),
        ("reilab.lab.notebook", "holoviews"),
    ],
)
def test_each_face_loads_without_the_other(module: str, absent: str) -> None:
    code = f"import {module}, sys; print({absent!r} in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
