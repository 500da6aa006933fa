import pytest
from django.utils import timezone

from adit.dicom.refs import UID
from adit.endpoints.cancel import NEVER
from adit.jobs.claim import claim
from adit.jobs.models import Task
from adit.jobs.rows import INSTANCES, Lost, Rows, states_of
from adit.transfer.events import (
    Confirmed,
    Denied,
    Excluded,
    Expected,
    Failed,
    Held,
    Leaving,
    Noted,
    Placed,
    Received,
    Stored,
)
from adit.transfer.items import TransferStudy
from adit.transfer.ledger import Ledger
from tests.jobs.fakes import refs_of, study_uid, submitted, two_servers

pytestmark = pytest.mark.django_db

STUDY = study_uid(1)
SERIES = UID(f"{STUDY}.1")
REFS = refs_of(STUDY, instances=INSTANCES * 2)


@pytest.fixture
def attempt(clock):
    two_servers()
    submitted()
    claimed = claim("w", lease=45, now=timezone.now())
    ledger = Ledger()
    rows = Rows(claimed, TransferStudy(STUDY), ledger, cancel=NEVER, clock=clock)

    def note(*events):
        for event in events:
            ledger.apply(event)
            rows.note(event)

    note.rows, note.claimed = rows, claimed
    return note


def entry():
    return Task.objects.get().entries.first()


class TestTheRowsOfAnAttempt:
    def test_are_written_before_a_series_leaves(self, attempt):
        attempt(Expected(SERIES, 3), Leaving(SERIES))

        assert (entry().expected, entry().stored) == (3, 0)
        assert entry().left_at is not None

    def test_say_at_once_what_the_study_is_called(self, attempt):
        attempt(Placed("P1", "ACC70011", None))

        task = Task.objects.get()
        assert (task.patient_id, task.accession_number) == ("P1", "ACC70011")
        assert task.item["patient_id"] == "P1"

    def test_wait_for_sixty_four_instances(self, attempt, django_assert_num_queries):
        attempt(Expected(SERIES, None), Leaving(SERIES))

        with django_assert_num_queries(0):
            attempt(*(Stored(ref, 10) for ref in REFS[: INSTANCES - 1]))
        with django_assert_num_queries(1):
            attempt(Stored(REFS[INSTANCES - 1], 10))

        assert (entry().stored, entry().size) == (INSTANCES, 10 * INSTANCES)
        assert sorted(entry().stored_instances) == sorted(ref.instance for ref in REFS[:INSTANCES])

    def test_wait_for_a_second(self, attempt, clock):
        attempt(Leaving(SERIES), Stored(REFS[0], 10))
        assert entry().stored == 0

        clock.now += 1
        attempt(Stored(REFS[1], 10))

        assert entry().stored == 2

    def test_are_gone_on_from_in_the_next_attempt(self, attempt):
        attempt(Leaving(SERIES), Stored(REFS[0], 10, "coerced"), Excluded(REFS[1], "a rule"), Failed(REFS[2], "no"))
        attempt.rows.write()

        (state,) = states_of(Task.objects.get().pk)

        assert state.stored == {REFS[0].instance}
        assert state.excluded == ((REFS[1].instance, "a rule"),)
        assert (state.size, state.notes) == (10, ("coerced",))

    def test_tell_what_a_cancel_left_open_from_what_failed(self, attempt):
        attempt(
            Expected(SERIES, 10), Leaving(SERIES), Stored(REFS[0], 10), Failed(REFS[1], "no"), Received(REFS[2], 10)
        )

        attempt.rows.write(final=True, canceled=True)

        assert (entry().stored, entry().failed, entry().reasons) == (1, 1, {"no": 1, "not sent: canceled": 8})

    def test_forget_what_the_destination_does_not_hold(self, attempt):
        attempt(Leaving(SERIES), Stored(REFS[0], 10), Stored(REFS[1], 10))
        attempt.rows.write()

        attempt(Held(SERIES, frozenset({REFS[1].instance})))
        attempt.rows.write()

        assert states_of(Task.objects.get().pk)[0].stored == {REFS[1].instance}

    def test_have_the_next_attempt_send_what_the_destination_does_not_answer_for(self, attempt):
        attempt(Leaving(SERIES), Stored(REFS[0], 10), Stored(REFS[1], 10))
        attempt.rows.write()

        attempt(Denied(REFS[0], "out of resources"))
        attempt.rows.write(final=True)

        assert states_of(Task.objects.get().pk)[0].stored == {REFS[1].instance}
        assert (entry().stored, entry().reasons) == (2, {"out of resources": 1})

    def test_do_not_count_what_is_still_to_come_as_failed(self, attempt):
        attempt(Expected(SERIES, 3), Leaving(SERIES), Received(REFS[0], 10), Failed(REFS[0], "refused"))
        attempt.rows.write()
        assert (entry().failed, entry().reasons) == (1, {"refused": 1})

        attempt.rows.write(final=True)
        assert (entry().failed, sum(entry().reasons.values())) == (3, 3)

    def test_hold_what_was_confirmed_and_noted(self, attempt):
        attempt(Leaving(SERIES), Stored(REFS[0], 10), Confirmed(SERIES, frozenset({REFS[0].instance})))
        attempt(Noted("renamed", SERIES), Noted("slow"))
        attempt.rows.write()

        assert (entry().confirmed, entry().notes, Task.objects.get().notes) == (1, ["renamed"], ["slow"])

    def test_are_not_written_by_who_lost_the_lease(self, attempt):
        attempt(Leaving(SERIES))
        Task.objects.update(claim=2)

        with pytest.raises(Lost):
            attempt(*(Stored(ref, 10) for ref in REFS))

        assert entry().stored == 0
