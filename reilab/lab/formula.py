"""Formula: what each method minimises, with the numbers that it has now."""

from __future__ import annotations

import re
from html import escape

from reilab.lab.choices import Choices
from reilab.lab.numbers import number_text
from reilab.methods.registry import find_method
from reilab.record.history import History
from reilab.show.words import LETTERS, method_colour, method_title

LEGEND = (
    "<i>y</i>: measurement; <i>A</i>: forward operator; <i>f</i>: network and what goes before "
    "it; <i>x̂</i> = <i>f</i>(<i>y</i>); <i>T<sub>g</sub></i>: random transform; SURE: estimate of "
    "‖<i>A</i><i>x̂</i> − <i>A</i><i>x</i>‖² from <i>y</i> alone. All are means."
)


def objectives(choices: Choices, history: History) -> str:
    """One line for each chosen method; under each term its newest value, if there is one."""
    lines = [
        _line(name, choices, history)
        for name in choices.param.methods.objects
        if name in choices.methods
    ]
    return f'<div class="formulas">{"".join(lines)}</div><p class="quiet">{LEGEND}</p>'


def formula_html(formula: str, noise: str) -> str:
    """A formula in plain letters, as ``Weight`` has it, with the assumed noise, as HTML.

    Letters that stand alone are italic, and ``_x`` or ``_{xy}`` goes below the line.
    """
    lowered = re.sub(r"_(?:\{(\{noise\}|[^{}]*)\}|(\w))", _lowered, escape(formula))
    marked = re.sub(r"(?<![\w<>/&;])([A-Za-z]\u0302?)(?![\w>])", r"<i>\1</i>", lowered)
    return marked.replace("{noise}", noise)


def _lowered(found: re.Match[str]) -> str:
    return f"<sub>{found[1] or found[2]}</sub>"


def _line(method: str, choices: Choices, history: History) -> str:
    letter = LETTERS.get(choices.level_name, choices.level_name)
    noise = f"<i>{letter}̂</i> = <b>{escape(number_text(choices.assumed_noise))}</b>"
    track = history.tracks.get(method)
    newest = track.stepped[-1].losses if track and track.stepped else {}
    terms = []
    for name, one in find_method(method).weights.items():
        value = f"now {newest[one.term]:.3g}" if one.term in newest else ""
        body = formula_html(one.formula, noise)
        weight = getattr(choices, name)
        terms.append(
            f'<span class="term"><span><b>{escape(number_text(weight))}</b> · {body}</span>'
            f"<small>{value}</small></span>"
        )
    chip = f'<span class="chip" style="background:{method_colour(method)}"></span>'
    head = f'<span class="whose">{chip}<i>L</i><sub>{escape(method_title(method))}</sub> =</span>'
    return (
        f'<div class="formula reilab-formula-{method}">{head}{"<span>+</span>".join(terms)}</div>'
    )
