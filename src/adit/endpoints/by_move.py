"""Retrieving by C-MOVE (PS3.4 C.4.2): the server sends to our receiver, which hands over by the spool."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import Dataset

from adit.dicom.contexts import PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE, model_context
from adit.dicom.errors import DicomError, NeedsReceiver, Refused
from adit.dicom.identifier import retrieve_identifiers
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, Ref
from adit.dicom.status import SUCCESS, Category, Service, category, describe
from adit.dimse.errors import IdleTimedOut
from adit.dimse.scu import SubOperations, move
from adit.endpoints.arriving import Arrivals
from adit.endpoints.cancel import CancelToken, linked
from adit.endpoints.dialling import Dial, Root
from adit.endpoints.expecting import Request, expected, request_for, turn
from adit.endpoints.receiver import has_been, listening
from adit.endpoints.seen import Seen

MOVE_MODELS = {Root.STUDY: STUDY_ROOT_MOVE, Root.PATIENT: PATIENT_ROOT_MOVE}

UNKNOWN_DESTINATION = 0xA801

GRACE = 10.0
"""Seconds after the final response that instances may still come in."""

UNSURE = 1.0
"""The same where the server does not count, so that nobody knows whether any are missing."""

RESTART = 10.0
"""Seconds in which a receiver that was killed is back."""

RELEASE = 0.5
"""Seconds that the release of the association may take."""

_SHORTEST, _LONGEST = 0.002, 0.03
"""Seconds between two looks into the folder: short while something comes, longer while nothing does.

A look at an empty folder takes 10 µs.
"""

_EVER = 86_400.0


class Mover:
    """C-MOVE to the receiver of this machine, its instances pulled.

    The server must know the AE title by which we call it, with the address of the receiver.
    """

    def __init__(self, dial: Dial, seen: Seen, spool: Path, *, grace: float = GRACE, restart: float = RESTART) -> None:
        """
        Args:
            spool: Shared with the receiver.
            grace: Seconds after the final response that missing instances are waited for.
            restart: Seconds that a receiver which was killed is waited for.
        """
        self._dial = dial
        self._seen = seen
        self._spool = spool
        self._grace = grace
        self._restart = restart
        self._root = dial.config.moves[0]

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        """Yield the instances under *refs*; the last word of the peer is believed only when it is bad.

        Raises:
            Refused: The peer gave a failure status and nothing came.
            NeedsReceiver: This machine has no receiver.
            Full: It has no room for all of them.
        """
        config = self._dial.config
        patient_id = self._seen.patient_of(refs[0].study) if self._root is Root.PATIENT else None
        identifiers = retrieve_identifiers(refs, patient_id=patient_id)
        where = f"{config.ae_title} {config.host} {config.port}"
        # A further retrieval may follow one that was stopped: what is stopped is this one alone.
        with self._named(), linked(self._dial.cancel) as stopping:
            self._require_receiver(stopping)
            asked = request_for(refs, server=config.ae_title, host=config.host, originator=config.calling_ae_title)
            with (
                turn(self._spool, where, asked.study, stopping),
                expected(self._spool, asked, messages=len(identifiers)) as (request, folder),
                _Moving(self._dial, MOVE_MODELS[self._root], identifiers, request, stopping) as moving,
            ):
                arrivals = Arrivals(folder, asked.study, stopping)
                yield from self._arriving(arrivals, moving, stopping)
                arrivals.require_room()
                if category(moving.status) is Category.FAILURE and not arrivals.uids:
                    raise self._refused(moving.status)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except DicomError as error:
            raise error.on(self._dial.config.name) from error

    def _require_receiver(self, cancel: Cancellation) -> None:
        deadline = time.monotonic() + self._restart
        while listening(self._spool) is None:
            if not has_been(self._spool) or time.monotonic() > deadline:
                raise NeedsReceiver("it sends what is retrieved to a receiver, and none runs on this machine")
            cancel.wait(0.05)

    def _arriving(self, arrivals: Arrivals, moving: _Moving, cancel: Cancellation) -> Iterator[Instance]:
        """Yield what comes until the server has ended and nothing is missing, or nothing comes any more."""
        pause = _SHORTEST
        life = time.monotonic()
        while True:
            # In this order: what came before the end is there when the end is seen.
            ended = moving.ended
            took = False
            for instance in arrivals.take():
                took = True
                yield instance
                cancel.check()
            now = time.monotonic()
            if took or arrivals.moves:
                life, pause = now, _SHORTEST
            silent = now - max(life, moving.heard_at)
            if ended:
                moving.check()
                if silent >= self._patience(arrivals, moving):
                    return
            elif silent > self._dial.config.idle_timeout:
                name = self._dial.config.ae_title
                raise IdleTimedOut(f"{name} neither answered nor sent anything for {silent:.0f} s")
            if not took:
                cancel.wait(pause)
                pause = min(2 * pause, _LONGEST)

    def _patience(self, arrivals: Arrivals, moving: _Moving) -> float:
        """Seconds of silence after the end until what is missing will not come any more."""
        if moving.sent is None:
            return 0 if category(moving.status) is Category.FAILURE else min(UNSURE, self._grace)
        return self._grace if len(arrivals.uids) < moving.sent else 0

    def _refused(self, status: int) -> Refused:
        if status == UNKNOWN_DESTINATION:
            title = self._dial.config.calling_ae_title
            return Refused(
                f"it does not know where to send to: have our AE title {title} entered there, "
                "with host and port of our receiver",
                status=status,
            )
        return Refused(f"the retrieval was refused: {describe(status, Service.MOVE)}", status=status)


class _Moving:
    """The C-MOVE requests of one retrieval, on a thread of their own while the block runs.

    Attributes:
        ended: The server has said its last word, or it failed.
        status: 0x0000 when everything was sent as far as the server knows, else the worst that it said.
        sent: Instances that it says it sent; None where it does not count.
        heard_at: When it last said something.
    """

    def __init__(
        self,
        dial: Dial,
        model: UID,
        identifiers: Sequence[Dataset],
        request: Request,
        stopping: CancelToken,
    ) -> None:
        self._dial = dial
        self._model = model
        self._identifiers = identifiers
        self._request = request
        self._stopping = stopping
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="moving", daemon=True)
        self.ended = False
        self.status = SUCCESS
        self.sent: int | None = 0
        self.heard_at = time.monotonic()

    def __enter__(self) -> _Moving:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.ended:
            self._thread.join(RELEASE)
        # A server that is still busy does not answer a release.
        self._stopping.set("nobody reads any more")
        self._thread.join()

    def check(self) -> None:
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with self._dial([model_context(self._model)], cancel=self._stopping) as association:
                # What comes by the other association is life, too: whoever reads has an eye on both.
                association.idle_timeout = _EVER
                for identifier, message_id in zip(self._identifiers, self._request.message_ids, strict=True):
                    destination = self._request.originator
                    last = None
                    for heard in move(association, self._model, identifier, destination, message_id=message_id):
                        self.heard_at = time.monotonic()
                        last = heard
                    assert last is not None
                    self._note(last)
                # A release may take its time.
                self.ended = True
        except BaseException as error:  # noqa: BLE001  raised again in the reader's thread
            self._error = error
        finally:
            self.heard_at = time.monotonic()
            self.ended = True

    def _note(self, last: SubOperations) -> None:
        """Take the final response of one request into account."""
        if category(self.status) is not Category.FAILURE and last.status != SUCCESS:
            self.status = last.status
        if self.sent is not None:
            counted = last.completed is not None
            self.sent = self.sent + (last.completed or 0) + (last.warning or 0) if counted else None
