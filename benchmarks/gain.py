"""What groups teach beside what is foretold of them: ``python -m benchmarks.gain``

A row for each task and group: the news that ``inspect`` finds, and the same of the validation
images; then PSNR of the null space of these, of A†y and after ``--steps`` steps of EI with that
group, in the preset ``quick`` at the lowest noise that it has. What the network finds in the null
space without any group, by MC, stands in front.
"""

from __future__ import annotations

import torch
import tyro

from reilab.groups import GROUPS
from reilab.identifiability import N_ELEMENTS, inspect, news_of_images
from reilab.key import Key
from reilab.problem import Problem
from reilab.record.history import history_of
from reilab.runs.config import configure
from reilab.runs.stream import Prepared, prepare
from reilab.tasks.registry import find_task

HEADS = ("task", "method", "group", "news", "of images", "A†y null [dB]", "null [dB]", "gain [dB]")


def main(
    steps: int = 250,
    seed: int = 0,
    tasks: tuple[str, ...] = ("inpainting", "mri", "ct"),
    groups: tuple[str, ...] = tuple(GROUPS),
) -> None:
    """Print the table, each row as soon as it is there."""
    print(*HEADS, sep=" | ")
    for task in tasks:
        alone = prepared(task, "mc", {}, steps, seed)
        print(task, "mc", "", "", "", *learned(alone, "mc"), sep=" | ", flush=True)
        for group in groups:
            one = prepared(task, "ei", {"group": group}, steps, seed)
            news = foretold(one.problem, one.exam.x, Key(seed) / "inspect")
            print(task, "ei", group, *news, *learned(one, "ei"), sep=" | ", flush=True)


def prepared(name: str, method: str, settings: dict[str, str], steps: int, seed: int) -> Prepared:
    """A run of ``quick``, judged on validation images at its end."""
    task = find_task(name)
    own = {**settings, task.noise: min(task.presets["quick"].levels)}
    training = {"steps": steps, "evaluate_every": steps, "exam": "validation", "seed": seed}
    return prepare(configure(name, "quick", [method], settings=own, training=training))


def foretold(problem: Problem, images: torch.Tensor | None, key: Key) -> list[str]:
    """News of all images, and of these."""
    assert images is not None
    g = torch.unique(problem.group.sample(N_ELEMENTS, (key / "group").generator()), dim=0)
    of_images = float(news_of_images(problem.split, problem.group, g, images).mean())
    news = inspect(problem.physics, problem.group, key).news
    return [f"{news:.3f}", f"{of_images:.3f}"]


def learned(one: Prepared, method: str) -> list[str]:
    """PSNR of the null space before and after, and what was gained, in dB."""
    history = history_of(one.run())
    assert history.posed is not None
    each = (history.posed.pinv_metrics, history.tracks[method].metrics)
    before, after = (found.psnr_null if found and found.psnr_null else 0.0 for found in each)
    return [f"{before:.2f}", f"{after:.2f}", f"{after - before:+.2f}"]


if __name__ == "__main__":
    tyro.cli(main)
