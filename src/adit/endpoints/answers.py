"""What a server answers over HTTP, and what it means when it does not do as it was asked."""

from __future__ import annotations

import email.utils
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Self

import httpx

from adit.dicom.dicomweb import MediaType
from adit.dicom.errors import BadData, DicomError
from adit.dimse.errors import ConnectionBroken

INFLATED = 64 << 20
"""Bytes that a compressed answer may have in any case; beyond, at most `RATIO` times what was sent."""
RATIO = 100

_AT_ONCE = 1 << 18

NOTHING = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)
REDIRECTS = frozenset((301, 302, 303, 307, 308))

_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504, 507))
_WAITING = frozenset((429, 503))

_WORDS = {
    400: "it does not understand the request",
    401: "it wants another authorization",
    403: "it does not allow that",
    404: "there is nothing under that address",
    405: "it does not offer that",
    406: "it does not give that format",
    409: "it has stored nothing",
    413: "that is too much for it",
    415: "it does not take that format",
    429: "it is asked too often",
    500: "it failed while working on it",
    501: "it does not offer that",
    502: "the server behind it does not answer",
    503: "it is busy or down",
    504: "the server behind it does not answer in time",
    507: "it has no room left",
}


class HttpRefused(DicomError):
    """The server refused a request of HTTP.

    Attributes:
        status: The status code; 200 where only the content makes no sense.
    """

    mended_by = "the administrator of the PACS"

    def __init__(self, message: str = "", *, status: int) -> None:
        words = message or _WORDS.get(status, "it answered with an error")
        super().__init__(f"{words} (HTTP {status})" if status != HTTPStatus.OK else words)
        self.status = status
        self.transient = status in _TRANSIENT
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND) or status in REDIRECTS:
            self.mended_by = "the administrator of ADIT or of the PACS"


class Answer:
    """One answer: its head is here, its content is still to come. Whoever has it closes it."""

    def __init__(self, response: httpx.Response, told: Callable[[], AbstractContextManager[None]]) -> None:
        self._response = response
        self._told = told
        self.status = response.status_code
        self.content_type = MediaType.parse(response.headers.get("Content-Type", ""))

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server wants to be asked again, where it says so (RFC 9110 10.2.3)."""
        written = self._response.headers.get("Retry-After", "").strip()
        if self.status not in _WAITING or not written:
            return None
        if written.isdecimal():
            return float(written)
        try:
            return max(email.utils.parsedate_to_datetime(written).timestamp() - time.time(), 0.0)
        except ValueError:
            return None

    def chunks(self) -> Generator[bytes, None, None]:
        """The content as it arrives, unpacked where the server packed it all the same.

        Raises:
            DicomError: It broke off, or unpacks to something beyond reason.
        """
        encoding = self._response.headers.get("Content-Encoding", "identity").strip().lower()
        with self._told():
            raw = self._response.iter_raw()
            if encoding in ("", "identity"):
                yield from raw
            elif encoding in ("gzip", "x-gzip", "deflate"):
                yield from _unpacked(raw)
            else:
                raise HttpRefused(f"it packs its answer in a way that was not asked for ({encoding[:20]})", status=200)

    def read(self, most: int) -> bytes:
        """The whole content.

        Raises:
            BadData: It has more than *most* bytes.
        """
        parts: list[bytes] = []
        size = 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > most:
                raise BadData(f"the answer is longer than {most >> 20} MiB")
            parts.append(chunk)
        return b"".join(parts)

    def refusal(self) -> HttpRefused:
        """What its status means. What the server says of it stays unread: it may name patients."""
        self.close()
        return HttpRefused(status=self.status)

    def close(self) -> None:
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _unpacked(raw: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip or zlib, step by step.

    Raises:
        BadData: It is none, is broken, or becomes more than `RATIO` times as long.
    """
    unpack = zlib.decompressobj(32 + zlib.MAX_WBITS)
    received = given = 0
    try:
        for chunk in raw:
            received += len(chunk)
            packed = chunk
            while packed:
                data = unpack.decompress(packed, _AT_ONCE)
                packed = unpack.unconsumed_tail
                given += len(data)
                if given > INFLATED + RATIO * received:
                    raise BadData("the answer is packed beyond reason")
                if data:
                    yield data
    except zlib.error as error:
        raise BadData("the answer cannot be unpacked") from error
    if not unpack.eof:
        raise ConnectionBroken("the server broke its answer off")
