"""MyData: files of somebody's own: what they are, and a way into the settings."""

from __future__ import annotations

import base64
from concurrent.futures import Future
from functools import cached_property, partial
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.datasets.bundled import BUNDLED
from reilab.datasets.findings import MOST_UPLOADED, UPLOADS, Findings, findings, keep_uploaded
from reilab.datasets.formats.reader import readers
from reilab.datasets.store import data_root
from reilab.lab.actions import attempt
from reilab.lab.atwork import EVALUATE, RECONSTRUCT, AtWork
from reilab.lab.beside import beside
from reilab.lab.exhibit import STRETCH
from reilab.lab.imagetools import tool
from reilab.lab.markup import notice_html
from reilab.lab.model import Lab
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, heading, quiet, set_html, small_button
from reilab.lab.web.components import Browser, put
from reilab.methods.registry import methods
from reilab.runs.library import Library
from reilab.show.panes import to_pixels, to_png
from reilab.tasks.registry import MEASURED, tasks

WORDS = (
    "A folder or file below the data root, or files of yours, which are copied there: pictures, "
    "DICOM, NIfTI, MATLAB, arrays, fastMRI. Nothing in them is ever run."
)


def places() -> list[str]:
    """What lies below the data root, and what was brought, by name; what is hidden is left out."""
    root = data_root()
    above = [root, root / UPLOADS]
    found = [one for folder in above if folder.is_dir() for one in folder.iterdir()]
    names = [str(one.relative_to(root)) for one in found if not one.name.startswith(".")]
    return sorted(name for name in names if name not in (UPLOADS, "prepared"))


def findings_html(name: str, found: Findings) -> str:
    """What was found in a place, with the picture of its first image."""
    least, most = found.values
    lines = [found.what, f"values from {least:.4g} to {most:.4g}"]
    if found.sigma is not None:
        lines.append(
            f"noise that is in them already: about {found.sigma:.3f} of their range. Fine texture "
            "counts as noise; to the methods all of it is part of the image"
        )
    # Every task takes every image; these are at home there.
    if fitting := [one for one in tasks().values() if _at_home(one.name, found.channels)]:
        titles = ", ".join(one.title for one in fitting)
        lines.append(f"made for such images: {titles}; every task can use them")
        groups = [f"{vars(one.spec()).get('group', 'none')} for {one.title}" for one in fitting]
        lines.append(f"the usual group of transforms: {', '.join(groups)}")
    items = "".join(f"<li>{escape(line)}.</li>" for line in (*lines, *found.notes))
    picture = ""
    if found.picture is not None:
        png = base64.b64encode(to_png(to_pixels(found.picture, 0, 1))).decode()
        style = "height:180px;max-width:100%;object-fit:contain;image-rendering:pixelated"
        source = f"data:image/png;base64,{png}"
        picture = f'<img alt="The first image of {escape(name)}" style="{style}" src="{source}">'
    words = f"<strong>{escape(name)}</strong><ul>{items}</ul>"
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:4px 16px">{picture}'
        f'<div style="flex:1 1 280px">{words}</div></div>'
    )


def use_images(lab: Lab, name: str) -> None:
    """Let the next run learn from these images, with measurements that are simulated from them."""
    lab.hands.check_places({"data": name})
    lab.close()
    own = {MEASURED: ""} if MEASURED in lab.choices.further else {}
    lab.choices.further = {**lab.choices.further, **own, "data": name}


def use_measurements(lab: Lab, name: str) -> None:
    """Let the next run learn from these measurements; methods that need ground truth are left out.

    Raises:
        ValueError: the task that is chosen reads no files.
    """
    choices = lab.choices
    if MEASURED not in choices.further:
        raise ValueError(f"{choices.chosen_task.title} reads no files of measurements")
    lab.hands.check_places({MEASURED: name})
    lab.close()
    learning = [one for one in choices.methods if not methods()[one].oracle]
    choices.methods = learning or ["rei"]
    choices.further = {**choices.further, MEASURED: name}


