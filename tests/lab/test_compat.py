"""What libraries do not promise and the page needs nevertheless: is it still there, and used?"""

from __future__ import annotations

import ast
from pathlib import Path

import bokeh
import panel as pn
import pytest
import torch
from bokeh.document import Document
from panel.custom import JSComponent

import reilab
from reilab.lab import compat

PACKAGE = Path(reilab.__file__).parent
TREES = {
    path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))
}


def test_panel_keeps_the_views_of_sessions() -> None:
    assert isinstance(getattr(pn.state, "_views", None), dict), (
        f"Panel {pn.__version__} has no state._views: if test_lab_page.py finds no session that is "
        "kept without forget_views, delete it; otherwise look for where Panel keeps them now"
    )


def test_views_of_an_ended_session_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, open_still = Document(), Document()
    views = {"p1": (None, None, ended, None), "p2": (None, None, open_still, None)}
    monkeypatch.setattr(pn.state, "_views", views)
    compat.forget_views(ended)
    assert list(views) == ["p2"]


def test_components_say_something_to_their_javascript() -> None:
    assert callable(getattr(JSComponent, "_send_msg", None)), (
        f"Panel {pn.__version__} has no JSComponent._send_msg: look for a public send"
    )


def test_torch_draws_gamma_numbers_from_a_generator() -> None:
    assert callable(getattr(torch, "_standard_gamma", None)), (
        f"torch {torch.__version__} has no _standard_gamma: look for what Gamma.rsample calls now, "
        "or let NumPy draw from a seed of the generator"
    )


def test_documents_of_bokehjs_know_all_models() -> None:
    script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.js"
    assert "_all_models" in script.read_text(encoding="utf-8"), (
        f"BokehJS {bokeh.__version__} has no Document._all_models: find the page another way, or "
        "leave out what a narrow or a dark screen changes when the page is loaded"
    )


def test_nothing_else_is_taken_that_is_not_promised() -> None:
    own = {name for tree in TREES.values() for node in ast.walk(tree) for name in given(node)}
    taken = {
        path.relative_to(PACKAGE).as_posix(): uses
        for path, tree in TREES.items()
        if (uses := [ast.unparse(node) for node in ast.walk(tree) if is_foreign(node, own)])
    }
    assert taken == {
        "lab/compat.py": ["pn.state._views", "server._tornado", "component._send_msg"],
        "noise/draws.py": ["torch._standard_gamma"],
    }


def is_foreign(node: ast.AST, own: set[str]) -> bool:
    """Whether it reads a private attribute of another object, or one that the package lacks."""
    if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
        return False
    if node.attr.startswith("__") or ast.unparse(node) == "os._exit":  # documented
        return False
    return ast.unparse(node.value) not in {"self", "cls"} or node.attr not in own


def given(node: ast.AST) -> list[str]:
    """The names that a node of the package's own code defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return [node.attr]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    return []
