"""Training for as long as there is time: Urban100 as in the paper's Figure 4, and MRI."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Setup
from benchmarks.measure import synchronize
from reilab.datasets.prepare import Plan, prepare
from reilab.datasets.urban100 import Urban100
from reilab.events import Command, Control, Stop
from reilab.problem import Problem
from reilab.record.history import History
from reilab.runs.config import RunConfig, build, configure
from reilab.runs.drive import drive
from reilab.runs.stream import prepare_problem
from reilab.show.charts import svg_charts
from reilab.show.figures import comparison, small_png
from reilab.training.config import TrainConfig
from reilab.training.state import new_state
from reilab.training.step import take_step

NOTE = """Supervised training, EI and REI in turns, {data}, {device}: {steps} steps of each instead
of the {usual} of the preset `{preset}`, as many as {seconds:.0f} s allow, the learning rate falling
at the same shares of them. A†y has {start}. One seed."""
#: Share of the time that is for steps; the rest is for evaluations, pictures and the start.
FOR_STEPS = 0.7
#: Parts of a run between which losses are told, and between which it is evaluated.
N_LOGGED, N_EVALUATED = 100, 10
#: Seconds before the end when training stops, if it has not ended.
FOR_PICTURES = 3.0
#: Steps by which the speed is measured, and steps where everything is small.
TRIED, N_SMALL = 5, 4


@dataclass(frozen=True)
class Lesson:
    """What is trained, and what is said of its images."""

    name: str
    data: str
    config: RunConfig


def run(setup: Setup) -> None:
    """Each lesson for its share of the time."""
    lessons = []
    if setup.urban100:
        with setup.attempt("Urban100"):
            lessons.append(urban100(setup))
    else:
        setup.tell("\nUrban100 is left out: no folder of it was given (`--urban100`).\n")
    lessons.append(mri(setup))
    began, seconds = time.time(), setup.left()
    for place, lesson in enumerate(lessons, start=1):
        with setup.attempt(f"training, {lesson.name}"):
            learn(setup, lesson, began + seconds * place / len(lessons) - FOR_PICTURES)


def urban100(setup: Setup) -> Lesson:
    """The paper's inpainting at its hardest noise, its images prepared from the given folder."""
    os.environ["REILAB_DATA"] = str(setup.scratch)
    side = 32 if setup.small else 256
    plan = Plan("urban100", "urban100", Urban100(side), Path(setup.urban100), setup.scratch)
    prepare(plan, lambda progress: None)
    settings: dict[str, Any] = {"gamma": 0.1, "size": side}
    if setup.mask:
        settings["mask"] = setup.mask
    if setup.small:
        settings["width"] = 8
    whose = "the authors' mask" if setup.mask else "a random mask, as the authors' was not given"
    data = f"inpainting of Urban100, γ = 0.1, {whose}"
    config = configure("inpainting", "paper", settings=settings, device=setup.device)
    return Lesson("urban100", data, config)


def mri(setup: Setup) -> Lesson:
    """The bundled knee."""
    preset = "smoke" if setup.small else "standard"
    config = configure("mri", preset, device=setup.device)
    return Lesson("mri", f"MRI of the bundled knee, σ = {config.noise:g}", config)


def learn(setup: Setup, lesson: Lesson, until: float) -> None:
    """Train until then; a table, curves and a picture of what came of it."""
    problem = build(lesson.config)
    each = step_seconds(lesson.config, problem)
    seconds = FOR_STEPS * (until - time.time())
    steps = int(seconds / sum(each.values()))
    training = shortened(lesson.config.training, min(steps, N_SMALL) if setup.small else steps)
    config = replace(lesson.config, training=training)
    prepared, history = prepare_problem(config, problem), History()

    def inbox() -> list[Command | Control]:
        return [] if time.time() < until else [Stop()]

    drive(prepared.run(), history.add, inbox=inbox)
    tell(setup, lesson, history, training, seconds)
    if any(track.evaluated for track in history.tracks.values()):
        draw(setup, lesson, history)


def step_seconds(config: RunConfig, problem: Problem) -> dict[str, float]:
    """Seconds of a step of each method, by trying."""
    found = {}
    for name, method in zip(config.methods, config.objectives, strict=True):
        state = new_state(method, problem, config.training)
        state.network.train()
        # The first ones wait for libraries.
        for count in (1, TRIED):
            synchronize()
            began = time.perf_counter()
            for _ in range(count):
                take_step(state, problem, config.training)
            synchronize()
        found[name] = (time.perf_counter() - began) / TRIED
    return found


def shortened(training: TrainConfig, steps: int) -> TrainConfig:
    """The same in fewer steps: milestones at the same shares of the whole."""
    few = max(1, min(steps, training.steps))
    every = max(1, few // N_LOGGED)
    return replace(
        training,
        steps=few,
        milestones=tuple(round(m * few / training.steps) for m in training.milestones),
        log_every=every,
        evaluate_every=every * max(1, few // (N_EVALUATED * every)),
    )


def tell(
    setup: Setup, lesson: Lesson, history: History, training: TrainConfig, seconds: float
) -> None:
    """What each method reached."""
    start = history.posed.pinv_metrics if history.posed else None
    note = NOTE.format(
        data=lesson.data,
        device=setup.device,
        steps=training.steps,
        usual=lesson.config.training.steps,
        preset=lesson.config.preset,
        seconds=seconds,
        start="no known error" if start is None else f"{start.psnr:.2f} dB",
    )
    columns = ["method", "steps", "ms per step", "PSNR [dB]", "SSIM", "ended"]
    setup.begin(lesson.name, note, columns)
    for method, track in history.tracks.items():
        marks = track.metrics
        ending = "finished" if track.finished else "stopped"
        if track.failed:
            ending = "failed"
            setup.fail(f"{lesson.name}, {method}", track.failed.message)
        shown = ("", "") if marks is None else (f"{marks.psnr:.2f}", f"{marks.ssim:.3f}")
        pace = 1000 * track.seconds / max(1, track.step)
        setup.row([method, str(track.step), f"{pace:.1f}", *shown, ending])


def draw(setup: Setup, lesson: Lesson, history: History) -> None:
    """PSNR over steps, and the first test image with its errors."""
    images: Mapping[str, bytes] = {
        f"{lesson.name}-psnr.svg": svg_charts(history)[0].encode(),
        f"{lesson.name}.png": small_png(comparison(history)),
    }
    for name, content in images.items():
        (setup.out / name).write_bytes(content)
        setup.tell(f"\n![{lesson.name}]({name})")
