from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adit.site.database import free_port

from .running import Adit


@pytest.fixture
def adit() -> Iterator[Adit]:
    """Not started yet. Not below `tmp_path`, which is closed to the account that root runs PostgreSQL as."""
    room = Path(tempfile.mkdtemp(prefix="adit-home-"))
    room.chmod(0o755)
    one = Adit(room / "home", free_port())
    yield one
    one("down", "--purge")
    shutil.rmtree(room, ignore_errors=True)
