"""Table: rows and columns of every table of a run, on screens, in reports and in files."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.events import Metrics

#: What a cell shows where there is no number.
NOTHING = "–"


@dataclass(frozen=True)
class Result:
    """One line of the table of results; ``None`` where there is nothing to say.

    Args:
        method: its name, or ``A†y`` for the network's input.
        step: of the evaluation.
        metrics: means over the test images.
        gain: PSNR above that of A†y, in dB.
        gap: PSNR below that of the method that is trained on the ground truth, in dB.
        seconds: of training, without evaluation.
        steps_per_second: of training.
        parameters: weights of the network.
    """

    method: str
    step: int | None = None
    metrics: Metrics | None = None
    gain: float | None = None
    gap: float | None = None
    seconds: float | None = None
    steps_per_second: float | None = None
    parameters: int | None = None


@dataclass(frozen=True)
class Column:
    """One number of a result.

    Args:
        name: its field in ``Result``.
        title: its head on screen.
        unit: of the number, or nothing.
        form: how it is shown.
        heading: its head in CSV, with the unit.
    """

    name: str
    title: str
    unit: str
    form: str
    heading: str

    @property
    def head(self) -> str:
        """The title with its unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def of(self, row: Result) -> float | None:
        """Its number."""
        value: float | None = getattr(row, self.name)
        return value

    def shown(self, row: Result) -> str:
        """Its number as it is shown."""
        value = self.of(row)
        return NOTHING if value is None else format(value, self.form)


@dataclass(frozen=True)
class Metric(Column):
    """One of the metrics, whose ``name`` is its field in ``Metrics`` and its key in JSON.

    Args:
        digits: behind the point in the files of a grid.
    """

    digits: int

    def of_metrics(self, metrics: Metrics | None) -> float | None:
        """Its number."""
        value: float | None = getattr(metrics, self.name) if metrics else None
        return value

    def of(self, row: Result) -> float | None:
        return self.of_metrics(row.metrics)


METRICS = (
    Metric("psnr", "PSNR", "dB", "z.2f", "psnr_db", 4),
    Metric("ssim", "SSIM", "", ".3f", "ssim", 5),
    Metric("nmse", "NMSE", "", ".4f", "nmse", 6),
    Metric("psnr_range", "PSNR range", "dB", "z.2f", "psnr_range_db", 4),
    Metric("psnr_null", "PSNR null space", "dB", "z.2f", "psnr_null_db", 4),
)
GAIN = Column("gain", "Gain over A†y", "dB", "+z.2f", "gain_db")
GAP = Column("gap", "Gap to supervised", "dB", "z.2f", "gap_to_supervised_db")
STEP = Column("step", "Step", "", "d", "step")
SECONDS = Column("seconds", "Training time", "s", ".0f", "seconds")
SPEED = Column("steps_per_second", "Speed", "it/s", ".1f", "steps_per_second")
PARAMETERS = Column("parameters", "Parameters", "", ",d", "parameters")
#: In the order of all tables; some have the step in front.
COLUMNS = (*METRICS, GAIN, GAP, SECONDS, SPEED, PARAMETERS)


def numbers_of(metrics: Metrics | None) -> tuple[float | None, ...]:
    """The metrics of a row, in the order of ``METRICS``."""
    return tuple(column.of_metrics(metrics) for column in METRICS)
