"""Many runs without a server: the list, what differs, the matrix, its files."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qsl

import numpy as np
import pytest
from bokeh.models import Whisker
from kit.lab_runs import N_STEPS, write_run

from reilab.batch.grid import cells_of
from reilab.batch.sweep import begin
from reilab.lab import address, onerun, sweeps
from reilab.lab.comparison import MOST_ROWS, content_of_several, letters
from reilab.lab.content import LOSSES, PSNR, Content
from reilab.lab.differences import differing, facts, heads
from reilab.lab.exhibit import Exhibit, lines_of
from reilab.lab.hands import FREE, Hands
from reilab.lab.matrix import Matrix
from reilab.lab.model import Lab
from reilab.lab.page import LabPage
from reilab.lab.pictures import Pictures
from reilab.lab.runspanel import RunsPanel
from reilab.lab.sweeps import NoisePlot, SweepPanel, grid_of
from reilab.lab.takehome import framing_of
from reilab.lab.titles import run_title, so_many
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Browser, DataTable
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of
from reilab.record.notes import Notes, read_notes, write_notes
from reilab.runs import library
from reilab.runs.config import RunConfig, config_of
from reilab.runs.facts import facts_of
from reilab.runs.library import Library
from reilab.runs.roster import signed_in
from reilab.show.figures import PAPERS, plate, saved
from reilab.show.noise import noise_chart
from reilab.show.table import GAP, Result, as_text
from reilab.tasks.registry import find_task

HEADS = ["A: run-0", "B: run-1", "C: run-2", "D: run-3"]


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, tuple[History, RunConfig]]:
    """Four runs of other noises and methods, each with a measurement and an A†y of its own."""
    made = {}
    for index, noise in enumerate((0.05, 0.1, 0.1, 0.2)):
        methods = ("ei", "rei") if index else ("rei", "supervised")
        folder = write_run(tmp_path, f"run-{index}", methods, noise=noise, seed=index)
        made[folder.name] = (history_of(folder.events()), config_of(folder))
    return made


def content(
    runs: Mapping[str, tuple[History, RunConfig]], look: View, methods: str, curves: str = PSNR
) -> Content:
    histories = {name: history for name, (history, _) in runs.items()}
    return content_of_several(histories, look, set(methods.split()), curves.split())


def test_each_run_has_a_row_with_what_is_its_own(
    runs: dict[str, tuple[History, RunConfig]],
) -> None:
    scene = content(runs, View(), "ei rei supervised").scene
    assert [row.run for row in scene.rows] == list(runs)
    assert [[shot.key for shot in row.shots] for row in scene.rows[:2]] == [
        ["truth", "pinv", "rei", "supervised"],
        ["truth", "pinv", "ei", "rei"],
    ]
    starts = [row.shots[1].image.std() for row in scene.rows]
    assert len(set(starts)) == 4 - 1, "the third run has the noise of the second"
    assert all(row.measurement is not None for row in scene.rows)
    assert len({row.end for row in scene.rows}) == 1
    assert [shot.key for shot in scene.shots][:3] == ["truth", "A/pinv", "A/rei"]
    assert not scene.shots[1].judged


def test_rows_share_columns_zoom_and_panes(runs: dict[str, tuple[History, RunConfig]]) -> None:
    view = View(hidden=[ERRORS])
    matrix = Matrix(view)
    scene = content(runs, view, "ei rei supervised").scene
    assert [matrix.update(scene, ["A", "B", "C", "D"]) for _ in range(3)] == [True, True, False]
    boards = matrix._boards
    assert [board.pictures.ranges for board in boards[1:]] == [boards[0].pictures.ranges] * 3
    assert [len(board._grid.objects) for board in boards] == [5] * 4
    assert list(boards[0]._gaps) == ["ei"]
    assert list(boards[1]._gaps) == ["supervised"]
    source = boards[3]._cards["rei"].pair.image.source
    before = source.data["image"][0]
    matrix.update(scene, ["A", "B", "C", "D"])
    assert source.data["image"][0] is before
    view.hidden = [ERRORS, "rei", "supervised"]
    matrix.update(scene, ["A", "B", "C", "D"])
    assert not boards[3]._cards["rei"].visible
    assert not boards[1]._gaps["supervised"].visible
    few = content(dict(list(runs.items())[:2]), view, "ei rei")
    matrix.update(few.scene, ["A", "B"])
    assert len(matrix._view.objects) == 2 * 2 + 1


def test_the_figure_of_a_comparison_has_a_row_for_each_run_and_leaves_out_what_is_hidden(
    runs: dict[str, tuple[History, RunConfig]],
) -> None:
    view = View(hidden=["rei"], zoom=(1, 9, 2, 8))
    found = content(runs, view, "ei rei supervised")
    told = {letter: {"Run": name} for name, letter in letters(list(runs)).items()}
    framing = framing_of(found, view, Pictures(view), told, curve=False)
    made = plate(found.scene, PAPERS["page"], framing)
    heads = [axis for axis in made.axes if axis.texts and axis.texts[0].get_text() in HEADS]
    assert [axis.texts[0].get_text() for axis in heads] == HEADS
    images = [axis for axis in made.axes if axis.images]
    tops = [axis.get_position().y0 for axis in heads]
    edges = [*zip(tops, [*tops[1:], 0.0], strict=True)]
    rows = [[a for a in images if low <= a.get_position().y0 < top] for top, low in edges]
    named = [[axis.get_title(loc="left").split("\n")[0] for axis in row] for row in rows]
    wide = ["Ground truth", "A†y", "EI", "Half of it"]
    assert [[name for name in row if not name.startswith("|")] for row in named] == [
        ["Ground truth", "A†y", "Supervised", "Half of it"],
        *[wide] * 3,
    ]
    # What one run has not is a gap, so that columns are those of all.
    places = [
        {n: round(a.get_position().x0, 4) for n, a in zip(*one, strict=True)}
        for one in zip(named, rows, strict=True)
    ]
    assert places[0]["A†y"] == places[1]["A†y"] < places[1]["EI"] < places[0]["Supervised"]
    assert places[1]["Half of it"] == places[1]["Ground truth"]
    measured = [
        np.asarray(row[named[i].index("Half of it")].images[0].get_array())
        for i, row in enumerate(rows)
    ]
    for shown, scene in zip(measured, found.scene.rows, strict=True):
        assert scene.measurement is not None
        np.testing.assert_array_equal(shown, scene.pixels(scene.measurement))
    assert all(
        axis.get_xlim() == (1, 9) for axis in images if axis.get_title(loc="left")[:2] == "EI"
    )
    assert "REI" not in saved(made, "svg").decode()


def test_the_curves_are_those_that_are_asked_for_and_leave_the_legend_to_the_key(
    runs: dict[str, tuple[History, RunConfig]],
) -> None:
    found = content(runs, View(), "rei").kinds
    assert list(found) == [PSNR]
    assert list(found[PSNR])[:2] == ["A/pinv", "A/rei"]
    lines = [series.line for series in found[PSNR].values()]
    assert not any(line.named for line in lines)
    assert len({line.dash for line in lines}) == 4
    assert list(content(runs, View(), "rei", LOSSES).kinds) == [LOSSES]


def test_many_runs_have_letters_and_the_first_ones_images(tmp_path: Path) -> None:
    assert list(letters([str(index) for index in range(28)]).values())[24:] == [
        "Y",
        "Z",
        "AA",
        "AB",
    ]
    folder = write_run(tmp_path, "run", ("rei",))
    history, config = history_of(folder.events()), config_of(folder)
    runs = {f"run-{index}": (history, config) for index in range(MOST_ROWS + 3)}
    found = content(runs, View(), "rei")
    assert len(found.scene.rows) == MOST_ROWS
    assert len(found.rows) == 2 * len(runs)


def test_settings_that_differ_are_told_with_their_units(
    runs: dict[str, tuple[History, RunConfig]],
) -> None:
    configs = {name: config for name, (_, config) in runs.items()}
    names = differing(configs)
    assert names[0] == "noise"
    assert {"methods", "seed"} < set(names)
    assert not {"size", "sigma", "steps", "preset", "assumed_noise"} & set(names)
    assert facts(configs)["run-3"]["noise"] == "0.2"
    assert facts({"run-3": configs["run-3"]})["run-3"] == {
        "task": "mri",
        "noise": "0.2",
        "seed": "3",
    }
    assert heads(configs, ["noise", "seed"]) == {
        "noise": ("True noise", "of max."),
        "seed": ("Seed", ""),
    }


def test_a_file_of_the_comparison_says_of_what_each_row_is(
    runs: dict[str, tuple[History, RunConfig]],
) -> None:
    told = {
        letter: facts_of(config, name)
        for (name, (_, config)), letter in zip(
            runs.items(), letters(list(runs)).values(), strict=True
        )
    }
    lines = lines_of(content(runs, View(), "rei").rows, told)
    rows = list(csv.DictReader(io.StringIO(as_text(lines, ","))))
    assert len(rows) == 8
    last = rows[-1]
    known = {name: last[name] for name in ("Run", "Task", "Noise", "Seed", "Step")}
    assert known == {
        "Run": "run-3",
        "Task": "mri",
        "Noise": "gaussian, σ = 0.2 of the image maximum",
        "Seed": "3",
        "Step": str(N_STEPS),
    }
    assert (last["Method"], rows[-2]["Method"]) == ("D: REI", "D: A†y")


def panel(root: Path, hands: Hands = FREE) -> tuple[RunsPanel, View]:
    view, library = View(tab="runs"), Library(root)
    made = RunsPanel(library, Lab(root, hands), view, Browser())
    made.update()
    return made, view


def listed(shown: RunsPanel) -> list[dict[str, str]]:
    """The rows of the list, cell by cell, by the heads of its columns."""
    (table,) = shown.__panel__().select(DataTable)
    heads = [head for head, *_ in table.columns]
    return [
        dict(zip(heads, (cell["text"] for cell in row["cells"]), strict=True))
        for row in json.loads(table.rows)
    ]


def test_the_list_has_a_column_a_method_and_finds_any_cell(
    tmp_path: Path, runs: dict[str, tuple[History, RunConfig]]
) -> None:
    shown, view = panel(tmp_path)
    rows = {row["Run"]: row for row in listed(shown)}
    first = rows["run-0"]
    assert (first["REI"], first["EI"], first["A†y"]) == ("18.00", "–", "11.00")
    assert (first["Noise"], first["Seed"], first["Size"]) == ("0.05", "0", str(config_size(runs)))
    shown._filter.value = "0.05 finished"
    assert [row["Run"] for row in listed(shown)] == ["run-0"]
    shown._hear("choose all", "")
    shown._filter.value = ""
    shown._hear("choose", "run-2")
    assert view.compared == ["run-0", "run-2"]
    shown._filter.value = "supervised"
    shown._hear("leave all", "")
    assert view.compared == ["run-2"]


def test_the_list_says_how_far_it_has_been_read(
    tmp_path: Path,
    runs: dict[str, tuple[History, RunConfig]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "SOME", 0)
    monkeypatch.setattr(library, "MOMENT", -1.0)
    shown, _ = panel(tmp_path)
    assert f"reading 1 of {len(runs)} runs" in unescape(shown._words.object.text)
    assert len(listed(shown)) == 1
    while shown._library.unread:
        shown.follow()
    shown.follow()
    assert f"{len(runs)} runs" in unescape(shown._words.object.text)
    assert "reading" not in shown._words.object.text
    assert len(listed(shown)) == len(runs)


def config_size(runs: Mapping[str, tuple[History, RunConfig]]) -> int:
    return int(vars(runs["run-0"][1].spec)["size"])


def test_nothing_moves_the_list(tmp_path: Path, runs: dict[str, tuple[History, RunConfig]]) -> None:
    shown, view = panel(tmp_path)
    before = [part.visible for part in shown._view.objects]
    for chosen in (["run-1"], ["run-1", "run-2"], []):
        view.compared = chosen
        assert [part.visible for part in shown._view.objects] == before
        assert all(button.disabled for button in shown._one._buttons) is (len(chosen) != 1)


def test_a_run_is_given_a_name_that_watchers_cannot_change(
    tmp_path: Path, runs: dict[str, tuple[History, RunConfig]]
) -> None:
    shown, view = panel(tmp_path)
    view.compared = ["run-1"]
    shown._one._title.value = " the good one "
    assert read_notes(RunFolder(tmp_path / "run-1")) == Notes(title="the good one")
    assert "the good one" in [row["Run"] for row in listed(shown)]
    watching, view = panel(tmp_path, Hands(tied=True))
    view.compared = ["run-1"]
    watching._one._title.value = "mine"
    assert read_notes(RunFolder(tmp_path / "run-1")).title == "the good one"


def test_to_look_at_a_run_writes_nothing_and_a_change_is_of_one_thing(
    tmp_path: Path, runs: dict[str, tuple[History, RunConfig]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("run-1", "run-2"):
        write_notes(RunFolder(tmp_path / name), Notes(f"note of {name}", title=f"name of {name}"))
    shown, view = panel(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(onerun, "write_notes", lambda *_: pytest.fail("it was written"))
        for name in ("run-1", "run-2", "run-0", "run-2"):
            view.compared = [name]
    # Somebody else writes meanwhile.
    write_notes(RunFolder(tmp_path / "run-2"), Notes("theirs", pinned=True, title="theirs"))
    shown._one._note.value = "mine"
    assert read_notes(RunFolder(tmp_path / "run-2")) == Notes("mine", pinned=True, title="theirs")
    assert read_notes(RunFolder(tmp_path / "run-1")).text == "note of run-1"


def test_a_run_that_somebody_else_deleted_is_not_deleted_again(
    tmp_path: Path, runs: dict[str, tuple[History, RunConfig]]
) -> None:
    shown, view = panel(tmp_path)
    view.compared = ["gone", "run-1"]
    shown._attempt(lambda: shown._doom(list(view.compared)))
    assert "run-1" in shown._question.object.text
    shown._attempt(shown._carry_out)
    assert not (tmp_path / "run-1").exists()


def without_images(root: Path, name: str) -> None:
    """As a power cut may leave a run: its log tells of images that are not there."""
    shutil.rmtree(root / name / "previews")


def test_a_run_without_its_images_shows_the_rest(
    tmp_path: Path, runs: dict[str, tuple[History, RunConfig]]
) -> None:
    without_images(tmp_path, "run-0")
    page = LabPage(Library(tmp_path), {"run": "run-0"})
    assert page.lab.run == "run-0"
    page._exhibit.unfold()
    assert {row.key for row in page._exhibit._results._rows} == {"pinv", "rei", "supervised"}
    shown, view = panel(tmp_path)
    view.compared = ["run-0"]
    shown._attempt(shown._one._pictures)
    assert "no images" in shown._refusal.object.text
    histories = {name: history for name, (history, _) in runs.items()}
    for names in (["run-0"], ["run-0", "run-1"], ["run-1", "run-0"]):
        some = {name: histories[name] for name in names}
        made = content_of_several(some, View(), {"rei"}, [PSNR])
        assert [row.run for row in made.scene.rows] == names
        # Those that there are can be laid over each other.
        assert bool(made.scene.shots) is ("run-1" in names)
        shown_images = Exhibit(View(), Browser(), "runs")
        shown_images.unfold()
        assert not shown_images.show(made)


def swept(root: Path, hands: Hands = FREE, **choices: Any) -> SweepPanel:
    """The panel that asks for sweeps, with such choices."""
    lab = Lab(root, hands)
    lab.choices.task, lab.choices.preset = "mri", "smoke"
    lab.choices.param.update(**choices)
    panel = SweepPanel(Library(root), lab, View(tab="sweep"))
    panel.update()
    return panel


def words(panel: SweepPanel) -> str:
    return unescape(unescape(panel._asked.object.text))


def test_a_sweep_says_what_it_would_be_or_what_is_wrong(tmp_path: Path) -> None:
    panel = swept(tmp_path, methods=["rei", "ei"], steps=7)
    panel._levels.value, panel._seeds.value = "0,05 0.1 0.2", "2"
    panel.update()
    assert "3 noise levels × 2 methods (EI, REI) × 2 seeds = <b>12 runs</b> of 7 steps" in words(
        panel
    )
    for levels, seeds, wrong in (
        ("0.1 much", "2", "'much' is no number"),
        ("0.1 0.1", "2", "has a level twice"),
        ("-1", "2", "Noise levels: -1 is too small"),
        ("0.1", "0", "Seeds: '0' must be"),
        ("0.1", "150", "300 runs are more than 200"),
        ("", "1", "'' is no number"),
    ):
        panel._levels.value, panel._seeds.value = levels, seeds
        panel.update()
        assert wrong in words(panel)
        assert panel._start.disabled
    panel._levels.value = "0.1"
    panel._lab.choices.param.update(noise=-1, alpha_req=-2)
    panel.update()
    assert "α REQ: -2 is too small" in words(panel)
    assert "oise: -1" not in words(panel)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_has_the_settings_of_the_controls(tmp_path: Path) -> None:
    panel = swept(tmp_path, methods=["rei"], steps=7, alpha_req=3.5, network="unet", seed=5)
    panel._lab.choices.set_further("acceleration", 3)
    (cell,) = cells_of(grid_of(panel._lab.choices, "0.2", "1"))
    panel._lab.choices.noise = 0.2
    assert cell.config() == panel._lab.choices.config()


def test_what_a_sweep_is_asked_for_is_in_the_address(tmp_path: Path) -> None:
    panel = swept(tmp_path)
    look, usual = panel._look, panel._levels.value
    assert address.write(panel._lab, look) == "task=mri&preset=smoke&tab=sweep"
    panel._levels.value, panel._seeds.value = "0.05 0.3", "3"
    asked = address.write(panel._lab, look)
    assert "levels=0.05+0.3&seeds=3" in asked
    other = View()
    assert address.read_view(dict(parse_qsl(asked)), other) == []
    again = SweepPanel(Library(tmp_path), panel._lab, other)
    again.update()
    assert (again._levels.value, again._seeds.value) == ("0.05 0.3", "3")
    # Another preset or task has other levels; those of before are as usual.
    panel._lab.choices.task = "ct"
    panel.update()
    assert look.levels == ""
    panel._lab.choices.task = "mri"
    panel.update()
    assert panel._levels.value == usual
    for _ in range(2):
        begin(tmp_path, grid_of(panel._lab.choices, "0.2", "1"))
    panel.update()
    newest, oldest = (name for name, _ in panel._chosen.options)
    assert (panel._chosen.value, look.swept) == (newest, "")
    panel._chosen.value = oldest
    assert look.swept == oldest
    look.swept = ""
    assert panel._chosen.value == newest


def test_one_of_something_is_not_many() -> None:
    assert [so_many(n, "run") for n in (0, 1, 1200)] == ["0 runs", "1 run", "1,200 runs"]


def test_buttons_that_cannot_be_pressed_say_why(tmp_path: Path) -> None:
    for index in range(2):
        write_run(tmp_path, f"run-{index}", finished=index > 0)
    look = View(tab="runs")
    panel = RunsPanel(Library(tmp_path), Lab(tmp_path), look, Browser())
    panel.update()
    assert "2 runs · 0 chosen. Tick runs to compare or delete them" in panel._words.object.text
    panel._filter.value = "run-1"
    assert "2 runs · 0 chosen · 1 hidden by the filter. Tick" in panel._words.object.text
    panel._filter.value = ""
    look.compared = ["run-0", "run-1"]
    assert "for one run" in panel._words.object.text
    look.compared = ["run-1"]
    assert "this one: finished" in panel._words.object.text
    look.compared = ["run-0"]
    assert "Tick" not in panel._words.object.text
    assert "is for" not in panel._words.object.text
    with signed_in(RunFolder(tmp_path / "run-0")):
        panel.update()
        assert panel._delete.disabled
        assert "Delete is for runs that are no longer at work" in panel._words.object.text


def test_a_double_click_starts_one_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As messages of the browser, and however soon the runs of the first are in line."""
    done = Future[None]()
    done.set_result(None)
    for making in (Future[None](), done):
        monkeypatch.setattr(sweeps, "thread", lambda kind, f=making: Mock(submit=lambda act: f))
        panel = swept(tmp_path / str(making.done()))
        (heard,) = panel._start._msg__callbacks
        for _ in range(2):
            heard(None)
        assert len(panel._known) == 1
        panel.update()
        assert panel._start.disabled is not making.done()


