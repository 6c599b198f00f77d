"""What the page says around the images, without a server: head, tab, address, errors, tour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import parse_qsl

import panel as pn
import pytest
from kit.lab_runs import write_run

from reilab.events import Paused, Stopped
from reilab.lab import address, compat, form
from reilab.lab.actions import actions
from reilab.lab.board import ImageBoard
from reilab.lab.bulletin import Bulletin
from reilab.lab.choices import Choices
from reilab.lab.content import content_of
from reilab.lab.controls import Controls
from reilab.lab.form import PLACES
from reilab.lab.guide import STOPS, Tour
from reilab.lab.headline import NAME, head_html, others_words, tab_title
from reilab.lab.model import Lab
from reilab.lab.page import LabPage
from reilab.lab.runview import Others
from reilab.lab.text import Text
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Field
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of
from reilab.runs.account import read_run
from reilab.runs.config import USUAL_METHODS, configure
from reilab.runs.jobs import Status, standing
from reilab.runs.library import Library
from reilab.runs.roster import signed_in
from reilab.show.panes import MEASUREMENT
from reilab.show.words import number_text
from reilab.tasks.registry import tasks


def test_head_and_tab_name_the_run_that_is_shown(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    lab = Lab(tmp_path)
    assert "measurements alone" in head_html(lab)
    assert tab_title(lab) == NAME
    lab.open("run")
    assert "Accelerated MRI, σ = 0.1 · run" in head_html(lab)
    assert tab_title(lab) == f"✓ Accelerated MRI, σ = 0.1 – {NAME}"
    half = write_run(tmp_path, "half", finished=False)
    with signed_in(half):
        half.record(Paused())
        lab.open("half")
        assert tab_title(lab).startswith("❚❚ 50% Accelerated MRI")


def test_another_run_that_is_at_work_is_told_with_the_way_to_it(tmp_path: Path) -> None:
    going = write_run(tmp_path, "going", finished=False)
    lab = Lab(tmp_path)
    others = Others(lab, lambda action: action())
    with signed_in(going):
        account = read_run(going)
        words = others_words(lab, account)
        assert words.startswith("Another run, Accelerated MRI, σ = 0.1: training, about ")
        assert words.endswith("left; yours would wait.")
        others.update([account])
        assert others._view.visible
        lab.open("going")
        others.update([account])
        assert not others._view.visible


@pytest.mark.parametrize(
    "query",
    [
        {"window": "5,-3"},
        {"window": "0.5,0.5"},
        {"window": "-1,1"},
        {"zoom": "3,1,0,2"},
        {"zoom": "1,2,3"},
        {"at": "-4"},
        {"at": "nan"},
        {"sample": "first"},
        {"tab": "kitchen"},
        {"colours": "plaid"},
        {"divide": "500"},
        {"smoothing": "2"},
        {"theme": "blue"},
        {"task": "nonsense"},
        {"task": "mri", "preset": "nonsense"},
        {"task": "mri", "methods": "ei,nonsense"},
        {"task": "mri", "network": "nonsense"},
        {"task": "mri", "device": "abacus"},
        {"step": "3"},
    ],
    ids=str,
)
def test_what_an_address_cannot_open_is_told_and_the_rest_holds(query: dict[str, str]) -> None:
    view, choices = View(), Choices()
    whole = {"task": "mri", "swipe": "1", "steps": "7", **query}
    every = [
        *address.read_view(whole, view),
        *address.read_choices(whole, choices),
        *address.strangers(whole, choices),
    ]
    assert len(every) == 1
    told = every[0]
    name, value = list(query.items())[-1]
    assert name in told
    assert value in told or name == "step"
    assert (view.swipe, view.window, view.at) == (True, (0.0, 1.0), None)
    assert choices.steps == 7 or "unknown" in told


def test_nothing_in_a_link_that_the_page_wrote_is_strange(tmp_path: Path) -> None:
    lab, view = Lab(tmp_path), View(present=True, watch="1", tab="runs", at=3)
    lab.choices.task = "mri"
    lab.choices.further = {**lab.choices.further, "acceleration": 8, "group": "flips"}
    page = LabPage(Library(tmp_path), query := dict(parse_qsl(address.write(lab, view))))
    assert "acceleration" in query
    assert page._run.transport._refusal == ""


def gaussian(choices: Choices) -> None:
    choices.set_further("noise_model", "gaussian")
    choices.noise = 55


def gaussian_at_the_number_of_the_preset(choices: Choices) -> None:
    number = choices.noise
    choices.set_further("noise_model", "gaussian")
    choices.noise = number


def believed_as_in_the_preset(choices: Choices) -> None:
    choices.same_noise, choices.noise = False, 0.2


def in_a_folder_called_by_a_number(choices: Choices) -> None:
    choices.set_further("data", "007")


def of_another_network(choices: Choices) -> None:
    choices.network = "unrolled"
    choices.set_further("stages", 3)


@pytest.mark.parametrize("task", ["ct", "inpainting"])
@pytest.mark.parametrize(
    "choose",
    [
        gaussian,
        gaussian_at_the_number_of_the_preset,
        believed_as_in_the_preset,
        in_a_folder_called_by_a_number,
        of_another_network,
    ],
)
def test_a_link_opens_the_settings_that_are_chosen(
    choose: Callable[[Choices], None], task: str, tmp_path: Path
) -> None:
    lab, other = Lab(tmp_path), Lab(tmp_path)
    lab.choices.reset(task, "quick")
    choose(lab.choices)
    # Whatever was chosen there before.
    other.choices.reset(task, "quick")
    other.choices.param.update(methods=["ei"], steps=7, network="consistent", same_noise=False)
    query = dict(parse_qsl(address.write(lab, View())))
    assert address.read_choices(query, other.choices) == []
    assert other.choices.config() == lab.choices.config()
    assert address.write(other, View()) == address.write(lab, View())


def test_a_link_to_a_run_opens_the_settings_that_are_chosen(tmp_path: Path) -> None:
    config = configure("ct", "quick", ["ei"], training={"steps": 7, "milestones": (1, 2)})
    RunFolder.create(tmp_path / "run", config.to_yaml())
    page = LabPage(Library(tmp_path), {"run": "run"})
    page.lab.choices.param.update(methods=list(USUAL_METHODS), seed=3)
    opened = LabPage(Library(tmp_path), dict(parse_qsl(page.address)))
    assert opened.lab.choices.config() == page.lab.choices.config()
    assert opened.lab.choices.config().training.milestones == (1, 2)


def test_no_address_names_a_file_to_start_from(tmp_path: Path) -> None:
    """What a run has started from stays as long as its settings are shown, and else is told."""
    asked = configure("mri", "smoke", ["ei"], start_from="before", training={"milestones": (1, 2)})
    RunFolder.create(tmp_path / "run", asked.to_yaml())
    page = LabPage(Library(tmp_path), {"run": "run"})
    page.lab.choices.steps = 7
    opened = LabPage(Library(tmp_path), dict(parse_qsl(page.address)))
    assert opened.lab.choices.config() == page.lab.choices.config()
    opened.lab.close()
    config, query = opened.lab.choices.config(), dict(parse_qsl(opened.address))
    assert (config.start_from, query["start_from"]) == ("before", "before")
    opened._go_back(query)
    assert opened.lab.choices.config() == config
    assert opened._run.transport._refusal == ""
    opened._go_back({"task": "mri", "preset": "smoke"})
    assert opened.lab.choices.config().start_from == ""
    opened._go_back(query)
    assert opened.lab.choices.config().start_from == ""
    assert "start_from" in opened._run.transport._refusal


@pytest.mark.parametrize("query", [{"task": "ct", "preset": "quick"}, {"run": "run"}], ids=str)
def test_back_shows_the_settings_of_before(query: dict[str, str], tmp_path: Path) -> None:
    write_run(tmp_path, "run", ("ei",))
    page = LabPage(Library(tmp_path), query)
    before, config = page.address, page.lab.choices.config()
    page.lab.choices.param.update(methods=["rei"], steps=7, device="cpu")
    page._go_back(dict(parse_qsl(before)))
    assert page.lab.choices.config() == config
    assert page.address == before


def test_back_leaves_a_run_that_goes_on_as_it_is(tmp_path: Path) -> None:
    going = write_run(tmp_path, "going", finished=False)
    with signed_in(going):
        page = LabPage(Library(tmp_path), {"run": "going"})
        page.lab.choices.learning_rate = 0.125
        page._go_back({"run": "going"})
        page._go_back({"run": "going", "task": "ct", "preset": "quick", "noise": "3"})
        assert (page.lab.choices.task, page.lab.choices.learning_rate) == ("mri", 0.125)


def test_back_shows_what_was_shown_before(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    page = LabPage(Library(tmp_path), {"run": "run", "at": "20", "tab": "runs"})
    page._go_back({"task": "ct", "preset": "smoke"})
    assert (page.lab.run, page.look.tab, page.look.at) == ("", "run", None)
    page._go_back({"run": "run", "at": "10"})
    assert (page.lab.run, page.look.at) == ("run", 10)
    page._go_back({"run": "gone", "present": "1"})
    assert (page.lab.run, page.look.present) == ("", True)
    assert "gone" in page._run.transport._refusal


def test_what_panel_forgot_is_sent_with_the_next_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on a page on which nothing else changes that it would wait for ever."""
    asked: list[object] = []
    monkeypatch.setattr(compat, "send_stuck", asked.append)
    monkeypatch.setattr(Bulletin, "prepare", lambda bulletin: None)
    page = LabPage(Library(tmp_path), {})
    page.wake()
    page.tick()
    page.tick()
    assert len(asked) == 2


