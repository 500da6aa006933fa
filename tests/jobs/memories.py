"""Nodes of the tests that are endpoints in memory, with whole studies, opened as a worker opens them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from adit.dicom.errors import Unreachable
from adit.dicom.protocols import Cancellation
from adit.endpoints.memory import Faults, Memory
from adit.nodes.models import Node
from adit.transfer.items import Layout
from tests.peers.data import Study
from tests.transfer.moving import held


class Memories:
    """Attributes:
    silent: Names of nodes that cannot be reached.
    opened: Names of nodes as they were opened, to ask or to send.
    """

    def __init__(self, **holding: tuple[Study, ...]) -> None:
        self.by_name = defaultdict(Memory, {name: Memory(held(*studies)) for name, studies in holding.items()})
        self.silent: set[str] = set()
        self.opened: list[tuple[str, str]] = []

    def __getitem__(self, name: str) -> Memory:
        return self.by_name[name]

    def break_off(self, name: str, faults: Faults, *studies: Study) -> None:
        """Give a node faults, and what it holds anew."""
        self.by_name[name] = Memory(held(*studies), faults=faults)

    @contextmanager
    def source(self, node: Node, *, cancel: Cancellation, associations: int) -> Iterator[Memory]:
        self.opened.append((node.name, "source"))
        if node.name in self.silent:
            raise Unreachable("no connection")
        yield self[node.name]

    @contextmanager
    def sink(
        self,
        node: Node,
        *,
        cancel: Cancellation,
        associations: int,
        layout: Layout | None,
        form: object = None,
    ) -> Iterator[Memory]:
        self.opened.append((node.name, "sink"))
        yield self[node.name]
