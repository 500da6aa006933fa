"""Peers that leave Nagle's algorithm on, as Debian's do, beside the same peers without it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from adit.dicom.query import Query
from adit.dicom.refs import Level
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from benchmarks import data
from benchmarks.pairs import running, say, transferred
from benchmarks.timing import median_of, seconds_of
from tests.endpoints.servers import config, once
from tests.peers.data import Study
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import orthanc

MOST = 1.5
QUERIES = 100


def against_nagle(repeats: int, place: Path) -> None:
    """C-GET, C-STORE and C-FIND of A."""
    study = data.a()
    _say("A: C-GET from Orthanc", partial(_got, study, repeats, place))
    _say("A: C-STORE to storescp", partial(_stored, study, repeats, place))
    _say(f"A: {QUERIES} times C-FIND in Orthanc", partial(_found, study, repeats, place))


def _say(what: str, seconds: Callable[[bool], float]) -> None:
    without = seconds(False)
    say(what, seconds(True), without, peer="with TCP_NODELAY", most=MOST)


def _got(study: Study, repeats: int, place: Path, nagle: bool) -> float:
    with running(place, study, nagle=nagle) as (adit, _):
        adit("node", "add", "folder", "--folder", str(place / "target"))
        return median_of(lambda: transferred(adit, study, "folder"), repeats)


def _stored(study: Study, repeats: int, place: Path, nagle: bool) -> float:
    with running(place, study) as (adit, _), storescp(ignore=True, nagle=nagle) as target:
        adit.add_server("target", target, "--can", "store")
        return median_of(lambda: transferred(adit, study, "target"), repeats)


def _found(study: Study, repeats: int, place: Path, nagle: bool) -> float:
    with orthanc(nagle=nagle) as pacs, Budget(1 << 20).share("finding") as share:
        pacs.fill(study.part10())
        spool = Spool(place / "spool", share, NEVER)
        with closing(Server(config(pacs), cancel=NEVER, spool=spool, again=once)) as server:
            return median_of(lambda: seconds_of(lambda: _ask(server, study)), repeats)


def _ask(server: Server, study: Study) -> None:
    for _ in range(QUERIES):
        assert len(list(server.find(Query.of(Level.STUDY, StudyInstanceUID=study.uid)))) == 1