def test_whether_a_text_was_copied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    area = Mock()
    monkeypatch.setattr(type(pn.state), "notifications", area)
    page = LabPage(Library(tmp_path), {})
    page.wake()
    for copied in (True, False):
        page._hear({"copied": copied})
    assert area.success.call_args.args == ("Copied",)
    assert "refuses to copy" in area.warning.call_args.args[0]
    for told in (area.success, area.warning):
        assert told.call_args.kwargs["duration"] > 0


@pytest.mark.parametrize("way", ["tour", "duplicate", "back", "open"])
def test_the_slider_of_the_noise_is_that_of_the_task(tmp_path: Path, way: str) -> None:
    write_run(tmp_path, "run", task="inpainting", noise=0.07)
    page = LabPage(Library(tmp_path), {"task": "ct", "preset": "smoke"})
    (field,) = [one for one in page.page.select(Field) if "reilab-noise" in one.css_classes]
    assert field.span[:2] == [1.0, 300.0]
    match way:
        case "tour":
            page.tour.place = 0
        case "duplicate":
            page.look.param.update(tab="runs", compared=["run"])
            page._runs.update()
            page._runs._one._duplicate()
        case "back":
            page._go_back({"task": "inpainting", "preset": "smoke", "noise": "0.07"})
        case "open":
            page.lab.open("run")
    low, high = tasks()["inpainting"].settings["gamma"].slider or ()
    assert page.lab.choices.task == "inpainting"
    assert field.span == [low, high, (high - low) / PLACES]
    assert field.value == number_text(page.lab.choices.noise)
    assert low <= float(field.value) <= high


