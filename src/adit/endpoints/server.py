"""A PACS as source and sink: by C-FIND, C-GET and C-STORE."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Self

from adit.dicom.errors import NotFound, Refused
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Capabilities, Receipt
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dicom.status import UNSUPPORTED_SOP_CLASS
from adit.dimse.errors import NoContext
from adit.endpoints.by_dimse import Finder, Getter, Seen
from adit.endpoints.dialling import Again, Dial, Root, ServerConfig
from adit.endpoints.spool import Spool
from adit.endpoints.storing import Storer


class Server:
    """Source and sink over one PACS. `close` it when the task is done."""

    def __init__(self, config: ServerConfig, *, cancel: Cancellation, spool: Spool, again: Again) -> None:
        """
        Args:
            spool: Where instances lie between arriving and being read.
            again: Calls the opening of an association, again where its error is transient.
        """
        self.config = config
        self._seen = Seen()
        dial = Dial(config, cancel=cancel, again=again)
        self._finder = Finder(dial, self._seen)
        self._getter = Getter(dial, self._seen, spool) if config.gets else None
        self._storer = Storer(dial)

    @property
    def capabilities(self) -> Capabilities:
        asked = bool(self.config.finds)
        return Capabilities(
            lists_instances=asked,
            finds_while_retrieving=asked and self.config.associations > 1,
            verifiable=asked,
        )

    def find(self, query: Query) -> Iterator[Match]:
        return self._finder.find(query)

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        if self._getter is None:
            raise Refused("it does not let instances be retrieved", status=UNSUPPORTED_SOP_CLASS).on(self.config.name)
        if self.config.associations < 2:
            self._finder.rest()
        self._require_patient(refs[0].study)
        came = False
        with closing(self._getter.retrieve(refs)) as instances:
            try:
                for instance in instances:
                    came = True
                    yield instance
            except Refused as refused:
                # Orthanc answers 0xC000 for what it does not know.
                if not came and not refused.transient and not self._knows_any(refs):
                    raise NotFound("nothing is stored under what was asked for").on(self.config.name) from refused
                raise
        if not came and not self._knows_any(refs):
            raise NotFound("nothing is stored under what was asked for").on(self.config.name)

    def _require_patient(self, study: UID) -> None:
        """Know the PatientID where the retrieval has to name it (PS3.4 C.6.1.1).

        Raises:
            NotFound: The study is unknown.
            Refused: It has no PatientID.
        """
        if self.config.gets[0] is not Root.PATIENT or self._seen.patient_of(study):
            return
        if not list(self.find(Query.of(Level.STUDY, StudyInstanceUID=study))):
            raise NotFound("nothing is stored under what was asked for").on(self.config.name)
        if not self._seen.patient_of(study):
            words = "it lets instances be retrieved by their patient only, and the study names none"
            raise Refused(words, status=UNSUPPORTED_SOP_CLASS).on(self.config.name)

    def _knows_any(self, refs: Iterable[Ref]) -> bool:
        return any(True for ref in refs for _ in self.find(_query_for(ref)))

    def __enter__(self) -> Self:
        # The places of the sink are for storing now.
        self._finder.rest()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        if kind is None:
            self._storer.close()
        else:
            self._storer.abort()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        return self._storer.store(instances)

    def holds(self, study: UID) -> frozenset[UID] | None:
        if not self.config.finds:
            return None
        try:
            return frozenset(self._instances(study))
        except (NoContext, Refused) as refused:
            if refused.transient:
                raise
            # It cannot be asked, or not at image level.
            return None

    def _instances(self, study: UID) -> Iterator[UID]:
        for series in list(self.find(Query.of(Level.SERIES, StudyInstanceUID=study))):
            series_uid = series.uid("SeriesInstanceUID")
            if series_uid is None:
                continue
            query = Query.of(Level.INSTANCE, StudyInstanceUID=study, SeriesInstanceUID=series_uid, lean=True)
            for match in self.find(query):
                if (instance := match.uid("SOPInstanceUID")) is not None:
                    yield instance

    def close(self) -> None:
        """Release what is still open."""
        self._finder.close()
        self._storer.close()


def _query_for(ref: Ref) -> Query:
    return Query.of(
        ref.level,
        StudyInstanceUID=ref.study,
        SeriesInstanceUID=ref.series or "",
        SOPInstanceUID=ref.instance or "",
    )
