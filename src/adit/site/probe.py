"""Asking ADIT's own web server how it is."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

_PATIENCE = 5.0
"""Seconds for one answer."""


async def health(web_url: str) -> dict[str, Any] | None:
    """What `/health/` below *web_url* says, or None when nothing understandable comes in 5 s."""
    parts = urlsplit(web_url)
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(b"GET /health/ HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")
                answer = await reader.read()
            finally:
                writer.close()
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


async def healthy(web_url: str, *, workers: int = 0) -> bool:
    """Whether the web server answers, and knows of *workers* or more live worker processes."""
    told = await health(web_url)
    return told is not None and int(told.get("workers", {}).get("running", 0)) >= workers
