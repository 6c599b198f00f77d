"""What libraries do not promise and the page needs nevertheless: is it still there, and used?"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import bokeh
import panel as pn
import pytest
import torch
from bokeh.document import Document
from panel.custom import JSComponent
from panel.io import document as outbox

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


class Socket:
    """What Panel is told how to write to."""


class Connection:
    """Of one browser: messages are what they tell."""

    def __init__(self) -> None:
        self._socket, self.protocol = Socket(), self

    def create(self, kind: str, told: list[str]) -> list[str]:
        return told


@pytest.mark.skipif(pn.__version__ < "1.9.4", reason="seen in Panel 1.9.4; older ones may not")
def test_messages_that_panel_forgets_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert after_a_busy_moment(monkeypatch, lambda document: None) == ["one"], (
        f"Panel {pn.__version__} forgets no message: delete send_stuck and its call"
    )
    assert after_a_busy_moment(monkeypatch, compat.send_stuck) == ["one", "another"]


def after_a_busy_moment(
    monkeypatch: pytest.MonkeyPatch, tick: Callable[[Document], None]
) -> list[str]:
    """What a browser is sent if a message comes just when the one before it has gone out."""

    async def moment() -> list[str]:
        sent: list[str] = []
        gone_out = asyncio.get_running_loop().create_future()

        def write(connection: Connection, msg: list[str]) -> list[asyncio.Future[None]]:
            sent.extend(msg)
            return [gone_out]

        monkeypatch.setitem(outbox.extra_socket_handlers, Socket, write)
        document, connection = Document(), Connection()
        outbox.schedule_write_events(document, [connection], ["one"])
        await asyncio.sleep(0)
        gone_out.set_result(None)
        outbox.schedule_write_events(document, [connection], ["another"])
        for _ in range(10):
            await asyncio.sleep(0)
        tick(document)
        for _ in range(10):
            await asyncio.sleep(0)
        return sent

    return asyncio.run(moment())


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


def test_views_of_bokehjs_lay_the_whole_page_out() -> None:
    script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.js"
    code = script.read_text(encoding="utf-8")
    for method in ("invalidate_layout", "compute_layout", "update_layout"):
        assert f"        {method}() {{" in code, (
            f"views of BokehJS {bokeh.__version__} have no {method}: see what lays a page out now, "
            "and whether it does so once for all that a message changes"
        )


def test_figures_of_bokehjs_ask_for_styles_that_the_page_does_not_set() -> None:
    script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.js"
    code = script.read_text(encoding="utf-8")
    for part in ("/* core/visuals/visual.js */", "class VisualProperties", "_get_css_value(name)"):
        assert part in code, (
            f"BokehJS {bokeh.__version__} has no {part}: see whether it still asks for computed "
            "styles when it draws, and delete or mend drawWithoutAsking in browser.js"
        )
    lab = PACKAGE / "lab"
    sheets = [*lab.glob("*.*"), *(lab / "web").glob("*.*")]
    # The notebook's figures have such colours, and no browser.js.
    found = [sheet.name for sheet in sheets if re.search(r"--bk-[\w-]+:", sheet.read_text("utf-8"))]
    assert not found


def test_nothing_else_is_taken_that_is_not_promised() -> None:
    own = {name for tree in TREES.values() for node in ast.walk(tree) for name in given(node)}
    taken = {
        path.relative_to(PACKAGE).as_posix(): uses
        for path, tree in TREES.items()
        if (uses := [ast.unparse(node) for node in ast.walk(tree) if is_foreign(node, own)])
    }
    assert taken == {
        "lab/compat.py": [
            "pn.state._views",
            "server._tornado",
            "outbox._WRITE_MSGS",
            "component._send_msg",
        ],
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
