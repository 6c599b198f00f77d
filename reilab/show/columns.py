"""Columns: what tables and files call the metrics, and the digits that are worth telling."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.events import Metrics


@dataclass(frozen=True)
class Column:
    """One metric.

    Args:
        name: its field in ``Metrics``, and its key in JSON.
        title: its head on screen.
        unit: of the number, or nothing.
        form: how it is shown.
        heading: its head in CSV, with the unit.
        digits: behind the point in CSV.
    """

    name: str
    title: str
    unit: str
    form: str
    heading: str
    digits: int

    @property
    def head(self) -> str:
        """The title with its unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def of(self, metrics: Metrics | None) -> float | None:
        """Its number."""
        value: float | None = getattr(metrics, self.name) if metrics else None
        return value

    def shown(self, metrics: Metrics | None) -> str:
        """Its number as it is shown, nothing where there is none."""
        value = self.of(metrics)
        return "" if value is None else format(value, self.form)


#: In the order of all tables.
COLUMNS = (
    Column("psnr", "PSNR", "dB", ".2f", "psnr_db", 4),
    Column("ssim", "SSIM", "", ".3f", "ssim", 5),
    Column("nmse", "NMSE", "", ".4f", "nmse", 6),
    Column("psnr_range", "PSNR range", "dB", ".2f", "psnr_range_db", 4),
    Column("psnr_null", "PSNR null space", "dB", ".2f", "psnr_null_db", 4),
)
HEADINGS = tuple(column.heading for column in COLUMNS)


def numbers_of(metrics: Metrics | None) -> tuple[float | None, ...]:
    """The numbers of a row, in the order of ``COLUMNS``."""
    return tuple(column.of(metrics) for column in COLUMNS)


def words_of(metrics: Metrics | None) -> list[str]:
    """The same as they are shown."""
    return [column.shown(metrics) for column in COLUMNS]
