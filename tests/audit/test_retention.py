from datetime import UTC, datetime, timedelta

import pytest
from django.db import Error, connection, transaction

from adit.accounts.models import User
from adit.audit.models import Event
from adit.audit.record import SYSTEM, record
from adit.audit.retention import SHORTEST, TooYoung, keep, prune

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    # The database itself looks at the time.
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def old(now: datetime, days: int) -> Event:
    return Event.objects.create(time=now - timedelta(days=days), actor="ann", action="x.done")


class TestRetention:
    def test_removes_what_is_older_and_says_so_in_the_trail(self, now):
        old(now, 400)
        kept = old(now, 50)
        ann = User.objects.create_user("dora")

        assert prune(now - timedelta(days=100), by=ann, now=now) == 1

        [told] = Event.objects.exclude(pk=kept.pk)
        assert (told.actor, told.actor_id, told.action) == ("dora", ann.pk, "audit.pruned")
        assert told.details["events"] == 1
        assert datetime.fromisoformat(told.details["before"]) == (now - timedelta(days=100)).replace(microsecond=0)

    def test_leaves_what_is_younger_than_a_month(self, now):
        event = old(now, 20)

        with pytest.raises(TooYoung):
            prune(now - timedelta(days=10), by=SYSTEM, now=now)

        assert Event.objects.get() == event

    def test_is_held_to_that_by_the_database(self, now):
        event = old(now, 20)

        with pytest.raises(Error, match="younger than 30 days"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT audit_prune(%s, 'mallory', NULL)", [now])

        assert Event.objects.get() == event

    def test_is_the_only_way(self, now):
        event = old(now, 400)

        with pytest.raises(Error, match="append-only: DELETE is refused"), transaction.atomic():
            Event.objects.filter(pk=event.pk).delete()

    def test_runs_as_a_role_that_nobody_logs_in_as(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolname, rolcanlogin, rolsuper, prosecdef FROM pg_proc JOIN pg_roles r ON r.oid = proowner"
                " WHERE proname = 'audit_prune'"
            )
            assert cursor.fetchall() == [("adit_audit_keeper", False, False, True)]
            cursor.execute("SELECT has_function_privilege('public', 'audit_prune(timestamptz,text,bigint)', 'EXECUTE')")
            assert cursor.fetchone() == (False,)

    def test_by_setting_records_nothing_when_there_is_nothing(self, now):
        record("x.done", by="ann")

        assert keep(timedelta(days=365), now=now) == 0
        assert Event.objects.count() == 1

    def test_by_setting_keeps_a_month_whatever_it_says(self, now):
        old(now, 20)
        old(now, 40)

        assert keep(timedelta(days=1), now=now) == 1
        assert timedelta(days=1) < SHORTEST

    def test_by_setting_is_done_by_adit_itself(self, now):
        old(now, 400)

        assert keep(timedelta(days=365), now=now) == 1
        assert Event.objects.get().actor == "system"
        assert Event.objects.get().time.tzinfo is not None
        assert Event.objects.get().time.astimezone(UTC) >= now - timedelta(minutes=1)
