"""The ways a study takes beside C-GET to C-STORE, and both of their ends on the stage, to be told what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adit.endpoints.landing import Room
from tests.endpoints.receiving import Hall, hall
from tests.peers.data import File, Study
from tests.peers.misbehaving import MisbehavingPacs
from tests.peers.misbehaving_web import MisbehavingWeb, WebScript
from tests.peers.scripts import Script, Seen
from tests.survival.stage import Stage, assert_whole, files_in

C_GET, C_MOVE, WADO = "C-GET", "C-MOVE", "WADO-RS"
C_STORE, STOW, FOLDER = "C-STORE", "STOW-RS", "folder"

WAYS = ((C_GET, STOW), (C_MOVE, C_STORE), (C_MOVE, FOLDER), (WADO, STOW), (WADO, FOLDER))

SPOOL = Room(waiting=64 << 20, reserve=0, patience=0.2)


def every_way(*, into: Sequence[str] = (C_STORE, STOW, FOLDER), by: Sequence[str] = (C_GET, C_MOVE, WADO)) -> Any:
    """Runs a test over the ways, as `way`: those that come *by* one of these, and go *into* one of those."""
    return _over([way for way in WAYS if way[0] in by and way[1] in into])


def each_end() -> Any:
    """Runs a test over as few ways as will do for each way in, and each way out, to be there once."""
    return _over([(C_GET, STOW), (C_MOVE, C_STORE), (WADO, FOLDER)])


def _over(ways: Sequence[tuple[str, str]]) -> Any:
    return pytest.mark.parametrize("way", ways, ids=[f"{by} to {into}" for by, into in ways], indirect=True)


@dataclass
class Source:
    """Where the study comes from."""

    pacs: MisbehavingPacs | MisbehavingWeb
    receiver: Hall | None = None

    @property
    def seen(self) -> Seen:
        return self.pacs.seen

    def behave(self, script: Script | WebScript) -> None:
        """Follow *script* from the next request on."""
        self.pacs.script = _fit(self.pacs, script, self.receiver)


@dataclass
class Destination:
    """Where the study goes to."""

    pacs: MisbehavingPacs | MisbehavingWeb | None
    folder: Path | None

    @property
    def sent_to(self) -> list[str]:
        """SOP Instance UIDs, each time that they came."""
        return list(files_in(self.folder)) if self.folder else list(self.pacs.seen.received)

    def arrived(self) -> list[str]:
        """What is there, be it under a hidden name."""
        if self.folder is not None:
            return [path.name for path in self.folder.rglob("*") if path.is_file()]
        return list(self.holds())

    def holds(self) -> frozenset[str]:
        """SOP Instance UIDs of what was stored."""
        if self.folder is not None:
            return frozenset(files_in(self.folder))
        return self.pacs.holds() if isinstance(self.pacs, MisbehavingPacs) else frozenset(self.pacs.kept)

    def assert_whole(self, files: Sequence[File]) -> None:
        """It holds *files*, each exactly as it was sent, and nothing else."""
        if self.folder is not None:
            assert_whole(self.folder, files)
            return
        assert self.holds() == {file.uid for file in files}
        for file in files:
            kept = self.pacs.kept(file.uid) if isinstance(self.pacs, MisbehavingPacs) else self.pacs.kept[file.uid]
            assert (kept.encoded if isinstance(kept, File) else kept).endswith(file.encoded)


class Way:
    """One way from node A to node B.

    Attributes:
        into, by: How it goes.
        receiver: Of C-MOVE.
    """

    def __init__(self, stage: Stage, by: str, into: str, exits: ExitStack) -> None:
        self.stage, self.by, self.into = stage, by, into
        self.receiver = hall(stage.spool, exits, room=SPOOL) if by == C_MOVE else None

    def source(self, *studies: Study, script: Script | WebScript | None = None, name: str = "A", **node: Any) -> Source:
        """Node A, which holds *studies*."""
        script = script or Script()
        if self.by == WADO:
            web = script if isinstance(script, WebScript) else WebScript(also=script)
            return Source(self.stage.misbehaving_web(name, *studies, script=web, **node))
        asked: Mapping[str, bool] = {"get_study": False, "move_study": True} if self.by == C_MOVE else {}
        pacs = self.stage.misbehaving(name, *studies, **asked, **node)
        source = Source(pacs, self.receiver)
        source.behave(script)
        return source

    def destination(self, script: Script | WebScript | None = None, *, name: str = "B", **node: Any) -> Destination:
        """Node B, empty. What is said of servers is of no matter for a folder."""
        if self.into == FOLDER:
            return Destination(None, self.stage.folder(name))
        if self.into == STOW:
            web = script if isinstance(script, WebScript) else WebScript(also=script or Script())
            return Destination(self.stage.misbehaving_web(name, script=web, **node), None)
        assert script is None or isinstance(script, Script)
        return Destination(self.stage.misbehaving(name, script=script, **node), None)


def _fit(pacs: MisbehavingPacs | MisbehavingWeb, script: Script | WebScript, receiver: Hall | None) -> Any:
    if isinstance(pacs, MisbehavingWeb):
        return script if isinstance(script, WebScript) else WebScript(also=script)
    return replace(script, destinations=(receiver.peer,)) if receiver else script
