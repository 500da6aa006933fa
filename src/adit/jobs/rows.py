"""Writes the ledger of a running task down, in few round trips and behind a fence."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import connection

from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID
from adit.jobs import signals
from adit.jobs.claim import Claimed
from adit.jobs.models import Entry, Task
from adit.jobs.patience import AWAY, patiently
from adit.jobs.storable import storable
from adit.transfer.events import Denied, Event, Held, Leaving, Placed, Stored
from adit.transfer.items import TransferStudy
from adit.transfer.ledger import Ledger, SeriesState, Tally

logger = logging.getLogger(__name__)

INSTANCES = 64
"""Stored instances after which the ledger is written; as many may go again after a crash."""

SECONDS = 1.0
"""Time after which it is written."""

_UPSERT = """
WITH mine AS (
  SELECT id FROM jobs_task WHERE id = %s AND worker = %s AND claim = %s AND status = 'in progress'
    AND set_config(
      'synchronous_commit', CASE WHEN %s THEN current_setting('synchronous_commit') ELSE 'off' END, true) <> ''
  FOR SHARE
)
INSERT INTO jobs_entry (
  task_id, study_uid, series_uid, new_study_uid, new_series_uid, expected, received, stored, confirmed,
  excluded, failed, size, notes, reasons, left_at, stored_instances, excluded_instances)
SELECT mine.id, %s, row.series_uid, %s, row.new_series_uid, row.expected, row.received, row.stored, row.confirmed,
  row.excluded, row.failed, row.size, row.notes, row.reasons, CASE WHEN row.leaves THEN now() END,
  row.fresh, row.excluded_instances
FROM mine, (VALUES {rows}) row (
  series_uid, new_series_uid, expected, received, stored, confirmed, excluded, failed, size, notes, reasons, leaves,
  fresh, excluded_instances)
ON CONFLICT (task_id, series_uid) DO UPDATE SET
  expected = excluded.expected, received = excluded.received, stored = excluded.stored,
  confirmed = excluded.confirmed, excluded = excluded.excluded, failed = excluded.failed,
  size = excluded.size, notes = excluded.notes, reasons = excluded.reasons,
  left_at = coalesce(jobs_entry.left_at, excluded.left_at),
  stored_instances = {stored_instances},
  excluded_instances = excluded.excluded_instances
