"""Tables that leave the lab."""

from __future__ import annotations

import csv
import io

from reilab.events import Metrics
from reilab.show.table import Result, TableLine, as_latex, as_text


def line(method: str, psnr: float, nmse: float, **facts: str) -> TableLine:
    metrics = Metrics(psnr, 0.5, nmse)
    return TableLine(
        method.upper(),
        Result(method, step=10, metrics=metrics, oracle=method == "supervised"),
        facts,
    )


ONE = {"Task": "mri", "Noise": "0.1"}


def test_the_best_of_a_problem_is_bold_but_no_oracle() -> None:
    lines = [
        line("ei", 20.0, 0.3, **ONE, Run="a"),
        line("rei", 21.0, 0.2, **ONE, Run="a"),
        line("supervised", 25.0, 0.1, **ONE, Run="a"),
        line("ei", 15.0, 0.4, Task="mri", Noise="0.2", Run="b_1"),
    ]
    head, *rows = [row for row in as_latex(lines).splitlines() if "&" in row]
    assert head.startswith("Noise & Run & Method & PSNR [dB] & SSIM & NMSE")
    assert [r"\textbf{21.00}" in row for row in rows] == [False, True, False, False]
    assert [r"\textbf{0.2000}" in row for row in rows] == [False, True, False, False]
    assert r"\textbf" not in rows[2]
    assert r"b\_1" in rows[3]
    assert r"\textbf{15.00}" in rows[3]
    assert as_latex(lines).startswith("% Task mri\n\\begin{tabular}{lllrrr}\n\\toprule\n")


def test_nothing_of_a_name_is_read_as_latex() -> None:
    told = as_latex([line(r"50% & \input{x}", 1.0, 1.0, Run="a\nb")])
    assert r"50\% \& \textbackslash{}INPUT\{X\}" in told
    assert told.splitlines()[0] == "% Run a b"


def test_a_spreadsheet_has_the_facts_before_each_row() -> None:
    lines = [line("ei", 20.0, 0.3, **ONE), line("rei", 21.0, 0.2, Task="mri")]
    first, second = csv.DictReader(io.StringIO(as_text(lines, ",")))
    assert (first["Noise"], first["Step"], first["PSNR [dB]"]) == ("0.1", "10", "20")
    assert (second["Noise"], second["Method"]) == ("", "REI")
