from __future__ import annotations

from collections.abc import Iterator

import pytest

from .running import Adit, at_home


@pytest.fixture
def adit() -> Iterator[Adit]:
    """Not started yet."""
    with at_home() as one:
        yield one
