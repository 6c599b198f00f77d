"""TrainConfig: every number of a training run that is not part of the problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from reilab.settings import Setting

#: Networks change fastest at first: after so many steps they are evaluated, whatever is asked for.
EARLY = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class TrainConfig:
    """How a method is trained; a preset fills it in, the command line and the lab change it."""

    steps: Annotated[
        int, Setting("Optimiser steps of each method.", unit="steps", low=1, high=1e9)
    ] = 1000
    batch: Annotated[int, Setting("Images per step.", unit="images", low=1)] = 2
    learning_rate: Annotated[
        float,
        Setting("Learning rate of Adam.", positive=True, high=10.0, slider=(1e-5, 1e-2), log=True),
    ] = 5e-4
    milestones: Annotated[
        tuple[int, ...], Setting("Steps at which the learning rate drops to a tenth.")
    ] = ()
    weight_decay: Annotated[float, Setting("Weight decay of Adam.", low=0.0, high=1e9)] = 1e-8
    measurements: Annotated[
        str,
        Setting(
            "New noise at each step, as in the paper, or one measurement per image for good.",
            choices=("online", "fixed"),
        ),
    ] = "online"
    precision: Annotated[
        str,
        Setting(
            "Number format inside the network; operators and SURE stay in float32. On GPUs the "
            "convolutions of float32 may round their factors to TF32, as is the default of torch. "
            "auto: bfloat16 on a CPU that has its instructions (AVX-512 BF16, AMX), else float32.",
            choices=("float32", "bfloat16", "auto"),
        ),
    ] = "float32"
    engine: Annotated[
        str,
        Setting(
            "Layers of torch (eager); Winograd convolutions on a CPU with a C++ compiler, 1.3 to "
            "1.8 times as fast (winograd; auto: where they work); or compiled by torch, after a "
            "minute of waiting.",
            choices=("auto", "eager", "winograd", "compiled"),
        ),
    ] = "auto"
    log_every: Annotated[int, Setting("Steps between loss values.", unit="steps", low=1)] = 10
    evaluate_every: Annotated[
        int,
        Setting(
            "Steps between evaluations, a multiple of log_every; before the first there is one "
            "after 1, 2, 4, 8, 16 and 32 steps.",
            unit="steps",
            low=1,
        ),
    ] = 100
    exam: Annotated[
        str,
        Setting(
            "Images to evaluate on: those of the test, or others to choose settings by.",
            choices=("test", "validation"),
        ),
    ] = "test"
    ends_with: Annotated[
        str,
        Setting(
            "The network with which supervised training ends: the last, or the best of those that "
            "were evaluated, by PSNR on the validation images (early stopping).",
            choices=("last", "best"),
        ),
    ] = "last"
    baselines: Annotated[
        str,
        Setting(
            "Reconstructions without a network in the table: none, or total variation and, in CT, "
            "SIRT, in MRI sparse wavelets, each with the number that is best on the validation "
            "images.",
            choices=("none", "classical"),
        ),
    ] = "none"
    previews: Annotated[int, Setting("Test images kept as previews.", unit="images", low=1)] = 4
    kept_states: Annotated[
        int, Setting("States of its past that a method keeps on disk, to fork from.", low=0)
    ] = 8
    seed: Annotated[int, Setting("Seed of all random streams of the run.", low=0)] = 0

    def __post_init__(self) -> None:
        # Losses and marks are read side by side.
        if self.evaluate_every % self.log_every:
            raise ValueError(
                f"evaluate_every = {self.evaluate_every} must be a multiple of "
                f"log_every = {self.log_every}"
            )
        if self.engine == "winograd" and self.precision != "float32":
            raise ValueError(
                f"engine = winograd computes in float32, precision is {self.precision}; "
                "choose precision = float32 or engine = auto"
            )

    def is_evaluated(self, step: int) -> bool:
        """Whether the network is evaluated after ``step`` steps, the last one aside."""
        return step % self.evaluate_every == 0 or (step in EARLY and step < self.evaluate_every)

    def learning_rate_at(self, step: int, base: float) -> float:
        """The learning rate at ``step`` when its undecayed value is ``base``."""
        passed = sum(step >= milestone for milestone in self.milestones)
        return float(base * 0.1**passed)
