"""What the lab shows, without a server: moments, series, panes, address, keys, tour, library."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import panel as pn
import pytest
from kit.browsers import until
from kit.lab_runs import EVERY, N_STEPS, write_run

from reilab.lab import address
from reilab.lab.beat import POLLS_PER_SHOW, Beat
from reilab.lab.board import APART, GAP, MOST_WIDTH, STACK, ImageBoard, Redraw
from reilab.lab.charts import MOST_POINTS, Chart, Charts, Uprights
from reilab.lab.choices import Choices
from reilab.lab.content import (
    NULL,
    PSNR,
    RANGE,
    PlotAxes,
    PlotLine,
    PlotMark,
    content_of,
    loss_series,
    marks,
    risk_series,
    rows,
    score_series,
    smooth,
)
from reilab.lab.exhibit import Exhibit, lines_of
from reilab.lab.explain import explain, objectives, span_words
from reilab.lab.form import image_sources
from reilab.lab.guide import STOPS, Tour
from reilab.lab.hands import Hands
from reilab.lab.keys import press
from reilab.lab.model import Lab
from reilab.lab.notebook.figures import NotebookCurves
from reilab.lab.page import LabPage
from reilab.lab.pictures import ONE, ZERO
from reilab.lab.titles import entry_state
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Browser
from reilab.methods.registry import methods
from reilab.record.history import History, history_of
from reilab.runs.library import Library
from reilab.runs.roster import signed_in
from reilab.settings import Setting
from reilab.show.curves import thinned
from reilab.show.scene import Shot, error_map, measurement, moments, scale_end, shots
from reilab.show.table import as_text
from reilab.show.words import method_title
from reilab.tasks.registry import tasks


@pytest.fixture
def history(tmp_path: Path) -> History:
    return history_of(write_run(tmp_path, "run").events())


def test_every_moment_of_a_run_can_be_shown(history: History) -> None:
    steps = moments([history])
    assert steps == list(range(0, N_STEPS + 1, EVERY))
    live, early = shots(history, 1, None), shots(history, 1, 25)
    assert [shot.key for shot in live] == ["truth", "pinv", "ei", "rei", "supervised"]
    assert [shot.step for shot in live] == [0, 0, 40, 40, 40]
    assert [shot.step for shot in early] == [0, 0, 20, 20, 20]
    assert early[2].metrics is not None
    assert early[2].metrics.psnr == 12 + 2 + 1 + 1
    assert np.abs(early[2].image - early[2].truth).max() == pytest.approx(0.2 / 21, abs=1e-3)
    shown = measurement(history, 1)
    assert shown is not None
    assert (shown.title, shown.image.shape) == ("Half of it", (16, 8, 1))


def test_the_slider_follows_the_live_end_until_it_is_moved() -> None:
    view = View()
    steps = [0, 10, 20]
    assert view.place(steps) == 2
    view.scrub(steps, -1)
    assert (view.at, view.place(steps)) == (10, 1)
    assert view.place([*steps, 30]) == 1
    view.scrub(steps, 1)
    assert view.at is None
    view.play(steps)
    assert (view.playing, view.at) == (True, 0)
    view.advance(steps)
    view.advance(steps)
    assert (view.playing, view.at) == (False, None)


def test_series_hold_every_term_the_totals_the_base_line_and_the_risk(history: History) -> None:
    assert list(score_series(history, PSNR)) == ["pinv", "ei", "rei", "supervised"]
    losses = loss_series(history)
    assert list(losses) == [
        "ei total",
        "ei mc",
        "ei eq",
        "rei total",
        "rei sure",
        "rei req",
        "supervised supervised",
    ]
    for part, start in ((NULL, 14.5), (RANGE, 14.0)):
        found = score_series(history, part)
        assert list(found) == ["pinv", "ei", "rei", "supervised"]
        assert found["pinv"].points[1] == [start, start]
        gap = found["rei"].points[1] - score_series(history, PSNR)["rei"].points[1]
        assert gap == pytest.approx(start - 11.0)
    assert losses["rei total"].points[1][0] == pytest.approx(2 / 5)
    assert list(risk_series(history)) == ["rei sure", "rei risk"]
    assert risk_series(history)["rei risk"].points[1][0] == pytest.approx(1.1 / 5)
    assert marks(history) == [PlotMark(20, "weight of req = 3")]


def test_smoothing_keeps_a_constant_and_depends_on_the_past_alone() -> None:
    steps = [0, 1, 2, 3]
    assert smooth((steps, [2.0, 2.0, 2.0, 2.0]), 0.9)[1] == pytest.approx([2.0] * 4)
    long = smooth((steps, [1.0, 3.0, 2.0, 5.0]), 0.5)[1]
    assert list(smooth((steps[:2], [1.0, 3.0]), 0.5)[1]) == list(long[:2])
    assert smooth((steps, [1.0, 3.0, 2.0, 5.0]), 0.0)[1] == [1.0, 3.0, 2.0, 5.0]


def test_a_chart_grows_marks_and_points() -> None:
    uprights = Uprights()
    line = PlotLine("a", "#123456", dots=True)
    chart = Chart(PlotAxes("Loss", "", True, 10), {"a": line}, uprights)
    chart.grow("a", ([0, 1], [1.0, -1.0]))
    chart.grow("a", ([0, 1, 2], [1.0, -1.0, 3.0]))
    drawn = chart.figure.renderers[0].data_source.data
    assert list(drawn["x"]) == [0, 1, 2]
    assert np.isnan(drawn["y"][1])
    chart.grow("a", ([0], [4.0]))
    assert list(chart.figure.renderers[0].data_source.data["y"]) == [4.0]
    drawn = {one.data_source for one in chart.figure.renderers}
    assert {uprights.marks, uprights.cursor} < drawn
    uprights.mark([PlotMark(3, "x = 1")])
    assert uprights.marks.data == {"x": [3.0], "words": ["x = 1"]}
    uprights.point(5)
    assert uprights.cursor.data == {"x": [5.0]}
    uprights.point(None)
    assert uprights.cursor.data == {"x": []}


def test_many_lines_have_a_key_instead_of_a_legend(tmp_path: Path) -> None:
    few = history_of(write_run(tmp_path, "run").events())
    many = History(few.posed, dict.fromkeys(methods(), few.tracks["rei"]))
    assert content_of("few", few, View()).key == ""
    content, look = content_of("many", many, View()), View()
    charts = Charts(look)
    charts.update(content)
    legends = {kind: len(one.legend) for kind, one in charts.figures.items()}
    assert legends == dict.fromkeys(charts.figures, 0)
    exhibit = Exhibit(look, Browser(), "results")
    exhibit.unfold()
    exhibit.show(content)
    curves = NotebookCurves(look)
    curves.update(content)
    for html in (exhibit._key.object.text, content.key):
        text = unescape(html)
        assert all(f"</span> {method_title(name)}</span>" in text for name in methods())
        assert all(f"</svg> {term}</span>" in text for term in ("total", "sure", "req"))
    assert content.key in curves.widget.texts
    charts.update(content_of("few", few, look))
    assert [len(one.legend) for one in charts.figures.values()] == [1] * len(charts.figures)


def test_charts_of_another_run_with_the_same_lines_are_those_of_the_run_before(
    history: History,
) -> None:
    look = View()
    charts, content = Charts(look), content_of("run", history, look)
    assert charts.update(content)
    figures = charts.figures
    other = replace(content, scene=replace(content.scene, run="another"), n_steps=7)
    assert not charts.update(other)
    assert charts.figures == figures
    assert all(figure.x_range.end == 7 for figure in figures.values())
    fewer = {kind: dict(list(one.items())[:1]) for kind, one in content.kinds.items()}
    assert charts.update(replace(other, kinds={**content.kinds, PSNR: fewer[PSNR]}))
    assert {kind for kind, one in charts.figures.items() if one is not figures[kind]} == {PSNR}
    assert charts.update(other)
    # Of the lines that are awaited there is room already.
    figures, waiting = charts.figures, replace(other.scene, awaited=["rei"])
    assert not charts.update(
        replace(other, scene=waiting, kinds={**content.kinds, PSNR: fewer[PSNR]})
    )
    look.present = True
    assert charts.update(other)
    assert not set(charts.figures.values()) & set(figures.values())


def test_a_chart_shows_nothing_of_the_run_before(history: History) -> None:
    look = View()
    charts, content = Charts(look), content_of("run", history, look)
    charts.update(content)
    # Another run that begins alike and has come as far.
    begun = {}
    for name, one in content.kinds[PSNR].items():
        steps, values = one.points
        begun[name] = replace(one, points=(steps, [*values[:1], *np.asarray(values[1:]) + 1]))
    scene = replace(content.scene, run="another")
    charts.update(replace(content, scene=scene, kinds={PSNR: begun}))
    sources = [line.data_source for line in charts.figures[PSNR].renderers if line.name]
    wanted = [list(one.points[1]) for one in begun.values()]
    assert [list(one.data["y"]) for one in sources] == wanted


def test_a_chart_of_a_long_run_is_thinned_however_it_grew() -> None:
    """Two lengths may have as many points, of which the later ones are means of more steps."""
    chart = Chart(PlotAxes("Loss", "", False, 10), {"a": PlotLine("a", "#123456")}, Uprights())
    source = chart.figure.renderers[0].data_source
    for count in (3000, MOST_POINTS, 2 * MOST_POINTS, 2 * MOST_POINTS + 1, 6 * MOST_POINTS):
        step = np.arange(count)
        chart.grow("a", (step, step / 2))
        wanted, _ = thinned(step, step, MOST_POINTS)
        np.testing.assert_array_equal(source.data["x"], wanted)
        np.testing.assert_array_equal(source.data["y"], wanted / 2)


def test_the_board_sends_pixels_only_when_they_change(history: History) -> None:
    view = View()
    board = ImageBoard(view)
    board.update(content_of("run", history, view).scene)
    source = board._cards["rei"].pair.image.source
    first = source.data["image"][0]
    board.update(content_of("run", history, view).scene)
    assert source.data["image"][0] is first
    view.window = (0.2, 0.6)
    board.update(content_of("run", history, view).scene)
    # A window of grey values is the business of the colour map.
    assert source.data["image"][0] is first
    assert board.pictures.touch.colours.low == ZERO + 0.2 * ONE
    assert board.pictures.touch.colours.high == ZERO + 0.6 * ONE
    view.sample = 1
    board.update(content_of("run", history, view).scene)
    assert source.data["image"][0] is not first
    assert board._stack.styles == STACK
    view.hidden = ["rei", ERRORS]
    board.update(content_of("run", history, view).scene)
    assert not board._cards["rei"].visible
    # The error maps leave no gap: what was above them is a pane beside the others.
    assert board._stack.styles == APART
    wide = int(board._grid.styles["max-width"].removesuffix("px"))
    n_shown = sum(card.visible for card in board._cards.values())
    assert wide == (MOST_WIDTH + GAP) * n_shown - GAP
    assert board._cards["ei"].visible


def test_panes_follow_images_of_other_sizes_that_are_not_square(history: History) -> None:
    board, scene = ImageBoard(View()), content_of("run", history, View()).scene

    def sized(shot: Shot, factor: int) -> Shot:
        return replace(shot, image=shot.image[:, ::2].repeat(factor, 0).repeat(factor, 1))

    assert scene.measurement
    for factor in (1, 3):
        shots = [sized(scene.shots[0], factor)]
        board.update(replace(scene, shots=shots, measurement=sized(scene.measurement, factor)))
    for key, shot in (("truth", scene.shots[0]), ("measurement", scene.measurement)):
        x, y = board.pictures.by_key[key].ranges
        height, width = shot.image[:, ::2].shape[:2]
        assert [x.end, x.reset_end, y.end, y.reset_end] == [3 * width] * 2 + [3 * height] * 2


def test_the_board_keeps_the_panes_that_it_has(history: History) -> None:
    board, view = ImageBoard(View()), View()
    whole = content_of("run", history, view).scene
    board.update(replace(whole, shots=whole.shots[:2]))
    early = dict(board._cards)
    board.update(whole)
    late = dict(board._cards)
    assert {key: late[key] for key in early} == early
    assert [item.visible for item in board._grid] == [True] * 5
    before = late["rei"].pair.image.source.data["image"][0]
    board.update(replace(whole, run="another"))
    assert board._cards == late
    assert late["rei"].pair.image.source.data["image"][0] is not before
    truth = whole.shots[0]
    larger = replace(truth, image=truth.image.repeat(2, axis=0).repeat(2, axis=1))
    board.pictures.ranges[0].update(start=2, end=5)
    board.update(replace(whole, shots=[larger], measurement=None, awaited=["rei"]))
    assert board._cards["truth"] is late["truth"]
    source, side = late["truth"].pair.image.source, truth.image.shape[0]
    assert [source.data["dw"], source.data["dh"]] == [[2 * side], [2 * side]]
    x, y = board.pictures.ranges
    assert (x.start, x.end, x.reset_end, y.end) == (4, 10, 2 * side, 2 * side)
    # A place that is waited for again keeps its figures, out of sight.
    assert late["rei"]._view in board._grid.objects
    assert late["rei"].visible
    assert not late["rei"].pair.image.figure.visible
    assert "first image is coming" in late["rei"]._head.object.text
    assert late["ei"]._view not in board._grid.objects
    board.update(whole)
    assert board._cards["rei"] is late["rei"]
    assert late["rei"].pair.image.figure.visible
    wider = replace(truth, image=truth.image.repeat(2, axis=1))
    board.update(replace(whole, shots=[wider], measurement=None))
    assert board._cards["truth"] is not late["truth"]
    assert list(board._cards) == ["truth"]


def test_errors_are_means_over_colours_on_a_scale_that_fits_the_worst() -> None:
    truth = np.zeros((8, 8, 3), np.float32)
    image = truth + np.array([0.3, -0.6, 0.0], np.float32)
    np.testing.assert_allclose(error_map(image, truth), 0.3, rtol=1e-6)
    np.testing.assert_allclose(error_map(image[..., 1:2], truth[..., 1:2]), 0.6, rtol=1e-6)
    assert scale_end([np.full((8, 8), 0.01), np.full((8, 8), 0.3)]) == 0.5


def test_results_are_written_for_a_spreadsheet(history: History) -> None:
    lines = as_text(lines_of(rows(history), {}), ",").splitlines()
    assert lines[0].startswith(
        "Method,Step,PSNR [dB],SSIM,NMSE,PSNR range [dB],PSNR null space [dB],Gain over A†y"
    )
    assert lines[1].startswith("A†y,,11,0.3,0.2,14,14.5,,")
    assert lines[4].split(",")[-1] == "1234"


def test_the_formula_has_the_numbers_of_the_controls(history: History) -> None:
    choices = Choices()
    choices.task, choices.preset, choices.methods = "mri", "quick", ["rei"]
    choices.alpha_req = 7.5
    words = objectives(choices, history)
    assert "<b>7.5</b>" in words
    assert "SURE" in words
    assert "σ̂</i> = <b>0.1</b>" in words
    assert "now 0.025" in words
    assert "Supervised" not in words


def test_a_link_opens_the_same_view(tmp_path: Path) -> None:
    lab, view = Lab(tmp_path), View()
    lab.choices.task, lab.choices.preset = "inpainting", "smoke"
    lab.choices.methods = ["rei"]
    lab.choices.alpha_req, lab.choices.noise = 3.5, 0.07
    lab.choices.set_further("keep", 0.5)
    view.hidden, view.at, view.window = ["pinv"], 20, (0.1, 0.8)
    view.zoom, view.swipe, view.left = (1.0, 9.0, 2.0, 8.0), True, "rei"
    query = dict(parse_qsl(address.write(lab, view)))
    other, seen = Lab(tmp_path), View()
    address.read_view(query, seen)
    address.read_choices(query, other.choices)
    assert address.write(other, seen) == address.write(lab, view)
    assert other.choices.config() == lab.choices.config()
    assert (seen.at, seen.zoom, seen.swipe) == (20, (1.0, 9.0, 2.0, 8.0), True)


def test_a_link_that_makes_no_sense_changes_nothing() -> None:
    view = View()
    address.read_view({"at": "soon", "tab": "kitchen", "window": "1", "colours": "plaid"}, view)
    assert (view.at, view.tab, view.window, view.colours) == (None, "run", (0.0, 1.0), "grey")


def test_the_address_of_a_run_leaves_its_own_settings_out(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    lab = Lab(tmp_path)
    lab.open("run")
    assert address.write(lab, View()) == "run=run"
    lab.choices.steps = 7
    assert "steps=7" in address.write(lab, View())


def test_keys_scrub_toggle_and_play(tmp_path: Path) -> None:
    lab, view, steps = Lab(tmp_path), View(), [0, 10, 20]
    for key in ("ArrowLeft", "ArrowLeft", "2", "e", "s"):
        press(key, lab, view, steps, ["truth", "pinv"])
    assert (view.at, view.hidden, view.swipe) == (0, ["pinv", ERRORS], True)
    press("2", lab, view, steps, ["truth", "pinv"])
    press("9", lab, view, steps, ["truth", "pinv"])
    press("End", lab, view, steps, [])
    assert (view.hidden, view.at) == ([ERRORS], None)
    press(" ", lab, view, steps, [])
    assert view.playing


def test_who_watches_a_run_plays_and_does_not_pause_it(tmp_path: Path) -> None:
    going = write_run(tmp_path, "going", finished=False)
    lab, view = Lab(tmp_path, Hands(tied=True)), View()
    with signed_in(going):
        lab.open("going")
        assert lab.live
        press(" ", lab, view, [0, 10], [])
    assert view.playing
    assert not (going.path / "commands.jsonl").exists()


def test_choices_are_those_of_a_run_until_they_change(tmp_path: Path) -> None:
    """What there is no control for counts too."""
    write_run(tmp_path, "run")
    lab = Lab(tmp_path)
    lab.open("run")
    assert lab.as_asked
    lab.choices.steps += 1
    assert not lab.as_asked
    lab.choices.steps -= 1
    assert lab.as_asked
    base = lab.choices.base
    lab.choices.base = replace(base, training=replace(base.training, milestones=(1, 2)))
    assert not lab.as_asked
    lab.choices.base = base
    assert lab.as_asked


def test_every_setting_has_a_help_of_two_sentences_or_a_range() -> None:
    for task in tasks().values():
        choices = Choices()
        choices.task = task.name
        for name in (*choices.steerable, "noise", "steps", "seed", *choices.further):
            setting = choices.setting(name)
            words = explain(name, setting)
            assert words.count(". ") >= 1 or not span_words(setting), (name, words)


def test_ranges_are_said_in_words() -> None:
    assert span_words(Setting("x", low=0.0, high=1.0, unit="m")) == "From 0 to 1 m."
    words = span_words(Setting("x", low=0.0, high=9.0, slider=(1.0, 2.0)))
    assert words == "Range: 0 or more; 9 or less; usually 1 to 2."
    assert span_words(Setting("x", positive=True)) == "Range: more than 0."
    assert span_words(Setting("x", low=0.0, high=1e9)) == "Range: 0 or more."
    assert span_words(Setting("x", choices=("a", "b"))) == "One of: a, b."
    assert span_words(Setting("x")) == ""


def test_the_tour_sets_the_controls(tmp_path: Path) -> None:
    lab, tour = Lab(tmp_path), Tour()
    tour.move(1)
    tour.set_up(lab)
    assert set(lab.choices.methods) == set(STOPS[0].methods)
    tour.place = 3
    tour.set_up(lab)
    assert lab.choices.config().assumed_noise == pytest.approx(4 * lab.choices.config().noise)
    tour.place = len(STOPS) - 1
    tour.move(1)
    assert tour.stop is None


@pytest.mark.parametrize("place", range(len(STOPS)), ids=lambda place: STOPS[place].title)
def test_every_scene_of_the_tour_can_be_set_up_and_trained(place: int, tmp_path: Path) -> None:
    lab, tour = Lab(tmp_path), Tour(place=place)
    tour.set_up(lab)
    asked = lab.choices.config()
    assert set(asked.methods) == set(STOPS[place].methods)
    assert asked.assumed_noise == pytest.approx(STOPS[place].belief * asked.noise)
    assert {name: getattr(asked.spec, name) for name in STOPS[place].further} == (
        STOPS[place].further
    )


def test_the_library_lists_and_deletes(tmp_path: Path) -> None:
    write_run(tmp_path, "first", ("rei",))
    write_run(tmp_path, "second", ("ei",), task="ct", finished=False)
    library = Library(tmp_path)
    entries = {entry.name: entry for entry in library.entries()}
    assert entry_state(entries["first"]) == "Finished"
    assert entries["first"].psnr == {"pinv": 11.0, "rei": 18.0}
    assert entries["second"].resumable
    assert library.comparable(["first", "second"]) == ["first"]
    library.delete("second")
    assert [entry.name for entry in library.entries()] == ["first"]
    assert library.history("second") is None


def test_images_come_from_bundled_sets_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one.png").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("REILAB_DATA", str(tmp_path))
    found = image_sources(tasks()["mri"])
    assert {"knee", "brain", "mine"} <= found.keys()
    assert not {"urban", "empty"} & found.keys()


def test_a_page_that_nobody_has_open_is_forgotten(tmp_path: Path) -> None:
    page = weakref.ref(LabPage(Library(tmp_path), {}))

    def is_forgotten() -> bool:
        gc.collect()
        return page() is None

    # What is computed beside it holds it until that is done.
    until(is_forgotten, "the page to be forgotten", 30)


def test_a_browser_that_lags_behind_is_shown_less() -> None:
    def shown(beat: Beat, polls: int) -> int:
        count = 0
        for _ in range(polls):
            count += beat.shows()
            beat.count()
        return count

    beat = Beat()
    assert shown(beat, 5 * POLLS_PER_SHOW) == 5
    beat.slower = 4
    assert shown(beat, 40 * POLLS_PER_SHOW) == 10
    beat.slower = 1
    assert shown(beat, 5 * POLLS_PER_SHOW) == 5


def test_what_was_drawn_at_once_is_not_drawn_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[Callable[[], None]] = []

    def put_off(state: object, callback: Callable[[], None], schedule: bool) -> None:
        later.append(callback)

    monkeypatch.setattr(type(pn.state), "execute", put_off)
    drawn: list[int] = []
    redraw = Redraw(lambda: drawn.append(1))
    redraw.ask()
    redraw.ask()
    redraw.at_once()
    [carry_out] = later
    carry_out()
    assert drawn == [1]
    redraw.ask()
    later.pop()()
    assert drawn == [1, 1]
