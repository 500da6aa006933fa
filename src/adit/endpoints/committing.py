"""Asking a server for storage commitment, and waiting for its report (PS3.4 J.3).

The report comes over the association of the request, or over another one to our receiver.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from adit.dicom.commitment import Report
from adit.dicom.contexts import STORAGE_COMMITMENT, model_context
from adit.dicom.errors import Canceled, DicomError, Refused
from adit.dicom.protocols import Commitment
from adit.dicom.refs import UID
from adit.dicom.status import Service, describe
from adit.dimse.association import Association
from adit.dimse.errors import Aborted
from adit.dimse.normalized import commit, listen
from adit.endpoints.dialling import Dial
from adit.endpoints.receiver import listening
from adit.endpoints.reporting import Awaited, awaited
from adit.endpoints.ways import Refusals, Way

log = logging.getLogger(__name__)

WAIT = 30.0
"""Seconds without a report after which nobody waits any more."""

MOST_REFERENCES = 1000
"""Instances in one request. Peers and their databases cap what they take."""

_LOOK = 0.03
"""Seconds between two looks for what the receiver was told."""


class Committer:
    """Storage commitment of one server.

    The server must know the AE title by which we call it, with the address of our receiver,
    unless it reports over the association of the request.
    """

    def __init__(
        self,
        dial: Dial,
        spool: Path,
        *,
        wait: float = WAIT,
        most: int = MOST_REFERENCES,
        refusals: Refusals | None = None,
    ) -> None:
        """
        Args:
            spool: Shared with the receiver.
            wait: Seconds without a report after which nobody waits any more.
            most: Instances in one request, at least 1.
            refusals: What the process remembers of its servers: one that did not report at all is not asked again
                for a while. Without it, nothing is remembered.
        """
        self._dial = dial
        self._spool = spool
        self._wait = wait
        self._most = most
        self._refusals = refusals or Refusals()

    def __call__(self, instances: Mapping[UID, UID]) -> Commitment:
        """Ask for commitment of *instances*, and wait for the reports.

        Args:
            instances: SOP Instance UID → SOP Class UID.

        Raises:
            Canceled: What else goes wrong stands in the notes.
        """
        config = self._dial.config
        requests = _Requests(instances, self._most, config.name)
        if requests.all and self._refusals.holds(config, Way.COMMITMENT):
            requests.note(f"storage commitment was not asked for: lately none came within {self._wait:g} s")
        elif requests.all:
            with awaited(self._spool, tuple(requests.all)) as reports:
                self._run(requests, reports)
            if requests.left == requests.all.keys():
                self._refusals.note(config, (Way.COMMITMENT,))
        return requests.commitment()

    def _run(self, requests: _Requests, reports: Awaited) -> None:
        try:
            with self._dial([model_context(STORAGE_COMMITMENT)]) as association:
                requests.send(association)
                self._listen(association, requests, reports)
        except Canceled:
            raise
        except DicomError as error:
            title = self._dial.config.calling_ae_title
            # Orthanc's answer to whom it does not know.
            hint = f"; perhaps it does not know our AE title {title}" if isinstance(error, Aborted) else ""
            requests.note(f"storage commitment could not be asked for: {error.args[0]}{hint}")
        self._wait_for_receiver(requests, reports)

    def _listen(self, association: Association, requests: _Requests, reports: Awaited) -> None:
        # Some servers report over another association only when this one is gone.
        share = self._wait / 2 if listening(self._spool) else self._wait
        try:
            while requests.left and requests.silence < share:
                listen(association, min(_LOOK, share), requests.take)
                requests.take_all(reports)
        except Canceled:
            raise
        except DicomError as error:
            log.info("the association for storage commitment ended: %s", error)

    def _wait_for_receiver(self, requests: _Requests, reports: Awaited) -> None:
        receives = listening(self._spool) is not None
        while receives and requests.left and requests.silence < self._wait:
            self._dial.cancel.wait(min(_LOOK, self._wait))
            requests.take_all(reports)
        if requests.left:
            where = "" if receives else " over the association of the request, and no receiver runs on this machine"
            requests.note(f"no storage commitment came within {self._wait:g} s{where}")


class _Requests:
    """What is asked for, and what was said of it.

    Attributes:
        all: Transaction UID → SOP Instance UID → SOP Class UID.
        left: Transactions for which a report is promised that has not come yet.
    """

    def __init__(self, instances: Mapping[UID, UID], most: int, name: str) -> None:
        self.all: dict[UID, dict[UID, UID]] = {}
        self.left: set[UID] = set()
        self._name = name
        self._committed: set[UID] = set()
        self._denied: dict[UID, str] = {}
        self._notes: list[str] = []
        self._heard_at = time.monotonic()
        items = iter(instances.items())
        while some := dict(islice(items, most)):
            # As PS3.5 B.2 has it: nobody else comes to the same, and nobody guesses it.
            self.all[UID(f"2.25.{uuid.uuid4().int}")] = some

    @property
    def silence(self) -> float:
        """Seconds since something was heard."""
        return time.monotonic() - self._heard_at

    def send(self, association: Association) -> None:
        """Send all requests, one after the other, up to one that is refused.

        Raises:
            DicomError: The association broke; what it has promised before may still be reported.
        """
        for transaction, instances in self.all.items():
            # The report may come before the answer.
            self.left.add(transaction)
            try:
                commit(association, transaction, instances, self.take)
            except Refused as refused:
                self.left.discard(transaction)
                self.note(f"storage commitment was refused: {describe(refused.status, Service.COMMIT)}")
                return
            except DicomError:
                self.left.discard(transaction)
                raise
            self._heard_at = time.monotonic()

    def take(self, report: Report) -> bool:
        """Take a report. False where nobody asked for it."""
        asked = self.all.get(report.transaction)
        if asked is None:
            return False
        if report.transaction in self.left:
            self.left.discard(report.transaction)
            self._heard_at = time.monotonic()
            failed = {instance: reason for instance, reason in report.failed if instance in asked}
            self._denied |= {instance: self._words(reason) for instance, reason in failed.items()}
            self._committed |= report.committed & asked.keys()
            if silent := len(asked.keys() - report.committed - failed.keys()):
                self.note(f"the report on storage commitment leaves out {silent} instances")
        return True

    def take_all(self, reports: Awaited) -> None:
        for report in reports.take():
            self.take(report)

    def note(self, text: str) -> None:
        self._notes.append(f"{self._name}: {text}")

    def commitment(self) -> Commitment:
        """What is known now."""
        return Commitment(frozenset(self._committed), tuple(self._denied.items()), tuple(self._notes))

    def _words(self, reason: int | None) -> str:
        why = "it gives no reason" if reason is None else describe(reason, Service.COMMIT)
        return f"stored, but {self._name} does not commit to it: {why} (can be mended by the administrator of the PACS)"
