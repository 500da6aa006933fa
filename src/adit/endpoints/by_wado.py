"""Retrieving by WADO-RS (PS3.18 10.4)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from http import HTTPStatus

from adit.dicom.dicomweb import ANY_SYNTAX, DICOM, MULTIPART, retrieve_url
from adit.dicom.errors import BadData, DicomError, NotFound
from adit.dicom.instance import Instance
from adit.dicom.multipart import MultipartReader, PartBegins, PartEnds
from adit.dicom.part10 import Part10, begin_part10
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import Level, Ref
from adit.dicom.scan import NeedMore, identify
from adit.dimse.errors import ConnectionBroken
from adit.endpoints.answers import NOTHING, Answer, HttpRefused
from adit.endpoints.bridges import Push, pulled
from adit.endpoints.by_get import AHEAD
from adit.endpoints.cancel import linked
from adit.endpoints.spool import LARGEST_IN_MEMORY, GrowingBody, Spool
from adit.endpoints.web import Session, Web

_LARGEST_START = 16 << 20
"""Bytes of an instance by which it must have said what it is."""


class WebGetter:
    """WADO-RS, its instances pulled as they arrive."""

    def __init__(self, web: Web, spool: Spool) -> None:
        self._web = web
        self._spool = spool

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        """Yield the instances under *refs*.

        Raises:
            NotFound: The server has nothing under any of them.
            HttpRefused: It refuses the retrieval, or answers with something else than instances.
        """
        with linked(self._web.cancel) as stopping, self._web.session(stopping) as session:

            def produce(push: Push) -> None:
                found = False
                for ref in _outermost(refs):
                    try:
                        self._get(session, ref, lambda body: WebArrival(body, push, self._web.name), stopping)
                    except HttpRefused as refused:
                        if refused.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                            raise
                    else:
                        found = True
                if not found:
                    raise NotFound("nothing is stored under what was asked for")

            def stop() -> None:
                stopping.set("nobody reads any more")

            pulling = pulled(produce, cancel=self._web.cancel, ahead=AHEAD, stop=stop, name="getting")
            with closing(pulling) as instances:
                try:
                    yield from instances
                except DicomError as error:
                    raise error.on(self._web.name) from error

    def _get(
        self, session: Session, ref: Ref, arrive: Callable[[GrowingBody], WebArrival], cancel: Cancellation
    ) -> None:
        config = self._web.config
        with session.get(retrieve_url(config.url, config.retrieve_prefix, ref), accept=ANY_SYNTAX) as answer:
            if answer.status in NOTHING:
                return

            def begin() -> WebArrival:
                return arrive(self._spool.body(cancel))

            kind = answer.content_type
            if kind.name == DICOM:
                _take_one(answer, begin())
            elif kind.name.startswith("multipart/") and kind.parameters.get("boundary"):
                _take_parts(answer, kind.parameters["boundary"], begin)
            elif kind.name == MULTIPART:
                raise HttpRefused("it answers a retrieval without saying its boundary", status=HTTPStatus.OK)
            else:
                words = f"it answers a retrieval with {kind.name[:60] or 'something'} instead of instances"
                raise HttpRefused(words, status=HTTPStatus.OK)


def _outermost(refs: Sequence[Ref]) -> list[Ref]:
    """*refs* without what lies under another of them."""
    unique = dict.fromkeys(refs)
    above = {ref for ref in unique if ref.instance is None}
    return [
        ref
        for ref in unique
        if (ref.level is Level.STUDY or Ref(ref.study) not in above)
        and (ref.instance is None or Ref(ref.study, ref.series) not in above)
    ]


def _take_one(answer: Answer, arrival: WebArrival) -> None:
    try:
        for chunk in answer.chunks():
            arrival.write(chunk)
        arrival.finish()
    except BaseException as error:
        arrival.abort(error)
        raise
    if arrival.bad:
        raise arrival.bad


def _take_parts(answer: Answer, boundary: str, begin: Callable[[], WebArrival]) -> None:
    """Read the parts of *answer*, each into an arrival of its own. Bad ones are left out, where there are others.

    Raises:
        ConnectionBroken: It ends before its last boundary.
        HttpRefused: It is no multipart content with this boundary.
        BadData: No part is any good.
    """
    reader = MultipartReader(boundary)
    arrival: WebArrival | None = None
    good, bad = 0, None
    try:
        for chunk in answer.chunks():
            for event in reader.feed(chunk):
                match event:
                    case PartBegins():
                        arrival = begin()
                    case PartEnds():
                        assert arrival is not None
                        arrival.finish()
                        good, bad = (good, arrival.bad) if arrival.bad else (good + 1, bad)
                        arrival = None
                    case data:
                        assert arrival is not None
                        arrival.write(data)
        _require_end(reader)
    except BaseException as error:
        if arrival is not None:
            arrival.abort(error)
        if isinstance(error, BadData) and not reader.began:
            raise HttpRefused(str(error), status=HTTPStatus.OK) from error
        raise
    if bad and not good:
        raise bad


def _require_end(reader: MultipartReader) -> None:
    if not reader.began:
        raise BadData("the multipart answer does not hold its boundary")
    if not reader.ended:
        raise ConnectionBroken("the server broke its answer off")


class WebArrival:
    """One file on its way in: its data set is written to a body, handed over as soon as it is known what it is.

    A small one is handed over when it is complete, a large one while it still arrives.

    Args:
        node: Where it comes from, for the error when it breaks off: its reader may be another node.

    Attributes:
        bad: Why it is no DICOM file, or names no study, series or instance; None otherwise.
    """

    def __init__(self, body: GrowingBody, push: Push, node: str) -> None:
        self._body = body
        self._push = push
        self._node = node
        self._start = b""
        self._file: Part10 | None = None
        self._tried = self._pushed = False
        self.bad: BadData | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        if self.bad:
            return
        if self._file is None:
            self._start += bytes(data)
            self._attempt(self._begin, complete=False)
            return
        self._body.write(data)
        if not self._tried and self._body.arrived > LARGEST_IN_MEMORY:
            self._tried = True
            self._attempt(self._hand_over, complete=False)

    def finish(self) -> None:
        """It is complete: handed over now, or bad."""
        if self._file is None:
            self._attempt(self._begin, complete=True)
        self._body.finish()
        if not self._pushed:
            self._attempt(self._hand_over, complete=True)

    def _attempt(self, step: Callable[..., None], *, complete: bool) -> None:
        # Whoever runs the sending system has to mend it; the others may go on.
        if self.bad:
            return
        try:
            step(complete=complete)
        except BadData as bad:
            self.bad = bad
            self._start = b""
            self._body.close()

    def _begin(self, *, complete: bool) -> None:
        try:
            self._file = begin_part10(self._start, complete=complete)
        except NeedMore:
            if complete or len(self._start) > _LARGEST_START:
                raise
            return
        start, self._start = memoryview(self._start)[self._file.offset :], b""
        if start:
            self._body.write(start)

    def abort(self, error: BaseException) -> None:
        """The rest will not come."""
        if self._pushed and self._body.size is None:
            told = error if isinstance(error, DicomError) else ConnectionBroken("the retrieval was broken off")
            self._body.fail(told.on(self._node))
        elif not self._pushed:
            self._body.close()

    def _hand_over(self, *, complete: bool) -> None:
        assert self._file is not None
        syntax = self._file.transfer_syntax
        try:
            found = identify(next(self._body.chunks(), memoryview(b"")), syntax)
        except NeedMore:
            if not complete:
                return
            found = identify(b"".join(bytes(chunk) for chunk in self._body.chunks()), syntax, complete=True)
        if found.study is None or found.series is None or found.instance is None:
            raise BadData("an instance names no study, series or instance")
        self._pushed = True
        ref = Ref(found.study, found.series, found.instance)
        self._push(Instance(ref, found.sop_class or self._file.sop_class, syntax, self._body))
