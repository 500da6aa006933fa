"""Finding by QIDO-RS (PS3.18 10.6)."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from adit.dicom.dicomweb import JSON, asked_for, paged, search_urls, studies_url, without_encoding
from adit.dicom.errors import Canceled
from adit.dicom.json import from_json
from adit.dicom.match import Match
from adit.dicom.query import Query
from adit.dicom.refs import Level
from adit.endpoints.answers import NOTHING, Answer, HttpRefused
from adit.endpoints.asking_again import find_either
from adit.endpoints.seen import Seen
from adit.endpoints.web import Session, Web

PAGE = 500
"""Answers that are asked for at a time."""

LARGEST_PAGE = 256 << 20
"""Bytes of one page: some servers give everything at once."""

_UNIQUE = {Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID", Level.INSTANCE: "SOPInstanceUID"}


class WebFinder:
    """QIDO-RS, over connections that are kept for the next question. Thread-safe."""

    def __init__(self, web: Web, seen: Seen) -> None:
        self._web = web
        self._seen = seen
        self._idle: list[Session] = []
        self._closed = False
        self._lock = threading.Lock()

    def find(self, query: Query) -> Iterator[Match]:
        """See `Source.find`.

        Raises:
            HttpRefused: The server does not answer queries, or not this one.
        """
        # Orthanc's plugin as Debian has it compares what stands in the address as it stands there: "M%C3%BCller".
        return find_either(self._find, query, without_encoding)

    def _find(self, query: Query) -> Generator[Match, None, None]:
        session = self._take()
        given: set[object] = set()
        try:
            for url in search_urls(self._web.config.url, self._web.config.find_prefix, query):
                for name, match in self._pages(session, url, query):
                    # Servers that ignore paging, and lists that are asked for one by one, give the same again.
                    if name in given:
                        continue
                    given.add(name)
                    self._seen.note(match)
                    yield match
                    if len(given) == query.limit:
                        break
                if len(given) == query.limit:
                    break
        except BaseException:
            session.close()
            raise
        self._give(session)

    def _pages(self, session: Session, url: str, query: Query) -> Iterator[tuple[object, Match]]:
        """Every answer behind *url* with what makes it the same as another; some may come twice."""
        known: set[object] = set()
        asked, above = asked_for(query), _above(query)
        offset = 0
        # A query for one thing by its UID needs no second page.
        unique = query.value(_UNIQUE.get(query.level, ""))
        single = bool(unique) and "\\" not in unique
        while True:
            page = [
                Match(query.level, from_json(_completed(model, asked, above)))
                for model in self._page(session, paged(url, limit=PAGE, offset=offset), query)
            ]
            named = [(_name(match), match) for match in page]
            yield from named
            before = len(known)
            known.update(name for name, _ in named)
            # A server may give fewer than it was asked for and still have more: only a page that brings
            # nothing new is the last one for sure. One that gives more than asked for knows no pages.
            if len(known) == before or len(page) > PAGE or single:
                return
            offset += len(page)

    def _page(self, session: Session, url: str, query: Query) -> list[Any]:
        try:
            answer = session.get(url, accept=JSON)
        except HttpRefused as refused:
            if refused.status == HTTPStatus.NOT_FOUND and query.level in (Level.SERIES, Level.INSTANCE):
                # Of a study that it does not know; unless it knows no studies at all.
                base = studies_url(self._web.config.url, self._web.config.find_prefix)
                session.get(paged(base, limit=1, offset=0), accept=JSON).close()
                return []
            raise
        with answer:
            if answer.status in NOTHING:
                return []
            return self._read(answer)

    def _read(self, answer: Answer) -> list[Any]:
        content = answer.read(LARGEST_PAGE)
        if not content.strip():
            return []
        try:
            read = json.loads(content)
        except (ValueError, RecursionError) as error:
            words = f"it answers a query with {answer.content_type.name or 'something'} that is no JSON"
            raise HttpRefused(words, status=HTTPStatus.OK).on(self._web.name) from error
        if not isinstance(read, list):
            raise HttpRefused("it answers a query with no list", status=HTTPStatus.OK).on(self._web.name)
        return read

    def _take(self) -> Session:
        with self._lock:
            if self._closed:
                raise Canceled("nobody asks any more")
            if self._idle:
                return self._idle.pop()
        return self._web.session()

    def _give(self, session: Session) -> None:
        with self._lock:
            if kept := not self._closed:
                self._idle.append(session)
        if not kept:
            session.close()

    def close(self) -> None:
        """Let nobody ask any more; a question that is still out ends by its time-out at the latest."""
        with self._lock:
            self._closed = True
        self.rest()

    def rest(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()


def _completed(model: object, asked: frozenset[str], above: Mapping[str, Any]) -> object:
    """What of an answer was asked for, with the UIDs *above* that stood in the address where it leaves them out."""
    if not isinstance(model, dict):
        return model
    # Servers send much more, and reading all of it for each of a thousand instances takes time.
    return {**above, **{tag: element for tag, element in model.items() if tag in asked}}


def _above(query: Query) -> dict[str, Any]:
    named = {"0020000D": "StudyInstanceUID", "0020000E": "SeriesInstanceUID"}
    levels = {Level.SERIES: 1, Level.INSTANCE: 2}.get(query.level, 0)
    return {tag: {"vr": "UI", "Value": [query.value(named[tag])]} for tag in list(named)[:levels]}


def _name(match: Match) -> object:
    """What makes *match* the same as another."""
    if match.level is Level.PATIENT:
        return match.text("PatientID"), match.text("IssuerOfPatientID")
    return match.ref or str(match.dataset.to_json_dict(suppress_invalid_tags=True))
