"""Images looked at closely, without a browser: values, windows, parts, two in one place."""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from kit.lab_runs import write_run

from reilab.lab.comparison import Comparison, _together
from reilab.lab.content import content_of
from reilab.lab.hands import FREE, Hands
from reilab.lab.imagetools import ImageTools
from reilab.lab.keys import press
from reilab.lab.markup import head_html
from reilab.lab.model import Lab
from reilab.lab.overlay import Overlay, proposal
from reilab.lab.parts import COMPUTING, Parts
from reilab.lab.pictures import BYTE, Pictures
from reilab.lab.profile import Profile
from reilab.lab.view import View
from reilab.lab.web.components import Browser
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs.config import config_of, configure
from reilab.runs.library import Library
from reilab.show.scene import Scene, scene_of


@pytest.fixture(params=["mri", "inpainting"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    history = history_of(write_run(tmp_path, "run", task=request.param).events())
    return content_of("run", history, View()).scene


def told(pictures: Pictures, key: str) -> np.ndarray:
    """The values that a browser reads out of what is sent, (H, W, C), the first row on top."""
    data = pictures.by_key[key].image.source.data
    codes = data["image"][0][::-1]
    if codes.dtype == np.uint32:
        codes = np.stack([(codes >> shift) & BYTE for shift in (0, 8, 16)], -1)
    values: np.ndarray = data["zero"][0] + data["unit"][0] * codes.astype(float)
    return values.reshape(*codes.shape[:2], -1)


def test_the_browser_has_the_values_of_all_pixels(scene: Scene) -> None:
    pictures = Pictures(View())
    pictures.update(scene)
    for shot in scene.shots:
        fine = 1 / BYTE if shot.image.shape[-1] == 3 else 2**-15
        inside = np.clip(shot.image, 0, 1) if shot.image.shape[-1] == 3 else shot.image
        assert told(pictures, shot.key) == pytest.approx(inside, abs=0.51 * fine)
        if shot.image.shape[-1] == 1:
            # The colour map is black and white at the ends of the range.
            data, colours = pictures.by_key[shot.key].image.source.data, pictures.touch.colours
            ends = [data["zero"][0] + data["unit"][0] * one for one in (colours.low, colours.high)]
            assert ends == pytest.approx([scene.low, scene.high])


def test_a_window_that_was_dragged_is_that_of_the_view(scene: Scene) -> None:
    view = View()
    pictures = Pictures(view)
    pictures.update(scene)
    pictures.touch._window.data = {"shares": [[0.25, 0.5]]}
    assert view.window == (0.25, 0.5)
    before = pictures.by_key["ei"].image.source.data["image"][0]
    pictures.update(scene)
    colour = scene.shots[0].image.shape[-1] == 3
    # Grey values are sent once, colours are mixed anew.
    assert (pictures.by_key["ei"].image.source.data["image"][0] is before) == (not colour)


def test_an_address_cannot_put_the_images_out_of_sight(scene: Scene) -> None:
    for asked, found in {
        (-5.0, 8.0, 2.0, 99.0): (0, 8, 2, 16),
        (20.0, 30.0, 5.0, 5.0): (0, 16, 0, 16),
    }.items():
        pictures = Pictures(View(zoom=asked))
        pictures.update(scene)
        x, y = pictures.ranges
        assert (x.start, x.end, y.start, y.end) == found


def test_ei_and_rei_are_compared_first() -> None:
    assert proposal(["truth", "pinv", "ei", "rei", "supervised"]) == ("ei", "rei")
    assert proposal(["truth", "pinv", "A/ei", "B/ei", "B/rei"]) == ("B/ei", "B/rei")
    assert proposal(["truth", "pinv", "supervised"]) == ("pinv", "supervised")


def test_a_difference_has_a_sign_and_a_scale(scene: Scene) -> None:
    view = View(swipe=True, over="difference", left="pinv", right="truth")
    pictures = Pictures(view)
    pictures.update(scene)
    overlay = Overlay(view, pictures)
    overlay.update(scene)
    data = overlay._difference.source.data
    values = data["zero"][0] + data["unit"][0] * data["image"][0]
    # A†y is brighter by 0.3 everywhere.
    assert values == pytest.approx(np.full((16, 16), 0.3), abs=1e-3)
    assert "−0.5" in overlay._scale.object.text
    view.over = "blink"
    overlay.update(scene)
    top = overlay._panes[0].figure
    assert top.css_classes == ["blinks"]
    style = " ".join(top.stylesheets)
    assert "prefers-reduced-motion: no-preference" in style
    assert "1s steps(2" in style
    view.over = "swipe"
    overlay.update(scene)
    # The same panes show all of it.
    assert overlay._panes[0].figure is top
    assert top.css_classes == []


def test_keys_and_buttons_of_two_in_one_place(tmp_path: Path) -> None:
    view, lab = View(), Lab(tmp_path)
    tools = ImageTools(view, lambda: None)
    for key, found in {"b": "blink", "d": "difference", "s": "swipe"}.items():
        press(key, lab, view, [], [])
        assert (view.swipe, view.over, tools._over.value) == (True, found, found)
    press("s", lab, view, [], [])
    assert not view.swipe
    tools._over.value = "blink"
    tools._over.value = "swipe blink"
    assert (view.swipe, view.over, tools._over.value) == (True, "swipe", "swipe")
    tools._over.value = ""
    assert not view.swipe
    tools._profile.value = "row"
    tools._profile.value = "row column"
    assert view.profile == tools._profile.value == "column"
    tools._profile.value = ""
    assert view.profile == ""


def test_a_profile_has_a_line_for_each_image_that_is_shown(scene: Scene) -> None:
    view = View(hidden=["pinv"])
    pictures = Pictures(view)
    pictures.update(scene)
    profile = Profile(view, pictures)
    profile.update(scene)
    assert not profile._view.objects
    view.profile = "row"
    profile.update(scene)
    [chart] = profile._view.objects
    drawn = [one.glyph.line_color for one in chart.object.renderers]
    assert drawn == [shot.colour for shot in scene.shots if shot.key != "pinv"]
    profile.update(scene)
    assert profile._view.objects == [chart]


def answered(parts: Parts, scene: Scene) -> Scene:
    """What is shown once it has been computed."""
    assert parts.of(scene).note == COMPUTING
    deadline = time.monotonic() + 30
    while not parts.poll():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return parts.of(scene)


def test_parts_are_computed_beside_the_page_and_once(scene: Scene) -> None:
    view = View()
    parts = Parts(view, lambda: configure("mri", "smoke"), FREE)
    assert parts.of(scene) is scene
    view.part = "spectrum"
    shown = answered(parts, scene)
    assert {shot.part for shot in shown.shots} == {"spectrum"}
    assert parts.of(scene) is shown
    assert parts._future is None
    view.part = "image"
    assert parts.of(scene) is scene


def test_images_that_cannot_be_split_are_shown_with_the_reason(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "run")
    scene = content_of("run", history_of(folder.events()), View()).scene
    view = View(part="unseen")
    parts = Parts(view, lambda: config_of(folder), FREE)
    shown = answered(parts, scene)
    # The images of made-up runs are smaller than those of their operator.
    assert "none of the operator's" in shown.note
    assert shown.shots == scene.shots
    there = tmp_path / "elsewhere.npy"
    there.touch()
    config = config_of(folder)
    config = replace(config, spec=replace(config.spec, mask=str(there)))
    below = tmp_path / "data"
    below.mkdir()
    tied = Parts(view, lambda: config, Hands(below=below))
    assert "not below the data root" in answered(tied, scene).note


def test_nothing_is_computed_for_a_run_that_is_not_to_be_seen(scene: Scene) -> None:
    parts = Parts(View(part="seen"), lambda: None, FREE)
    assert parts.of(scene) is scene
    assert parts._future is None


def test_parts_of_several_runs_share_their_scale(tmp_path: Path) -> None:
    for name, noise in (("one", 0.05), ("two", 0.3)):
        write_run(tmp_path, name, noise=noise)
    look = View(tab="compare", compared=["one", "two"], part="unseen")
    comparison = Comparison(Library(tmp_path), look, Browser())
    comparison.update()
    assert comparison.exhibit.tools._part.visible
    wait([one._future for one in comparison._parts.values() if one._future], 30)
    comparison.look_ahead()
    # The images of made-up runs are smaller than those of their operator.
    note = unescape(unescape(comparison.exhibit.board.parts[1].object.text))
    assert note.count("none of the operator's") == 1
    scenes = [
        replace(scene, low=-end, high=end, span=1.0, note=f"white {end}")
        for name, end in (("one", 0.2), ("two", 0.5))
        if (scene := scene_of(name, history_of(RunFolder(tmp_path / name).events()), 0))
    ]
    rows = _together(scenes, {"one": "A", "two": "B"}, errors=True).rows
    assert [(row.low, row.high, row.note) for row in rows] == [(-0.5, 0.5, "white 0.5")] * 2


def test_a_part_tells_the_psnr_of_both(scene: Scene) -> None:
    shot = scene.shots[2]
    assert shot.metrics is not None
    metrics = replace(shot.metrics, psnr_range=31.254, psnr_null=18.3)
    words = head_html(replace(shot, part="seen", metrics=metrics))
    assert 'seen <b class="reilab-range-ei">31.25</b>' in words
    assert 'unseen <b class="reilab-null-ei">18.30</b> dB' in words
    assert "SSIM" in head_html(replace(shot, metrics=metrics))
