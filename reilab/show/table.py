"""Table: rows and columns of every table of a run, on screens, in reports and in files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

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
        oracle: whether the method sees the ground truth.
    """

    method: str
    step: int | None = None
    metrics: Metrics | None = None
    gain: float | None = None
    gap: float | None = None
    seconds: float | None = None
    steps_per_second: float | None = None
    parameters: int | None = None
    oracle: bool = False


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
#: Takes them all from ``Metrics`` at once: a long run has thousands to be drawn.
NUMBERS = attrgetter(*(metric.name for metric in METRICS))
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
    return NUMBERS(metrics) if metrics else (None,) * len(METRICS)


@dataclass(frozen=True)
class TableLine:
    """A row of a table that leaves the lab: what it is called, its numbers, facts of its run."""

    name: str
    result: Result
    facts: Mapping[str, str] = field(default_factory=dict)


def as_text(lines: Sequence[TableLine], between: str) -> str:
    """A table with all digits and facts, for spreadsheets; ``between`` parts the cells."""
    out, facts = io.StringIO(), _facts(lines)
    writer = csv.writer(out, delimiter=between, lineterminator="\n")
    columns = (STEP, *COLUMNS)
    writer.writerow([*facts, "Method", *(column.head for column in columns)])
    for line in lines:
        values = (column.of(line.result) for column in columns)
        numbers = ("" if v is None else f"{v:.6g}" for v in values)
        writer.writerow([*(line.facts.get(name, "") for name in facts), line.name, *numbers])
    return out.getvalue()


#: What a paper has room for; of these, in two of them less is better.
PRINTED, LESS = (*METRICS, GAIN, GAP), ("nmse", "gap")
#: What LaTeX reads as something else than itself, and signs that not every font of it has.
TEX = {one: f"\\{one}" for one in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "†": r"$^\dagger$",
    "σ": r"$\sigma$",
    "γ": r"$\gamma$",
    "−": "$-$",
    NOTHING: "--",
}


def as_latex(lines: Sequence[TableLine]) -> str:
    """A table for ``booktabs``; the best numbers of a problem are bold, oracles apart.

    Facts that all rows share stand above it as a comment, and others are columns.
    """
    told = {name: [line.facts.get(name, "") for line in lines] for name in _facts(lines)}
    shared = {name: values[0] for name, values in told.items() if len(set(values)) == 1}
    columns = [c for c in PRINTED if any(c.of(line.result) is not None for line in lines)]
    cells = [[v for name, v in line.facts.items() if name not in shared] for line in lines]
    heads = [*(name for name in told if name not in shared), "Method"]
    rows = [
        [*map(_tex, [*own, line.name]), *(_printed(column, line, lines) for column in columns)]
        for own, line in zip(cells, lines, strict=True)
    ]
    body = [f"{' & '.join(row)} \\\\" for row in rows]
    comment = "; ".join(f"{name} {value}" for name, value in shared.items() if value)
    return "\n".join(
        [
            f"% {' '.join(comment.split())}",
            f"\\begin{{tabular}}{{{'l' * len(heads)}{'r' * len(columns)}}}",
            "\\toprule",
            f"{' & '.join(map(_tex, [*heads, *(column.head for column in columns)]))} \\\\",
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}\n",
        ]
    )


def _printed(column: Column, line: TableLine, lines: Sequence[TableLine]) -> str:
    """A number as it is shown, bold if no other row of a method without an oracle has a better."""
    rivals = [one for one in lines if not one.result.oracle and _problem(one) == _problem(line)]
    numbers = [number for one in rivals if (number := column.of(one.result)) is not None]
    best = (min if column.name in LESS else max)(numbers, default=None)
    shown = _tex(column.shown(line.result))
    bold = not line.result.oracle and best is not None and column.of(line.result) == best
    return f"\\textbf{{{shown}}}" if bold else shown


def _problem(line: TableLine) -> list[str]:
    return [line.facts.get(name, "") for name in ("Task", "Noise", "Operator")]


def _facts(lines: Sequence[TableLine]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line.facts))


def _tex(words: str) -> str:
    return "".join(TEX.get(letter, letter) for letter in words)
