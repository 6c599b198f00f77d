"""AtWork: trained networks on files of somebody's own: their marks, or their images."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import panel as pn
from torch import Tensor

from reilab.datasets.acquired import measured_files
from reilab.datasets.store import data_root
from reilab.lab.actions import attempt
from reilab.lab.beside import Errand, beside
from reilab.lab.board import ImageBoard, Redraw
from reilab.lab.exhibit import STRETCH
from reilab.lab.exports import File
from reilab.lab.imagetools import tool
from reilab.lab.markup import notice_html, progress_html
from reilab.lab.model import Lab
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, set_html, small_button
from reilab.lab.titles import duration, entry_title
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Browser, DataTable, put
from reilab.problem import Problem
from reilab.record.folder import RunFolder, examples, run_named
from reilab.runs.config import RunConfig, config_of
from reilab.runs.library import Library
from reilab.settings import override
from reilab.show.panes import PINV
from reilab.show.results import BASELINE
from reilab.show.scene import Scene, Shot
from reilab.show.words import method_colour, method_title
from reilab.tasks.registry import MEASURED, Spec
from reilab.trained.assess import columns_of, per_image_csv
from reilab.trained.checkpoints import find_checkpoints
from reilab.trained.evaluate import evaluate
from reilab.trained.reconstruct import Reconstructed, reconstruct
from reilab.trained.tally import Tally, Watch
from reilab.training.checkpoint import read_position

#: So many runs are offered, pinned ones and the newest.
MOST_OFFERED = 100
#: What can be done with images, and with measurements; also the names of the commands.
EVALUATE, RECONSTRUCT = "evaluate", "reconstruct"
WORKING = '<p class="quiet" role="status">The networks are at work{} …</p>'
CALLED_OFF = '<p class="quiet" role="status">Stopped; nothing was kept.</p>'


@dataclass(frozen=True, eq=False)
class Made:
    """What trained networks have made of some files.

    Args:
        words: what it is.
        file: to keep.
        columns: of the table of marks, and
        rows: its rows, as ``DataTable`` has them.
        shots: A†y, and x̂ of each network, by the name of the measurement.
        troubles: what could not be done, and why.
    """

    words: str
    file: File
    columns: Sequence[list[str]] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    shots: Mapping[str, Sequence[Shot]] = field(default_factory=dict)
    troubles: Sequence[str] = ()


def evaluated(folder: RunFolder, config: RunConfig, data: str, watch: Watch) -> Made:
    """The marks of A†y, and of the networks of a run, on images below the data root.

    Raises:
        ValueError: the images do not fit, or the task takes none.
        OSError: there is no checkpoint, or something cannot be read.
    """
    watch(0, 1)
    problem = _posed(config, override(config.spec, places(config, data, EVALUATE)))
    found, seed = find_checkpoints(str(folder.path)), config.training.seed
    [level] = evaluate(found, problem, [config.noise], seed, watch=watch)
    columns, n_images = columns_of(level.each[0]), len(level.each[0].images)
    rows = [
        {
            "key": one.method,
            "colour": method_colour(one.method),
            "cells": [
                {"text": method_title(one.method)},
                *({"text": c.shown(one), "order": one.mean(c.name)} for c in columns),
            ],
        }
        for one in level.each
    ]
    content = per_image_csv(level.each, config.task).encode()
    return Made(
        f"Means over the test images of {data} ({n_images} of them), measured as those of the run, "
        f"with noise {config.noise:g}.",
        File(f"{folder.name}-per_image.csv", content, "text/csv"),
        columns=[["Method", ""], *([column.title, column.unit] for column in columns)],
        rows=rows,
    )


def reconstructed(folder: RunFolder, config: RunConfig, name: str, watch: Watch) -> Made:
    """What the networks of a run make of measurements below the data root.

    Raises:
        ValueError: none of them can be reconstructed, or the task reads no files.
        OSError: there is no checkpoint, or something cannot be read.
    """
    sources, pose = measured_files(data_root() / name), partial(_posed, config)
    networks = find_checkpoints(str(folder.path))
    shots, troubles = dict[str, list[Shot]](), dict[str, None]()
    tally = Tally(len(networks) * len(sources), watch)
    tally.count(0)
    with TemporaryDirectory() as out:
        for network in networks:
            step, whose = read_position(network.path).step, Path(out) / network.name
            for done in reconstruct(sources, config.spec, pose, network, whose):
                tally.count(1)
                for told, start, image in _each(done):
                    found = shots.setdefault(told, [_shot(PINV, BASELINE, 0, start)])
                    found.append(_shot(network.name, method_title(network.name), step, image))
                if done.trouble:
                    file = done.source.name
                    told = done.trouble.replace(str(done.source), file)
                    troubles[told if file in told else f"{file}: {told}"] = None
        if not shots:
            raise ValueError(" ".join(troubles))
        content = _packed(Path(out))
    return Made(
        f"{len(shots)} measurements of {name}, reconstructed.",
        File(f"{folder.name}-images.zip", content, "application/zip"),
        shots=shots,
        troubles=list(troubles),
    )


def places(config: RunConfig, name: str, kind: str) -> dict[str, str]:
    """The settings that let a run's task read images, or measurements, of this name."""
    if kind == RECONSTRUCT:
        return {MEASURED: name}
    return {"data": name} | ({MEASURED: ""} if MEASURED in vars(config.spec) else {})


def _posed(config: RunConfig, spec: Spec) -> Problem:
    return replace(spec.build("cpu"), network=config.network)


