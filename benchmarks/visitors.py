"""Visitors of the lab that speak as its page does, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request

from bokeh.protocol import Protocol
from bokeh.protocol.messages.patch_doc import patch_doc
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

LEAVE_SECONDS = 10
TOKEN = re.compile(r'"token":\s*"([^"]+)"')
READY = {
    "kind": "MessageSent",
    "msg_type": "bokeh_event",
    "msg_data": {
        "type": "event",
        "name": "document_ready",
        "values": {"type": "map", "entries": []},
    },
}


@dataclass
class Visitor:
    """One page that is open: what it hears, and what it says.

    Attributes:
        wire: its websocket.
        heard: how many messages of each kind, and their bytes in all.
        last: the text of the last message.
    """

    wire: WebSocketClientConnection
    heard: dict[str, int] = field(default_factory=dict)
    last: str = ""

    @classmethod
    async def at(cls, address: str, headers: Mapping[str, str] | None = None) -> Visitor:
        """Open the page at an address, which ends with its path and perhaps a query.

        Raises:
            HTTPError: the page, or the websocket, is refused.
        """
        told = dict(headers or {})
        # Many come at the same time, and wait for each other.
        patience = {"connect_timeout": 120, "request_timeout": 120}
        answer = await AsyncHTTPClient().fetch(address, headers=told, **patience)
        token = TOKEN.findall(answer.body.decode())[0]
        place = Request(address)
        path = place.selector.partition("?")[0].rstrip("/")
        request = HTTPRequest(f"ws://{place.host}{path}/ws", headers=told, **patience)
        one = cls(await websocket_connect(request, subprotocols=["bokeh", token]))
        assert await one.hear() == "ACK"
        return one

    async def hear(self) -> str:
        """The kind of the next message; empty when the server has gone."""
        header = await self.wire.read_message()
        if header is None:
            return ""
        told = json.loads(header)
        frames = [await self.wire.read_message() for _ in range(2)]
        self.last = str(frames[1])
        frames += [await self.wire.read_message() for _ in range(2 * told.get("num_buffers", 0))]
        kind = str(told["msgtype"])
        self.heard[kind] = self.heard.get(kind, 0) + 1
        self.heard["bytes"] = self.heard.get("bytes", 0) + sum(len(one or "") for one in frames)
        return kind

    async def look(self) -> None:
        """Ask for the whole page, and say that it is there: from now on it is kept up to date."""
        await self._say(Protocol().create("PULL-DOC-REQ"))
        while await self.hear() != "PULL-DOC-REPLY":
            pass
        await self._say(patch_doc(patch_doc.create_header(), {}, {"events": [READY]}))

    async def leave(self) -> None:
        """Close the page."""
        self.wire.close()
        # The answer does not come while the server still writes a very long curve.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._until_gone(), LEAVE_SECONDS)

    async def _until_gone(self) -> None:
        while await self.hear():
            pass

    async def _say(self, message: Any) -> None:
        for frame in (message.header_json, message.metadata_json, message.content_json):
            await self.wire.write_message(frame)
