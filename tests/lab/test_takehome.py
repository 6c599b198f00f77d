"""What a person brings to the page and takes home from it, without a browser."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import Future
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import panel as pn
import pytest
import torch
from kit.lab_runs import write_run
from PIL import Image

from reilab.cli.main import main
from reilab.datasets.findings import Findings
from reilab.key import Key
from reilab.lab import atwork, exports
from reilab.lab import beside as threads
from reilab.lab.atwork import EVALUATE, RECONSTRUCT, AtWork, Made, evaluated, reconstructed
from reilab.lab.beside import CalledOffError, Errand
from reilab.lab.comparison import Comparison
from reilab.lab.content import content_of, rows
from reilab.lab.exhibit import lines_of
from reilab.lab.form import image_sources
from reilab.lab.hands import FREE, Hands
from reilab.lab.model import Lab
from reilab.lab.mydata import MyData, findings_html, use_images, use_measurements
from reilab.lab.onerun import OneRun
from reilab.lab.pictures import Pictures
from reilab.lab.takehome import Repeat, framing_of
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Browser
from reilab.problem import Problem
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs.config import build, config_of, configure
from reilab.runs.execute import execute
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


def test_a_file_that_cannot_be_made_is_told_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    area = Mock()
    monkeypatch.setattr(type(pn.state), "notifications", area)

    def full() -> exports.File:
        raise OSError("the disk is <full>")

    exports.hand_out(Ears(), full)
    ((words,), how) = area.error.call_args
    assert words == "the disk is &lt;full&gt;"
    assert how["duration"] > 0


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


def test_files_of_a_run_say_of_which_they_are(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "run")
    history = history_of(folder.events())
    made = exports.curves(folder, history)
    rows = list(csv.DictReader(io.StringIO(made.content.decode())))
    assert {(row["Task"], row["Run"], row["Seed"]) for row in rows} == {("mri", "run", "0")}
    assert "σ = " in rows[0]["Noise"]
    with zipfile.ZipFile(io.BytesIO(exports.pictures(folder, history, 0, 20).content)) as archive:
        assert all(name.startswith("run-mri-noise-") for name in archive.namelist())


def test_a_comparison_without_the_psnr_chart_is_drawn_and_presented(tmp_path: Path) -> None:
    write_run(tmp_path, "run")
    look, browser = View(tab="compare", compared=["run"]), Ears()
    comparison = Comparison(Library(tmp_path), look, browser)
    comparison.update()
    for kinds in ("losses", ""):
        comparison._curves.value = kinds
        for kind in ("svg", "pdf", "png"):
            comparison.exhibit._figure._save(kind)
        assert {name.rpartition(".")[2] for name in browser.files} == {"svg", "pdf", "png"}
        browser.files.clear()
        look.present = True
        assert not comparison.exhibit._curves._charts.figures
        look.present = False


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
    for write in (repeat._command, repeat._python):
        repeat._copy(write)
        assert "True noise: -1 is too small" in repeat._shown.object.text
    assert len(browser.heard) == 3


def test_a_run_that_goes_on_from_another_is_repeated_so(tmp_path: Path) -> None:
    """In whatever order its methods are, and when its settings are those of the next run."""
    asked = configure("mri", "smoke", ["rei", "ei"], start_from="before")
    folder = RunFolder.create(tmp_path / "run", asked.to_yaml())
    lab, library, browser = Lab(tmp_path), Library(tmp_path), Ears()
    repeat = Repeat(lab, browser)
    one = OneRun(library, lab, View(), browser, lambda action: action())
    lab.open("run")
    assert lab.as_asked
    repeat._copy(repeat._command)
    repeat._copy(repeat._python)
    assert browser.heard[0] == command_of(folder)
    one.show(*library.entries())
    one._duplicate()
    lab.choices.steps = 7
    repeat._copy(repeat._command)
    repeat._copy(repeat._python)
    assert ["--from before" in words for words in browser.heard] == [True, False] * 2
    assert ["start_from='before'" in words for words in browser.heard] == [False, True] * 2
    assert lab.wanted().start_from == "before"
    lab.choices.network = "unrolled"
    assert lab.wanted().start_from == ""
    lab.choices.show(asked)
    lab.choices.preset = "quick"
    assert lab.wanted().start_from == ""


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


def unpacked(panel: MyData | AtWork) -> str:
    return str(panel._trouble.object.text).replace("&amp;", "&")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with two networks."""
    config = configure("mri", "smoke", ["ei", "rei"], training={"steps": 1})
    folder = RunFolder.create(tmp_path_factory.mktemp("trained") / "run", config.to_yaml())
    execute(folder)
    return folder


