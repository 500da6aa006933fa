from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from adit.audit.models import Event
from adit.audit.record import record
from adit.audit.searching import AT_ONCE, Cursor, Wanted, events, everything, known_actions, page

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(minutes: int, **values: object) -> Event:
    return Event.objects.create(
        **{"time": NOON + timedelta(minutes=minutes), "actor": "ann", "action": "x.done"} | values
    )


class TestASearch:
    def test_wants_everything_unless_told_otherwise(self):
        first, second = at(1), at(2)

        assert list(events(Wanted())) == [second, first]
        assert not Wanted()

    @pytest.mark.parametrize(
        "wanted",
        [
            {"actor": "bob"},
            {"action": "job.submitted"},
            {"action": "job"},
            {"outcome": "refused"},
            {"node": "PACS"},
            {"job": 7},
            {"patient": "P1"},
            {"study": "1.2.3"},
            {"since": NOON + timedelta(minutes=5)},
        ],
    )
    def test_takes_only_what_fits(self, wanted):
        at(1)
        fits = at(
            9,
            actor="bob",
            action="job.submitted",
            outcome="refused",
            nodes=["PACS", "Shelf"],
            job=7,
            patient_id="P1",
            study_uid="1.2.3",
        )

        assert list(events(Wanted(**wanted))) == [fits]

    def test_ends_before_the_time_until_which_it_goes(self):
        early, _late = at(1), at(5)

        assert list(events(Wanted(until=NOON + timedelta(minutes=5)))) == [early]

    def test_of_a_noun_does_not_take_another_that_begins_alike(self):
        at(1, action="jobless.counted")

        assert not events(Wanted(action="job")).exists()

    def test_knows_every_action_once(self):
        for action in ("b.done", "a.done", "b.done"):
            record(action, by="ann")

        assert known_actions() == ["a.done", "b.done"]

    def test_is_answered_by_an_index(self):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            at(1)
            by_action = events(Wanted(action="x.done")).explain()
            by_page = events(Wanted()).filter(Cursor(NOON, 1).older()).explain()

        assert "audit_action" in by_action
        assert "audit_time" in by_page


class TestAPage:
    def test_begins_with_the_newest_and_leads_to_the_older_ones_and_back(self):
        made = [at(minutes) for minutes in range(5)][::-1]

        first = page(Wanted(), size=2)
        second = page(Wanted(), size=2, after=first.older)
        third = page(Wanted(), size=2, after=second.older)
        back = page(Wanted(), size=2, before=third.newer)

        assert [first.events, second.events, third.events] == [made[:2], made[2:4], made[4:]]
        assert (first.newer, third.older) == (None, None)
        assert back.events == second.events
        assert page(Wanted(), size=2, before=back.newer).newer is None

    def test_tells_events_of_one_moment_apart(self):
        made = [at(0) for _ in range(4)][::-1]

        first = page(Wanted(), size=3)

        assert page(Wanted(), size=3, after=first.older).events == made[3:]

    def test_is_found_again_by_what_its_cursor_is_written_as(self):
        cursor = Cursor.of(at(3))

        assert Cursor.parse(str(cursor)) == cursor

    @pytest.mark.parametrize("text", ["", "x", "2026-11-24_x", "_1", "2026-11-24T12:00:00_1"])
    def test_takes_no_other_text_for_a_cursor(self, text):
        assert Cursor.parse(text) is None


class TestEverything:
    def test_comes_in_pieces_and_whole(self):
        Event.objects.bulk_create(
            Event(time=NOON + timedelta(seconds=number // 7), actor="ann", action="x.done")
            for number in range(AT_ONCE + 5)
        )

        pieces = list(everything(Wanted(actor="ann")))

        assert [len(piece) for piece in pieces] == [AT_ONCE, 5]
        assert len({event.pk for piece in pieces for event in piece}) == AT_ONCE + 5
