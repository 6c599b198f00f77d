"""Reel: the moments of a run as pictures inside one page, to be scrubbed and swiped from disk."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from reilab.methods.registry import methods
from reilab.record.history import History
from reilab.show.panes import MEASUREMENT, PINV, Pixels, to_colours
from reilab.show.scene import Scene, Shot, n_images, scene_of

#: Numbers in all pictures of a reel: about as many bytes, and never many megabytes.
BUDGET = 2_500_000
#: A strip of pictures is no longer than that; WebP ends soon after.
LONGEST = 16_000
QUALITY = 88
SCRIPT = (Path(__file__).parent / "reel.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class ReelPane:
    """The same pane at all moments.

    Args:
        key: of the pane.
        title: its name.
        colour: of its method.
        source: its pictures below each other, as a data URI.
        told: what is said of each; a single one stays as it is.
        errors: its error maps in the same way, empty where there are none.
    """

    key: str
    title: str
    colour: str
    source: str
    told: tuple[str, ...]
    errors: str


@dataclass(frozen=True)
class Reel:
    """A test image at some moments; ``left`` and ``right`` are what the swipe shows first.

    All error maps have the scale of the last moment, which ends at ``end``; 0 where there are none.
    """

    number: int
    aspect: float
    steps: tuple[int, ...]
    panes: tuple[ReelPane, ...]
    left: str
    right: str
    end: float


def reels(history: History) -> list[Reel]:
    """As many test images as there is room for, at as many moments; none before there are two."""
    first = scene_of("", history, 0)
    if first is None or not first.shots or len(history.moments) < 2:
        return []
    height, *_ = first.shots[0].image.shape
    one = int(np.prod(first.shots[0].image.shape)) * max(1, len(history.tracks))
    one *= 2 if first.errors else 1
    n = min(len(history.moments), max(2, BUDGET // one), max(2, LONGEST // height))
    places = np.linspace(0, len(history.moments) - 1, n).round().astype(int)
    steps = [history.moments[place] for place in places]
    samples = range(max(1, min(n_images(history), BUDGET // (one * n))))
    return [_reel([_scene(history, sample, step) for step in steps], steps) for sample in samples]


def script_hash() -> str:
    """What a page says of the script, so that its browser runs no other."""
    return base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()


def _scene(history: History, sample: int, step: int) -> Scene:
    scene = scene_of("", history, sample, step)
    assert scene is not None
    return scene


def _reel(scenes: Sequence[Scene], steps: Sequence[int]) -> Reel:
    last = scenes[-1]
    # What is worse is as bright as can be: errors are seen to go.
    scenes = [replace(scene, scale=last.end) for scene in scenes]
    shown = [shot for shot in last.shots if shot.key != MEASUREMENT]
    rivals = [shot.key for shot in shown if shot.judged and not _oracle(shot)]
    height, width = shown[0].image.shape[:2]
    return Reel(
        number=last.sample + 1,
        aspect=width / height,
        steps=tuple(steps),
        panes=tuple(_pane(shot, scenes) for shot in shown),
        left=rivals[0] if len(rivals) > 1 else PINV,
        right=rivals[-1] if rivals else shown[-1].key,
        end=last.end,
    )


def _oracle(shot: Shot) -> bool:
    known = methods()
    return shot.key in known and known[shot.key].oracle


def _pane(shot: Shot, scenes: Sequence[Scene]) -> ReelPane:
    """A method at all moments, as far as they can be read; what no step changes, once."""
    found, error = shot, scenes[-1].errors.get(shot.key)
    pictures, errors, told = [], [], []
    for scene in scenes if shot.judged else scenes[-1:]:
        for one in scene.shots:
            if one.key == shot.key:
                found, error = one, scene.errors.get(one.key)
        pictures.append(scene.pixels(found))
        told.append(found.caption or (f"step {found.step:,}" if shot.judged else ""))
        if error is not None:
            errors.append(to_colours(error, scene.end))
    return ReelPane(
        shot.key, shot.title, shot.colour, _strip(pictures), tuple(told), _strip(errors)
    )


def _strip(pictures: Sequence[Pixels]) -> str:
    if not pictures:
        return ""
    out = io.BytesIO()
    Image.fromarray(np.concatenate(pictures)).save(out, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