@pytest.fixture
def mine(trained: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Problem:
    """A data root with images, and with measurements of which one file is broken."""
    monkeypatch.setenv("REILAB_DATA", str(tmp_path))
    problem = build(config_of(trained))
    batch = problem.test.batch(torch.arange(4))
    assert batch.x is not None
    mask = torch.zeros(32).index_fill(0, problem.physics.columns, 1)  # type: ignore[attr-defined]
    (tmp_path / "scans").mkdir()
    y = problem.measure(batch, Key(3)).y
    np.savez(tmp_path / "scans" / "a.npz", y=y[:2].numpy(), mask=mask.numpy())
    (tmp_path / "scans" / "b.npz").write_bytes(b"nothing")
    (tmp_path / "faces").mkdir()
    for index, image in enumerate(problem.image(batch.x)):
        pixels = (255 * image[0].clamp(0, 1)).numpy().astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "faces" / f"{index}.png")
    return problem


def at_work(run: RunFolder, hands: Hands = FREE) -> AtWork:
    root = run.path.parent
    return AtWork(Library(root), Lab(root, hands), Ears())


def test_networks_are_judged_on_ones_own_images_as_the_command_does(
    trained: RunFolder, mine: Problem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = at_work(trained)
    panel.offer("faces", EVALUATE)
    assert panel._run.value == "run"
    panel._ask()
    words = ["evaluate", "mri", "--checkpoint", str(trained.path), "--data", "faces"]
    main([*words, "--out", str(tmp_path / "out")])
    told = capsys.readouterr().out
    panel._download()
    assert isinstance(panel._browser, Ears)
    ((name, content),) = panel._browser.files.items()
    assert name == "run-per_image.csv"
    assert content == (tmp_path / "out" / "per_image.csv").read_bytes()
    rows = json.loads(panel._table.rows)
    assert [row["cells"][0]["text"] for row in rows] == ["A†y", "EI", "REI"]
    # Heads and cells are those of the command.
    assert all(title in told for title, *_ in panel._table.columns[1:])
    assert all(cell["text"] in told for row in rows for cell in row["cells"][1:])
    assert not panel._images.visible


def test_networks_reconstruct_measurements_as_the_command_does(
    trained: RunFolder, mine: Problem, tmp_path: Path
) -> None:
    panel = at_work(trained)
    panel.offer("scans", RECONSTRUCT)
    panel._ask()
    assert unpacked(panel).count("b.npz") == 1
    assert [one for one, _ in panel._measurement.options] == ["a.npz, 1 of 2", "a.npz, 2 of 2"]
    assert list(panel._board.pictures.by_key) == ["pinv", "ei", "rei"]
    panel._download()
    assert isinstance(panel._browser, Ears)
    with zipfile.ZipFile(io.BytesIO(panel._browser.files["run-images.zip"])) as archive:
        names = ["a-000.png", "a-001.png", "a.npy"]
        assert archive.namelist() == [f"{one}/{name}" for one in ("ei", "rei") for name in names]
        found = np.load(io.BytesIO(archive.read("rei/a.npy")))
        with Image.open(io.BytesIO(archive.read("rei/a-001.png"))) as picture:
            pixels = np.asarray(picture)
    assert panel._outcome is not None
    start, _, rei = panel._outcome.shots["a.npz, 2 of 2"]
    np.testing.assert_allclose(rei.image[..., 0], np.hypot(*found[1]), atol=1e-6)
    np.testing.assert_allclose(pixels / 255, rei.image[..., 0].clip(0, 1), atol=0.51 / 255)
    y = torch.from_numpy(np.load(tmp_path / "scans" / "a.npz")["y"])
    expected = mine.image(mine.physics.pinv(y))[1, 0]
    np.testing.assert_allclose(start.image[..., 0], expected.numpy(), atol=1e-5)
    # What was asked of other files comes too late.
    panel._answer(panel._asked - 1, Future())
    panel.offer("faces", EVALUATE)
    assert not panel._images.visible
    assert not panel._keep.visible


class Desk:
    """The document of a session that is as long there as its context."""

    def __init__(self) -> None:
        self.session_context: object | None = self
        self.calls: list[Callable[[], None]] = []
        self.asked_in: set[int] = set()

    def add_next_tick_callback(self, call: Callable[[], None]) -> None:
        self.calls.append(call)
        self.asked_in.add(threading.get_ident())


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Of the session whose turn it is."""
    found = Desk()
    monkeypatch.setattr(threads, "pn", SimpleNamespace(state=SimpleNamespace(curdoc=found)))
    return found


@pytest.mark.parametrize(("work", "files"), [(evaluated, "faces"), (reconstructed, "scans")])
def test_work_tells_how_far_it_is_until_it_is_called_off(
    work: Callable[..., Made], files: str, trained: RunFolder, mine: Problem
) -> None:
    told: list[tuple[int, int]] = []
    config = config_of(trained)
    work(trained, config, files, lambda done, of: told.append((done, of)))
    done = [one for one, _ in told]
    assert done[0] == 0
    assert done == sorted(done)
    assert len(set(told[1:])) > 1
    assert told[-1][0] == told[-1][1]
    errand = Errand(lambda *_: None)
    errand.call_off()
    with pytest.raises(CalledOffError):
        work(trained, config, files, errand.watch)


def test_an_errand_speaks_in_its_session_and_ends_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[tuple[int, int, float]]()
    clock = chain([0.0, 10.0, 10.1, 11.0, 12.0, 12.1], repeat(13.0))
    monkeypatch.setattr(threads, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    async def turn() -> Errand:
        errand = Errand(lambda *what: told.append(what))
        for done in range(5):
            errand.watch(done, 8)
        await asyncio.sleep(0)
        return errand

    errand = asyncio.run(turn())
    assert not told
    for call in desk.calls:
        call()
    assert told == [(1, 8, pytest.approx(0.7)), (2, 8, 3.0), (3, 8, pytest.approx(10 / 3))]
    desk.session_context = None
    with pytest.raises(CalledOffError):
        errand.watch(5, 8)


@pytest.mark.parametrize("closed", [False, True])
def test_documents_are_asked_in_the_thread_of_the_loop(
    closed: bool, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other threads add to a document while it holds its changes back may be lost."""
    answers, told = list[Future[int]](), list[tuple[int, int, float]]()
    monkeypatch.setattr(threads, "PAUSE", 0.0)

    async def turn() -> None:
        errand, watched = Errand(lambda *what: told.append(what)), threading.Event()
        looked = threading.Event()

        def work() -> int:
            errand.watch(1, 1)
            watched.set()
            looked.wait()
            return threading.get_ident()

        threads.beside(work, answers.append)
        watched.wait()
        if closed:
            desk.session_context = None
        looked.set()
        # After the work, and after what its thread has asked of the loop.
        await asyncio.wrap_future(threads.thread("beside").submit(int))
        await asyncio.sleep(0)

    asyncio.run(turn())
    for call in desk.calls:
        call()
    here = {threading.get_ident()}
    assert desk.asked_in == (set() if closed else here)
    assert told == ([] if closed else [(1, 1, 0.0)])
    assert [answer.result() in here for answer in answers] == ([] if closed else [False])


def test_work_on_the_page_can_be_stopped(
    trained: RunFolder, mine: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, asked = at_work(trained), list[Callable[[], Made]]()
    monkeypatch.setattr(atwork, "beside", lambda work, *_: asked.append(work))
    panel.offer("faces", EVALUATE)
    assert not panel._stop.visible
    panel._ask()
    assert panel._stop.visible
    panel._tell(3, 12, 95)
    assert "3 of 12 reconstructions, about 2 min left" in panel._told.object.text
    panel._call_off()
    assert "Stopped" in panel._told.object.text
    assert not panel._stop.visible
    assert not panel._begin.disabled
    with pytest.raises(CalledOffError):
        asked[0]()
    # Who asks for something else has called off what was asked before.
    panel._ask()
    panel.offer("scans", RECONSTRUCT)
    with pytest.raises(CalledOffError):
        asked[1]()


def test_nobody_puts_networks_to_work_on_what_is_not_theirs(
    trained: RunFolder, mine: Problem, tmp_path: Path
) -> None:
    tied = at_work(trained, Hands(tied=True))
    tied.offer("faces", EVALUATE)
    tied._ask()
    assert "only watches" in unpacked(tied)
    below = at_work(trained, Hands(below=tmp_path / "scans"))
    for name in ("../faces", str(trained.path)):
        below.offer(name, RECONSTRUCT)
        below._ask()
        assert "not below the data root" in unpacked(below)
    free = at_work(trained)
    free.offer("scans", EVALUATE)
    free._run.value = "../run"
    free._ask()
    assert "../run" in unpacked(free)
    assert not free._keep.visible


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


@pytest.mark.parametrize(
    ("channels", "usual"),
    [
        (1, "rotations for Low-dose CT, rotations for Accelerated MRI."),
        (3, "shifts for Inpainting."),
    ],
)
def test_the_group_that_is_usual_for_such_images_is_told(channels: int, usual: str) -> None:
    html = findings_html("x", Findings("images", (0.0, 1.0), channels=channels))
    assert usual in html


def test_what_is_found_is_told_as_text(tmp_path: Path) -> None:
    html = findings_html("<b>x</b>", Findings("<i>", (0.0, 1.0), notes=("<u>",)))
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html
