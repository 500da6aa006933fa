"""Pages of the audit trail."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from adit.accounts.models import User
from adit.audit.models import Event, Outcome
from adit.audit.record import record
from adit.audit.searching import Wanted
from adit.web.audit.files import COLUMNS, pieces
from adit.web.audit.pages import SIZE
from adit.web.sealed import seal, unseal
from tests.web.people import client_of

pytestmark = pytest.mark.django_db


def reader(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def dora() -> User:
    return reader("dora", "can_view_audit", "can_search_patients")


@pytest.fixture
def carl() -> User:
    """Reads the trail, but not whom it is about."""
    return reader("carl", "can_view_audit")


def text(response) -> str:
    return response.content.decode()


class TestTheTrail:
    def test_is_for_those_who_may_read_it(self, dora, carl):
        for user in (dora, carl, User.objects.create_user("root", is_staff=True)):
            assert client_of(user).get("/audit/").status_code == 200

    @pytest.mark.parametrize("path", ["/audit/", "/audit/export/csv/", "/audit/patient/x/"])
    def test_does_not_exist_for_others_and_records_that_they_tried(self, path):
        bob = User.objects.create_user("bob")

        assert client_of(bob).get(path).status_code == 404

        event = Event.objects.get(actor="bob", outcome=Outcome.REFUSED)
        assert event.details["path"] == path

    def test_asks_whoever_is_not_logged_in_to_do_so(self):
        assert Client().get("/audit/").status_code == 302

    def test_shows_the_newest_first_with_who_what_and_whom_it_was_about(self, dora):
        record("search", by="ann", patient_id="0042", study_uid="1.2.3", nodes=["North"], details={"found": 3})

        shown = text(client_of(dora).get("/audit/"))

        for part in ("ann", "Searched", "0042", "1.2.3", "North", "found"):
            assert part in shown

    def test_hides_patients_from_those_who_may_not_search_for_them(self, carl):
        record("search", by="ann", patient_id="0042", study_uid="1.2.3", details={"keys": {"PatientName": "Doe"}})
        record("node.changed", by="ann", details={"port": [104, 11112]})

        shown = text(client_of(carl).get("/audit/"))

        assert "ann" in shown
        assert "11112" in shown
        for part in ("0042", "1.2.3", "Doe", "Patient ID"):
            assert part not in shown

    def test_records_every_look(self, dora):
        client_of(dora).get("/audit/?actor=ann")

        event = Event.objects.get(action="audit.searched")
        assert (event.actor, event.details, event.address) == ("dora", {"actor": "ann"}, "127.0.0.1")

    def test_leads_to_older_events(self, dora):
        for number in range(SIZE + 3):
            record("x.done", by=f"user{number}")
        client = client_of(dora)

        first = client.get("/audit/?action=x.done")
        second = client.get("/audit/", {"action": "x.done", "after": str(first.context["next"])})

        assert [line.event.actor for line in second.context["lines"]] == ["user2", "user1", "user0"]
        assert second.context["next"] is None

    def test_asks_the_database_as_often_for_many_events_as_for_one(self, dora):
        client = client_of(dora)
        record("x.done", by="ann", patient_id="1")
        client.get("/audit/")

        def queries() -> int:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                client.get("/audit/")
            return len(captured)

        few = queries()
        for number in range(SIZE):
            record("x.done", by="ann", patient_id=str(number), job=number)

        assert queries() == few


class TestTheSearch:
    def test_for_a_patient_leaves_no_name_in_the_address_but_one_in_the_trail(self, dora):
        record("search", by="ann", patient_id="0042")
        record("search", by="ann", patient_id="0099")

        response = client_of(dora).post("/audit/", {"patient": "0042", "actor": "ann"}, follow=True)

        [(address, _status)] = response.redirect_chain
        assert "0042" not in address
        assert parse_qs(urlsplit(address).query)["actor"] == ["ann"]
        assert [line.patient for line in response.context["lines"]] == ["0042"]
        assert Event.objects.get(action="audit.searched").patient_id == "0042"

    def test_for_a_patient_can_be_used_by_nobody_else(self, dora, carl):
        token = seal({"patient": "0042"}, to=dora)

        assert unseal(token, by=dora) == {"patient": "0042"}
        assert unseal(token, by=carl) == {}
        assert unseal(f"{token}x", by=dora) == {}
        assert unseal("nonsense", by=dora) == {}

    def test_for_a_patient_is_refused_to_those_who_may_not(self, carl):
        record("search", by="ann", patient_id="0042")

        response = client_of(carl).get("/audit/", {"who": seal({"patient": "0042"}, to=carl)})

        assert "You may not search the audit trail for patients." in text(response)
        assert Event.objects.get(action="audit.searched", outcome=Outcome.REFUSED).actor == "carl"

    def test_takes_days_as_the_reader_counts_them_the_last_one_included(self, dora):
        dora.time_zone = "Asia/Tokyo"
        dora.save()
        for hour in (14, 16):
            # Midnight in Tokyo is 15:00 UTC.
            Event.objects.create(time=datetime(2026, 11, 2, hour, tzinfo=UTC), actor=f"at{hour}", action="x.done")

        response = client_of(dora).get("/audit/?until=2026-11-02&action=x.done")
        later = client_of(dora).get("/audit/?since=2026-11-03&action=x.done")

        assert [line.event.actor for line in response.context["lines"]] == ["at14"]
        assert [line.event.actor for line in later.context["lines"]] == ["at16"]

    def test_takes_the_last_day_of_all(self, dora):
        Event.objects.create(time=datetime(2026, 11, 2, tzinfo=UTC), actor="early", action="x.done")

        response = client_of(dora).get("/audit/?until=9999-12-31&action=x.done")

        assert [line.event.actor for line in response.context["lines"]] == ["early"]

    def test_that_makes_no_sense_is_said_near_its_field(self, dora):
        response = client_of(dora).post("/audit/", {"job": "first"})

        assert response.status_code == 200
        assert "Enter a whole number." in text(response)

    def test_without_a_result_says_so(self, dora):
        assert "Nothing found" in text(client_of(dora).get("/audit/?actor=nobody-at-all"))


class TestTheFile:
    def rows(self, **values) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO("".join(pieces(Wanted(), "csv", **values)).removeprefix("\ufeff"))))

    def test_has_every_event_as_a_row(self):
        record("search", by="ann", patient_id="0042", nodes=["A", "B"], job=7, details={"found": 3})

        [row] = self.rows(patients=True)

        assert tuple(row) == COLUMNS
        assert (row["actor"], row["patient_id"], row["nodes"], row["job"]) == ("ann", "0042", "A; B", "7")
        assert json.loads(row["details"]) == {"found": 3}

    def test_is_json_too_also_when_there_is_nothing(self):
        assert json.loads("".join(pieces(Wanted(), "json", patients=True))) == []
        record("x.done", by="ann")
        record("x.done", by="bob")

        told = json.loads("".join(pieces(Wanted(), "json", patients=True)))

        assert [each["actor"] for each in told] == ["bob", "ann"]

    def test_names_no_patient_to_those_who_may_not_know(self):
        record("search", by="ann", patient_id="0042", study_uid="1.2.3", details={"keys": "Doe"})

        [row] = self.rows(patients=False)

        assert (row["patient_id"], row["study_uid"], row["details"]) == ("", "", "")

    def test_holds_no_formulas(self):
        record("x.done", by="=cmd")

        assert self.rows(patients=True)[0]["actor"] == "'=cmd"

    def test_does_not_exist_in_other_forms(self, dora):
        assert client_of(dora).get("/audit/export/exe/").status_code == 404


def test_a_file_is_written_while_it_is_read_and_recorded(dora, async_client):
    record("x.done", by="ann")
    async_client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")

    async def fetched() -> tuple[str, bytes]:
        response = await async_client.get("/audit/export/json/?actor=ann")
        return response["Content-Disposition"], b"".join([piece async for piece in response.streaming_content])

    disposition, content = async_to_sync(fetched)()

    assert disposition == 'attachment; filename="adit-audit.json"'
    assert [event["actor"] for event in json.loads(content)] == ["ann"]
    assert Event.objects.get(action="audit.exported").details == {"actor": "ann", "file": "json"}


class TestThePageOfAPatient:
    def test_tells_who_saw_sent_and_received(self, dora):
        earlier = record("search", by="ann", patient_id="0042", nodes=["North"])
        record("study.transferred", by="bob", patient_id="0042", study_uid="1.2.3", nodes=["North", "Research"])
        record("search", by="ann", patient_id="0099")

        response = client_of(dora).get(f"/audit/patient/{seal({'patient': '0042'}, to=dora)}/")

        assert [person.actor for person, _ in response.context["people"]] == ["dora", "bob", "ann"]
        assert response.context["lines"][0].event == earlier
        assert "North → Research" in text(response)
        assert "0099" not in text(response)
        assert Event.objects.get(action="audit.patient_viewed").patient_id == "0042"

    def test_does_not_exist_for_who_may_not_search_for_patients(self, carl):
        token = seal({"patient": "0042"}, to=carl)

        assert client_of(carl).get(f"/audit/patient/{token}/").status_code == 404
        assert Event.objects.get(action="audit.patient_viewed").outcome == Outcome.REFUSED

    def test_tells_the_last_events_when_there_are_very_many(self, dora):
        now = datetime(2026, 11, 24, tzinfo=UTC)
        Event.objects.bulk_create(
            Event(time=now + timedelta(seconds=number), actor="ann", action="search", patient_id="0042")
            for number in range(510)
        )

        response = client_of(dora).get(f"/audit/patient/{seal({'patient': '0042'}, to=dora)}/")

        assert len(response.context["lines"]) == 500
        assert "earlier events are left out" in text(response)


class TestTheBox:
    def test_is_on_every_page_and_answers(self, dora):
        client = client_of(dora)
        assert "Where did it go?" in text(client.get("/"))

        response = client.post("/whereabouts/", {"wanted": " 0042 "})

        assert "Nowhere that you may know of" in text(response)
        assert Event.objects.get(action="whereabouts.asked").details == {"found": 0, "asked": "0042"}

    def test_asks_nothing_when_it_is_empty(self, dora):
        assert "answer" not in client_of(dora).post("/whereabouts/", {"wanted": "  "}).context

        assert not Event.objects.filter(action="whereabouts.asked").exists()
