"""Evaluate trained networks image by image, at several noise levels; best and worst as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from reilab.disk import replace_text
from reilab.key import Key
from reilab.methods.base import Reconstruct
from reilab.plain import to_json
from reilab.problem import Problem
from reilab.show.panes import to_pixels
from reilab.show.results import BASELINE
from reilab.trained.assess import Assessment, assess, per_image_csv, summary
from reilab.trained.checkpoints import Checkpoint, distinct, load_trained, origin
from reilab.trained.tally import Tally, Watch, unwatched
from reilab.training.config import TrainConfig
from reilab.training.evaluate import pinv, prepare_exam
from reilab.training.state import Reconstruction

PANE_INCHES = 2.6
DEVIATION = "standard deviation"


def save_cases(start: Assessment, network: Assessment, truth: Tensor | None, path: Path) -> None:
    """Ground truth where known, A†y and the network's image, of its worst and its best case.

    Args:
        start: of A†y.
        network: of the network, on the same measurements.
        truth: what is to be found, (N, C, H, W).
        path: of the PNG file.
    """
    # Loaded here because it takes a second, and nothing else of an evaluation needs it.
    from matplotlib.figure import Figure

    order = network.ranking()
    cases = {"worst": order[0], "best": order[-1]} if len(order) > 1 else {"only": order[0]}
    columns = {} if truth is None else {"ground truth": truth}
    columns |= {one.method: one.images for one in (start, network)}
    if network.bars is not None:
        # All channels together, as bright as can be.
        shown = network.bars.deviation.square().sum(1, keepdim=True).sqrt()
        columns[DEVIATION] = shown / shown.amax((1, 2, 3), keepdim=True)
    size = (PANE_INCHES * len(columns), (PANE_INCHES + 0.5) * len(cases) + 0.3)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    figure.suptitle(f"{network.method}, noise {network.noise:g}")
    axes = figure.subplots(len(cases), len(columns), squeeze=False)
    for row, (case, index) in zip(axes, cases.items(), strict=True):
        for axis, (name, images) in zip(row, columns.items(), strict=True):
            pixels = to_pixels(images[index].permute(1, 2, 0).float().cpu().numpy(), 0, 1)
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=255)
            marked = {start.method: start, network.method: network}.get(name)
            axis.set_title(_told(name, marked, index), fontsize=9)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"{case}: image {index}")
    figure.savefig(path)


def _told(name: str, marked: Assessment | None, index: int) -> str:
    if marked is None:
        return name
    marks, by = marked.marks, marked.criterion
    if by == "psnr":
        return f"{name}\n{marks[by][index]:.2f} dB, SSIM {marks['ssim'][index]:.3f}"
    return f"{name}\n{'SURE' if by == 'sure' else by} {marks[by][index]:.3g}"


@dataclass(frozen=True, eq=False)
class LevelMarks:
    """All that was assessed on the same measurements; A†y comes first."""

    each: tuple[Assessment, ...]
    truth: Tensor | None


def evaluate(
    checkpoints: Sequence[Checkpoint],
    problem: Problem,
    levels: Sequence[float],
    seed: int,
    n_bootstrap: int = 0,
    watch: Watch = unwatched,
) -> Iterator[LevelMarks]:
    """A†y and each network, for one noise level after the other.

    Args:
        checkpoints: of networks that fit the problem; all are read before anything is assessed.
        problem: with the test measurements, or images to simulate them from.
        levels: noise levels; measurements that were acquired have one alone, which SURE believes.
        seed: of the test noise, as in ``TrainConfig``.
        n_bootstrap: draws for error bars; 0 for none.
        watch: is told of every few images.

    Raises:
        ValueError: a checkpoint that does not fit; several levels for acquired measurements.
    """
    if not problem.test.has_truth and len(levels) > 1:
        raise ValueError("measurements that were acquired have the noise they have: one --noise")
    chosen = distinct(checkpoints)
    networks = {one.name: load_trained(one, problem) for one in chosen}
    origins = {one.name: origin(one) for one in chosen}
    n_images = len(levels) * (1 + len(networks)) * len(problem.test)
    tally = Tally(n_images * (1 + n_bootstrap), watch)
    return _evaluate(networks, origins, problem, levels, seed, n_bootstrap, tally)


def _evaluate(
    networks: dict[str, nn.Module],
    origins: dict[str, dict[str, str]],
    problem: Problem,
    levels: Sequence[float],
    seed: int,
    n_bootstrap: int,
    tally: Tally,
) -> Iterator[LevelMarks]:
    for level in levels:
        posed = replace(problem, noise=problem.noise.at(level))
        exam = prepare_exam(posed, TrainConfig(seed=seed))
        fs: dict[str, Reconstruct] = {BASELINE: pinv}
        fs |= {name: Reconstruction(network) for name, network in networks.items()}
        key = Key(seed) / "assess"
        each = tuple(
            replace(
                assess(name, f, posed, exam, key, n_bootstrap, tally),
                origin=origins.get(name, {}),
            )
            for name, f in fs.items()
        )
        yield LevelMarks(each, exam.truth)


def save_evaluation(levels: Sequence[LevelMarks], asked: dict[str, Any], out: Path) -> list[Path]:
    """Write ``per_image.csv``, ``evaluation.json`` and a picture of cases for each network.

    Where there are error bars, also ``deviation-METHOD-LEVEL.npy``, the standard deviations of each
    network's images, float32 (N, C, H, W).

    Args:
        levels: what was found.
        asked: what was asked for, kept in the JSON.
        out: an existing folder.
    """
    each = [one for level in levels for one in level.each]
    replace_text(out / "per_image.csv", per_image_csv(each, asked["task"]))
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
            if network.bars is not None:
                pictures.append(out / f"deviation-{name}-{network.noise:g}.npy")
                np.save(pictures[-1], network.bars.deviation.cpu().numpy())
    return [out / "per_image.csv", out / "evaluation.json", *pictures]
