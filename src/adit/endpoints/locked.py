"""Files that are encrypted at rest: AES-256-GCM in chunks, so that they are written and read as streams.

Each file has a key of its own, derived from the given one and a random salt (HKDF-SHA256). Its nonces count the
chunks and mark the last one, so that a file which was cut off, or whose chunks were moved, does not open (the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár). What is said about the content is encrypted like it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adit.dicom.errors import BadData

CHUNK = 256 << 10
"""Bytes of plain text in all chunks but the last."""

_MARK = b"ADITlk01"
_SALT = 16
_TAG = 16


class WrongKey(BadData):
    """The file cannot be opened with this password, or was changed."""

    mended_by = "whoever looks after the folder"


@lru_cache(maxsize=8)
def key_of(password: str, salt: bytes) -> bytes:
    """The key that belongs to *password*, 32 bytes. Takes a tenth of a second and 32 MiB, which guessing does too."""
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 15, r=8, p=1, maxmem=1 << 26, dklen=32)


def derived(key: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    """Another key, from which *key* cannot be told."""
    return HKDF(SHA256(), 32, salt, b"adit " + purpose).derive(key)


def write_locked(file: BinaryIO, key: bytes, about: dict[str, Any], content: Iterable[bytes | memoryview]) -> None:
    """Write *content*, and what is said *about* it, which is JSON."""
    salt = os.urandom(_SALT)
    lock = AESGCM(derived(key, b"file", salt))
    said = lock.encrypt(_nonce(0, last=False), json.dumps(about).encode(), None)
    file.write(_MARK + salt + struct.pack("<L", len(said)) + said)
    number = 1
    kept = bytearray()
    for piece in content:
        kept += piece
        if len(kept) > CHUNK:
            whole = memoryview(kept)
            at = 0
            # One stays, because only the end tells which is the last.
            while len(kept) - at > CHUNK:
                file.write(lock.encrypt(_nonce(number, last=False), whole[at : at + CHUNK], None))
                at += CHUNK
                number += 1
            whole.release()
            del kept[:at]
    file.write(lock.encrypt(_nonce(number, last=True), bytes(kept), None))


class Locked(io.BufferedIOBase):
    """A file that `write_locked` wrote, open for reading from its beginning to its end.

    Attributes:
        about: What is said about the content.
        size: Bytes of the content.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        """
        Raises:
            WrongKey: It was written with another key, or changed.
            OSError: It cannot be read.
        """
        super().__init__()
        self._file = path.open("rb")
        try:
            start = self._file.read(len(_MARK) + _SALT + 4)
            if len(start) < len(_MARK) + _SALT + 4 or not start.startswith(_MARK):
                raise WrongKey  # noqa: TRY301 - the file is closed below, whatever is wrong
            self._lock = AESGCM(derived(key, b"file", start[len(_MARK) : len(_MARK) + _SALT]))
            (length,) = struct.unpack("<L", start[-4:])
            self.about: dict[str, Any] = json.loads(self._opened(self._file.read(length), 0, last=False))
            sealed = os.fstat(self._file.fileno()).st_size - self._file.tell()
            self._chunks = max(1, -(-sealed // (CHUNK + _TAG)))
            self.size = sealed - self._chunks * _TAG
            self._begin = self._file.tell()
        except BaseException:
            self._file.close()
            raise
        self._number = 0
        self._at = 0
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """As many bytes as asked for, unless the end comes before.

        Raises:
            WrongKey: The file was changed or cut off.
        """
        wanted = self.size if size is None or size < 0 else size
        parts = []
        while wanted and (self._rest or self._number < self._chunks):
            if not self._rest:
                self._number += 1
                last = self._number == self._chunks
                self._rest = self._opened(self._file.read(CHUNK + _TAG), self._number, last=last)
            parts.append(self._rest[:wanted])
            self._rest = self._rest[wanted:]
            wanted -= len(parts[-1])
        read = b"".join(parts)
        self._at += len(read)
        return read

    def chunks(self) -> Iterator[bytes]:
        """The content from here on."""
        while chunk := self.read(CHUNK):
            yield chunk

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """To the beginning, or to the end, which tells the size; nowhere else."""
        if (offset, whence) == (0, os.SEEK_SET):
            self._file.seek(self._begin)
            self._number, self._at, self._rest = 0, 0, b""
        elif (offset, whence) == (0, os.SEEK_END):
            self._number, self._at, self._rest = self._chunks, self.size, b""
        else:
            raise io.UnsupportedOperation("only the beginning and the end can be gone to")
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._rest = b""
        self._file.close()
        super().close()

    def _opened(self, sealed: bytes, number: int, *, last: bool) -> bytes:
        try:
            return self._lock.decrypt(_nonce(number, last=last), sealed, None)
        except (InvalidTag, ValueError) as error:
            raise WrongKey from error


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
