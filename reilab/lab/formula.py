"""Formula: what each method minimises, with the numbers that it has now."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from reilab.lab.choices import Choices
from reilab.lab.numbers import number_text
from reilab.lab.steering import METHODS_OF, TERMS
from reilab.lab.style import colour_of
from reilab.runs.history import History
from reilab.runs.words import LETTERS, method_title

X = "<i>x̂</i>"
TURNED = f"<i>T<sub>g</sub></i>{X}"
BODIES: Mapping[str, str] = {
    "supervised": f"‖{X} − <i>x</i>‖²",
    "mc": f"‖<i>y</i> − <i>A</i>{X}‖²",
    "eq": f"‖{TURNED} − <i>f</i>(<i>A</i> {TURNED})‖²",
    "sure": "SURE(<i>y</i>; {noise})",
    "req": f"‖{TURNED} − <i>f</i>(noise<sub>{{noise}}</sub>(<i>A</i> {TURNED}))‖²",
}
LEGEND = (
    "<i>y</i>: measurement; <i>A</i>: forward operator; <i>f</i>: network and what goes before "
    f"it; {X} = <i>f</i>(<i>y</i>); <i>T<sub>g</sub></i>: random transform; SURE: estimate of "
    f"‖<i>A</i>{X} − <i>A</i><i>x</i>‖² from <i>y</i> alone. All are means."
)


def objectives(choices: Choices, history: History) -> str:
    """One line for each chosen method; under each term its newest value, if there is one."""
    lines = [
        _line(name, choices, history)
        for name in choices.param.methods.objects
        if name in choices.methods
    ]
    return f'<div class="formulas">{"".join(lines)}</div><p class="quiet">{LEGEND}</p>'


def terms_of(method: str, choices: Choices) -> dict[str, object]:
    """The terms of a method with the weights that are chosen now."""
    found: dict[str, object] = {
        term: getattr(choices, name) for name, term in TERMS.items() if method in METHODS_OF[name]
    }
    return found or {"supervised": 1}


def _line(method: str, choices: Choices, history: History) -> str:
    letter = LETTERS.get(choices.chosen_task.noise, choices.chosen_task.noise)
    noise = f"<i>{letter}̂</i> = <b>{escape(number_text(choices.assumed_noise))}</b>"
    track = history.tracks.get(method)
    newest = track.stepped[-1].losses if track and track.stepped else {}
    terms = []
    for term, weight in terms_of(method, choices).items():
        value = f"now {newest[term]:.3g}" if term in newest else ""
        body = BODIES[term].replace("{noise}", noise)
        terms.append(
            f'<span class="term"><span><b>{escape(number_text(weight))}</b> · {body}</span>'
            f"<small>{value}</small></span>"
        )
    chip = f'<span class="chip" style="background:{colour_of(method)}"></span>'
    head = f'<span class="whose">{chip}<i>L</i><sub>{escape(method_title(method))}</sub> =</span>'
    return (
        f'<div class="formula reilab-formula-{method}">{head}{"<span>+</span>".join(terms)}</div>'
    )
