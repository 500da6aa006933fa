"""DCMTK as a peer: storescp and dcmqrscp as servers; echoscu, storescu, getscu and others as callers."""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from tests.peers.process import HOST, Entity, Peer, environment, program, running

PACKAGE = "dcmtk"
LARGEST_PDU = "131072"
"""What DCMTK can receive at most; its default of 16 KiB is slow."""


@dataclass(frozen=True)
class Storage(Peer):
    """A DCMTK server that keeps what it gets as files.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    def files(self) -> dict[str, Path]:
        """What it holds: SOP Instance UID to Part 10 file."""
        return {_uid_in(path): path for path in self.folder.iterdir() if path.name not in ("index.dat", "log")}

    def holds(self) -> frozenset[str]:
        """SOP Instance UIDs of what it holds."""
        return frozenset(self.files())


@contextmanager
def storescp(
    folder: Path | None = None,
    *options: str,
    ignore: bool = False,
    ae_title: str = "STORESCP",
    parallel: bool = True,
    nagle: bool = False,
) -> Iterator[Storage]:
    """Run DCMTK's storescp while the block runs. It accepts every transfer syntax and SOP class.

    Args:
        folder: Where received instances go, their data sets byte for byte; without it a temporary one.
        options: More of its own options, like `--abort-after`.
        ignore: Receive and throw away.
        parallel: Serve several associations at a time.
    """
    server = program("storescp", package=PACKAGE)
    with tempfile.TemporaryDirectory(prefix="adit-storescp-", ignore_cleanup_errors=True) as temporary:
        target = folder or Path(temporary) / "received"
        target.mkdir(parents=True, exist_ok=True)

        def command(ports: tuple[int, ...]) -> list[str]:
            fixed = ["-aet", ae_title, "-od", str(target), "+B", "+xa", "-pm", "-pdu", LARGEST_PDU, "-dhl"]
            chosen = [*(["--ignore"] if ignore else []), *(["--fork"] if parallel else []), *options]
            return [server, *fixed, *chosen, str(ports[0])]

        with running(command, log=Path(temporary) / "log", nagle=nagle) as (port,):
            yield Storage(ae_title, HOST, port, target)


@contextmanager
def dcmqrscp(
    folder: Path | None = None,
    *options: str,
    files: Iterable[Path] = (),
    peers: Sequence[Entity] = (),
    ae_title: str = "DCMQRSCP",
    nagle: bool = False,
) -> Iterator[Storage]:
    """Run DCMTK's dcmqrscp (C-FIND, C-GET, C-MOVE, C-STORE) while the block runs.

    Args:
        folder: Its storage area; without it a temporary one.
        options: More of its own options, like `--disable-get`.
        files: Part 10 files that it holds from the start. They stay where they are.
        peers: Where its C-MOVE can send to.
    """
    server = program("dcmqrscp", package=PACKAGE)
    with tempfile.TemporaryDirectory(prefix="adit-dcmqrscp-", ignore_cleanup_errors=True) as temporary:
        area = folder or Path(temporary) / "area"
        area.mkdir(parents=True, exist_ok=True)
        register(area, files)
        configuration = Path(temporary) / "dcmqrscp.cfg"

        def command(ports: tuple[int, ...]) -> list[str]:
            configuration.write_text(_configuration(ae_title, area, peers, ports[0]))
            return [server, "-c", str(configuration), "-pdu", LARGEST_PDU, "-dhl", *options, str(ports[0])]

        with running(command, log=Path(temporary) / "log", nagle=nagle) as (port,):
            yield Storage(ae_title, HOST, port, area)


def register(area: Path, files: Iterable[Path]) -> None:
    """Enter Part 10 files into the index of dcmqrscp's storage area."""
    names = [str(file.absolute()) for file in files]
    for start in range(0, len(names), 500):
        _run("dcmqridx", [str(area), *names[start : start + 500]])


def echoscu(peer: Entity, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """C-ECHO."""
    return _run("echoscu", [*options, "-aec", peer.ae_title, peer.host, str(peer.port)], check=check)


def storescu(
    peer: Entity, files: Path | Iterable[Path], *options: str, check: bool = True, nagle: bool = False
) -> subprocess.CompletedProcess[str]:
    """C-STORE of files, or of everything below a folder, over one association.

    Only the contexts that the files need are proposed, their own transfer syntax first.
    """
    what = ["+sd", "+r", str(files)] if isinstance(files, Path) else [str(file) for file in files]
    fixed = ["-R", "-aec", peer.ae_title, "-pdu", LARGEST_PDU]
    return _run("storescu", [*fixed, *options, peer.host, str(peer.port), *what], check=check, nagle=nagle)


def getscu(
    peer: Entity,
    study: str,
    series: str | None = None,
    *options: str,
    folder: Path | None = None,
    check: bool = True,
    nagle: bool = False,
) -> subprocess.CompletedProcess[str]:
    """C-GET of a study or of one series, into *folder*, or nowhere when there is none."""
    keys = ["-k", f"QueryRetrieveLevel={'STUDY' if series is None else 'SERIES'}", "-k", f"StudyInstanceUID={study}"]
    if series is not None:
        keys += ["-k", f"SeriesInstanceUID={series}"]
    where = ["--ignore"] if folder is None else ["+B", "-od", str(folder)]
    fixed = ["-S", "-aec", peer.ae_title, "-pdu", LARGEST_PDU, *where]
    return _run("getscu", [*fixed, *keys, *options, peer.host, str(peer.port)], check=check, nagle=nagle)


def findscu(peer: Entity, *keys: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """C-FIND in the study root by keys like `PatientID=1` or `StudyDate`. Answers are in `stderr`."""
    named = [part for key in keys for part in ("-k", key)]
    return _run("findscu", ["-v", "-S", "-aec", peer.ae_title, *named, peer.host, str(peer.port)], check=check)


def movescu(peer: Entity, study: str, *, to: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """C-MOVE of a study to the AE title *to*."""
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}"]
    return _run("movescu", ["-S", "-aec", peer.ae_title, "-aem", to, *keys, peer.host, str(peer.port)], check=check)


def _run(
    name: str, arguments: list[str], *, check: bool = True, nagle: bool = False
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [program(name, package=PACKAGE), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(nagle=nagle),
        timeout=120,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{name} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done


def _uid_in(path: Path) -> str:
    return str(dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)


def _configuration(ae_title: str, area: Path, peers: Sequence[Entity], port: int) -> str:
    hosts = "\n".join(f"peer{n} = ({peer.ae_title}, {peer.host}, {peer.port})" for n, peer in enumerate(peers))
    return f"""
NetworkTCPPort  = {port}
MaxPDUSize      = {LARGEST_PDU}
MaxAssociations = 32
HostTable BEGIN
{hosts}
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{ae_title} {area} RW (500, 4096mb) ANY
AETable END
"""
