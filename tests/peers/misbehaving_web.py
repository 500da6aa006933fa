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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom import Dataset, dcmread

from tests.peers.data import File, Study
from tests.peers.process import HOST

BOUNDARY = "its boundary"
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
END = f"\r\n--{BOUNDARY}--\r\n".encode()
JSON = "application/dicom+json"
_COUNTS = {"StudyInstanceUID": "00201208", "SeriesInstanceUID": "00201209"}


@dataclass(frozen=True)
class WebScript:
    """What the server does wrong.

    Attributes:
        statuses: By `qido`, `wado` or `stow`: the status that is answered instead.
        busy: So many requests are answered with 429 first.
        retry_after: The Retry-After header that goes with it.
        html: Services that answer 200 with a web page.
        redirects_to: Where every request is sent on to.
        drops_after: Bytes of an answer of WADO after which the connection is closed.
        boundary: Boundary that is announced, and not used.
        content_type: Of an answer of WADO, whatever it is.
        partial: WADO gives all but the last instance, with 206.
        bomb: Bytes of zeros that the last instance of WADO goes on with, packed.
        packs: WADO packs its answer.
        stalls: WADO gives nothing until the server ends.
        ignores_paging: QIDO gives everything, always.
        largest_page: QIDO gives no more than this at a time, and does not say so.
        fails: SOP Instance UID → reason by which STOW refuses it.
        warns: SOP Instance UID → reason by which STOW takes it with a warning.
        silent: STOW answers without a word on the instances.
        spoilt_by: SOP Instance UID for which STOW answers 400 to the whole request.
    """

    statuses: Mapping[str, int] = field(default_factory=dict)
    busy: int = 0
    retry_after: str = "0"
    html: frozenset[str] = frozenset()
    redirects_to: str = ""
    drops_after: int | None = None
    boundary: str = BOUNDARY
    content_type: str = ""
    partial: bool = False
    bomb: int = 0
    packs: bool = False
    stalls: bool = False
    ignores_paging: bool = False
    largest_page: int | None = None
    fails: Mapping[str, int] = field(default_factory=dict)
    warns: Mapping[str, int] = field(default_factory=dict)
    silent: bool = False
    spoilt_by: str = ""


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
        kept: SOP Instance UID → Part 10 file, of what was stored in it.
        released: Set when what stalls may end.
    """

    def __init__(self, files: Sequence[File], script: WebScript, tls: ssl.SSLContext | None) -> None:
        self.script = script
        self.files = list(files)
        self.requests: list[Asked] = []
        self.kept: dict[str, bytes] = {}
        self.released = threading.Event()
        self.stalled = threading.Event()
        self._busy = 0
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
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def note(self, asked: Asked) -> bool:
        """Note a request. True when it comes while the server is busy."""
        with self._lock:
            self.requests.append(asked)
            self._busy += 1
            return self._busy <= self.script.busy

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
        # A client that turns away at the handshake is what some tests are about.
        with contextlib.suppress(OSError):
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
            self._answer(429, b"slowly", {"Retry-After": script.retry_after})
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
        parts = path.split("/")
        files = self._under(parts)
        level = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}.get(parts[-1], "SOPInstanceUID")
        found: dict[str, dict[str, Any]] = {}
        counts: dict[str, int] = {}
        for file in files:
            data = dcmread(BytesIO(file.part10()), stop_before_pixels=True)
            asked = {key: values[0] for key, values in query.items() if key[0].isupper()}
            if any(str(data.get(key, "")) != value for key, value in asked.items()):
                continue
            name = str(data[level].value)
            found.setdefault(name, data.to_json_dict())
            counts[name] = counts.get(name, 0) + 1
        answers = [
            model | ({_COUNTS[level]: {"vr": "IS", "Value": [counts[name]]}} if level in _COUNTS else {})
            for name, model in found.items()
        ]
        if not script.ignores_paging:
            offset = int(query.get("offset", ["0"])[0])
            most = int(query.get("limit", ["1000000"])[0])
            answers = answers[offset : offset + min(most, script.largest_page or most)]
        self._answer(200, json.dumps(answers).encode(), {"Content-Type": JSON})

    def _under(self, parts: Sequence[str]) -> list[File]:
        named = dict(itertools.pairwise(parts))
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
        content = b"".join(_parts(file.part10() for file in files))
        if script.bomb:
            content = content.removesuffix(END) + bytes(script.bomb)
        kind = script.content_type or f'multipart/related; type="application/dicom"; boundary="{script.boundary}"'
        packs = script.packs or script.bomb
        self.send_response(206 if script.partial else 200)
        self.send_header("Content-Type", kind)
        if packs:
            self.send_header("Content-Encoding", "gzip")
            content = gzip.compress(content)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if script.stalls:
            self.server_side.stalled.set()
            self.server_side.released.wait(30)
        if script.drops_after is not None:
            self.wfile.write(b"%x\r\n%b" % (len(content), content[: script.drops_after]))
            self.close_connection = True
            return
        for start in range(0, len(content), 50_000):
            chunk = content[start : start + 50_000]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _stow(self, content: bytes) -> None:
        script = self.server_side.script
        stored, failed = [], []
        for part in _split(content, self.headers["Content-Type"]):
            data = dcmread(BytesIO(part), stop_before_pixels=True)
            uid = str(data.SOPInstanceUID)
            if uid == script.spoilt_by:
                self._answer(400, b"bad request", {"Content-Type": "text/plain"})
                return
            item = {"00081155": {"vr": "UI", "Value": [uid]}}
            if uid in script.fails:
                failed.append(item | {"00081197": {"vr": "US", "Value": [script.fails[uid]]}})
                continue
            self.server_side.keep(uid, part, data)
            warning = {"00081196": {"vr": "US", "Value": [script.warns[uid]]}} if uid in script.warns else {}
            stored.append(item | warning)
        answer: dict[str, Any] = {"00081199": {"vr": "SQ", "Value": stored}}
        if failed:
            answer["00081198"] = {"vr": "SQ", "Value": failed}
        status = 200 if not failed else 202 if stored else 409
        self._answer(status, b"{}" if script.silent else json.dumps(answer).encode(), {"Content-Type": JSON})


def _parts(files: Iterable[bytes]) -> Iterator[bytes]:
    for file in files:
        yield f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file
    yield END


def _split(content: bytes, content_type: str) -> Iterator[bytes]:
    """The parts of a request, by other means than ours."""
    boundary = content_type.partition('boundary="')[2].partition('"')[0].encode()
    for piece in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:-1]:
        yield piece.partition(b"\r\n\r\n")[2]
