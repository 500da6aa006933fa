"""A DICOMweb server that misbehaves as it is told, on threads of the test, as source and as destination.

with misbehaving_web(study, script=WebScript(drops_after=10_000)) as pacs:
    ...  # talk to pacs.url
    assert pacs.requests[0].headers["Authorization"] == "Bearer abc"
"""

import contextlib
import gzip
import itertools
import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom import Dataset, dcmread

from tests.peers.data import File, Study
from tests.peers.process import HOST
from tests.peers.retrieving import pause
from tests.peers.scripts import Script, Seen
from tests.peers.web_answers import found_by
from tests.peers.web_retrieving import END, WebRetrieval, parts
from tests.peers.web_scripts import WebScript
from tests.peers.wire import Gone, Wire

__all__ = ["MisbehavingWeb", "WebScript", "misbehaving_web"]

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
JSON = "application/dicom+json"


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


class MisbehavingWeb:
    """The server. Use it through `misbehaving_web`.

    Attributes:
        script: May be replaced at any time.
        requests: What came.
        seen: What it saw of instances and connections.
        kept: SOP Instance UID → Part 10 file, of what was stored in it.
        released: Set when what stalls may end.
    """

    def __init__(self, files: Sequence[File], script: WebScript, tls: ssl.SSLContext | None) -> None:
        self.script = script
        self.files = list(files)
        self.requests: list[Asked] = []
        self.seen = Seen()
        self.kept: dict[str, bytes] = {}
        self.released = threading.Event()
        self.stalled = threading.Event()
        self._busy = self._retrieves = 0
        self._died = False
        self._wires: set[Wire] = set()
        self._lock = threading.Lock()
        pacs = self

        class Handler(_Handler):
            server_side = pacs

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            # Each connection begins TLS when it is first read, on its own thread.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://{HOST}:{self.port}/web"

    def close(self) -> None:
        self.released.set()
        with self._lock:
            wires = list(self._wires)
        for each in wires:
            each.cut()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def note(self, asked: Asked) -> bool:
        """Note a request. True when it comes while the server is busy."""
        with self._lock:
            self.requests.append(asked)
            self._busy += 1
            return self._busy <= self.script.busy

    @contextmanager
    def connected(self, peer: Wire) -> Iterator[None]:
        """Count a connection, while the block runs."""
        with self._lock:
            self._wires.add(peer)
            # Those that hung up are over, though their threads may not know yet.
            together = sum(not each.left for each in self._wires)
        self.seen.note(open=1, total=1)
        self.seen.together(together)
        how = "vanished"
        try:
            yield
        except Gone as gone:
            how = gone.how
        finally:
            with self._lock:
                self._wires.discard(peer)
            self.seen.note(open=-1, **{how: 1})

    @property
    def dead(self) -> bool:
        """Whether it closes every connection at once."""
        return self._died and self.script.stays_down

    def retrieving(self) -> Script:
        """What goes wrong in the next retrieval."""
        script = self.script.also
        with self._lock:
            self._retrieves += 1
            faulty = script.faulty_retrieves is None or self._retrieves <= script.faulty_retrieves
        return script if faulty else script.without_retrieve_faults()

    def positions(self) -> dict[str, int]:
        """The position of each instance in its study, from 1."""
        places: dict[str, int] = {}
        count: dict[str, int] = {}
        for file in self.files:
            places[file.uid] = count[file.study] = count.get(file.study, 0) + 1
        return places

    def dies(self) -> bool:
        """Whether it breaks off, with what is stored in it now."""
        with self._lock:
            after = self.script.dies_after
            if self._died or after is None or len(self.kept) < after:
                return False
            self._died = True
            return True

    def keep(self, uid: str, part: bytes, data: Dataset) -> None:
        """Store *part*; it can be found and retrieved from now on."""
        syntax = data.file_meta.TransferSyntaxUID
        encoded = part[144 + data.file_meta.FileMetaInformationGroupLength :]
        names = map(str, (data.StudyInstanceUID, data.SeriesInstanceUID, uid, data.SOPClassUID, syntax))
        with self._lock:
            self.kept[uid] = part
            self.files = [*(file for file in self.files if file.uid != uid), File(*names, encoded)]


