from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as delivered

from adit.accounts.mails import write_mail
from adit.audit.models import Event
from adit.jobs.chores import HOURLY, Chores
from adit.jobs.process import Limits, Process
from tests.clock import Clock
from tests.jobs.fakes import Archives


def old_event() -> None:
    Event.objects.create(time=datetime.now(UTC) - timedelta(days=400), actor="ann", action="x.done")


@pytest.mark.django_db
class TestChores:
    def test_send_mails_every_time(self, settings):
        settings.ADIT_SENDS_MAILS = True
        chores = Chores(retention=None, clock=Clock())

        for count in (1, 2):
            write_mail(["ann@example.org"], subject="Hello", body="There.")
            chores()
            assert len(delivered.outbox) == count

    def test_shorten_the_trail_once_an_hour(self):
        clock = Clock()
        chores = Chores(retention=timedelta(days=365), clock=clock)
        old_event()
        chores()
        assert not Event.objects.filter(action="x.done").exists()

        old_event()
        clock.now = HOURLY - 1
        chores()
        assert Event.objects.filter(action="x.done").exists()

        clock.now = HOURLY
        chores()
        assert not Event.objects.filter(action="x.done").exists()

    def test_leave_the_trail_as_it_is_unless_told_otherwise(self):
        old_event()

        Chores(retention=None, clock=Clock())()

        assert Event.objects.get().action == "x.done"


@pytest.mark.django_db(transaction=True)
class TestAProcess:
    def test_tidies_up_while_its_chores_take_long(self):
        begun, goes_on, tidied = threading.Event(), threading.Event(), threading.Event()

        def chores() -> None:
            begun.set()
            goes_on.wait(20)

        limits = Limits(lease=45, heartbeat=0.05, no_progress=600, waits=(0.0,))
        process = Process(places=1, opening=Archives(), limits=limits, sweep=tidied.set, chores=chores)
        process.start()
        try:
            assert begun.wait(20)
            tidied.clear()
            assert tidied.wait(20)
        finally:
            goes_on.set()
            process.finish()
