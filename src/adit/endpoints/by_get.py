"""Retrieving by C-GET (PS3.4 C.4.3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from adit.dicom.contexts import PATIENT_ROOT_GET, STUDY_ROOT_GET, PresentationContext, contexts_for, model_context
from adit.dicom.errors import BadData, DicomError, Refused
from adit.dicom.identifier import retrieve_identifiers
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, Ref
from adit.dicom.scan import NeedMore, identify
from adit.dicom.status import NOT_UNDERSTOOD, SUB_OPERATIONS_FAILED, SUCCESS, Category, Service, category, describe
from adit.dimse.association import Association
from adit.dimse.receiving import Receiver, StoreRequest
from adit.dimse.scu import get
from adit.endpoints.bridges import Push, pulled
from adit.endpoints.cancel import CancelToken, linked
from adit.endpoints.dialling import Dial, Root
from adit.endpoints.seen import Seen
from adit.endpoints.spool import LARGEST_IN_MEMORY, GrowingBody, Spool

GET_MODELS = {Root.STUDY: STUDY_ROOT_GET, Root.PATIENT: PATIENT_ROOT_GET}

CANNOT_SEND = 0xA702
"""Unable to perform sub-operations (PS3.4 C.4.3.1.4): for want of presentation contexts, too."""

AHEAD = 64
"""Instances that may lie ready for the reader; their bytes are bounded by the budget."""


class Getter:
    """C-GET, its instances pulled."""

    def __init__(self, dial: Dial, seen: Seen, spool: Spool) -> None:
        self._dial = dial
        self._seen = seen
        self._spool = spool
        self._model = GET_MODELS[dial.config.gets[0]]

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        """Yield the instances under *refs*; the last word of the peer is believed only when it is bad.

        The reader's own thread receives, as long as instances are small: between two of them it has time for what
        it does with them, while the peer sends on into the buffers of the system. A large one is received by a
        thread of its own, and so is what follows it.

        Raises:
            Refused: The peer gave a failure status and nothing came.
        """
        # A further retrieval may follow one that was stopped: what is stopped is this one alone.
        with linked(self._dial.cancel) as stopping:
            ready: deque[Instance] = deque()
            steps = self._steps(refs, ready.append, stopping)
            try:
                with closing(steps):
                    for _ in steps:
                        if ready and ready[0].body.size is None:
                            yield from self._rest(steps, ready, stopping)
                        while ready:
                            yield ready.popleft()
            except DicomError as error:
                self._dial.cancel.check()
                raise error.on(self._dial.config.name) from error
            finally:
                while ready:
                    ready.popleft().close()

    def _rest(
        self, steps: Iterator[None], ready: deque[Instance], stopping: CancelToken
    ) -> Generator[Instance, None, None]:
        """What is *ready* and what *steps* still bring, received in a thread of its own."""

        def produce(push: Push) -> None:
            push(ready.popleft())
            for _ in steps:
                while ready:
                    push(ready.popleft())

        def stop() -> None:
            stopping.set("nobody reads any more")

        pulling = pulled(produce, cancel=self._dial.cancel, ahead=AHEAD, stop=stop, name="getting")
        with closing(pulling) as instances:
            yield from instances

    def _steps(self, refs: Sequence[Ref], push: Push, stopping: Cancellation) -> Generator[None, None, None]:
        """Retrieve *refs*, and pause whenever something may have been pushed."""
        arrived: set[UID] = set()
        status = SUCCESS
        for contexts in self._proposals(refs[0].study):
            with self._dial(contexts, cancel=stopping) as association:
                status, counted = yield from self._get(association, refs, push, stopping, arrived)
            # A peer may also fail because it needs contexts that come next only.
            if status == SUCCESS or (not arrived and not counted and _hopeless(status)):
                break
        if category(status) is Category.FAILURE and not arrived:
            raise Refused(f"the retrieval was refused: {describe(status, Service.GET)}", status=status)

    def _proposals(self, study: UID) -> Iterator[list[PresentationContext]]:
        model = model_context(self._model)
        for group in contexts_for(self._seen.pairs_of(study), retrieving=True):
            yield [model, *group]

    def _get(
        self, association: Association, refs: Sequence[Ref], push: Push, cancel: Cancellation, arrived: set[UID]
    ) -> Generator[None, None, tuple[int, bool]]:
        """Ask for *refs* over *association*, and pause whenever something may have been pushed.

        Args:
            arrived: What came over earlier associations, and is passed over now; what comes is added.

        Returns:
            0x0000 when everything came as far as the peer knows, else the worst that it said; and whether it
            named instances that it could not send.
        """
        status, counted = SUCCESS, False
        before = frozenset(arrived)

        def hand_over(instance: Instance) -> None:
            push(instance)
            arrived.add(instance.uid)

        def receive(request: StoreRequest) -> Receiver:
            if request.sop_instance in before:
                return Unwanted()
            return Arrival(request, self._spool.body(cancel), hand_over, self._dial.config.name)

        patient_id = self._seen.patient_of(refs[0].study) if self._model == PATIENT_ROOT_GET else None
        for identifier in retrieve_identifiers(refs, patient_id=patient_id):
            last = None
            with closing(get(association, self._model, identifier, receive)) as responses:
                for response in responses:
                    last = response or last
                    yield
            assert last is not None
            counted = counted or bool(last.failed)
            if last.status != SUCCESS:
                failed = category(status) is Category.FAILURE
                status = status if failed else last.status
            elif last.failed and status == SUCCESS:
                status = SUB_OPERATIONS_FAILED
        return status, counted


def _hopeless(status: int) -> bool:
    return category(status) is Category.FAILURE and status != CANNOT_SEND


class Unwanted:
    """Takes an instance that is there already."""

    def write(self, _: memoryview) -> None:
        return

    def finish(self) -> int:
        return SUCCESS

    def abort(self, _: DicomError) -> None:
        return


class Arrival:
    """One instance on its way in: written to a body, handed over as soon as it is known what it is.

    A small one is handed over when it is complete, a large one while it still arrives.

    Args:
        node: Where it comes from, for the error when it breaks off: its reader may be another node.
    """

    def __init__(self, request: StoreRequest, body: GrowingBody, push: Push, node: str) -> None:
        self._request = request
        self._body = body
        self._push = push
        self._node = node
        self._tried = self._pushed = False

    def write(self, data: memoryview) -> None:
        self._body.write(data)
        if not self._tried and self._body.arrived > LARGEST_IN_MEMORY:
            self._tried = True
            self._hand_over(complete=False)

    def finish(self) -> int:
        self._body.finish()
        if self._pushed:
            return SUCCESS
        try:
            self._hand_over(complete=True)
        except BadData:
            # Whoever runs the sending system has to mend it; the others may go on.
            self._body.close()
            return NOT_UNDERSTOOD
        return SUCCESS

    def abort(self, error: DicomError) -> None:
        if self._pushed:
            self._body.fail(error.on(self._node))
        else:
            self._body.close()

    def _hand_over(self, *, complete: bool) -> None:
        request = self._request
        try:
            found = identify(self._first(), request.transfer_syntax)
        except NeedMore:
            if not complete:
                return
            found = identify(
                b"".join(bytes(chunk) for chunk in self._body.chunks()), request.transfer_syntax, complete=True
            )
        if found.study is None or found.series is None:
            raise BadData("an instance names no study or series")
        self._pushed = True
        ref = Ref(found.study, found.series, request.sop_instance)
        self._push(Instance(ref, request.sop_class, request.transfer_syntax, self._body))

    def _first(self) -> memoryview:
        """The first piece: mostly the whole head. Has arrived, so nothing waits for it."""
        return next(self._body.chunks(), memoryview(b""))
