"""A process that decodes frames: what a decoder does to it, it does to no transfer.

Decoders are C, C++ and Rust, and broken pixel data make some of them crash, or never end (measured: see decision 11).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from adit.dicom.decoding import Decoded, NotDecodable, Picture, decode
from adit.dicom.errors import BadData
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID

_SECONDS = 60
"""What one frame may take at least."""

_BYTES_A_SECOND = 4 << 20
"""What a larger one has to keep up, when it is decompressed."""


class Decoder:
    """Decodes frames in a process that starts with the first, ends with `close`, and is replaced when it crashes.

    For one thread at a time.
    """

    def __init__(self, cancel: Cancellation) -> None:
        self._cancel = cancel
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, frame: bytes, picture: Picture, syntax: UID) -> Decoded:
        """See `adit.dicom.decoding.decode`.

        Raises:
            NotDecodable: No decoder takes pixel data of this kind.
            BadData: The decoders failed, crashed, or did not end.
            Canceled: The cancel token was set.
        """
        process = self._process = self._process or self._started()
        with self._cancel.closing(process.kill):
            answer, pixels = self._asked(process, {**asdict(picture), "syntax": syntax, "size": len(frame)}, frame)
        self._cancel.check()
        if answer is None:
            self.close()
            raise BadData("its pixel data cannot be decoded (the decoder crashed, or did not end)")
        if "refused" in answer:
            raise NotDecodable(answer["refused"])
        if "failed" in answer:
            raise BadData(answer["failed"])
        return Decoded(pixels, answer["photometric"], answer["planar"])

    @staticmethod
    def _started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    @staticmethod
    def _asked(
        process: subprocess.Popen[bytes], question: dict[str, Any], frame: bytes
    ) -> tuple[dict[str, Any] | None, bytes]:
        """The process's answer, None where it died over it."""
        assert process.stdin
        assert process.stdout
        try:
            _write(process.stdin, question, frame)
            answer = _read(process.stdout)
            return answer if answer is None else answer[0], b"" if answer is None else answer[1]
        except BrokenPipeError:
            return None, b""

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError):
                process.communicate()


def _write(pipe: IO[bytes], words: dict[str, Any], content: bytes) -> None:
    pipe.write(json.dumps(words).encode() + b"\n")
    pipe.write(content)
    pipe.flush()


def _read(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Words and the *size* bytes that follow them. None where the pipe ends before."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        return None
    words = json.loads(line)
    size = words.pop("size")
    content = pipe.read(size)
    return (words, content) if len(content) == size else None


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Decode until there are no more questions."""
    while question := _read(questions):
        words, frame = question
        syntax = UID(words.pop("syntax"))
        picture = Picture(**words)
        # Ends the process, whatever a decoder is doing, and whether or not somebody waits for it still.
        signal.alarm(_SECONDS + picture.size // _BYTES_A_SECOND)
        pixels = b""
        try:
            decoded = decode(frame, picture, syntax)
        except NotDecodable as error:
            answer: dict[str, Any] = {"refused": str(error)}
        except BadData as error:
            answer = {"failed": str(error)}
        except BaseException as error:  # noqa: BLE001  what panics in Rust is no Exception
            answer = {"failed": f"its pixel data cannot be decoded ({type(error).__name__})"}
        else:
            pixels = decoded.pixels
            answer = {"photometric": decoded.photometric, "planar": decoded.planar}
        signal.alarm(0)
        _write(answers, {**answer, "size": len(pixels)}, pixels)


if __name__ == "__main__":
    # Decoders write their complaints to where the answers would go.
    with os.fdopen(os.dup(1), "wb") as own:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, own)
