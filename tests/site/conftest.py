from __future__ import annotations

from collections.abc import Iterator

import pytest

from .pseudonymous import Site, pseudonymous
from .running import Adit, at_home


@pytest.fixture
def adit() -> Iterator[Adit]:
    """Not started yet."""
    with at_home() as one:
        yield one


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with pseudonymous() as one:
        yield one


@pytest.fixture
def site(running: Site) -> Site:
    """What runs for a whole file, with nothing in `Target`."""
    return running.empty()
