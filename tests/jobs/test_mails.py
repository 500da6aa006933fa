from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adit.accounts.models import Mail, User
from adit.jobs.mails import warn_of_folders
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.submit import submit
from adit.nodes.models import Node
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.jobs.fakes import Archives, administrator, process, refs_of, study_uid, two_servers
from tests.nodes.making import folder

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLAN = Plan("selective", "A", "B", (TransferStudy(study_uid(1), patient_id="SECRET-7"),))


@pytest.fixture(autouse=True)
def _mail_server(settings):
    settings.ADIT_SENDS_MAILS = True
    settings.ADIT_ADMIN_EMAILS = ("desk@example.org",)
    settings.ADIT_PUBLIC_URL = "https://adit.example.org"


@pytest.fixture
def owner() -> User:
    two_servers()
    owner = administrator()
    owner.email = "ann@example.org"
    owner.save()
    return owner


def run(plan: Plan, by: User, *, held: int = 2) -> Job:
    archives = Archives()
    if held:
        archives["A"].held[study_uid(1)] = refs_of(study_uid(1), instances=held)
    job = submit(plan, by=by)
    process(archives).work()
    return Job.objects.get(pk=job.pk)


@pytest.mark.django_db(transaction=True)
class TestTheEndOfAJob:
    def test_is_told_to_its_owner_when_that_was_asked_for(self, owner):
        job = run(replace(PLAN, mail=True), owner)

        [mail] = Mail.objects.all()
        assert (mail.recipients, mail.subject) == (["ann@example.org"], f"ADIT: job {job.pk} has ended")
        assert "success" in mail.body
        assert "1 of 1 study complete; 2 instances stored" in mail.body
        assert f"https://adit.example.org/jobs/{job.pk}/" in mail.body

    def test_names_no_patient_and_no_study(self, owner):
        run(replace(PLAN, mail=True), owner)

        body = Mail.objects.get().body
        assert "SECRET-7" not in body
        assert study_uid(1) not in body

    def test_is_told_to_nobody_unless_asked_for(self, owner):
        run(PLAN, owner)

        assert not Mail.objects.exists()

    def test_is_told_as_the_owner_usually_wants_it(self, owner):
        owner.mail_when_finished = True
        owner.save()

        assert Options.of(submit(PLAN, by=owner)).mail
        assert not Options.of(submit(replace(PLAN, mail=False), by=owner)).mail

    def test_is_told_to_the_administrators_when_it_failed_and_they_want_to_know(self, owner, settings):
        settings.ADIT_MAIL_FAILED_JOBS = True

        job = run(PLAN, owner, held=0)

        [mail] = Mail.objects.all()
        assert (job.status, mail.recipients) == ("failure", ["desk@example.org"])
        assert mail.subject == f"ADIT: job {job.pk} failed"

    def test_is_not_told_to_the_administrators_when_it_succeeded(self, owner, settings):
        settings.ADIT_MAIL_FAILED_JOBS = True

        run(PLAN, owner)

        assert not Mail.objects.exists()


@pytest.mark.django_db
class TestAFolderThatFillsUp:
    @pytest.fixture
    def shelf(self, tmp_path) -> Node:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "file").write_bytes(b"0" * 2000)
        return folder("Shelf", str(tmp_path), quota_gb=0.00001, warning_gb=0.000001)

    def test_is_told_to_the_administrators_once_a_day(self, shelf):
        now = datetime.now(UTC)

        assert warn_of_folders(now) == ["Shelf"]
        assert warn_of_folders(now + timedelta(hours=23)) == []
        [mail] = Mail.objects.all()
        assert (mail.recipients, mail.subject) == (["desk@example.org"], "ADIT: Shelf fills up")
        assert "1e-06 GB" in mail.body

        assert warn_of_folders(now + timedelta(hours=25)) == ["Shelf"]

    def test_is_told_only_above_its_warning(self, shelf):
        shelf.warning_gb = 0.000009
        shelf.save()

        assert warn_of_folders(NOON) == []
