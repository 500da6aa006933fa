from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.survival.stage import Stage


@pytest.fixture
def stage(transactional_db: None, tmp_path: Path) -> Iterator[Stage]:
    """Empty tables. When the test is over nothing may be left of what it did."""
    with Stage(tmp_path) as stage:
        yield stage
