"""Tour: four scenes that set the controls and say what to watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import param

from reilab.lab.model import Lab

#: How many times the true noise the losses are made to believe in.
WRONG_BELIEF = 4.0


@dataclass(frozen=True)
class TourStop:
    """One scene: what it sets, why, and what to watch.

    ``noise`` is the true level, that of the preset if left out; ``belief`` multiplies it;
    ``further`` are settings of the task.
    """

    title: str
    story: str
    watch: str
    methods: tuple[str, ...]
    task: str = "mri"
    noise: float | None = None
    belief: float = 1.0
    further: Mapping[str, Any] = field(default_factory=dict)


STOPS = (
    TourStop(
        "Noise breaks EI",
        "Equivariant Imaging asks that A x̂ fits the measurements. These are noisy, so it "
        "learns to fit the noise as well.",
        "The stripes of the missing columns go from EI's image, because equivariance teaches what "
        "was not measured, but it stays as grainy as A†y. Supervised training, which sees the "
        "ground truth, leaves it far behind.",
        ("supervised", "ei"),
    ),
    TourStop(
        "REI repairs it",
        "Robust Equivariant Imaging replaces the fit by SURE, which takes the noise off its count, "
        "and makes its virtual measurements noisy too. It sees no more data than EI does.",
        "REI's image is smooth where EI's is grainy, and its PSNR comes close to supervised. Swipe "
        "between the two.",
        ("supervised", "ei", "rei"),
    ),
    TourStop(
        "A wrong σ",
        "SURE must know how strong the noise is. Here the losses believe in four times the true "
        "noise.",
        "The curve of SURE parts from the true risk, and the image gets too smooth. Tick “Assume "
        "the true noise” while it trains: the curves come together again.",
        ("rei",),
        belief=WRONG_BELIEF,
    ),
    TourStop(
        "A wrong group",
        "Equivariance teaches something only if A itself lacks the symmetry. Shifting an image "
        "only changes the phase of its k-space, so A sees the same after any shift.",
        "REI removes noise, but most of the stripes of the missing columns stay, and its PSNR in "
        "the null space hardly rises: what A does not see is not learnt. Set the group back to "
        "rotations and train again.",
        ("supervised", "rei"),
        noise=0.05,
        further={"group": "shifts"},
    ),
)


class Tour(param.Parameterized):
    """Where somebody is on the tour."""

    place = param.Integer(default=-1, bounds=(-1, len(STOPS) - 1), doc="-1 is not on tour.")

    @property
    def stop(self) -> TourStop | None:
        """The scene that is shown."""
        return STOPS[self.place] if self.place >= 0 else None

    def move(self, by: int) -> None:
        """Go on or back; past either end the tour is over."""
        place = self.place + by
        self.place = place if 0 <= place < len(STOPS) else -1

    def set_up(self, lab: Lab) -> None:
        """Set the controls as the scene has it.

        Raises:
            RuntimeError: a run is going, whose settings would be overwritten.
            ValueError: the task does not have what the scene needs.
        """
        stop = self.stop
        if stop is None:
            return
        if lab.live:
            raise RuntimeError("A run is going: stop it first, then set the scene up.")
        choices = lab.choices
        choices.task, choices.preset = stop.task, "smoke"
        choices.preset = "quick"
        unknown = stop.further.keys() - choices.further.keys()
        if unknown:
            raise ValueError(f"this task has no setting {', '.join(sorted(unknown))}")
        choices.methods = list(stop.methods)
        choices.further = {**choices.further, **stop.further}
        if stop.noise is not None:
            choices.noise = stop.noise
        if stop.belief != 1:
            choices.same_noise = False
            choices.assumed_noise = stop.belief * choices.noise
