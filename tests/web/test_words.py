"""Pages of the words that were cut, and of those that the site approved."""

from __future__ import annotations

import pytest

from adit.accounts.models import User
from adit.audit.models import Event
from adit.jobs.cutwords import keep
from adit.jobs.models import Job
from adit.jobs.reports import job_report
from adit.jobs.submit import submit
from adit.projects.approving import approve, approved_words
from adit.projects.models import Member, Project
from adit.transfer.items import TransferStudy
from adit.web.projects.words import LINES
from tests.jobs.fakes import a_user, permit, study_uid, two_servers
from tests.jobs.pseudonymised import a_project, plan
from tests.projects.making import administrator, member
from tests.web.people import client_of

pytestmark = pytest.mark.django_db

SERIES = "SeriesDescription"


@pytest.fixture
def owner() -> User:
    two_servers()
    return permit(a_user("owner"), "can_transfer_selectively")


@pytest.fixture
def stroke(owner) -> Project:
    project = a_project()
    Member.objects.create(project=project, user=owner, may_send=True, may_link=True)
    return project


@pytest.fixture
def job(stroke, owner) -> Job:
    item = TransferStudy(study_uid(1), patient_id="4711", pseudonym="P-01")
    job = submit(plan(item, project="Stroke"), by=owner)
    keep(job, {(SERIES, "Mueller"): 3, (SERIES, "kolibri"): 2, (SERIES, "4711"): 1})
    return job


@pytest.fixture
def root(stroke) -> User:
    root = User.objects.create_user("root", is_staff=True)
    Member.objects.create(project=stroke, user=root, may_link=True)
    return root


def text(response) -> str:
    return " ".join(response.content.decode().split())


class TestThePageOfAJob:
    def test_leads_those_who_may_link_to_the_words(self, job, owner, root):
        Member.objects.filter(user=root).delete()

        assert "Words that were cut (3)" in text(client_of(owner).get(f"/jobs/{job.pk}/"))
        assert "Words that were cut" not in text(client_of(root).get(f"/jobs/{job.pk}/"))

    def test_names_no_word(self, job, owner):
        for path in ("", "report/"):
            assert b"Mueller" not in client_of(owner).get(f"/jobs/{job.pk}/{path}").content
        assert "Mueller" not in str(job_report(job, by=owner))


class TestTheWordsOfAJob:
    def test_are_listed_by_how_often(self, job, owner):
        answer = client_of(owner).get(f"/jobs/{job.pk}/words/")

        page = text(answer)
        assert page.index("Mueller") < page.index("kolibri") < page.index(">4711<")
        assert "no-store" in answer["Cache-Control"]
        assert "checkbox" not in page
        assert Event.objects.filter(action="job.words_viewed", actor="owner").count() == 1

    def test_are_not_for_those_who_may_not_link(self, job, root):
        Member.objects.filter(user=root).delete()

        answer = client_of(root).get(f"/jobs/{job.pk}/words/")

        assert answer.status_code == 403
        assert "Mueller" not in text(answer)
        assert Event.objects.get(action="job.words_viewed").outcome == "refused"
        assert client_of(a_user("eve")).get(f"/jobs/{job.pk}/words/").status_code == 404

    def test_are_searched_without_an_address_that_names_them(self, job, owner):
        keep(job, {(SERIES, f"word{number}"): 1 for number in range(LINES)})
        client = client_of(owner)

        everything = text(client.get(f"/jobs/{job.pk}/words/"))
        found = client.post(f"/jobs/{job.pk}/words/", {"like": "muel"})

        assert f"The {LINES} most frequent of {LINES + 3} are shown" in everything
        assert "Mueller" in text(found)
        assert "kolibri" not in text(found)
        assert "No word like this" in text(client.post(f"/jobs/{job.pk}/words/", {"like": "nothing"}))

    def test_are_approved_by_an_administrator_who_sees_them(self, job, root):
        client = client_of(root)
        assert text(client.get(f"/jobs/{job.pk}/words/")).count('type="checkbox"') == 2

        done = client.post(
            "/administration/words/", {"act": "approve", "word": ["kolibri"], "job": job.pk}, follow=True
        )

        assert done.redirect_chain == [(f"/jobs/{job.pk}/words/", 302)]
        assert "1 word was approved. Jobs and projects keep the version" in text(done)
        assert text(done).count('type="checkbox"') == 1
        assert approved_words() == {"kolibri"}

    def test_are_not_approved_by_others(self, job, owner):
        assert client_of(owner).post("/administration/words/", {"word": "kolibri"}).status_code == 404
        assert not approved_words()


class TestTheWordsOfAProject:
    def test_are_those_of_all_its_jobs(self, job, stroke, owner):
        client = client_of(owner)

        assert f'href="/projects/{stroke.pk}/words/"' in text(client.get(f"/projects/{stroke.pk}/"))
        page = text(client.get(f"/projects/{stroke.pk}/words/"))
        assert "Mueller" in page
        assert "Mueller" not in text(client.post(f"/projects/{stroke.pk}/words/", {"like": "kol"}))

    def test_do_not_exist_for_those_who_may_not_link(self, job, stroke):
        ann = client_of(member(stroke, "ann"))

        assert "Words that were cut" not in text(ann.get(f"/projects/{stroke.pk}/"))
        assert ann.get(f"/projects/{stroke.pk}/words/").status_code == 404
        assert Event.objects.get(action="project.words_viewed").outcome == "refused"


class TestApprovedWords:
    def test_are_listed_typed_and_withdrawn(self, root):
        client = client_of(root)
        assert "No words yet" in text(client.get("/administration/words/"))

        client.post("/administration/words/", {"act": "approve", "typed": "Kolibri falke"})
        assert approved_words() == {"kolibri", "falke"}
        page = text(client.get("/administration/words/"))
        assert "falke" in page
        assert "root" in page

        done = client.post("/administration/words/", {"act": "withdraw", "word": "falke"}, follow=True)
        assert "1 word is cut again" in text(done)
        assert approved_words() == {"kolibri"}

    def test_that_are_none_are_refused_with_what_was_typed(self, root):
        answer = client_of(root).post("/administration/words/", {"act": "approve", "typed": "kolibri 4711"})

        assert answer.status_code == 422
        assert "&#x27;4711&#x27; is not one word" in text(answer)
        assert "kolibri 4711</textarea>" in text(answer)
        assert not approved_words()

    def test_that_nobody_ticked_are_asked_for(self, job, root):
        done = client_of(root).post("/administration/words/", {"act": "approve", "job": job.pk}, follow=True)

        assert "Choose at least one word." in text(done)


class TestAProject:
    def test_keeps_its_version_until_somebody_takes_the_newest(self, job, stroke, root, owner):
        approve(["kolibri"], by=administrator())
        client = client_of(root)
        page = text(client.get(f"/projects/{stroke.pk}/"))
        assert "Take the newest version" in page
        assert "1 word was approved since." in page
        assert "Take the newest version" not in text(client_of(owner).get(f"/projects/{stroke.pk}/"))

        done = client.post(f"/projects/{stroke.pk}/newest/", follow=True)

        stroke.refresh_from_db()
        assert f"Jobs are made with research {stroke.profile['version']} from now on." in text(done)
        assert "Take the newest version" not in text(done)
        assert stroke.profile["approved"] == ["kolibri"]
        assert "has the newest version" in text(client.post(f"/projects/{stroke.pk}/newest/", follow=True))
