from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers.data import Study, ct_study
from tests.survival.stage import Stage
from tests.survival.ways import Way
from tests.survival.workers import Workers, several_workers


@pytest.fixture(scope="module")
def study() -> Study:
    return ct_study(series=1, instances=10)


@pytest.fixture(scope="module")
def hundred() -> Study:
    return ct_study(series=1, instances=100, size=2048, name="hundred")


@pytest.fixture
def stage(transactional_db: None, tmp_path: Path) -> Iterator[Stage]:
    """Empty tables. When the test is over nothing may be left of what it did."""
    with Stage(tmp_path) as stage:
        yield stage


@pytest.fixture
def way(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Way]:
    """The way that `every_way` names. Its receiver ends before the stage looks for what is left."""
    by, into = request.param
    with ExitStack() as exits:
        yield Way(stage, by, into, exits)


@pytest.fixture
def workers(stage: Stage) -> Iterator[Workers]:
    """Starts worker processes."""
    with several_workers(stage) as start:
        yield start