def test_the_chart_of_a_sweep_has_bars_of_one_deviation() -> None:
    """None where there is one seed; what comes later is shown in the same figure."""
    spec = vars(find_task("mri").spec())
    first = noise_chart("mri", spec, [0.05, 0.1], {"rei": {0.1: (22.0, None)}})
    plot = NoisePlot(first)
    source = next(one.data_source for one in plot.figure.renderers)
    assert [source.data[end] for end in ("low", "y", "high")] == [[22.0], [22.0], [22.0]]
    scores = {"rei": {0.05: (24.0, 0.5), 0.1: (22.0, 0.25)}}
    plot.show(noise_chart("mri", spec, [0.05, 0.1], scores))
    assert source.data["low"] == [23.5, 21.75]
    assert source.data["high"] == [24.5, 22.25]
    assert source.data["spread"] == ["0.50", "0.25"]
    (bar,) = plot.figure.select(Whisker)
    assert bar.source is source
    assert (bar.lower, bar.upper) == ("low", "high")


def test_who_watches_starts_no_sweep(tmp_path: Path) -> None:
    panel = swept(tmp_path, Hands(tied=True))
    assert panel._start.disabled
    panel._attempt(panel._begin)
    assert "only watches" in panel._trouble.object.text
    assert list(tmp_path.iterdir()) == []
    folders = swept(tmp_path, Hands(below=tmp_path / "data"), further={})
    folders._lab.choices.set_further("data", "/etc")
    folders._attempt(folders._begin)
    assert not (tmp_path / "sweeps").exists()


