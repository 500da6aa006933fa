"""A PACS as source and sink: over DIMSE, over DICOMweb, or over both, each way where it is the best that works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Self, TypeVar

from adit.dicom.errors import DicomError, NotFound, Refused
from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Cancellation, Capabilities, Commitment, Receipt
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dicom.status import UNSUPPORTED_SOP_CLASS
from adit.dimse.errors import NoContext
from adit.endpoints.answers import HttpRefused
from adit.endpoints.by_find import Finder
from adit.endpoints.by_get import Getter
from adit.endpoints.by_qido import WebFinder
from adit.endpoints.by_stow import WebStorer
from adit.endpoints.by_wado import WebGetter
from adit.endpoints.committing import Committer
from adit.endpoints.dialling import Again, Dial, Root, ServerConfig
from adit.endpoints.seen import Seen
from adit.endpoints.spool import Spool
from adit.endpoints.storing import Storer
from adit.endpoints.ways import Finds, Lending, Refusals, Retrieves, Stores, Way, refuses
from adit.endpoints.web import Web

MakeMover = Callable[[Dial, Seen], Retrieves]
"""Makes the C-MOVE of a server: known to whoever knows the receiver."""

MakeCommitter = Callable[[Dial], Committer]
"""Makes the storage commitment of a server: known to whoever knows the receiver."""

W = TypeVar("W")
T = TypeVar("T")


class Server:
    """Source and sink over one PACS. `close` it when the task is done.

    The order of preference: C-FIND, QIDO-RS; WADO-RS, C-GET, C-MOVE; C-STORE, STOW-RS.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        cancel: Cancellation,
        spool: Spool,
        again: Again,
        refusals: Refusals | None = None,
        make_mover: MakeMover | None = None,
        make_committer: MakeCommitter | None = None,
    ) -> None:
        """
        Args:
            spool: Where instances lie between arriving and being read.
            again: Calls the opening of an association, or a request of HTTP, again where its error is transient.
            refusals: What the process remembers of its servers; without it, this server begins with nothing.
            make_mover: For servers that move; None where no receiver is configured.
            make_committer: For servers that give storage commitment; None to do without.
        """
        self.config = config
        self._refusals = refusals or Refusals()
        self._seen = Seen()
        dial = Dial(config, cancel=cancel, again=again)
        web = Web(config, config.web, cancel=cancel, again=again) if config.web else None
        self._commit = make_committer(dial) if config.commits and make_committer else None
        self._classes: dict[UID, UID] = {}
        self._finds: dict[Way, Finds] = {}
        self._retrieves: dict[Way, Retrieves] = {}
        self._stores: dict[Way, Stores] = {}
        if config.finds:
            self._finds[Way.C_FIND] = Finder(dial, self._seen)
        if web and web.config.finds:
            self._finds[Way.QIDO] = WebFinder(web, self._seen)
        if web and web.config.retrieves:
            self._retrieves[Way.WADO] = WebGetter(web, spool)
        if config.gets:
            self._retrieves[Way.C_GET] = Getter(dial, self._seen, spool)
        if config.moves and make_mover:
            self._retrieves[Way.C_MOVE] = make_mover(dial, self._seen)
        if config.stores:
            self._stores[Way.C_STORE] = Storer(dial, spool)
        if web and web.config.stores:
            self._stores[Way.STOW] = WebStorer(web, spool, decompress=config.decompress)

    @property
    def capabilities(self) -> Capabilities:
        asked = bool(self._finds)
        return Capabilities(
            lists_instances=asked,
            finds_while_retrieving=asked and self.config.associations > 1,
            verifiable=asked,
            commits=self._commitment if self._commit else None,
        )

    def find(self, query: Query) -> Iterator[Match]:
        if not self._finds:
            raise Refused("it answers no queries", status=UNSUPPORTED_SOP_CLASS).on(self.config.name)
        return self._by_the_best(self._finds, lambda _, way: way.find(query))

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        if not self._retrieves:
            raise Refused("it does not let instances be retrieved", status=UNSUPPORTED_SOP_CLASS).on(self.config.name)
        came = False

        def require_known(error: DicomError) -> None:
            # Orthanc answers 0xC000 for what it does not know, others 404.
            if self._knows_any(refs) is False:
                raise NotFound("nothing is stored under what was asked for").on(self.config.name) from error

        def begin(way: Way, by: Retrieves) -> Iterator[Instance]:
            self._require_patient(way, refs[0].study)
            if self.config.associations < 2:
                self._rest()
            return by.retrieve(refs)

        with closing(self._by_the_best(self._retrieves, begin, refused=require_known)) as instances:
            for instance in instances:
                came = True
                yield instance
        if not came and not self._knows_any(refs):
            raise NotFound("nothing is stored under what was asked for").on(self.config.name)

    def _by_the_best(
        self,
        ways: Mapping[Way, W],
        begin: Callable[[Way, W], Iterator[T]],
        *,
        refused: Callable[[DicomError], None] = lambda _: None,
    ) -> Generator[T, None, None]:
        """What comes of the first of *ways* that is not refused before anything came.

        Args:
            refused: Told of each refusal; may raise what shall come of it instead of the next way.
        """
        *others, last = self._refusals.ordered(self.config, ways)
        passed: list[Way] = []
        for way in (*others, last):
            came = False
            try:
                with closing(_passed_on(begin(way, ways[way]))) as items:
                    for each in items:
                        if not came:
                            self._refusals.note(self.config, passed)
                        came = True
                        yield each
            except DicomError as error:
                if came or not refuses(error):
                    raise
                refused(error)
                if way is last:
                    raise
                passed.append(way)
            else:
                return

    def _require_patient(self, way: Way, study: UID) -> None:
        """Know the PatientID where the retrieval has to name it (PS3.4 C.6.1.1).

        Raises:
            NotFound: The study is unknown.
            Refused: It has no PatientID.
        """
        roots = {Way.C_GET: self.config.gets, Way.C_MOVE: self.config.moves}.get(way)
        if not roots or roots[0] is not Root.PATIENT or self._seen.patient_of(study):
            return
        if not list(self.find(Query.of(Level.STUDY, StudyInstanceUID=study))):
            raise NotFound("nothing is stored under what was asked for").on(self.config.name)
        if not self._seen.patient_of(study):
            words = "it lets instances be retrieved by their patient only, and the study names none"
            raise Refused(words, status=UNSUPPORTED_SOP_CLASS).on(self.config.name)

    def _knows_any(self, refs: Iterable[Ref]) -> bool | None:
        """Whether something is stored under *refs*; None where that cannot be asked."""
        if not self._finds:
            return None
        return any(True for ref in refs for _ in self.find(_query_for(ref)))

    def __enter__(self) -> Self:
        # The places of the sink are for storing now.
        self._rest()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        for way in self._stores.values():
            if kind is None:
                way.close()
            else:
                way.abort()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        if self._commit is not None:
            instances = self._remembered(instances)
        if not self._stores:
            raise Refused("it does not let instances be stored", status=UNSUPPORTED_SOP_CLASS).on(self.config.name)
        if len(self._stores) == 1:
            (only,) = self._stores.values()
            yield from only.store(instances)
            return
        with (
            closing(Lending(instances)) as lending,
            closing(self._by_the_best(self._stores, lambda _, way: way.store(lending.all()))) as receipts,
        ):
            for receipt in receipts:
                lending.returned(receipt.ref)
                yield receipt

    def holds(self, study: UID) -> frozenset[UID] | None:
        if not self._finds:
            return None
        try:
            return frozenset(self._instances(study))
        except (HttpRefused, NoContext, Refused) as refused:
            if refused.transient:
                raise
            # It cannot be asked, or not at image level.
            return None

    def _remembered(self, instances: Iterable[Instance]) -> Iterator[Instance]:
        """*instances*; a request for commitment has to name their SOP classes."""
        for instance in instances:
            self._classes[instance.uid] = instance.sop_class
            yield instance

    def _commitment(self, instances: Collection[UID]) -> Commitment:
        """See `Commits`. What was stored earlier can be asked for where it was found here since."""
        assert self._commit is not None
        self._rest()
        known = {uid: self._classes[uid] for uid in instances if uid in self._classes}
        said = self._commit(known)
        if len(known) == len(instances):
            return said
        note = f"{self.config.name}: storage commitment was asked for {len(known)} of {len(instances)} instances only"
        return replace(said, notes=(f"{note}; an earlier attempt stored the others", *said.notes))

    def _instances(self, study: UID) -> Iterator[UID]:
        for series in list(self.find(Query.of(Level.SERIES, StudyInstanceUID=study))):
            series_uid = series.uid("SeriesInstanceUID")
            if series_uid is None:
                continue
            lean = self._commit is None
            query = Query.of(Level.INSTANCE, StudyInstanceUID=study, SeriesInstanceUID=series_uid, lean=lean)
            for match in self.find(query):
                if (instance := match.uid("SOPInstanceUID")) is not None:
                    if (sop_class := match.uid("SOPClassUID")) is not None:
                        self._classes.setdefault(instance, sop_class)
                    yield instance

    def _rest(self) -> None:
        for way in self._finds.values():
            way.rest()

    def close(self) -> None:
        """Release what is still open."""
        for finder in self._finds.values():
            finder.close()
        for way in self._stores.values():
            way.close()


def _passed_on(items: Iterator[T]) -> Generator[T, None, None]:
    """*items* as a generator: closing it closes them."""
    yield from items


def _query_for(ref: Ref) -> Query:
    return Query.of(
        ref.level,
        StudyInstanceUID=ref.study,
        SeriesInstanceUID=ref.series or "",
        SOPInstanceUID=ref.instance or "",
    )
