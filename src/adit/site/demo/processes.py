"""The three demo PACS as processes that the supervisor runs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adit.site.database import free_port, is_free
from adit.site.process import Process

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DemoPacs:
    """One of them.

    Attributes:
        name: Of its node.
        port: Where it listens when that is free.
        holds: What it is filled with, see `pacs.py`.
        lies: Instances of its study that it never sends.
    """

    name: str
    ae_title: str
    port: int
    holds: str
    lies: int = 0


DEMO_PACS = (
    DemoPacs("Demo PACS", "DEMO_PACS", 11122, "demo"),
    DemoPacs("Demo Research", "DEMO_RESEARCH", 11123, "nothing"),
    DemoPacs("Demo Liar", "DEMO_LIAR", 11124, "miscounted", lies=3),
)


def chosen_ports() -> dict[str, int]:
    """A port for each by its name: its own, or a free one where that is taken."""
    return {pacs.name: pacs.port if is_free(pacs.port, HOST) else free_port(HOST) for pacs in DEMO_PACS}


def receiver_port(port: int) -> int:
    """A port for ADIT's receiver: *port*, or a free one where that is taken, which the demo PACS are told."""
    return port if is_free(port, HOST) else free_port(HOST)


def archive_of(pacs: DemoPacs, home: Path) -> Path:
    """Where *pacs* keeps what it gets."""
    return home / "demo" / pacs.ae_title.lower()


def process_of(pacs: DemoPacs, ports: dict[str, int], home: Path, *, receiver: dict[str, int]) -> Process:
    """The process that runs *pacs*, its data below *home*.

    Args:
        receiver: Port of ADIT's receiver by its AE title, as a destination of C-MOVE.
    """
    command = [sys.executable, "-P", "-m", "adit.site.demo.pacs"]
    command += ["--ae-title", pacs.ae_title, "--port", str(ports[pacs.name]), "--holds", pacs.holds]
    command += ["--folder", str(archive_of(pacs, home))]
    if pacs.lies:
        command += ["--lies", str(pacs.lies)]
    destinations = {other.ae_title: ports[other.name] for other in DEMO_PACS} | receiver
    for title, port in destinations.items():
        command += ["--peer", f"{title}={HOST}:{port}"]

    async def ready() -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, ports[pacs.name])
            writer.close()
            return True
        return False

    return Process(pacs.ae_title.lower(), tuple(command), ready=ready)
