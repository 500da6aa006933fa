"""Pages of projects."""

from __future__ import annotations

import csv
import io
import json
import re
from urllib.parse import unquote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adit.accounts.models import User
from adit.audit.models import Event
from adit.deid.keys import Key, Patient
from adit.deid.profile import find_profile
from adit.projects import changes
from adit.projects.aliases import pseudonym_for
from adit.projects.keys import key_of
from adit.projects.models import Member, Project
from adit.web.projects.linking import LINES
from adit.web.sealed import seal
from tests.jobs.fakes import submitted, two_servers
from tests.nodes.making import folder
from tests.projects.making import ANNE, BO, administrator, member
from tests.web.people import client_of

pytestmark = pytest.mark.django_db

UID = "1.2.3.4"


@pytest.fixture
def root():
    return User.objects.create_user("root", is_staff=True)


@pytest.fixture
def staff(root):
    return client_of(root)


@pytest.fixture
def stroke() -> Project:
    project = Project(name="Stroke", purpose="Lesions", generates=True)
    return changes.add(project, by=administrator(), profile=find_profile("research"))


@pytest.fixture
def linker(stroke):
    pseudonym_for(stroke, ANNE, "S-001", by=administrator())
    pseudonym_for(stroke, BO, "S-002", by=administrator())
    return client_of(member(stroke, "lena", may_link=True))


class TestTheListOfProjects:
    def test_shows_members_their_own(self, staff, stroke):
        changes.add(Project(name="Other"), by=administrator(), profile=find_profile("basic"))
        ann = client_of(member(stroke, "ann"))

        assert "Other" in staff.get("/projects/").content.decode()
        mine = ann.get("/projects/").content.decode()
        assert "Stroke" in mine
        assert "Other" not in mine
        assert "New project" not in mine

    def test_counts_members_and_patients(self, staff, stroke, linker):
        member(stroke, "ann")

        page = "".join(staff.get("/projects/").content.decode().split())

        assert page.count(">2</td>") == 2

    def test_asks_the_database_as_often_for_many_as_for_few(self, staff, stroke):
        def queries() -> int:
            with CaptureQueriesContext(connection) as counted:
                staff.get("/projects/")
            return len(counted)

        queries()
        few = queries()
        for number in range(10):
            changes.add(Project(name=f"P{number}"), by=administrator(), profile=find_profile("basic"))

        assert queries() == few


class TestThePageOfAProject:
    def test_says_the_profile_in_words_and_the_last_jobs(self, staff, stroke, root):
        two_servers()
        job = submitted(by=administrator())
        job.project = stroke
        job.save()

        page = staff.get(f"/projects/{stroke.pk}/").content.decode()

        assert "PatientID and PatientName become the pseudonym" in page
        assert f">{job.pk}<" in page

    def test_does_not_exist_for_who_takes_no_part(self, stroke):
        stranger = client_of(User.objects.create_user("bob"))

        for path in ("", "profile/", "linking/", "edit/", "key/"):
            assert stranger.get(f"/projects/{stroke.pk}/{path}").status_code == 404

    def test_shows_a_member_no_more_than_a_member_may_do(self, stroke):
        page = client_of(member(stroke, "ann")).get(f"/projects/{stroke.pk}/").content.decode()

        assert "ann may not link in project Stroke" in page
        assert "Let take part" not in page
        assert f"/projects/{stroke.pk}/key/" not in page

    def test_lists_the_profile_attribute_by_attribute(self, stroke):
        page = client_of(member(stroke, "ann")).get(f"/projects/{stroke.pk}/profile/").content.decode()

        assert "(0010,0020)" in page
        assert "replaced by the pseudonym" in page


TRAUMA = {"name": "Trauma", "purpose": "Bones", "profile": "basic", "last_day": "2027-12-31"}


