"""The data protection officer finds out who saw, sent and received one patient."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from adit.accounts.models import User
from adit.audit.models import Event
from adit.jobs.submit import submit
from adit.projects.models import Member
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising
from tests.jobs.fakes import administrator, study_uid, two_servers
from tests.jobs.pseudonymised import a_project
from tests.journeys.screens import look_at

PATIENT = "DEMO-1007"


@pytest.fixture
def dora(transactional_db):
    dora = User.objects.create_user("dora")
    wanted = ("can_view_audit", "can_search_patients")
    dora.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    return dora


@pytest.fixture
def a_week_of_work(transactional_db):
    two_servers()
    began = datetime(2026, 11, 20, 9, tzinfo=UTC)
    happened = [
        ("account.logged_in", "student", "done", "", "", [], {}),
        ("search", "student", "done", PATIENT, "", ["A"], {"level": "STUDY", "found": 2}),
        ("image.viewed", "student", "done", PATIENT, study_uid(1), ["A"], {"series": f"{study_uid(1)}.1"}),
        ("job.submitted", "radiologist", "refused", "", "", ["A", "B"], {"reason": "No access to B."}),
        ("study.transferred", "radiologist", "done", PATIENT, study_uid(1), ["A", "B"], {"stored": 300}),
        ("study.transferred", "radiologist", "failed", PATIENT, study_uid(2), ["A", "B"], {"stored": 0}),
    ]
    for number in range(60):
        action, actor, outcome, patient, study, nodes, details = happened[number % len(happened)]
        Event.objects.create(
            time=began + timedelta(hours=number),
            actor=actor,
            group="neuro",
            action=action,
            outcome=outcome,
            patient_id=patient,
            study_uid=study,
            nodes=nodes,
            details=details,
            address="192.0.2.17",
        )


class TestADataProtectionOfficer:
    def test_finds_who_saw_sent_and_received_one_patient(self, visit, dora, a_week_of_work):
        page = visit(dora, "/audit/")
        look_at(page, "audit")
        page.get_by_role("link", name="Older").click()
        expect(page.get_by_role("link", name="Newer")).to_be_visible()

        page.get_by_label("Patient ID").fill(PATIENT)
        page.get_by_role("button", name="Search").click()
        story = page.get_by_role("link", name="Who saw, sent and received this patient")
        story.wait_for()
        assert PATIENT not in page.url
        look_at(page, "audit of one patient searched")

        story.click()
        page.get_by_role("heading", name=f"Patient {PATIENT}").wait_for()
        look_at(page, "audit of a patient")
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert PATIENT in download.value.path().read_text()

    def test_finds_nothing_and_is_told_so(self, visit, dora):
        page = visit(dora, "/audit/?actor=nobody")
        expect(page.get_by_text("Nothing found")).to_be_visible()
        look_at(page, "audit nothing found")


class TestWhereDidThisGo:
    def test_is_asked_on_any_page(self, visit, dora):
        two_servers()
        project = a_project("Stroke")
        item = TransferStudy(study_uid(1), patient_id=PATIENT, pseudonym="P-01")
        for _ in range(3):
            submit(Plan("selective", "A", "B", (item,), pseudonymising=Pseudonymising("Stroke")), by=administrator())
        page = visit(dora, "/")

        box = page.get_by_label("Where did it go?")
        box.fill("P-01")
        box.press("Enter")
        expect(page.get_by_text("for those who may link")).to_have_count(3)
        assert PATIENT not in page.content()
        look_at(page, "whereabouts")

        Member.objects.create(project=project, user=dora, may_link=True)
        page.get_by_role("button", name="Look").click()
        expect(page.get_by_text(PATIENT)).to_have_count(3)
        look_at(page, "whereabouts linked")

        page.get_by_label("Patient ID, pseudonym").fill("unknown")
        page.get_by_role("button", name="Look").click()
        expect(page.get_by_text("Nowhere that you may know of")).to_be_visible()
        look_at(page, "whereabouts nowhere")