def test_a_sweep_that_is_none_of_this_machine_leaves_the_others_in_sight(tmp_path: Path) -> None:
    grid = grid_of(swept(tmp_path, methods=["ei"])._lab.choices, "0.2", "1")
    good, bad = begin(tmp_path, grid), begin(tmp_path, replace(grid, noise=("0.1",)))
    file = bad.folder.path / "grid.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"ei"', '"of a plug-in"'), encoding="utf-8")
    panel = swept(tmp_path, methods=["ei"])
    panel._chosen.value = bad.name
    panel.update()
    assert "of a plug-in" in unescape(panel._state.object.text)
    assert panel._more.disabled
    panel._chosen.value = good.name
    panel.update()
    assert "0 of 1 runs finished" in panel._state.object.text


def test_forks_are_called_by_what_they_are_of() -> None:
    name = "20260102-030405-mri-quick-0123abcd"
    assert run_title(name) == "mri quick, 01-02 03:04:05"
    assert run_title(f"{name}-2") == "mri quick, 01-02 03:04:05, number 2"
    assert run_title(f"{name}-from-1200") == ("fork of mri quick, 01-02 03:04:05, at step 1,200")
    assert run_title("mine") == "mine"


def test_a_rounded_nothing_has_no_sign() -> None:
    assert GAP.shown(Result("rei", gap=-0.001)) == "0.00"