def test_all_that_is_wrong_is_told_in_the_words_of_the_labels(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    controls = Controls(lab)
    lab.choices.noise, lab.choices.steps, lab.choices.methods = "much", -5, []
    fields = controls.form.fields
    assert fields["noise"].error == "much is not a number."
    assert fields["steps"].error.startswith("-5 is too small")
    assert "tick at least one" in fields["methods"].error
    with pytest.raises(ValueError, match=r"Trained side by side: .*True noise: much.*Steps: -5"):
        lab.train()
    fields["seed"].draft = "1.5"
    assert fields["seed"].error == "1.5 is not a whole number."
    assert lab.choices.seed == 0
    assert form.complaint(lab.choices, "noise", "1e400").endswith("give an ordinary number.")


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    assert "untick" in form.control(lab, "assumed_noise").locked
    assert form.control(lab, "noise").locked == ""
    with signed_in(write_run(tmp_path, "run", finished=False)):
        lab.open("run")
        assert "A run is going" in form.control(lab, "noise").locked
        assert form.control(lab, "learning_rate").locked == ""


def test_no_button_speaks_of_a_step_that_is_not_there(tmp_path: Path) -> None:
    assert "None" not in "".join(one.label for one in actions(Lab(tmp_path), View()))


def test_a_presentation_leaves_out_what_a_talk_has_no_room_for() -> None:
    view = View(hidden=["pinv"])
    assert view.unseen == {"pinv"}
    view.present = True
    assert view.unseen == {"pinv", ERRORS, MEASUREMENT}
    assert address.read_view({"present": "1"}, other := View()) == []
    assert other.present


def test_the_tour_ticks_off_what_was_seen(tmp_path: Path) -> None:
    lab, tour = Lab(tmp_path), Tour(place=0)
    tour.note(lab)
    assert tour.seen == []
    for place, stop in enumerate(STOPS):
        tour.place = place
        tour.set_up(lab)
        tour.note(lab)
        assert (stop.title in tour.seen) is not stop.needs_run
    wrong = next(stop for stop in STOPS if stop.needs_run)
    tour.place = STOPS.index(wrong)
    write_run(tmp_path, "short", wrong.methods, task=wrong.task)
    lab.open("short")
    tour.note(lab)
    assert wrong.title in tour.seen


@pytest.mark.parametrize("name", ["going", "resumed"])
def test_a_run_that_ends_is_stopping_and_one_that_is_resumed_is_starting(
    name: str, tmp_path: Path
) -> None:
    folder = write_run(tmp_path, name, finished=False)
    if name == "resumed":
        folder.record(Stopped())
    with signed_in(folder):
        if name == "going":
            # Systems tell the times of files by some milliseconds.
            time.sleep(0.02)
            folder.record(Stopped())
        found = standing(folder, history_of(folder.events())).status
    assert found is (Status.STOPPING if name == "going" else Status.STARTING)


def test_every_method_has_its_place_before_its_first_image(tmp_path: Path) -> None:
    history = history_of(write_run(tmp_path, "run").events())
    assert history.posed is not None
    begun = History(posed=replace(history.posed, methods=("ei", "rei")))
    board, view = ImageBoard(View()), View()
    board.update(content_of("run", begun, view).scene)
    places = [item.object.text for item in board._grid[1:] if isinstance(item, Text)]
    assert [word in text for word, text in zip(("EI", "REI"), places, strict=True)] == [True] * 2
    assert "repeat(auto-fill, minmax(max(150px, calc((100% - 42px) / 4))" in str(board._grid.styles)
    begun.tracks = history.tracks
    board.update(content_of("run", begun, view).scene)
    assert not any(isinstance(item, Text) for item in board._grid)
