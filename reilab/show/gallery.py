"""Gallery: pictures of results in a report, and the templates of its HTML."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reilab.show.panes import Pixels, to_colours, to_png
from reilab.show.scene import Scene, Shot


def templates(folder: Path) -> Environment:
    """The templates of a folder, which may use those of this one; they escape what they get."""
    loader = FileSystemLoader([folder, Path(__file__).parent])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class Shown:
    """A picture with its caption; ``source`` is a data URI."""

    name: str
    told: str
    source: str


@dataclass(frozen=True)
class Sample:
    """All that is shown of one test image; ``None`` where a pane has no error map."""

    number: int
    images: list[Shown]
    errors: list[Shown | None]


def sample_of(scene: Scene) -> Sample:
    """All panes of a scene; its error maps share one scale."""
    images = [Shown(shot.title, shot.caption, _uri(scene.pixels(shot))) for shot in scene.panes]
    errors = [_error(scene, shot) for shot in scene.panes] if scene.errors else []
    return Sample(scene.sample + 1, images, errors)


def _error(scene: Scene, shot: Shot) -> Shown | None:
    error = scene.errors.get(shot.key)
    if error is None:
        return None
    return Shown(shot.title, f"0 to {scene.end:g}", _uri(to_colours(error, scene.end)))


def _uri(pixels: Pixels) -> str:
    return f"data:image/png;base64,{base64.b64encode(to_png(pixels)).decode()}"
