"""Finding by C-FIND (PS3.4 C.4.1)."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

from pydicom import Dataset

from adit.dicom.contexts import PATIENT_ROOT_FIND, STUDY_ROOT_FIND, model_context
from adit.dicom.errors import Canceled, DicomError, Refused
from adit.dicom.identifier import find_identifier
from adit.dicom.match import Match
from adit.dicom.query import Query, without_accents
from adit.dicom.refs import UID, Level
from adit.dicom.status import UNSUPPORTED_SOP_CLASS
from adit.dimse.association import Association
from adit.dimse.scu import find
from adit.endpoints.asking_again import find_either
from adit.endpoints.dialling import Dial, Root
from adit.endpoints.seen import Seen

FIND_MODELS = {Root.STUDY: STUDY_ROOT_FIND, Root.PATIENT: PATIENT_ROOT_FIND}


class Finder:
    """C-FIND over associations that are kept for the next question. Thread-safe."""

    def __init__(self, dial: Dial, seen: Seen) -> None:
        self._dial = dial
        self._seen = seen
        self._idle: list[Association] = []
        self._busy: set[Association] = set()
        self._closed = False
        self._lock = threading.Lock()

    def find(self, query: Query) -> Iterator[Match]:
        """See `Source.find`.

        Raises:
            Refused: The server cannot be asked, or answers with a failure.
        """
        # "Mueller" where "Müller" was asked for, or letters that the peer's character set does not have.
        return find_either(self._find, query, without_accents)

    def _find(self, query: Query) -> Generator[Match, None, None]:
        model = self._model_for(query.level)
        identifier = find_identifier(query)
        association, fresh = self._take()
        given = 0
        try:
            with closing(self._answers(association, model, query, identifier)) as matches:
                for match in matches:
                    given += 1
                    yield match
                    if given == query.limit:
                        association.abort()
                        return
        except DicomError as error:
            association.abort()
            if fresh or given or not error.transient:
                raise error.on(self._dial.config.name) from error
            # The association had lain idle for longer than the peer likes.
        except BaseException:
            association.abort()
            raise
        else:
            return
        finally:
            self._give(association)
        yield from self._find(query)

    def _model_for(self, level: Level) -> UID:
        roots = self._dial.config.finds
        if not roots:
            raise Refused("it answers no queries", status=UNSUPPORTED_SOP_CLASS).on(self._dial.config.name)
        # The study root has no level of patients (PS3.4 C.6.2.1), though some peers answer there too.
        return FIND_MODELS[Root.PATIENT if level is Level.PATIENT and Root.PATIENT in roots else roots[0]]

    def _answers(
        self, association: Association, model: UID, query: Query, identifier: Dataset
    ) -> Generator[Match, None, None]:
        for dataset in find(association, model, identifier):
            match = Match(query.level, dataset)
            if not query.lean:
                self._seen.note(match)
            yield match

    def _take(self) -> tuple[Association, bool]:
        with self._lock:
            self._check()
            if self._idle:
                association = self._idle.pop()
                self._busy.add(association)
                return association, False
        models = enumerate(FIND_MODELS[root] for root in self._dial.config.finds)
        association = self._dial([replace(model_context(model), id=2 * n + 1) for n, model in models])
        with self._lock:
            self._busy.add(association)
            closed = self._closed
        if closed:
            self._give(association)
            self._check()
        return association, True

    def _check(self) -> None:
        if self._closed:
            raise Canceled("nobody asks any more")

    def _give(self, association: Association) -> None:
        """Keep it for the next question, where it can still be used."""
        with self._lock:
            self._busy.discard(association)
            if kept := association.established and not self._closed:
                self._idle.append(association)
        if not kept:
            association.abort()
            association.close()

    def close(self) -> None:
        """End all questions, also of other threads, and let nobody ask any more."""
        with self._lock:
            self._closed = True
            busy = tuple(self._busy)
        for association in busy:
            association.abort()
        self.rest()

    def rest(self) -> None:
        """Release the associations that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for association in idle:
            association.release()
