"""Instances too large to be held: their bytes are made when they are sent, and only counted where they arrive."""

from __future__ import annotations

import json
import random
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import xxhash
from pydicom import Dataset

from tests.peers.data import EXPLICIT_LITTLE, File, Study, uid_of
from tests.peers.process import HOST
from tests.peers.wire import encode_data

XA_IMAGE = "1.2.840.10008.5.1.4.1.1.12.1"
FRAME = 512 * 512 * 2
LAST = 1 << 20
"""Bytes at the end of an instance that are held back."""

_PIECE = 1 << 20
_BLOCK = random.Random("large").randbytes(1_000_003)
"""Pixels repeat after a number of bytes that no buffer has, so that a piece in the wrong place shows."""


class Made:
    """The encoded data set of an instance, in place of bytes (`File.encoded`). A slice of it makes what it holds.

    Args:
        size: Bytes of pixels.
        before_last: Called each time before something of the last MiB is given.
    """

    def __init__(self, head: bytes, size: int, before_last: Callable[[], object]) -> None:
        self._head = head
        self._size = size
        self._before_last = before_last

    def __len__(self) -> int:
        return len(self._head) + self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        if stop > len(self) - LAST:
            self._before_last()
        return self._bytes(start, stop)

    def _bytes(self, start: int, stop: int) -> bytes:
        made = [self._head[start:stop]]
        at, end = max(start, len(self._head)) - len(self._head), stop - len(self._head)
        while at < end:
            within = at % len(_BLOCK)
            made.append(_BLOCK[within : within + end - at])
            at += len(made[-1])
        return b"".join(made)

    def digest(self) -> str:
        """Of all of it."""
        hashed = xxhash.xxh3_128()
        for start in range(0, len(self), _PIECE):
            hashed.update(self._bytes(start, min(start + _PIECE, len(self))))
        return hashed.hexdigest()


def large_study(size: int, *, name: str = "large", before_last: Callable[[], object] = lambda: None) -> Study:
    """A study of one multi-frame XA image.

    Args:
        size: Bytes of pixel data, rounded down to whole frames of 0.5 MiB.
        before_last: See `Made`.
    """
    frames = size // FRAME
    study, series, instance = (uid_of(f"{name} {level}") for level in ("study", "series", "instance"))
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = XA_IMAGE, instance
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.PatientID, image.PatientName = f"TEST-{name}", "Groß^Bild"
    image.SpecificCharacterSet = "ISO_IR 100"
    image.StudyDate, image.StudyTime, image.Modality = "20240229", "101500", "XA"
    image.AccessionNumber = image.StudyID = image.SeriesDescription = image.PatientBirthDate = image.PatientSex = ""
    image.SeriesNumber = image.InstanceNumber = "1"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.NumberOfFrames, image.Rows, image.Columns = str(frames), 512, 512
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, frames * FRAME)
    made = Made(encode_data(image, EXPLICIT_LITTLE) + pixels, frames * FRAME, before_last)
    file = File(study, series, instance, XA_IMAGE, EXPLICIT_LITTLE, made)
    return Study(study, f"TEST-{name}", "Groß^Bild", (file,))


@dataclass
class Counted:
    """What arrived in a place that keeps nothing.

    Attributes:
        began: Set with the first bytes.
        digests: SOP Instance UID → digest of the data set, of what is complete.
    """

    began: threading.Event = field(default_factory=threading.Event)
    digests: dict[str, str] = field(default_factory=dict)


@dataclass
class CountingWeb(Counted):
    """A DICOMweb server that takes one instance in each request of STOW-RS, and forgets it.

    Attributes:
        url: Its base.
    """

    url: str = ""

    def take(self, pieces: Iterator[bytes], boundary: bytes) -> str:
        """Count one request. Returns the SOP Instance UID that it holds."""
        start = b""
        while len(start) < 1 << 10:
            start += next(pieces)
        self.began.set()
        file = start.partition(b"\r\n\r\n")[2]
        # Behind preamble and mark, (0002,0000) of twelve bytes says how many follow (PS3.10 7.1).
        (length,) = struct.unpack_from("<L", file, 140)
        found = re.search(rb"\x02\0\x03\0UI..([0-9.]+)", file, re.DOTALL)
        assert found
        end = b"\r\n--" + boundary + b"--\r\n"
        hashed, rest = xxhash.xxh3_128(), file[144 + length :]
        for piece in pieces:
            hashed.update(rest[: -len(end)])
            rest = rest[-len(end) :] + piece
        assert rest.endswith(end)
        hashed.update(rest[: -len(end)])
        uid = found[1].decode()
        self.digests[uid] = hashed.hexdigest()
        return uid


@contextmanager
def counting_web() -> Iterator[CountingWeb]:
    """Run one while the block runs."""
    counting = CountingWeb()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_POST(self) -> None:
            boundary = self.headers["Content-Type"].partition('boundary="')[2].partition('"')[0].encode()
            item = {"00081155": {"vr": "UI", "Value": [counting.take(self._pieces(), boundary)]}}
            content = json.dumps({"00081199": {"vr": "SQ", "Value": [item]}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _pieces(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    counting.url = f"http://{HOST}:{server.server_address[1]}/web"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield counting
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