RETURNING id, CASE WHEN %s::boolean THEN {signal}::text END
"""
_ROW = (
    "(%s::text, %s::text, %s::int, %s::int, %s::int, %s::int, %s::int, %s::int, %s::bigint, %s::jsonb, %s::jsonb,"
    " %s::boolean, %s::text[], %s::jsonb)"
)


class Lost(Exception):
    """The task is not ours any more: the lease ran out, and somebody else may have it."""


def states_of(task: int) -> list[SeriesState]:
    """What earlier attempts of *task* left behind, to go on from."""
    return [
        SeriesState(
            series=UID(entry.series_uid),
            stored=frozenset(map(UID, entry.stored_instances or ())),
            excluded=tuple((UID(uid), reason) for uid, reason in (entry.excluded_instances or {}).items()),
            size=entry.size,
            notes=tuple(entry.notes),
        )
        for entry in Entry.objects.filter(task=task)
    ]


class Rows:
    """The rows of one attempt. For one thread.

    What could not be written, because the database was away, is kept and written with the next.
    """

    def __init__(
        self,
        claimed: Claimed,
        item: TransferStudy,
        ledger: Ledger,
        *,
        cancel: Cancellation,
        clock: Callable[[], float] = time.monotonic,
        new_uid: Callable[[UID], UID] = lambda uid: uid,
    ) -> None:
        """
        Args:
            new_uid: What study and series are called at the destination.
        """
        self.item = item
        self._new_uid = new_uid
        self._claimed = claimed
        self._ledger = ledger
        self._cancel = cancel
        self._clock = clock
        self._written_at = clock()
        self._changed: set[UID] = set()
        self._fresh: defaultdict[UID, list[UID]] = defaultdict(list)
        self._leaving: set[UID] = set()
        self._anew = False
        self._notes: list[str] = []

    def note(self, event: Event) -> None:
        """Remember *event*, which the ledger has counted already, and write when it is time.

        `Placed` and `Leaving` are written before this returns, however long the database is away:
        what they say must be known before the first instance goes.

        Raises:
            Lost: Another claim holds.
            Canceled: While the database was away.
        """
        match event:
            case Placed(patient_id, accession_number, layout):
                # Whose a treated study is was settled when its pseudonym was given.
                known = self.item.patient_id or ("" if self.item.treated else patient_id)
                self._place(replace(self.item, patient_id=known, layout=layout), accession_number)
            case Leaving(series):
                self._leaving.add(series)
                patiently(self.write, cancel=self._cancel)
            case Held() | Denied():
                # The next attempt is to ask for it, or to send it, again.
                self._anew = True
            case Stored(ref) if ref.series and ref.instance:
                self._fresh[ref.series].append(ref.instance)
        # Sums over a handful of series; the lists are emptied with every write.
        due = sum(map(len, self._fresh.values())) >= INSTANCES or self._clock() - self._written_at >= SECONDS
        if due:
            self.try_to_write()

    def try_to_write(self) -> None:
        """Write what is new; when the database is away, keep it for the next time.

        Raises:
            Lost: Another claim holds.
        """
        try:
            self.write()
        except AWAY as error:
            connection.close()
            self._written_at = self._clock()
            logger.warning("The ledger of task %s waits for the database: %s", self._claimed.task, type(error).__name__)

    def write(self, *, final: bool = False, canceled: bool = False) -> None:
        """Write what is new.

        Nobody waits for the disk of the database before the end, but for what leaves: what its machine loses when it
        fails within the next half second goes again, harmlessly.

        Args:
            final: The attempt is over: what has not arrived counts as failed.
            canceled: It is, and what has not arrived was not wanted any more.

        Raises:
            Lost: Another claim holds.
            OperationalError, InterfaceError: The database is away; nothing is forgotten.
        """
        self._changed |= self._ledger.changed() | self._leaving
        if final or self._anew:
            self._changed |= self._ledger.series.keys()
        if self._changed:
            rows = [
                self._row(self._ledger.series[series], final=final, canceled=canceled)
                for series in sorted(self._changed)
            ]
            anew = (
                "excluded.stored_instances"
                if self._anew
                else "jobs_entry.stored_instances || excluded.stored_instances"
            )
            upsert = _UPSERT.format(rows=", ".join([_ROW] * len(rows)), stored_instances=anew, signal=signals.STATEMENT)
            study, job = self.item.study, self._claimed.job
            values = [study, self._new(study), *(value for row in rows for value in row)]
            due = signals.due(job)
            durable = final or bool(self._leaving)
            self._execute(upsert, [*self._fence, durable, *values, due, job])
            if due:
                signals.told(job)
        if self._ledger.notes != self._notes:
            self._update(notes=list(self._ledger.notes))
            self._notes = list(self._ledger.notes)
        self._written_at = self._clock()
        self._changed.clear()
        self._fresh.clear()
        self._leaving.clear()
        self._anew = False

    def take_back(self, note: str) -> None:
        """Forget a note on the study that an earlier attempt left and that does not hold any more.

        Raises:
            Lost: Another claim holds.
        """
        notes = Task.objects.values_list("notes", flat=True).get(pk=self._claimed.task)
        if note in notes:
            self._update(notes=[each for each in notes if each != note])

    def _row(self, tally: Tally, *, final: bool, canceled: bool) -> list[Any]:
        instances = sorted(tally.kept) if self._anew else self._fresh[tally.series]
        return [
            tally.series,
            self._new(tally.series),
            tally.expected,
            len(tally.received),
            len(tally.stored),
            tally.confirmed,
            tally.excluded_count,
            tally.failed - (tally.open if canceled else 0) if final else len(tally.refused),
            tally.size,
            json.dumps(tally.notes),
            json.dumps(tally.reasons(canceled=canceled) if final else Counter(tally.refused.values())),
            tally.series in self._leaving,
            instances,
            json.dumps(tally.excluded),
        ]

    def _new(self, uid: UID) -> str:
        """The UID at the destination, where it differs."""
        new = self._new_uid(uid)
        return "" if new == uid else new

    @property
    def _fence(self) -> tuple[int, str, int]:
        return self._claimed.task, self._claimed.worker, self._claimed.claim

    def _execute(self, statement: str, values: list[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            if not cursor.rowcount:
                raise Lost

    def _place(self, item: TransferStudy, accession_number: str) -> None:
        values: dict[str, Any] = {}
        if item != self.item:
            values = {"item": item.to_json(), "patient_id": item.patient_id}
        if accession_number:
            values["accession_number"] = storable(accession_number)
        if values:
            patiently(lambda: self._update(**values), cancel=self._cancel)
            self.item = item

    def _update(self, **values: Any) -> None:
        mine = Task.objects.mine(self._claimed.worker, self._claimed.task, self._claimed.claim)
        if not mine.update(**values):
            raise Lost
