import pytest
from django.db import ProgrammingError, connection, transaction

from adit.accounts.models import User
from adit.audit.models import Event, Outcome
from adit.audit.record import SYSTEM, record

pytestmark = pytest.mark.django_db


class TestTheTrail:
    def test_holds_who_did_what_to_which_study(self):
        user = User.objects.create_user("anna")

        written = record(
            "job.submitted",
            by=user,
            group="neuro",
            patient_id="0042",
            study_uid="1.2.3",
            nodes=["PACS", "", "research", "PACS"],
            job=7,
            address="192.0.2.1",
            details={"tasks": 1},
        )

        event = Event.objects.get(pk=written.pk)
        assert (event.actor, event.actor_id, event.group, event.action) == ("anna", user.pk, "neuro", "job.submitted")
        assert (event.patient_id, event.study_uid, event.job, event.address) == ("0042", "1.2.3", 7, "192.0.2.1")
        assert (event.nodes, event.details, event.outcome) == (["PACS", "research"], {"tasks": 1}, Outcome.DONE)
        assert event.time is not None

    def test_outlives_the_user(self):
        user = User.objects.create_user("anna")
        event = record("session.opened", by=user)

        user.delete()

        assert Event.objects.get(pk=event.pk).actor == "anna"

    def test_knows_actors_that_are_no_users(self):
        assert record("tasks.swept", by=SYSTEM).actor == "system"
        assert record("session.refused", by="mallory", outcome=Outcome.REFUSED).actor_id is None

    def test_stands_only_if_the_deed_does(self):
        with transaction.atomic():
            record("job.submitted", by=SYSTEM, study_uid="1.2.99")
            transaction.set_rollback(True)

        assert not Event.objects.filter(study_uid="1.2.99").exists()

    def test_takes_ids_longer_than_the_standard_allows(self):
        assert record("study.found", by=SYSTEM, patient_id="9" * 300).patient_id == "9" * 256

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_event SET actor = 'nobody'",
            "DELETE FROM audit_event",
            "TRUNCATE audit_event",
            "TRUNCATE audit_event CASCADE",
        ],
    )
    def test_refuses_to_be_changed(self, statement):
        event = record("job.submitted", by=SYSTEM)

        with (
            pytest.raises(ProgrammingError, match="the audit trail is append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

        assert Event.objects.get(pk=event.pk).actor == "system"

    def test_refuses_to_be_changed_through_its_model(self):
        event = record("job.submitted", by=SYSTEM)

        event.actor = "somebody else"
        with pytest.raises(ProgrammingError, match="UPDATE is refused"), transaction.atomic():
            event.save()
        with pytest.raises(ProgrammingError, match="DELETE is refused"), transaction.atomic():
            event.delete()

    @pytest.mark.parametrize("column", ["patient_id", "study_uid"])
    def test_is_searched_by_index(self, column):
        # Of these tables' size PostgreSQL would rather read all; what counts is that the index fits the search.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            plan = Event.objects.filter(**{column: "1.2.3"}).order_by("-time").explain()

        assert {"patient_id": "audit_patient", "study_uid": "audit_study"}[column] in plan
