"""What many tests of jobs stand on."""

from __future__ import annotations

import pytest

from adit.accounts.models import User
from adit.nodes.models import Node
from tests.clock import Clock
from tests.jobs.fakes import a_user, two_servers


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nodes(db: None) -> tuple[Node, Node]:
    """Two servers, A and B."""
    return two_servers()


@pytest.fixture
def owner(nodes: tuple[Node, Node]) -> User:
    """Somebody who may use both nodes."""
    return a_user()
