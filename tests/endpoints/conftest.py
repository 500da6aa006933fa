"""Peers that all tests of the endpoints share."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER
from tests.endpoints.conformance import Room
from tests.endpoints.got import OTHER, STUDY
from tests.endpoints.servers import Opener, Peers, config
from tests.peers.misbehaving import misbehaving
from tests.peers.scripts import Script


@pytest.fixture(scope="session")
def peers() -> Iterator[Peers]:
    with Peers() as peers:
        yield peers


@pytest.fixture
def room(tmp_path: Path, peers: Peers) -> Iterator[Room]:
    with ExitStack() as exits:
        yield Room(tmp_path, exits, peers)


@pytest.fixture
def opened(tmp_path):
    """Opens a misbehaving PACS: the PACS, and the server that is opened with it."""
    with ExitStack() as exits:

        def open_(*studies, script=None, cancel=NEVER, budget=64 << 20, pacs=None, **values):
            pacs = pacs or exits.enter_context(misbehaving(*(studies or (STUDY, OTHER)), script=script or Script()))
            roots = values.pop("roots", ())
            opener = Opener(config(pacs.peer, *roots, **values), exits, tmp_path, Budget(budget))
            return pacs, opener(cancel)

        yield open_
