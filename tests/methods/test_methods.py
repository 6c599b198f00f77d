"""Every registered method and network keeps its promises; new ones stand everywhere at once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reilab.lab.explain import formula_html
from reilab.methods.base import weight_fields
from reilab.methods.ei import EI
from reilab.methods.registry import find_method, method, method_of, methods, weights
from reilab.nets.registry import find_network, network_of, networks
from reilab.nets.unet import UNetSpec
from reilab.runs.config import every_setting
from reilab.tasks.registry import find_task, tasks
from reilab.testing import check_method, check_network


@pytest.mark.parametrize("name", methods())
def test_methods_keep_their_promises(name: str) -> None:
    check_method(find_method(name))


@pytest.mark.parametrize("name", networks())
def test_networks_keep_their_promises(name: str) -> None:
    check_network(find_network(name))


def test_the_oracle_comes_first_then_methods_with_few_terms() -> None:
    known = [
        "supervised",
        *["es", "gr2r", "mc", "ssdu", "sure", "unsure"],
        *["ei", "gr2r_req", "mo_ei", "moi", "rei", "sure_es", "unsure_req"],
    ]
    assert list(methods()) == known


def test_a_term_has_one_field_and_a_field_one_term() -> None:
    """Controls and commands find each other by these names."""
    terms = [one.term for one in weights().values()]
    assert len(set(terms)) == len(terms)
    for one in methods().values():
        for field, weight in weight_fields(one.spec).items():
            assert weights()[field] == weight


def test_colours_differ() -> None:
    colours = [one.colour for one in methods().values()]
    assert len(set(colours)) == len(colours)


def test_entries_are_found_by_what_they_hold() -> None:
    assert method_of(EI(alpha_eq=3.0)).name == "ei"
    assert network_of(UNetSpec(width=8)).name == "unet"


def test_a_method_without_weights_is_refused() -> None:
    @dataclass(frozen=True)
    class Bare:
        pass

    with pytest.raises(ValueError, match="needs a field with a Weight"):
        method("bare", title="Bare", colour="#000000")(Bare)


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("‖y − A x̂‖²", "‖<i>y</i> − <i>A</i> <i>x̂</i>‖²"),
        ("SURE(y; {noise})", "SURE(<i>y</i>; N)"),
        ("‖T_g x̂ − f(A T_g x̂)‖²", "‖<i>T</i><sub>g</sub> <i>x̂</i> − <i>f</i>(<i>A</i> "
         "<i>T</i><sub>g</sub> <i>x̂</i>)‖²"),
        ("f(noise_{{noise}}(A x))", "<i>f</i>(noise<sub>N</sub>(<i>A</i> <i>x</i>))"),
        ("a < b", "<i>a</i> &lt; <i>b</i>"),
    ],
)  # fmt: skip
def test_formulas_become_html(plain: str, html: str) -> None:
    assert formula_html(plain, "N") == html


@pytest.mark.parametrize("task", tasks())
@pytest.mark.parametrize("name", networks())
def test_the_settings_of_a_run_have_different_names(task: str, name: str) -> None:
    """Task, network, methods and training share one command line and one form."""
    assert every_setting(find_task(task), find_network(name))
