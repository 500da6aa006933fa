"""How the misbehaving DICOMweb server answers WADO-RS: part by part, and as wrong as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.peers.data import File
from tests.peers.retrieving import pause
from tests.peers.scripts import Script, Seen
from tests.peers.wire import Gone, Wire

BOUNDARY = "its boundary"
END = f"\r\n--{BOUNDARY}--\r\n".encode()

_CHUNK = 50_000
_LARGE = 1 << 20


class WebRetrieval:
    """One answer.

    Args:
        write: Sends the next bytes of the content.
        chosen: The instances that were asked for.
        positions: The position of each instance in its study, by UID, from 1.
    """

    def __init__(
        self,
        peer: Wire,
        write: Callable[[bytes], object],
        chosen: Sequence[File],
        positions: Mapping[str, int],
        script: Script,
        seen: Seen,
    ) -> None:
        self._peer, self._write, self._script, self._seen = peer, write, script, seen
        self._chosen, self._positions = chosen, positions
        self._sent = 0

    def run(self) -> None:
        """Send everything; or break off as the script says.

        Raises:
            Gone: The conversation is over.
        """
        for file in self._script.sends_unasked:
            self._send(file)
        for file in self._chosen:
            position = self._positions[file.uid]
            if position in self._script.withholds:
                continue
            pause(self._peer, self._script)
            for _ in range(2 if position in self._script.sends_twice else 1):
                self._send(file)
            if self._sent == self._script.closes_after:
                raise Gone("broken")
        self._write(END)

    def _send(self, file: File) -> None:
        number = self._sent + 1
        size = len(file.encoded)
        if number in (self._script.closes_in, self._script.stalls_in):
            self._write_all(file, size // 2)
            if number == self._script.closes_in:
                raise Gone("broken")
            self._seen.note(stalled=1)
            self._peer.ignore()
        self._write_all(file, size)
        self._sent = number
        with self._seen.changed:
            self._seen.sent.append(file.uid)
            self._seen.changed.notify_all()

    def _write_all(self, file: File, size: int) -> None:
        self._write(head_of(file))
        # What is large enough to be made as it goes goes in larger pieces.
        piece = _CHUNK if size < _LARGE else _LARGE // 2
        for start in range(0, size, piece):
            self._write(file.encoded[start : min(start + piece, size)])


def parts(files: Sequence[File]) -> Iterator[bytes]:
    """The whole content with *files*, as nothing was wrong."""
    for file in files:
        yield head_of(file)
        yield file.encoded
    yield END


def head_of(file: File) -> bytes:
    """What stands before the data set of *file* in its part."""
    return f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file.start()
