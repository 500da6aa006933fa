"""The peers as fixtures. A test module that wants them imports them by name from here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import dcmtk
from tests.peers import orthanc as orthanc_peer
from tests.peers.dcmtk import Storage
from tests.peers.orthanc import Orthanc


@pytest.fixture
def orthanc() -> Iterator[Orthanc]:
    """An empty Orthanc."""
    with orthanc_peer.orthanc() as peer:
        yield peer


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[Storage]:
    """A DCMTK storescp that keeps what it gets."""
    with dcmtk.storescp(tmp_path / "storescp") as peer:
        yield peer


@pytest.fixture
def dcmqrscp(tmp_path: Path) -> Iterator[Storage]:
    """An empty DCMTK dcmqrscp."""
    with dcmtk.dcmqrscp(tmp_path / "dcmqrscp") as peer:
        yield peer
