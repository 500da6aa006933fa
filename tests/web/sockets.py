"""The page's end of a WebSocket, for tests of consumers and of the doors in front of them."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from asgiref.testing import ApplicationCommunicator
from django.test import Client

PATIENCE = 10.0
"""Seconds to wait for an answer."""


class Socket:
    """`async with` it; what `Client` is for pages.

    Attributes:
        refused: It was turned away before it opened.
    """

    def __init__(self, application: Any, address: str, *, client: Client, origin: str = "http://localhost") -> None:
        parts = urlsplit(address)
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        headers = {"host": "localhost", "origin": origin, "cookie": cookies}
        scope = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50000),
            "subprotocols": [],
        }
        self._ends = ApplicationCommunicator(application, scope)
        self.refused = False

    async def __aenter__(self) -> Socket:
        await self._ends.send_input({"type": "websocket.connect"})
        self.refused = (await self._ends.receive_output(PATIENCE))["type"] != "websocket.accept"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ends.send_input({"type": "websocket.disconnect", "code": 1005})
        await self._ends.wait(PATIENCE)

    async def send(self, text: str) -> None:
        await self._ends.send_input({"type": "websocket.receive", "text": text})

    async def receive(self) -> str:
        """The next text."""
        message = await self._ends.receive_output(PATIENCE)
        assert message["type"] == "websocket.send", message
        return str(message["text"])

    async def hear(self) -> tuple[str, str]:
        """The type of the next message, and what it says: a text, or the code with which it is closed."""
        message = await self._ends.receive_output(PATIENCE)
        return message["type"], str(message.get("text", message.get("code")))

    async def closed(self) -> int:
        """The code with which it is closed; no text may come before."""
        message = await self._ends.receive_output(PATIENCE)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def closed_at_last(self) -> int:
        """The code with which it is closed, whatever comes before."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self._ends.receive_output(PATIENCE))["type"] != "websocket.close":
                pass
        return int(message["code"])
