"""Pseudonymised transfers beside the same transfers unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import data
from benchmarks.pairs import running, say, transferred
from benchmarks.timing import medians_of
from tests.peers.data import Study
from tests.peers.dcmtk import storescp

MOST = 2.0
"""Times as long as unchanged."""


def pseudonymised(repeats: int, place: Path) -> None:
    """A, and B with its many small instances, to a peer that costs nothing; A into a folder."""
    _relayed("A", data.a(), repeats, place)
    _relayed("B", data.b(), repeats, place)
    _into_a_folder("A", data.a(), repeats, place)


def _relayed(name: str, study: Study, repeats: int, place: Path) -> None:
    with running(place, study) as (adit, _pacs), storescp(ignore=True) as target:
        adit.add_server("target", target, "--can", "store")
        adit("project", "add", "Benchmark")
        _say(f"{name}: relay to storescp", _pair(lambda *more: transferred(adit, study, "target", more=more), repeats))


def _into_a_folder(name: str, study: Study, repeats: int, place: Path) -> None:
    with running(place, study) as (adit, _pacs):
        adit("node", "add", "folder", "--folder", str(place / "target"))
        adit("project", "add", "Benchmark")

        def once(*more: str) -> float:
            shutil.rmtree(place / "target", ignore_errors=True)
            return transferred(adit, study, "folder", more=more)

        _say(f"{name}: C-GET to a folder", _pair(once, repeats))


def _pair(once: Callable[..., float], repeats: int) -> tuple[float, float]:
    """Seconds unchanged and seconds pseudonymised. The first of each, which imports much, is not timed."""
    treated = ("--project", "Benchmark", "--generate")
    once(), once(*treated)
    unchanged, ours = medians_of(once, lambda: once(*treated), repeats=repeats)
    return unchanged, ours


def _say(what: str, seconds: tuple[float, float]) -> None:
    unchanged, ours = seconds
    say(what, ours, unchanged, peer="unchanged", most=MOST)
