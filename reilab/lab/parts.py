"""Parts of images, computed beside the page when somebody asks to see them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import lru_cache

import torch

from reilab.lab.beside import thread
from reilab.lab.hands import Hands
from reilab.lab.view import View
from reilab.problem import Problem
from reilab.runs.config import RunConfig
from reilab.show.parts import IMAGE, SPECTRUM, spectrum_of, split_of
from reilab.show.scene import Scene
from reilab.tasks.registry import Spec
from reilab.training.config import TrainConfig
from reilab.training.evaluate import previewed

COMPUTING = "What A sees is being computed …"


class Parts:
    """The part of each image that is asked for; ``of`` never waits for it.

    Args:
        view: says which part.
        config: of the run that is shown; ``None`` if it cannot be read.
        hands: what may be read for it.
    """

    def __init__(self, view: View, config: Callable[[], RunConfig | None], hands: Hands) -> None:
        self._look, self._config, self._hands = view, config, hands
        self._key: tuple[object, ...] = ()
        self._shown: Scene | None = None
        self._future: Future[Scene] | None = None

    def of(self, scene: Scene) -> Scene:
        """What to show of a scene now: the newest answer, or the images until there is one."""
        part, config = self._look.part, self._config()
        if part == IMAGE or config is None:
            self._key, self._shown = (), None
            return scene
        asked = (scene.run, part, scene.sample)
        if asked != self._key[:3]:
            self._shown = None
        key = (*asked, *((shot.key, shot.step) for shot in scene.shots))
        if key != self._key and self._future is None:
            self._key = key
            self._future = thread("outlook").submit(self._split, config, scene, part)
        return self._shown or replace(scene, note=COMPUTING)

    def poll(self) -> bool:
        """Whether there is an answer that was not there before."""
        if self._future is None or not self._future.done():
            return False
        self._shown, self._future = self._future.result(), None
        return True

    def _split(self, config: RunConfig, scene: Scene, part: str) -> Scene:
        try:
            self._hands.check_places(vars(config.spec))
            if part == SPECTRUM:
                return spectrum_of(scene)
            problem = _problem(config.spec)  # type: ignore[arg-type]
            return split_of(scene, part, of_sample(problem, scene.sample, config.training))
        except (ValueError, OSError) as error:
            # Images that cannot be split are still to be seen.
            return replace(scene, note=str(error))


@lru_cache(maxsize=4)
def _problem(spec: Spec) -> Problem:
    """What is asked for; its data are read once, and more of them would fill the memory."""
    return spec.build("cpu")


def of_sample(problem: Problem, sample: int, training: TrainConfig) -> Problem:
    """The problem of one of the images that a run shows, which may have a mask of its own."""
    if problem.masks is None:
        return problem
    samples = getattr(problem, training.exam)
    place = previewed(len(samples), training.previews)[sample]
    return problem.having(samples.batch(torch.tensor([place])).places)
