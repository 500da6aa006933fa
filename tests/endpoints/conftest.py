"""Peers that all tests of the endpoints share."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.endpoints.conformance import Room
from tests.endpoints.servers import Peers


@pytest.fixture(scope="session")
def peers() -> Iterator[Peers]:
    with Peers() as peers:
        yield peers


@pytest.fixture
def room(tmp_path: Path, peers: Peers) -> Iterator[Room]:
    with ExitStack() as exits:
        yield Room(tmp_path, exits, peers)