def _each(done: Reconstructed) -> Iterator[tuple[str, Tensor, Tensor]]:
    """The name of each measurement of a file, A†y, and x̂."""
    if done.start is not None and done.images is not None:
        for index, (start, image) in enumerate(zip(done.start, done.images, strict=True)):
            number = f", {index + 1} of {len(done.images)}" if len(done.images) > 1 else ""
            yield f"{done.source.name}{number}", start, image


def _shot(key: str, title: str, step: int, image: Tensor) -> Shot:
    return Shot(key, title, method_colour(key), 0, step, image.permute(1, 2, 0).numpy())


def _packed(folder: Path) -> bytes:
    """All files of a folder, in one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder))
    return out.getvalue()


class AtWork(pn.viewable.Viewer):
    """A choice of runs, a button, and what their networks make of the files that are chosen.

    Args:
        library: of the runs.
        lab: through its hands it is done.
        browser: takes files to the person.
    """

    def __init__(self, library: Library, lab: Lab, browser: Browser) -> None:
        super().__init__()
        self._library, self._lab, self._browser = library, lab, browser
        self._name, self._kind, self._asked = "", EVALUATE, 0
        self._outcome: Made | None = None
        self._errand: Errand | None = None
        self._run = tool("choice", "trained", "Trained networks", "inline", 420)
        self._begin = small_button("Evaluate", self._ask, "put to work")
        self._stop = small_button("Stop", self._call_off, "call off work")
        self._keep = small_button("CSV", self._download, "keep outcome")
        self._told, self._trouble = block(), block()
        self._table = DataTable(title="Marks of the networks", **STRETCH)
        self._measurement = tool("choice", "measurement", "Measurement", "inline", 300)
        self._board = ImageBoard(View(hidden=[ERRORS]))
        self._images = pn.Column(self._board, **STRETCH)
        tools = (self._run, self._begin, self._stop, self._keep, self._measurement)
        self._view = pn.Column(
            pn.Row(*tools, styles=dict(LINE), **STRETCH),
            self._trouble,
            self._told,
            self._table,
            self._images,
            css_classes=["reilab-at-work"],
            styles={**TALL, "gap": "8px"},
            **STRETCH,
        )
        self._measurement.param.watch(Redraw(self._show_images).ask, "value")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def offer(self, name: str, kind: str) -> None:
        """Offer the runs that have learned something, and what can be done with some files.

        Args:
            name: of the files, below the data root.
            kind: ``EVALUATE`` or ``RECONSTRUCT``.
        """
        self._name, self._kind = name, kind
        told = [entry for entry in self._library.lately() if entry.progress][:MOST_OFFERED]
        known = {entry.name: entry_title(entry) for entry in told}
        known = {one.name: f"Example {one.name}" for one in examples()} | known
        options = [[run, known[run]] for run in dict.fromkeys([*(e.name for e in told), *known])]
        wanted = (self._run.value, self._lab.run, *(run for run, _ in options))
        put(self._run, options=options, value=next((one for one in wanted if one in known), ""))
        self._begin.label = kind.capitalize()
        self._show(None)

    def _ask(self) -> None:
        self._show(None)
        if trouble := attempt(lambda: self._lab.hands.do(self._start)):
            self._show(None, trouble)

    def _start(self) -> None:
        folder = run_named(self._run.value, self._library.root, examples())
        config = config_of(folder)
        own = places(config, self._name, self._kind)
        self._lab.hands.check_places({**vars(config.spec), **own})
        self._begin.disabled = True
        self._stop.visible = True
        set_html(self._told, WORKING.format(""))
        work = evaluated if self._kind == EVALUATE else reconstructed
        answer = partial(self._answer, self._asked)
        self._errand = Errand(self._tell)
        beside(partial(work, folder, config, self._name, self._errand.watch), answer, "trained")

    def _tell(self, done: int, of: int, seconds: float) -> None:
        words = f": {done} of {of} reconstructions, about {duration(seconds)} left"
        set_html(
            self._told, WORKING.format(words) + progress_html(done / of, "Progress of the networks")
        )

    def _call_off(self) -> None:
        self._show(None)
        set_html(self._told, CALLED_OFF)

    def _answer(self, asked: int, done: Future[Made]) -> None:
        if asked == self._asked:
            trouble = done.exception()
            self._show(None if trouble else done.result(), str(trouble or ""))

    def _show(self, outcome: Made | None, trouble: str = "") -> None:
        """Show what has come out, or why nothing has; what comes of older questions is too late."""
        if self._errand:
            self._errand.call_off()
        self._outcome, self._asked, self._errand = outcome, self._asked + 1, None
        self._begin.disabled, self._stop.visible = not self._run.value, False
        found = outcome or Made("", File("", b"", ""))
        set_html(self._trouble, notice_html([trouble, *found.troubles]))
        set_html(self._told, f'<p role="status">{escape(found.words)}</p>' if outcome else "")
        self._keep.visible = outcome is not None
        self._keep.label = "CSV" if found.rows else "Images and arrays"
        put(self._table, visible=bool(found.rows), columns=list(found.columns))
        self._table.show(found.rows)
        names = list(found.shots)
        options = [[name, name] for name in names]
        put(self._measurement, options=options, visible=len(names) > 1, value="".join(names[:1]))
        self._show_images()

    def _show_images(self) -> None:
        shots = self._outcome.shots.get(self._measurement.value, ()) if self._outcome else ()
        self._images.visible = bool(shots)
        self._board.update(Scene(self._run.value, 0, shots, None, 0.0, 1.0))

    def _download(self) -> None:
        if self._outcome:
            file = self._outcome.file
            self._browser.download(file.name, file.content, file.kind)
