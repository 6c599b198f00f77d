"""What the page takes from libraries that do not promise it, with the versions it was seen in.

Nothing else in reilab does but ``gamma_like`` in ``reilab/noise/draws.py``, which draws as torch
does, and ``layOutOnce`` and ``drawWithoutAsking`` in ``web/browser.js``. What is gone of it, and
what to do, ``tests/lab/test_compat.py`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import panel as pn
from bokeh.document import Document
from bokeh.server.contexts import ApplicationContext
from bokeh.server.server import Server
from bokeh.server.tornado import BokehTornado
from panel.custom import JSComponent
from panel.io import document as outbox
from panel.io.resources import Resources
from panel.io.server import DocHandler, server_html_page_for_session
from panel.io.state import set_curdoc
from tornado.routing import Rule

#: JavaScript: the page's own model. BokehJS 3.9.2 finds models by id or name alone, and Panel
#: gives them neither.
THE_PAGE = '[...cb_obj._all_models.values()].find((model) => model.class_name === "Page")'


def forget_views(document: Document) -> None:
    """Let go of the notifications of a session that has ended.

    Panel 1.9.4 keeps them for ever in ``state._views``, and through them the document with the
    whole page.
    """
    views = pn.state._views
    for ref in [ref for ref, (_, _, owner, _) in views.items() if owner is document]:
        del views[ref]


def send_stuck(document: Document) -> None:
    """Send what waits for the connection of a session and was forgotten.

    Panel 1.9.4 keeps messages back while the connection is busy. Those that come in the turn of
    the loop in which the ones before have gone out stay until there are others: on a page where
    nothing else changes a button stays disabled for ever.
    """
    if document in outbox._WRITE_MSGS:
        outbox.schedule_write_events(document, [], [])


def application_of(server: Server) -> BokehTornado:
    """What answers the requests to a server; Bokeh 3.9.2 has no other name for it."""
    return server._tornado


def context_of(server: Server) -> ApplicationContext | None:
    """What makes the sessions of a server; Bokeh 3.9.2 tells those alone who hand pages out."""
    found = [rule.target_kwargs["application_context"] for rule in _handing_out(server)]
    return found[0] if found else None


def greet(server: Server, greeter: type[DocHandler], **given: Any) -> None:
    """Have pages handed out by a handler of ours; Bokeh 3.9.2 asks nobody which one."""
    for rule in _handing_out(server):
        rule.target, rule.target_kwargs = greeter, {**rule.target_kwargs, **given}


def _handing_out(server: Server) -> list[Rule]:
    """The rules by which pages are handed out."""
    rules = application_of(server).wildcard_router.rules
    return [rule for rule in rules if rule.target is DocHandler]


def page_html(server: Server, made: Callable[[], pn.viewable.Viewable], title: str) -> str:
    """A page as Panel 1.9.4 hands it out, of a session that there is not."""
    document = Document()
    with set_curdoc(document):
        made().server_doc(document, title)
        page: str = server_html_page_for_session(
            SimpleNamespace(document=document, token="", id=""),
            Resources.from_bokeh(application_of(server).resources()),
            title,
            template=document.template,
            template_variables=document.template_variables,
        )
    return page


def send(component: JSComponent, message: Any) -> None:
    """Say something to the JavaScript of a component.

    Panel 1.9.4 gives ``AnyWidgetComponent`` a ``send``, and ``JSComponent`` ``_send_msg`` alone.
    """
    component._send_msg(message)
