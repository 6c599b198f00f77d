"""Runs made up for the tests of the lab: written at once, without any training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from reilab.events import (
    Evaluated,
    Finished,
    Metrics,
    Posed,
    SetWeight,
    Started,
    Steered,
    Stepped,
)
from reilab.record.folder import RunFolder
from reilab.runs.config import configure
from reilab.tasks.registry import find_task

TERMS = {
    "supervised": {"supervised": 1.0},
    "ei": {"mc": 1.0, "eq": 10.0},
    "rei": {"sure": 1.0, "req": 1.0},
}
SIDE, N_IMAGES, N_STEPS, EVERY = 16, 3, 40, 10


def write_run(
    root: Path,
    name: str,
    methods: tuple[str, ...] = ("supervised", "ei", "rei"),
    *,
    task: str = "mri",
    noise: float | None = None,
    assumed_noise: float | None = None,
    seed: int = 0,
    finished: bool = True,
    known: bool = True,
) -> RunFolder:
    """A run of ``N_STEPS`` steps, logged every five and evaluated every ten.

    Nobody knows its ground truth unless it is ``known``.
    """
    level = find_task(task).level_name({})
    config = configure(
        task,
        "smoke",
        methods,
        settings={} if noise is None else {level: noise},
        training={"seed": seed},
        assumed_noise=assumed_noise,
    )
    folder = RunFolder.create(root / name, config.to_yaml())
    rng = np.random.default_rng(0)
    channels = 3 if task == "inpainting" else 1
    truth = rng.random((N_IMAGES, SIDE, SIDE, channels)).astype(np.float32)
    posed = replace(
        _posed(task, truth), noise=noise or 0.1, pinv=truth + 0.3 + (noise or 0.0) * (truth - 0.5)
    )
    unjudged = {"truth": None, "pinv_metrics": None, "pinv_per_image": None}
    folder.record(posed if known else replace(posed, **unjudged))  # type: ignore[arg-type]
    for method in methods:
        folder.record(_started(method, assumed_noise or noise or 0.1))
    last = N_STEPS if finished else N_STEPS // 2
    for method in methods:
        for step in range(0, last + 1, 5):
            if step:
                losses = dict.fromkeys(TERMS[method], 1.0 / step)
                risk = 1.1 / step if "sure" in losses and known else None
                folder.record(Stepped(method, step, losses, 2.0 / step, 1e-3, 0.5, risk))
            if step % EVERY == 0:
                found = _evaluated(method, step, truth)
                folder.record(found if known else replace(found, metrics=None, per_image=None))
    if "rei" in methods:
        folder.record(Steered("rei", 20, SetWeight("req", 3.0)))
    if finished:
        for method in methods:
            folder.record(Finished(method, N_STEPS))
    return folder


def _posed(task: str, truth: np.ndarray) -> Posed:
    each = tuple(Metrics(10.0 + index, 0.3, 0.2) for index in range(N_IMAGES))
    return Posed(
        task=task,
        preset="smoke",
        noise=0.1,
        noise_unit="",
        device="cpu",
        n_train=4,
        n_test=N_IMAGES,
        pinv=truth + 0.3,
        truth=truth,
        pinv_metrics=Metrics(11.0, 0.3, 0.2, 14.0, 14.5),
        pinv_per_image=each,
        measurement=np.full((N_IMAGES, SIDE, SIDE // 2, 1), 0.5, np.float32),
        measurement_title="Half of it",
    )


def _started(method: str, assumed_noise: float) -> Started:
    return Started(
        method=method,
        step=0,
        n_steps=N_STEPS,
        n_parameters=1234,
        oracle=method == "supervised",
        weights=TERMS[method],
        learning_rate=1e-3,
        assumed_noise=assumed_noise,
        measurements="online",
    )


def _evaluated(method: str, step: int, truth: np.ndarray) -> Evaluated:
    level = 12.0 + step / 10 + list(TERMS).index(method)
    each = tuple(Metrics(level + index, 0.5, 0.1) for index in range(N_IMAGES))
    error = 0.2 / (1 + step)
    return Evaluated(
        method, step, Metrics(level, 0.5, 0.1, level + 3.0, level + 3.5), truth + error, each
    )
