"""Storing by STOW-RS (PS3.18 10.5), many instances in a request, sent while they still come."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from http import HTTPStatus
from itertools import chain

from adit.dicom.contexts import EXPLICIT, name_of
from adit.dicom.decoding import NotDecodable
from adit.dicom.dicomweb import DICOM, JSON, MULTIPART, MediaType, StoreAnswer, read_store_answer, studies_url
from adit.dicom.errors import BadData, DicomError, Refused
from adit.dicom.explicit import FORBIDDEN, explicit
from adit.dicom.instance import Instance
from adit.dicom.json import from_json
from adit.dicom.multipart import MultipartWriter
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.protocols import Outcome, Receipt
from adit.dicom.refs import UID
from adit.dicom.status import SYNTAX_NOT_SUPPORTED, Service, describe, transient
from adit.endpoints.ahead import Ahead
from adit.endpoints.answers import Answer, HttpRefused
from adit.endpoints.decompressing import Decompressor, Fitting
from adit.endpoints.spool import Spool
from adit.endpoints.web import LONGEST_WAIT, Session, Web

MOST_INSTANCES = 100
"""Instances in one request."""

MOST_BYTES = 64 << 20
"""Bytes after which a request takes no further instance."""

NOTE = "sent as Explicit VR Little Endian, because DICOMweb does not carry its transfer syntax"

# Without the transfer syntax, which the file itself names: Orthanc 1.10 passes over, and is silent about,
# parts whose type has a parameter.
_HEADERS = {"Content-Type": DICOM}

_LARGEST_ANSWER = 64 << 20
_ANSWERS = (HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT)
_OF_ONE = frozenset((400, 409, 413, 415, 422))
"""Statuses by which a server may refuse a whole request because of one instance, or because it is too long."""


class WebStorer:
    """The sending side of one task. Its connection is opened by need and kept until `close`."""

    def __init__(self, web: Web, spool: Spool, *, decompress: bool) -> None:
        """
        Args:
            spool: Where instances lie that have to be decompressed.
            decompress: They may be.
        """
        self._web = web
        self._session: Session | None = None
        self._fitting = Fitting(Decompressor(web.name, spool, web.cancel) if decompress else None)

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        """See `Sink.store`. Receipts come in the order of the answers.

        Raises:
            HttpRefused: The server does not let anything be stored.
            DicomError: It cannot be reached, or the connection broke.
        """
        supply = Ahead(self._fitting.prepared(instances))
        try:
            while (first := supply.take()) is not None:
                request = _Request(first, supply)
                try:
                    yield from self._receipts(request)
                finally:
                    request.close()
        except DicomError as error:
            raise error.on(self._web.name) from error
        finally:
            supply.close()

    def _receipts(self, request: _Request) -> Iterator[Receipt]:
        answer = self._sent(request)
        if answer is None and len(request.sent) > 1:
            # One of them spoils it for the others.
            for instance in request.sent:
                yield from self._receipts(_Request(instance, None))
            return
        for instance in request.sent:
            if bad := request.bad.get(instance.uid):
                yield self._unsent(instance, bad)
            elif _untaken(instance, request, answer):
                yield from self._decompressed(instance)
            elif answer is None:
                yield self._refused(instance, str(request.refusal))
            else:
                yield self._receipt(instance, answer)

    def _decompressed(self, instance: Instance) -> Iterator[Receipt]:
        """Send *instance* again, which the server does not take in its transfer syntax, in one that it must take."""
        name = name_of(instance.transfer_syntax)
        try:
            fitting = self._fitting(instance)
        except (NotDecodable, BadData) as error:
            words = f"{self._web.name} does not take {name}, and {error} (can be mended by {error.mended_by})"
            yield Receipt(instance.ref, Outcome.REFUSED, 0, words)
            return
        with fitting:
            yield from self._receipts(_Request(fitting, None))

    def _sent(self, request: _Request) -> StoreAnswer | None:
        """What the server says of the instances of *request*; None where it says no more than that it refuses it.

        Raises:
            DicomError: Nothing can be stored in it this way.
        """
        left = LONGEST_WAIT
        while True:
            answer = self._opened().post(
                studies_url(self._web.config.url, self._web.config.store_prefix),
                request.content(),
                length=request.length,
                content_type=request.content_type,
                accept=JSON,
            )
            with answer:
                seconds = answer.retry_after
                if seconds is None or seconds > left:
                    return _read(answer, request)
            self._web.cancel.wait(seconds)
            left -= max(seconds, 1)

    def _opened(self) -> Session:
        if self._session is None:
            self._session = self._web.session()
        return self._session

    def _receipt(self, instance: Instance, answer: StoreAnswer) -> Receipt:
        if instance.uid in answer.failed:
            status = answer.failed[instance.uid]
            words = "no reason given" if status is None else describe(status, Service.STORE)
            return self._refused(instance, words, passing=status is not None and transient(status))
        if instance.uid not in answer.stored:
            reasons = {describe(each, Service.STORE) for each in answer.unnamed if each is not None}
            words = "; ".join(sorted(reasons)) or "it says nothing about this instance"
            return self._refused(instance, words)
        size = instance.body.size or 0
        notes = [NOTE] if instance.transfer_syntax in FORBIDDEN else self._fitting.notes(instance.uid)
        if warning := answer.stored[instance.uid]:
            notes.insert(0, describe(warning, Service.STORE))
        outcome = Outcome.WARNED if warning else Outcome.STORED
        return Receipt(instance.ref, outcome, size, "; ".join(notes))

    def _refused(self, instance: Instance, words: str, *, passing: bool = False) -> Receipt:
        reason = f"{self._web.name} refused: {words} (can be mended by {Refused.mended_by})"
        return Receipt(instance.ref, Outcome.REFUSED, instance.body.size or 0, reason, transient=passing)

    def _unsent(self, instance: Instance, bad: BadData) -> Receipt:
        reason = f"{self._web.name} was not sent this: {bad} (can be mended by {bad.mended_by})"
        return Receipt(instance.ref, Outcome.REFUSED, instance.body.size or 0, reason)

    def close(self) -> None:
        """Close the connection."""
        self._fitting.close()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    abort = close


def _untaken(instance: Instance, request: _Request, answer: StoreAnswer | None) -> bool:
    """Whether the server refused *instance* because of its transfer syntax, and might take another."""
    if instance.transfer_syntax == EXPLICIT or instance.transfer_syntax in FORBIDDEN:
        return False
    if answer is None:
        return request.refusal is not None and request.refusal.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return answer.failed.get(instance.uid) == SYNTAX_NOT_SUPPORTED


def _read(answer: Answer, request: _Request) -> StoreAnswer | None:
    of_one = answer.status in _OF_ONE
    if answer.status not in _ANSWERS and not of_one:
        raise answer.refusal()
    content = answer.read(_LARGEST_ANSWER)
    try:
        read = read_store_answer(from_json(json.loads(content)))
    except (ValueError, RecursionError, BadData) as error:
        if of_one:
            request.refusal = HttpRefused(status=answer.status)
            return None
        what = answer.content_type.name[:60] or "nothing"
        words = f"it answers what was stored with {what} instead of saying so for each instance"
        raise HttpRefused(words, status=HTTPStatus.OK) from error
    if of_one and not (read.stored or read.failed):
        request.refusal = HttpRefused(status=answer.status)
        return None
    return read


class _Request:
    """Instances that go in one request: the first, and those that come soon enough after it.

    Attributes:
        sent: What went, or should have; owned by the request.
        bad: SOP Instance UID → why one of them cannot be sent.
        refusal: Why it was refused as a whole.
        length: Bytes of its content, where that is known before.
    """

    def __init__(self, first: Instance, supply: Ahead | None) -> None:
        self._supply = supply
        self._writer = MultipartWriter()
        self.sent = [first]
        self.bad: dict[UID, BadData] = {}
        self.refusal: HttpRefused | None = None
        self.length: int | None = None
        if supply is None and first.body.size is not None and first.transfer_syntax not in FORBIDDEN:
            empty = MultipartWriter()
            framing = len(empty.begin(_HEADERS)) + len(empty.end())
            self.length = framing + len(_meta(first, first.transfer_syntax)) + first.body.size

    @property
    def content_type(self) -> str:
        return str(MediaType(MULTIPART, {"type": DICOM, "boundary": self._writer.boundary}))

    def content(self) -> Iterator[bytes | memoryview]:
        """The bytes of the request. Asked for again, those of the same instances."""
        self._writer.restart()
        number = size = 0
        while True:
            while number < len(self.sent):
                instance = self.sent[number]
                try:
                    data = self._data(instance)
                except BadData as bad:
                    self.bad[instance.uid] = bad
                else:
                    yield from self._part(instance, data)
                size += instance.body.size or 0
                number += 1
            if self._supply is None or number >= MOST_INSTANCES or size >= MOST_BYTES:
                break
            following = self._supply.take_soon()
            if following is None:
                break
            self.sent.append(following)
        # It is closed now: sent once more, it holds the same.
        self._supply = None
        yield self._writer.end()

    def _data(self, instance: Instance) -> Iterator[bytes | memoryview]:
        """The data set in a transfer syntax that may be sent.

        Raises:
            BadData: It cannot be had in any.
        """
        if instance.transfer_syntax not in FORBIDDEN:
            return instance.body.chunks()
        data = explicit(instance)
        # Nothing of a part must have gone when it turns out that it cannot.
        first = next(data, b"")
        return chain((first,), data)

    def _part(self, instance: Instance, data: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        syntax = EXPLICIT if instance.transfer_syntax in FORBIDDEN else instance.transfer_syntax
        yield self._writer.begin(_HEADERS) + _meta(instance, syntax)
        yield from data

    def close(self) -> None:
        for instance in self.sent:
            instance.close()


def _meta(instance: Instance, syntax: UID) -> bytes:
    return preamble_and_meta(instance.sop_class, instance.uid, syntax)
