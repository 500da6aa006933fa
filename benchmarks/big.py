"""One image of 1 GB by every way in, to every way out: `python -m benchmarks.big`.

Prints seconds from claim to settled, and the memory that worker and receiver needed above what they
hold idle. C-GET and C-MOVE come from dcmqrscp, C-STORE goes to storescp; the servers of DICOMweb make the
bytes, and count them, in this process.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.large import MEGABYTE, written
from benchmarks.memory import Above
from benchmarks.pairs import transferred
from benchmarks.running import Adit, adit
from tests.peers.data import Study
from tests.peers.dcmtk import dcmqrscp, storescp
from tests.peers.large import counting_web, large_study
from tests.peers.misbehaving_web import misbehaving_web
from tests.peers.process import HOST, Peer

WAYS_IN = ("C-GET", "C-MOVE", "WADO-RS")
WAYS_OUT = ("C-STORE", "STOW-RS", "folder")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.big", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    size = parser.parse_args().megabytes * MEGABYTE
    with tempfile.TemporaryDirectory(prefix="adit-benchmark-") as temporary, ExitStack() as exits:
        place = Path(temporary)
        running = exits.enter_context(adit("--workers", "1", "--concurrency", "1", place=place))
        study = large_study(size, name="big")
        _open(running, study, place, exits)
        for way_in in WAYS_IN:
            for way_out in WAYS_OUT:
                above = Above([*running.pids("worker"), *running.pids("receiver")])
                seconds = transferred(running, study, way_out, source=way_in)
                shutil.rmtree(place / "folder", ignore_errors=True)
                print(
                    f"{way_in:<8} to {way_out:<8}{seconds:7.2f} s{size / MEGABYTE / seconds:6.0f} MB/s"
                    f"   {above.peak() / MEGABYTE:4.0f} MB above idle",
                    flush=True,
                )


def _open(running: Adit, study: Study, place: Path, exits: ExitStack) -> None:
    """Start the servers, and make them known by the names of their ways."""
    receiver = Peer("ADIT", HOST, running.receiver_port)
    pacs = exits.enter_context(dcmqrscp(files=[written(study, place / "big.dcm")], peers=[receiver]))
    running.add_server("C-GET", pacs, "--can", "find,get", "--max-associations", "2")
    moving = exits.enter_context(dcmqrscp(files=[place / "big.dcm"], peers=[receiver], ae_title="MOVING"))
    running.add_server("C-MOVE", moving, "--can", "find,move", "--max-associations", "2")
    web = exits.enter_context(misbehaving_web(study))
    running("node", "add", "WADO-RS", "--dicomweb", web.url, "--can", "qido,wado", "--max-associations", "2")
    running.add_server("C-STORE", exits.enter_context(storescp(ignore=True)), "--can", "store")
    running("node", "add", "STOW-RS", "--dicomweb", exits.enter_context(counting_web()).url, "--can", "stow")
    running("node", "add", "folder", "--folder", str(place / "folder"))


if __name__ == "__main__":
    main()
