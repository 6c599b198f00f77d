"""The table of results as HTML, and other pieces of text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reilab.lab.style import colour_of
from reilab.lab.summary import Row

HEADS = (
    ("Method", ""),
    ("PSNR", "dB"),
    ("SSIM", ""),
    ("NMSE", ""),
    ("Gain over A†y", "dB"),
    ("Gap to supervised", "dB"),
    ("Training time", "s"),
    ("Speed", "it/s"),
)


def results_html(rows: Sequence[Row]) -> str:
    """A table that scrolls by itself where the page is narrow."""
    heads = "".join(
        f'<th scope="col">{name}{f" <small>({unit})</small>" if unit else ""}</th>'
        for name, unit in HEADS
    )
    body = "".join(map(_line, rows))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Results">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def list_html(lines: Sequence[str]) -> str:
    """A list of lines, or nothing."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


def _line(row: Row) -> str:
    cells = (
        _number(row.psnr, ".2f"),
        _number(row.ssim, ".3f"),
        _number(row.nmse, ".4f"),
        _number(row.gain, "+.2f"),
        _number(row.gap, ".2f"),
        _number(row.seconds, ".0f"),
        _number(row.speed, ".1f"),
    )
    chip = f'<span class="chip" style="background:{colour_of(row.key)}"></span>'
    values = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{chip}{escape(row.name)}</th>{values}</tr>'


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