class TestMakingAProject:
    def test_stores_it_with_profile_destinations_and_the_end_of_its_last_day(self, staff):
        node = folder("Shelf", "/data")

        staff.post("/projects/add/", TRAUMA | {"destinations": [node.pk], "generates": "on"})

        made = Project.objects.get()
        assert (made.name, made.profile_name, made.generates) == ("Trauma", "basic", True)
        assert made.expires_at.isoformat() == "2028-01-01T00:00:00+00:00"
        assert list(made.destinations.all()) == [node]
        assert Event.objects.get(action="project.added").actor == "root"

    def test_says_at_the_field_what_is_wrong(self, staff, stroke):
        done = staff.post("/projects/add/", TRAUMA | {"name": "STROKE", "site_rules": "keep: [Nonsense]"})

        page = done.content.decode()
        assert done.status_code == 422
        assert "id_site_rules-error" in page
        assert Project.objects.count() == 1

        page = staff.post("/projects/add/", TRAUMA | {"name": "STROKE"}).content.decode()
        assert "There is a project of this name already" in page

    def test_is_not_for_members(self, stroke):
        ann = client_of(member(stroke, "ann"))

        assert ann.post("/projects/add/", TRAUMA).status_code == 404
        assert ann.post(f"/projects/{stroke.pk}/edit/", TRAUMA).status_code == 404
        assert Project.objects.get().name == "Stroke"
        assert Event.objects.filter(actor="ann", outcome="refused").count() == 2

    def test_changes_nothing_that_was_not_typed(self, staff, stroke):
        before = stroke.profile, key_of(stroke)

        staff.post(f"/projects/{stroke.pk}/edit/", {"name": "Stroke II", "profile": "", "generates": "on"})

        stroke.refresh_from_db()
        assert (stroke.name, stroke.purpose) == ("Stroke II", "")
        assert (stroke.profile, key_of(stroke)) == before
        assert set(Event.objects.get(action="project.changed").details["changed"]) == {"name", "purpose"}

    def test_puts_the_rules_of_the_site_on_top(self, staff, stroke):
        staff.post(
            f"/projects/{stroke.pk}/edit/",
            {"name": "Stroke", "profile": "research", "site_rules": "approved words: [fastview]"},
        )

        stroke.refresh_from_db()
        assert stroke.profile["approved"] == ["fastview"]


class TestMembers:
    def test_come_change_and_go(self, staff, stroke):
        ann = User.objects.create_user("ann")
        path = f"/projects/{stroke.pk}/members/"

        staff.post(path, {"user": "ann", "may_send": "on"})
        assert Member.objects.values_list("user__username", "may_send", "may_link").get() == ("ann", True, False)
        staff.post(path, {"user": "ann", "may_link": "on"})
        assert Member.objects.values_list("may_send", "may_link").get() == (False, True)
        staff.post(f"{path}{ann.pk}/out/")

        assert not Member.objects.exists()

    def test_are_users_that_there_are(self, staff, stroke):
        done = staff.post(f"/projects/{stroke.pk}/members/", {"user": "nobody"})

        assert done.status_code == 422
        assert "There is no user &#x27;nobody&#x27;." in done.content.decode()

    def test_do_not_make_themselves_more(self, stroke):
        ann = client_of(member(stroke, "ann"))

        assert ann.post(f"/projects/{stroke.pk}/members/", {"user": "ann", "may_link": "on"}).status_code == 404
        assert not Member.objects.get().may_link


