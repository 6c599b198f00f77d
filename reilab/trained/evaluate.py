"""Evaluate trained networks on the test measurements of a task, at one or several noise levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from reilab.key import Key
from reilab.plain import to_json
from reilab.problem import Problem
from reilab.record.folder import replace_text
from reilab.show.results import BASELINE
from reilab.trained.assess import Assessment, assess
from reilab.trained.cases import save_cases
from reilab.trained.checkpoints import Checkpoint, distinct, load_trained
from reilab.trained.tables import per_image_csv, summary
from reilab.training.config import TrainConfig
from reilab.training.evaluate import prepare_exam
from reilab.training.state import reconstruction


@dataclass(frozen=True, eq=False)
class LevelMarks:
    """All that was assessed on the same measurements; A†y comes first."""

    each: tuple[Assessment, ...]
    truth: Tensor | None


def evaluate(
    checkpoints: Sequence[Checkpoint], problem: Problem, levels: Sequence[float], seed: int
) -> Iterator[LevelMarks]:
    """A†y and each network, for one noise level after the other.

    Args:
        checkpoints: of networks that fit the problem; all are read before anything is assessed.
        problem: with the test measurements, or images to simulate them from.
        levels: noise levels; measurements that were acquired have one alone, which SURE believes.
        seed: of the test noise, as in ``TrainConfig``.

    Raises:
        ValueError: a checkpoint that does not fit; several levels for acquired measurements.
    """
    if not problem.test.has_truth and len(levels) > 1:
        raise ValueError("measurements that were acquired have the noise they have: one --noise")
    networks = {one.name: load_trained(one, problem) for one in distinct(checkpoints)}
    return _evaluate(networks, problem, levels, seed)


def _evaluate(
    networks: dict[str, nn.Module], problem: Problem, levels: Sequence[float], seed: int
) -> Iterator[LevelMarks]:
    for level in levels:
        posed = replace(problem, noise=problem.noise.at(level))
        exam = prepare_exam(posed, TrainConfig(seed=seed))
        fs = {BASELINE: posed.physics.pinv} | {
            name: reconstruction(network, posed.physics) for name, network in networks.items()
        }
        key = Key(seed) / "assess"
        each = tuple(assess(name, f, posed, exam, key) for name, f in fs.items())
        yield LevelMarks(each, exam.truth)


def save_evaluation(levels: Sequence[LevelMarks], asked: dict[str, Any], out: Path) -> list[Path]:
    """Write ``per_image.csv``, ``evaluation.json`` and a picture of cases for each network.

    Args:
        levels: what was found.
        asked: what was asked for, kept in the JSON.
        out: an existing folder.
    """
    each = [one for level in levels for one in level.each]
    replace_text(out / "per_image.csv", per_image_csv(each))
    found = to_json({**asked, "results": summary(each)}, indent=1)
    replace_text(out / "evaluation.json", found + "\n")
    pictures = []
    for level in levels:
        start, *networks = level.each
        for network in networks:
            name = network.method.replace("/", "-")
            path = out / f"cases-{name}-{network.noise:g}.png"
            save_cases(start, network, level.truth, path)
            pictures.append(path)
    return [out / "per_image.csv", out / "evaluation.json", *pictures]
