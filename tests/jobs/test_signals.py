"""Whoever listens hears of every change of a job, and not too often."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection, transaction

from adit.jobs.actions import perform
from adit.jobs.models import Job
from adit.jobs.signals import CHANNEL, INTERVAL, Signal, Teller
from adit.jobs.states import Action
from tests.clock import Clock
from tests.jobs.fakes import Archives, administrator, process, refs_of, study_uid, submitted, two_servers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard():
    """What was told since the last call."""
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}, autocommit=True
    ) as ear:
        ear.execute(f"LISTEN {CHANNEL}")
        yield lambda: [Signal.parse(note.payload) for note in ear.notifies(timeout=0.2)]


class TestAJob:
    def test_tells_when_it_is_made_acted_upon_and_gone(self, heard):
        two_servers()
        job = submitted(1)
        assert {signal.job for signal in heard()} == {job.pk}

        perform(Action.CANCEL, job, by=administrator())
        assert [signal.job for signal in heard()] == [job.pk]

        other = submitted([study_uid(2)])
        heard()
        perform(Action.DELETE, other, by=administrator())
        assert [signal.job for signal in heard()] == [other.pk]

    def test_tells_while_it_runs_and_when_it_has_ended(self, heard):
        two_servers()
        archives = Archives()
        archives["A"].held[study_uid(1)] = refs_of(study_uid(1), instances=200)
        job = submitted(1)
        heard()

        process(archives).work()

        told = heard()
        assert Job.objects.get().status == "success"
        assert {signal.job for signal in told} == {job.pk}
        # Claimed, and ended: the ledgers in between lie within the same second.
        assert 2 <= len(told) <= 4
        assert [signal.version for signal in told] == sorted({signal.version for signal in told})


class TestATeller:
    def test_tells_once_a_second_of_each_job(self, heard):
        clock = Clock(100.0)
        teller = Teller(clock)

        teller.changed(1)
        teller.changed(1)
        teller.changed(2)
        assert [signal.job for signal in heard()] == [1, 2]

        clock.now += INTERVAL
        teller.changed(1)
        assert [signal.job for signal in heard()] == [1]

    def test_tells_at_once_what_cannot_wait(self, heard):
        teller = Teller(Clock(100.0))

        teller.changed(1)
        teller.changed(1, at_once=True)

        assert [signal.job for signal in heard()] == [1, 1]

    def test_tells_nothing_of_a_transaction_that_fails_and_the_next_time_tells_again(self, heard):
        teller = Teller(Clock(100.0))

        with transaction.atomic():
            teller.changed(1)
            transaction.set_rollback(True)
        assert heard() == []

        teller.changed(1)
        assert [signal.job for signal in heard()] == [1]


class TestASignal:
    def test_is_not_made_of_what_somebody_else_says(self):
        assert Signal.parse("hello") is None
        assert Signal.parse("1 2 3") is None
        assert Signal.parse("7 9") == Signal(7, 9)