class TestTheLinkingList:
    def test_is_for_members_who_may_link_only_not_even_for_administrators(self, staff, stroke, linker):
        assert "4711" in linker.get(f"/projects/{stroke.pk}/linking/").content.decode()
        assert Event.objects.get(action="project.linked", outcome="done").details["patients"] == 2

        assert staff.get(f"/projects/{stroke.pk}/linking/").status_code == 404
        refusal = Event.objects.get(action="project.linked", outcome="refused")
        assert (refusal.actor, refusal.details["project"]) == ("root", "Stroke")

    def test_is_filtered_by_pseudonym(self, stroke, linker):
        answer = linker.post(f"/projects/{stroke.pk}/linking/", {"like": "s-002"})
        page = linker.get(answer.headers["Location"]).content.decode()

        assert "s-002" not in answer.headers["Location"].lower()
        assert 'value="s-002"' in page
        assert "4712" in page
        assert "4711" not in page

    def test_is_shown_page_by_page(self, stroke, linker):
        for number in range(3, LINES + 2):
            pseudonym_for(stroke, Patient(f"P{number:03}", "", ""), f"S-{number:03}", by=administrator())

        page = linker.get(f"/projects/{stroke.pk}/linking/").content.decode()
        assert "4711" in page
        assert f"P{LINES + 1}" not in page
        further = re.search(r'href="([^"]+)" rel="next"', page)[1]
        assert "S-" not in unquote(further)

        page = linker.get(f"/projects/{stroke.pk}/linking/{further}").content.decode()
        assert f"P{LINES + 1}" in page
        assert "4711" not in page
        assert 'href="?"' in page

    def test_keeps_its_filter_from_page_to_page(self, stroke, linker):
        for number in range(3, LINES + 3):
            pseudonym_for(stroke, Patient(f"P{number:03}", "", ""), f"T-{number:03}", by=administrator())
        path = f"/projects/{stroke.pk}/linking/"

        first = linker.post(path, {"like": "t-"}, follow=True).content.decode()
        assert "P003" in first
        assert "4711" not in first
        assert 'rel="next"' not in first

        pseudonym_for(stroke, Patient("P999", "", ""), "T-999", by=administrator())
        further = re.search(
            r'href="([^"]+)" rel="next"', linker.post(path, {"like": "t-"}, follow=True).content.decode()
        )
        then = linker.get(path + further[1]).content.decode()
        assert "P999" in then
        assert 'value="t-"' in then

    def test_finds_nothing_for_what_is_no_text(self, stroke, linker):
        assert linker.get(f"/projects/{stroke.pk}/linking/?who=%00").status_code == 200
        assert linker.post(f"/projects/{stroke.pk}/linking/", {"like": "\0"}, follow=True).status_code == 200

    def test_takes_nothing_that_was_sealed_to_somebody_else(self, stroke, linker, root):
        token = seal({"like": "S-002"}, to=root)
        page = linker.get(f"/projects/{stroke.pk}/linking/?{urlencode({'who': token})}").content.decode()

        assert "4711" in page

    def test_takes_over_no_file_that_is_too_large(self, stroke, linker):
        file = SimpleUploadedFile("list.csv", b"Pseudonym\n" + b"x" * 5 * 1024 * 1024)

        done = linker.post(f"/projects/{stroke.pk}/linking/import/", {"table": file})

        assert done.status_code == 422
        assert "too large" in done.content.decode()

    def test_comes_as_a_file(self, stroke, linker):
        done = linker.post(f"/projects/{stroke.pk}/linking/patients.csv")

        rows = list(csv.DictReader(io.StringIO(done.content.decode("utf-8-sig"))))
        assert [(row["pseudonym"], row["patient_id"]) for row in rows] == [("S-001", "4711"), ("S-002", "4712")]
        assert done["Content-Disposition"] == 'attachment; filename="Stroke-patients.csv"'
        assert linker.post(f"/projects/{stroke.pk}/linking/series.xlsx").content.startswith(b"PK")
        assert linker.post(f"/projects/{stroke.pk}/linking/secrets.csv").status_code == 404

    def test_files_are_refused_to_others(self, staff, stroke):
        assert staff.post(f"/projects/{stroke.pk}/linking/patients.csv").status_code == 404
        assert Event.objects.filter(action="project.linked", outcome="refused").count() == 1

    def test_tells_new_uids_for_original_ones(self, stroke, linker):
        page = linker.post(f"/projects/{stroke.pk}/linking/uids/", {"uids": UID}).content.decode()

        assert Key(key_of(stroke)).uid(UID) in page

        page = linker.post(f"/projects/{stroke.pk}/linking/uids/", {"uids": "x.y"}).content.decode()
        assert "invalid-feedback" in page

    def test_takes_over_a_list_or_names_every_line_that_is_wrong(self, stroke, linker):
        path = f"/projects/{stroke.pk}/linking/import/"

        wrong = SimpleUploadedFile("list.csv", b"PatientID,Pseudonym\n1,S-001\n2,2\n")
        page = linker.post(path, {"table": wrong}).content.decode()
        assert "line 2" in page
        assert "line 3" in page
        assert "Nothing was taken over." in page

        right = SimpleUploadedFile("list.csv", b"PatientID;Pseudonym\n;F-1\n;F-2\n")
        assert "2 free ones" in linker.post(path, {"table": right}, follow=True).content.decode()
        assert stroke.aliases.filter(digest=None).count() == 2


class TestTheKey:
    def test_is_backed_up_and_brought_back(self, staff, stroke):
        path = f"/projects/{stroke.pk}/key/"
        words = {"passphrase": "a long passphrase", "again": "a long passphrase"}

        done = staff.post(f"{path}backup/", words)

        assert done["Content-Disposition"].startswith("attachment")
        assert json.loads(done.content)["project"] == "Stroke"
        key = key_of(stroke)
        again = changes.add(Project(name="Again"), by=administrator(), profile=find_profile("research"))
        file = SimpleUploadedFile("key.json", done.content)
        values = {"backup": file, "restore_passphrase": "a long passphrase"}
        assert staff.post(f"/projects/{again.pk}/key/restore/", values).status_code == 302
        again.refresh_from_db()
        assert key_of(again) == key

    def test_is_not_backed_up_with_two_different_passphrases(self, staff, stroke):
        words = {"passphrase": "a long passphrase", "again": "another passphrase"}

        assert staff.post(f"/projects/{stroke.pk}/key/backup/", words).status_code == 422
        assert not Event.objects.filter(action="project.key_backed_up").exists()

    def test_is_destroyed_by_its_project_s_name_only(self, staff, stroke, linker):
        path = f"/projects/{stroke.pk}/key/destroy/"

        assert staff.post(path, {"confirm": "stroke?"}).status_code == 422
        stroke.refresh_from_db()
        assert stroke.secret is not None

        page = staff.post(path, {"confirm": "Stroke"}, follow=True).content.decode()
        assert "2 patients are forgotten" in page
        stroke.refresh_from_db()
        assert stroke.secret is None
        assert "key destroyed" in page
        assert "was destroyed" in linker.get(f"/projects/{stroke.pk}/linking/").content.decode()

    def test_is_not_for_members(self, stroke, linker):
        assert linker.post(f"/projects/{stroke.pk}/key/destroy/", {"confirm": "Stroke"}).status_code == 404
        stroke.refresh_from_db()
        assert stroke.secret is not None
