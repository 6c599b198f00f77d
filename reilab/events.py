"""What a run says, and what can be said to it: frozen values, free of torch.

Training yields events. Steering is a value too: a ``Command`` takes effect between two of them, and
is answered with ``Steered`` or ``Refused``. A ``Control`` is for the loop that pulls the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Images(Protocol):
    """Preview images (n, H, W, C), C = 1 or 3, values about [0, 1]: an array, or on disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.floating]:
        """One image (H, W, C)."""

    def __array__(self) -> NDArray[np.floating]: ...


#: Addressed to every method of a comparison.
EVERY = "*"


@dataclass(frozen=True)
class Metrics:
    """Of one image, or means over several: PSNR in dB (peak 1), SSIM, NMSE.

    The last two are the PSNR of what A sees of the error, and of what it does not; ``None`` where
    that is not known, and in logs of older versions.
    """

    psnr: float
    ssim: float
    nmse: float
    psnr_range: float | None = None
    psnr_null: float | None = None


@dataclass(frozen=True)
class SetWeight:
    """Set the weight of one loss term, by the name it has in ``Stepped.losses``."""

    term: str
    value: float
    method: str = EVERY


@dataclass(frozen=True)
class SetLearningRate:
    """Set the base learning rate (the schedule's decay still applies)."""

    value: float
    method: str = EVERY


@dataclass(frozen=True)
class SetAssumedNoise:
    """Set the noise level that the losses believe in; the data keeps its true one."""

    value: float
    method: str = EVERY


Command = SetWeight | SetLearningRate | SetAssumedNoise


@dataclass(frozen=True)
class Pause:
    """Stop pulling events until ``Continue`` or ``Stop``."""


@dataclass(frozen=True)
class Continue:
    """Go on after ``Pause``."""


@dataclass(frozen=True)
class Step:
    """While paused: let each method go on until all have taken the next step, and show them."""


@dataclass(frozen=True)
class Stop:
    """Leave the loop; the run can be resumed."""


Control = Pause | Continue | Step | Stop


@dataclass(frozen=True)
class Posed:
    """The problem is built: what every method of this run will look at.

    ``pinv``, ``truth``, ``measurement`` and ``pinv_per_image`` are of the previewed test images,
    ``pinv_metrics`` are means over all of them. ``measurement`` is a picture of y in [0, 1], of its
    own height and width. Logs of older versions have neither it nor metrics per image. ``at_once``
    says how many of the ``methods`` train at the same time. ``baselines`` are means like those of
    A†, of reconstructions without a network.
    """

    task: str
    preset: str
    noise: float
    noise_unit: str
    device: str
    n_train: int
    n_test: int
    pinv: Images
    truth: Images | None
    pinv_metrics: Metrics | None
    value_range: tuple[float, float] = (0.0, 1.0)
    pinv_per_image: tuple[Metrics, ...] | None = None
    measurement: Images | None = None
    measurement_title: str = ""
    at_once: int = 1
    methods: tuple[str, ...] = ()
    baselines: Mapping[str, Metrics] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """A method starts (step 0) or goes on from a checkpoint (step > 0); what runs its network."""

    method: str
    step: int
    n_steps: int
    n_parameters: int
    oracle: bool
    weights: Mapping[str, float]
    learning_rate: float
    assumed_noise: float
    measurements: str
    engine: str = "eager"


@dataclass(frozen=True, slots=True)
class Stepped:
    """Means over the steps since the last ``Stepped``; ``losses`` are unweighted, by term.

    ``risk`` is what SURE estimates: mean (A x̂ − A x)² over measured entries; ``None`` without x, or
    where it goes beyond float32. ``learned`` is what a method that learns the noise believes of it,
    by setting.
    """

    method: str
    step: int
    losses: Mapping[str, float]
    total: float
    learning_rate: float
    seconds: float
    risk: float | None = None
    learned: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ticked:
    """A step whose losses a later ``Stepped`` will tell: a moment to steer or stop, not kept."""

    method: str
    step: int


@dataclass(frozen=True)
class Evaluated:
    """The network in evaluation mode on the test images; no metrics without ground truth.

    ``metrics`` are means over all of them; ``images`` and ``per_image`` are of the previewed ones.
    """

    method: str
    step: int
    metrics: Metrics | None
    images: Images
    per_image: tuple[Metrics, ...] | None = None


@dataclass(frozen=True)
class Steered:
    """A command took effect before the step after ``step``."""

    method: str
    step: int
    command: Command


@dataclass(frozen=True)
class Refused:
    """A command that could not be obeyed, and why; the run goes on as before."""

    method: str
    step: int
    command: Command
    message: str


@dataclass(frozen=True)
class Checkpointed:
    """The method's state at ``step`` is on disk."""

    method: str
    step: int
    file: str


@dataclass(frozen=True)
class Finished:
    """The method has taken all its steps, and ends with the network that it had at ``ends_with``.

    Another than the last one where there was early stopping; logs of older versions do not say it.
    """

    method: str
    step: int
    ends_with: int | None = None


@dataclass(frozen=True)
class Failed:
    """The run broke off: a loss term that is not finite, or an error with its message."""

    method: str
    step: int
    message: str
    term: str = ""
    value: float = field(default=float("nan"))


@dataclass(frozen=True)
class Paused:
    """The loop stopped pulling."""


@dataclass(frozen=True)
class Continued:
    """The loop pulls again."""


@dataclass(frozen=True)
class Stopped:
    """The loop was asked to stop before the end; the run can be resumed."""


@dataclass(frozen=True)
class Unread:
    """A line of a log that its reader passes over, and why; nothing says or writes it.

    It is damaged, or of a ``newer`` version: of a kind, or with a value, that is not known here.
    """

    line: int
    reason: str
    newer: bool = False


Event = (
    Posed
    | Started
    | Stepped
    | Ticked
    | Evaluated
    | Steered
    | Refused
    | Checkpointed
    | Finished
    | Failed
    | Paused
    | Continued
    | Stopped
    | Unread
)