@contextmanager
def misbehaving_web(
    *studies: Study, script: WebScript | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[MisbehavingWeb]:
    """Run the server while the block runs, filled with *studies*; over *tls* where that is given."""
    pacs = MisbehavingWeb([file for study in studies for file in study.files], script or WebScript(), tls)
    try:
        yield pacs
    finally:
        pacs.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_side: MisbehavingWeb

    def handle(self) -> None:
        self.peer = Wire(self.connection)
        # A client that turns away at the handshake is what some tests are about.
        with contextlib.suppress(OSError), self.server_side.connected(self.peer):
            if not self.server_side.dead:
                super().handle()

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        if self._goes_wrong("qido" if self.path.partition("?")[0].endswith(("studies", "series", "instances")) else ""):
            return
        path, query = self._asked()
        if path.endswith(("/studies", "/series", "/instances")):
            self._qido(path, query)
        else:
            self._wado(path)

    def do_POST(self) -> None:
        content = self._content()
        if not self._goes_wrong("stow"):
            self._stow(content)

    def _asked(self) -> tuple[str, dict[str, list[str]]]:
        split = urlsplit(self.path)
        return split.path, parse_qs(split.query)

    def _goes_wrong(self, service: str) -> bool:
        script = self.server_side.script
        path, query = self._asked()
        busy = self.server_side.note(Asked(self.command, path, query, dict(self.headers)))
        service = service or "wado"
        if busy:
            self._answer(script.busy_status, b"slowly", {"Retry-After": script.retry_after})
        elif script.redirects_to:
            self._answer(302, b"", {"Location": script.redirects_to})
        elif service in script.html:
            self._answer(200, PAGE, {"Content-Type": "text/html"})
        elif service in script.statuses:
            self._answer(script.statuses[service], b"no", {"Content-Type": "text/plain"})
        else:
            return False
        return True

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _qido(self, path: str, query: dict[str, list[str]]) -> None:
        script = self.server_side.script
        steps = path.split("/")
        files = self.server_side.files if script.also.ignores_filters else self._under(steps)
        level = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}.get(steps[-1], "SOPInstanceUID")
        if level == "SOPInstanceUID" and script.also.image_level == "fails":
            self._answer(501, b"no", {"Content-Type": "text/plain"})
            return
        if level == "SOPInstanceUID" and script.also.image_level == "empty":
            files = []
        answers = found_by(query, files, level, script)
        self._answer(200, json.dumps(answers).encode(), {"Content-Type": JSON})

    def _under(self, steps: Sequence[str]) -> list[File]:
        named = dict(itertools.pairwise(steps))
        return [
            file
            for file in self.server_side.files
            if named.get("studies", file.study) == file.study
            and named.get("series", file.series) == file.series
            and named.get("instances", file.uid) == file.uid
        ]

    def _wado(self, path: str) -> None:
        script = self.server_side.script
        files = self._under(path.split("/"))
        if not files:
            self._answer(404, b"", {})
            return
        if script.partial:
            files = files[:-1]
        kind = script.content_type or f'multipart/related; type="application/dicom"; boundary="{script.boundary}"'
        packs = script.packs or script.bomb
        self.send_response(206 if script.partial else 200)
        self.send_header("Content-Type", kind)
        if packs:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if script.stalls:
            self.server_side.stalled.set()
            self.server_side.released.wait(30)
        if script.drops_after is not None or packs:
            self._spoilt(b"".join(parts(files)), script)
            return
        positions, faults = self.server_side.positions(), self.server_side.retrieving()
        WebRetrieval(self.peer, self._chunk, files, positions, faults, self.server_side.seen).run()
        self.wfile.write(b"0\r\n\r\n")

    def _spoilt(self, content: bytes, script: WebScript) -> None:
        if script.bomb:
            content = content.removesuffix(END) + bytes(script.bomb)
        if script.packs or script.bomb:
            content = gzip.compress(content)
        if script.drops_after is not None:
            self.wfile.write(b"%x\r\n%b" % (len(content), content[: script.drops_after]))
            self.close_connection = True
            return
        for start in range(0, len(content), 50_000):
            self._chunk(content[start : start + 50_000])
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, octets: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(octets), octets))

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _stow(self, content: bytes) -> None:
        script, seen = self.server_side.script, self.server_side.seen
        stored, failed = [], []
        for part in _split(content, self.headers["Content-Type"]):
            data = dcmread(BytesIO(part), stop_before_pixels=True)
            uid = str(data.SOPInstanceUID)
            if uid == script.spoilt_by:
                self._answer(400, b"bad request", {"Content-Type": "text/plain"})
                return
            untaken = data.file_meta.TransferSyntaxUID in script.untaken
            if untaken and script.untaken_wholly:
                self._answer(415, b"not this", {"Content-Type": "text/plain"})
                return
            item = {"00081155": {"vr": "UI", "Value": [uid]}}
            if untaken or uid in script.fails:
                failed.append(item | {"00081197": {"vr": "US", "Value": [script.fails.get(uid, 0xC122)]}})
                continue
            with seen.changed:
                seen.received.append(uid)
                seen.changed.notify_all()
            self.server_side.keep(uid, part, data)
            if self.server_side.dies():
                raise Gone("broken")
            warning = {"00081196": {"vr": "US", "Value": [script.warns[uid]]}} if uid in script.warns else {}
            stored.append(item | warning)
        pause(self.peer, script.also)
        answer: dict[str, Any] = {"00081199": {"vr": "SQ", "Value": stored}}
        if failed:
            answer["00081198"] = {"vr": "SQ", "Value": failed}
        warned = any("00081196" in item for item in stored)
        status = 409 if not stored else 202 if failed or warned else 200
        self._answer(status, b"{}" if script.silent else json.dumps(answer).encode(), {"Content-Type": JSON})


def _split(content: bytes, content_type: str) -> Iterator[bytes]:
    """The parts of a request, by other means than ours."""
    boundary = content_type.partition('boundary="')[2].partition('"')[0].encode()
    for piece in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:-1]:
        yield piece.partition(b"\r\n\r\n")[2]
