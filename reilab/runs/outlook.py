"""Outlook: what there is to see of a problem before anything is trained, in moments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from reilab.datasets.samples import InMemory
from reilab.events import Posed
from reilab.identifiability import news_of_images
from reilab.key import Key
from reilab.problem import Problem
from reilab.runs.config import RunConfig, build
from reilab.runs.stream import prepare_problem
from reilab.training.evaluate import previewed

#: So many transforms of the group are tried.
N_TRANSFORMS = 4


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a configuration will learn from.

    Args:
        posed: ground truth, measurement and A†y of one test image.
        news: what the group can teach: the share (of the energy, 0 to 1) of what A loses of the
            image that it sees when it is moved by one element; ``None`` without ground truth, or
            where what A sees is not known.
    """

    posed: Posed
    news: float | None


def outlook(config: RunConfig, sample: int = 0) -> Outlook:
    """Measure a test image, on the CPU, as a run would; nothing is prepared to be trained on.

    Args:
        config: what to run.
        sample: which of the test images that the run would show, from 0.

    Raises:
        ValueError: data and configuration do not fit.
        FileNotFoundError: missing data.
    """
    training = replace(config.training, exam="test", ends_with="last", measurements="online")
    config = replace(config, training=training, device="cpu")
    problem = with_one_image(build(config), sample, training.previews)
    posed = prepare_problem(config, problem).posed()
    return Outlook(posed, news_of_group(problem, Key(config.training.seed)))


def with_one_image(problem: Problem, sample: int, previews: int) -> Problem:
    """The problem with one test image alone, of those that a run shows."""
    shown = previewed(len(problem.test), previews)
    one = problem.test.batch(torch.tensor([shown[min(sample, len(shown) - 1)]]))
    return replace(problem, test=InMemory(one.x, one.y, one.start, one.places))


@torch.no_grad()
def news_of_group(problem: Problem, key: Key) -> float | None:
    """``Outlook.news``, by a few elements of the group that are drawn at ``key / "outlook"``."""
    one = problem.test.batch(torch.tensor([0]))
    problem = problem.having(one.places)
    if one.x is None or problem.split(one.x) is None:
        return None
    g = problem.group.sample(N_TRANSFORMS, (key / "outlook").generator())
    return float(news_of_images(problem.split, problem.group, g, one.x).mean())
