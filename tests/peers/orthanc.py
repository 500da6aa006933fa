"""Orthanc as a peer: a PACS with C-FIND, C-GET, C-MOVE, C-STORE and, when asked for, DICOMweb."""

import hashlib
import http.client
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.process import HOST, Entity, Peer, program, running

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True)
class Orthanc(Peer):
    """A running Orthanc.

    Attributes:
        http_port: Where its REST API and DICOMweb (`/dicom-web/`) answer.
    """

    http_port: int

    @property
    def dicomweb_url(self) -> str:
        return f"http://{self.host}:{self.http_port}/dicom-web"

    def fill(self, files: Iterable[bytes | Path]) -> None:
        """Store Part 10 files (their bytes or their paths) through the REST API."""
        connection = http.client.HTTPConnection(self.host, self.http_port)
        try:
            for file in files:
                body = file if isinstance(file, bytes) else file.read_bytes()
                _ask(connection, "POST", "/instances", body)
        finally:
            connection.close()

    def holds(self, study: str | None = None) -> frozenset[str]:
        """SOP Instance UIDs of everything in it, or of one study."""
        path = "/instances"
        if study is not None:
            found = self.ask("POST", "/tools/lookup", study.encode())
            ids = [each["ID"] for each in found if each["Type"] == "Study"]
            if not ids:
                return frozenset()
            path = f"/studies/{ids[0]}/instances"
        return frozenset(each["MainDicomTags"]["SOPInstanceUID"] for each in self.ask("GET", f"{path}?expand"))

    def file(self, patient_id: str, study: str, series: str, instance: str) -> bytes:
        """The Part 10 file of one instance, as Orthanc keeps it."""
        name = hashlib.sha1(f"{patient_id}|{study}|{series}|{instance}".encode()).hexdigest()
        orthanc_id = "-".join(name[i : i + 8] for i in range(0, 40, 8))
        connection = http.client.HTTPConnection(self.host, self.http_port)
        try:
            return _ask(connection, "GET", f"/instances/{orthanc_id}/file")
        finally:
            connection.close()

    def clear(self) -> None:
        """Delete everything in it."""
        for patient in self.ask("GET", "/patients"):
            self.ask("DELETE", f"/patients/{patient}")

    def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        """One call of the REST API; its JSON answer."""
        connection = http.client.HTTPConnection(self.host, self.http_port)
        try:
            return json.loads(_ask(connection, method, path, body) or b"null")
        finally:
            connection.close()


@contextmanager
def orthanc(
    *,
    ae_title: str = "ORTHANC",
    dicomweb: bool = False,
    peers: Sequence[Entity] = (),
    store_to: Path | None = None,
    nagle: bool = False,
    **options: Any,
) -> Iterator[Orthanc]:
    """Run an Orthanc while the block runs. It answers whoever calls, by whatever called AE title.

    Args:
        dicomweb: Load the DICOMweb plugin.
        peers: Where its C-MOVE can send to.
        store_to: The folder it keeps its data in; without it a temporary one. What is there
            from an earlier run is still there in the next.
        nagle: Leave Nagle's algorithm on, as Debian's package does by default.
        options: More of its configuration, by Orthanc's own names.
    """
    server = program("Orthanc", package="orthanc")
    if dicomweb:
        program_file(DICOMWEB_PLUGIN, package="orthanc-dicomweb")
    with tempfile.TemporaryDirectory(prefix="adit-orthanc-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)

        def command(ports: tuple[int, ...]) -> list[str]:
            file = folder / "orthanc.json"
            configuration = _configuration(ae_title, ports, store_to or folder / "storage", peers)
            if dicomweb:
                configuration |= {"Plugins": [str(DICOMWEB_PLUGIN)], "DicomWeb": {"Enable": True}}
            file.write_text(json.dumps(configuration | options))
            return [server, str(file)]

        with running(command, ports=2, log=folder / "log", nagle=nagle) as (port, http_port):
            yield Orthanc(ae_title, HOST, port, http_port)


def program_file(path: Path, *, package: str) -> Path:
    """*path*, where that file is installed; else MissingProgram is raised."""
    if not path.exists():
        program(str(path), package=package)
    return path


def _configuration(ae_title: str, ports: tuple[int, ...], storage: Path, peers: Sequence[Entity]) -> dict[str, Any]:
    return {
        "Name": ae_title,
        "DicomAet": ae_title,
        "DicomPort": ports[0],
        "HttpPort": ports[1],
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {f"peer{n}": [peer.ae_title, peer.host, peer.port] for n, peer in enumerate(peers)},
        "UnknownSopClassAccepted": True,
        "SaveJobs": False,
        "StableAge": 1,
        "HttpCompressionEnabled": False,
        "KeepAlive": True,
        "TcpNoDelay": True,
    }


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> bytes:
    connection.request(method, path, body)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"Orthanc answered {method} {path} with {answer.status}: {content[:500]!r}")
    return content