class MyData(pn.viewable.Viewer):
    """A choice of files, what they hold, and buttons that put them into the settings.

    Who only watches is told so: whatever is done here goes through the hands of the lab.

    Args:
        lab: takes them.
        library: has runs whose networks can be put to work on them.
        browser: takes files to the person.
    """

    def __init__(self, lab: Lab, library: Library, browser: Browser) -> None:
        super().__init__()
        self._lab, self._name = lab, ""
        self._library, self._browser = library, browser
        self._place = tool("choice", "my-data", "Below the data root", "inline", 380)
        self._files = pmui.FileInput(
            label="Bring files",
            multiple=True,
            accept=",".join(sorted(readers())),
            max_total_file_size=MOST_UPLOADED,
            css_classes=["reilab-my-files"],
            visible=not lab.hands.tied,
            margin=0,
        )
        self._told, self._trouble = block(), block()
        self._images = small_button("Train on these images", self._use_images, "use images")
        self._measured = small_button("Use as measurements", self._use_measured, "use measured")
        self._networks = pn.Column(visible=False, styles=dict(TALL), **STRETCH)
        self._view = pn.Column(
            pn.Row(heading("My data", align="center"), quiet(WORDS), margin=0, styles=dict(LINE)),
            pn.Row(self._place, self._files, margin=(8, 0), styles=dict(LINE)),
            self._trouble,
            self._told,
            pn.Row(self._images, self._measured, margin=(8, 0), styles=dict(LINE)),
            self._networks,
            css_classes=["reilab-my-data-panel"],
            visible=False,
            margin=(0, 0, 18, 0),
            sizing_mode="stretch_width",
            styles=dict(TALL),
        )
        self._show(None)
        self._place.param.watch(self._look, "value")
        self._files.param.watch(self._keep, "value")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def toggle(self) -> None:
        """Show it, or put it away."""
        self._view.visible = not self._view.visible
        if self._view.visible:
            self._tell(attempt(lambda: self._lab.hands.do(self._offer)))

    def _offer(self) -> None:
        options = [["", "choose …"], *([name, name] for name in places())]
        put(self._place, options=options, visible=len(options) > 1)

    def _look(self, event: Any) -> None:
        name = str(event.new)
        if name and name != self._name:
            self._tell(attempt(lambda: self._lab.hands.do(self._find, name)))

    def _find(self, name: str) -> None:
        if name not in places():
            raise ValueError(f"there is no {name!r} below the data root")
        self._lab.hands.check_places({"data": name})
        self._name = name
        self._show(None)
        beside(partial(findings, data_root() / name), partial(self._answer, name))

    def _answer(self, name: str, done: Future[Findings]) -> None:
        trouble = done.exception()
        if name == self._name:
            self._show(None if trouble else done.result())
            self._tell(str(trouble or ""))

    def _show(self, found: Findings | None) -> None:
        set_html(self._told, findings_html(self._name, found) if found else "")
        self._images.visible = found is not None and found.n_images > 1
        self._measured.visible = found is not None and not found.n_images
        self._networks.visible = found is not None
        if found is not None:
            self._at_work.offer(self._name, EVALUATE if found.n_images else RECONSTRUCT)
            # Made when there are files to put them to work on.
            self._networks.objects = [self._at_work]

    @cached_property
    def _at_work(self) -> AtWork:
        return AtWork(self._library, self._lab, self._browser)

    def _keep(self, event: Any) -> None:
        if event.new:
            names, contents = self._files.filename, event.new
            files = dict(zip(names, contents, strict=True))
            self._tell(attempt(lambda: self._lab.hands.do(self._bring, files)))

    def _bring(self, files: dict[str, bytes]) -> None:
        name = keep_uploaded(files, data_root())
        self._offer()
        self._place.value = name

    def _use_images(self) -> None:
        self._tell(attempt(lambda: self._lab.hands.do(use_images, self._lab, self._name)))

    def _use_measured(self) -> None:
        self._tell(attempt(lambda: self._lab.hands.do(use_measurements, self._lab, self._name)))

    def _tell(self, trouble: str) -> None:
        set_html(self._trouble, notice_html([trouble] if trouble else []))


def _at_home(task: str, channels: int) -> bool:
    usual = vars(tasks()[task].spec()).get("data", "")
    return usual in BUNDLED and BUNDLED[usual].channels == channels
