"""Where the web server and the receiver listen, and that nobody else does."""

from __future__ import annotations

import asyncio
import time

from adit.site.database import free_port, is_free
from adit.site.env import Config
from adit.site.errors import StartFailed


async def web_port(config: Config, *, any_port: bool) -> int:
    """The configured port of the web server, else a free one where that is allowed.

    Raises:
        StartFailed: It stays taken for 2 s (a web server that was killed just now is gone by then).
    """
    deadline = time.monotonic() + 2
    while not is_free(config.web_port, config.web_host):
        if any_port:
            return free_port(config.web_host)
        if time.monotonic() > deadline:
            raise StartFailed(
                f"port {config.web_port} on {config.web_host} is taken by another program: "
                "set ADIT_WEB_PORT to a free one"
            )
        await asyncio.sleep(0.05)
    return config.web_port


async def require_receiver_port(host: str, port: int, variable: str) -> None:
    """See that the receiver can listen there; *variable* is the setting that says where.

    Raises:
        StartFailed: It stays taken for 2 s (a receiver that was killed just now is gone by then).
    """
    deadline = time.monotonic() + 2
    while not is_free(port, host):
        if time.monotonic() > deadline:
            raise StartFailed(
                f"port {port} on {host}, to which PACS send what is retrieved, is taken by another program: "
                f"set {variable} to a free one, and have it entered in the PACS"
            )
        await asyncio.sleep(0.05)


def shown(host: str) -> str:
    """*host* as part of an address that a browser on this machine can open."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
