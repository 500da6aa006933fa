"""The panel below the search: every rule is asked, and said near its field."""

from __future__ import annotations

import re

import pytest

from adit.audit.models import Event
from adit.deid.profile import PROFILES
from adit.dicom.refs import UID
from adit.jobs.models import Job
from adit.projects.models import Member
from adit.web.search.chosen import Chosen, Study
from tests.nodes.making import folder, server
from tests.projects.making import project as make_project
from tests.web.people import client_of
from tests.web.searching import give, permit, searcher

pytestmark = pytest.mark.django_db


def study(number: int = 1, *, patient: str = "P-4711", name: str = "Doe^John", modality: str = "CT") -> Study:
    said = {
        "PatientID": patient,
        "IssuerOfPatientID": "",
        "PatientName": name,
        "PatientBirthDate": "19540312",
        "StudyDate": "20240229",
        "StudyTime": "101500",
        "StudyDescription": "Head",
        "ModalitiesInStudy": modality,
        "SOPClassesInStudy": "",
        "StudyInstanceUID": f"1.2.3.{number}",
    }
    series = {
        "SeriesInstanceUID": UID(f"1.2.3.{number}.1"),
        "SeriesNumber": "1",
        "SeriesDescription": "axial",
        "Modality": modality,
        "SOPClassUID": "",
    }
    return Study(said, (), (series,), 10)


class Panel:
    """The panel of one user, and what it was filled in with."""

    def __init__(self, tmp_path, *permissions: str) -> None:
        self.user = searcher("rita", *permissions)
        self.source = give(self.user, server("Archive"), source=True)
        self.shelf = give(self.user, folder("Shelf", tmp_path), destination=True)
        self.client = client_of(self.user)

    def token(self, *studies: Study) -> str:
        return Chosen(self.source.pk, studies or (study(),)).to_token(self.user)

    def keys(self, *studies: Study) -> list[str]:
        return [f"pseudonym-{person.key}" for person in Chosen(self.source.pk, studies or (study(),)).people]

    def send(self, *studies: Study, **values: object):
        told = {"chosen": self.token(*studies), "identity": "pseudonymised", "destination": self.shelf.pk}
        for number, key in enumerate(self.keys(*studies), 1):
            told[key] = f"ALPHA-{number}"
        told |= values
        return self.client.post("/search/send/", {name: value for name, value in told.items() if value is not None})


@pytest.fixture
def panel(tmp_path):
    return Panel(tmp_path)


class TestSending:
    def test_makes_a_job_and_leads_to_it(self, panel):
        answer = panel.send(mail="on")

        job = Job.objects.get()
        assert answer.headers["HX-Redirect"] == f"/jobs/{job.pk}/"
        assert (job.source_name, job.destination_name, job.owner) == ("Archive", "Shelf", panel.user)
        task = job.tasks.get()
        assert (task.item["pseudonym"], task.patient_id) == ("ALPHA-1", "P-4711")
        assert job.options["mail"] is True

    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("destination", "", "This field is required."),
            ("pseudonym", "John-1", "it holds a part of the patient&#x27;s name"),
            ("pseudonym", "P-4711", "it holds the PatientID"),
            ("pseudonym", "a*b", "cannot be a pseudonym"),
            ("pseudonym", "", "has no pseudonym"),
            ("trial_protocol_id", "a\\b", "no backslash"),
            ("identity", "identified", "Select a valid choice"),
        ],
    )
    def test_says_what_is_wrong_near_the_field_and_keeps_the_rest(self, panel, name, value, sentence):
        if name == "pseudonym":
            name = panel.keys()[0]
        page = panel.send(**{name: value, "trial_protocol_name": "Kept"}).content.decode()

        assert sentence in page
        assert f'id="send-{name}-error"' in page
        assert 'value="Kept"' in page
        assert not Job.objects.exists()

    def test_says_all_that_is_wrong_at_once(self, panel):
        page = panel.send(**{"destination": "", panel.keys()[0]: "John-1"}).content.decode()

        assert "This field is required." in page
        assert "it holds a part of the patient" in page

    def test_refuses_one_pseudonym_for_two_patients(self, panel):
        studies = (study(1), study(2, patient="P-4712", name="Roe^Jane"))
        one, two = panel.keys(*studies)
        page = panel.send(*studies, **{one: "ALPHA", two: "alpha"}).content.decode()

        assert "Two patients would get the pseudonym" in page
        assert not Job.objects.exists()

    def test_of_two_studies_of_a_patient_is_one_line(self, panel):
        studies = (study(1), study(2))
        assert len(panel.keys(*studies)) == 1
        panel.send(*studies)

        assert {task.item["pseudonym"] for task in Job.objects.get().tasks.all()} == {"ALPHA-1"}

    def test_refuses_volumes_and_archives_for_a_server(self, panel):
        other = give(panel.user, server("Other", ae_title="OTHER"), destination=True)
        for name, value, sentence in (
            ("nifti", "on", "NIfTI volumes go"),
            ("archive_password", "x" * 12, "An archive"),
        ):
            page = panel.send(destination=other.pk, **{name: value}).content.decode()
            assert sentence in page
            assert f'id="send-{name}-error"' in page

    def test_refuses_a_destination_that_takes_other_things(self, panel, tmp_path):
        picky = give(panel.user, folder("Picky", tmp_path, accepts="identified"), destination=True)

        page = panel.send(destination=picky.pk).content.decode()
        assert "takes only studies that carry" in page
        assert 'id="send-destination-error"' in page

    def test_knows_no_destination_that_the_user_may_not_use(self, panel, tmp_path):
        hidden = folder("Hidden", tmp_path)

        assert "Select a valid choice" in panel.send(destination=hidden.pk).content.decode()

    def test_needs_permissions_for_what_is_special(self, panel):
        panel.send(urgent="on", unchecked_pixels="on")
        assert not Job.objects.get().urgent
        Job.objects.all().delete()
        permit(panel.user, "can_transfer_urgently", "can_send_unchecked_pixels", "can_transfer_unpseudonymized")
        panel.send(urgent="on", unchecked_pixels="on")
        job = Job.objects.get()
        assert job.urgent
        assert job.options["treating"]["unchecked_pixels"] is True

    def test_with_their_identity_needs_no_pseudonym(self, panel):
        permit(panel.user, "can_transfer_unpseudonymized")
        panel.send(identity="identified", **{panel.keys()[0]: ""})

        assert "treating" not in Job.objects.get().options

    def test_is_remembered_for_the_next_time(self, panel):
        panel.send(nifti="on", mail="on")
        page = panel.client.post("/search/panel/", {"chosen": panel.token(), "mail": "on", "nifti": "on"})

        assert page.status_code == 200
        panel.user.refresh_from_db()
        assert panel.user.preferences == {
            "destination": panel.shelf.pk,
            "project": None,
            "nifti": True,
            "mail": True,
        }

    def test_of_more_than_starts_at_once_says_that_somebody_looks_at_it(self, panel):
        many = tuple(study(number) for number in range(1, 12))
        page = panel.client.post("/search/panel/", {"chosen": panel.token(*many)}).content.decode()
        assert "An administrator looks at this job" in page
        panel.send(*many)

        assert Job.objects.get().status == "unverified"

    def test_without_the_permission_is_refused_and_written_down(self, panel):
        panel.user.user_permissions.clear()

        assert panel.send().status_code == 404
        assert Event.objects.get(outcome="refused").actor == "rita"


class TestSendingForAProject:
    @pytest.fixture
    def project(self, panel):
        made = make_project("Stroke", profile=PROFILES["research"].to_json(), generates=True)
        Member.objects.create(project=made, user=panel.user, may_send=True)
        return made

    def shown(self, panel, project, **values: object) -> str:
        posted = {"chosen": panel.token(), "identity": "pseudonymised", "project": project.pk, **values}
        return panel.client.post("/search/panel/", posted).content.decode()

    def test_gives_its_own_pseudonym_without_showing_it_to_who_may_not_link(self, panel, project):
        page = self.shown(panel, project)
        assert "Left empty, the project gives it" in page
        panel.send(project=project.pk, **{panel.keys()[0]: ""})

        given = Job.objects.get().tasks.get().item["pseudonym"]
        assert given == project.aliases.get().pseudonym
        assert given not in page

    def test_proposes_it_to_who_may_link_and_writes_that_down(self, panel, project):
        Member.objects.update(may_link=True)
        page = self.shown(panel, project)
        assert not project.aliases.exists()
        panel.send(project=project.pk, **{panel.keys()[0]: ""})

        assert f'value="{project.aliases.get().pseudonym}"' in page
        assert Event.objects.filter(action="project.linked", actor="rita").exists()

    def test_forgets_what_was_proposed_when_it_is_changed(self, panel, project):
        key = panel.keys()[0]

        assert 'value="MADEUP"' not in self.shown(panel, project, **{key: "MADEUP", "proposed-for": ""})

    def test_refuses_a_second_pseudonym_near_its_field(self, panel, project):
        key = panel.keys()[0]
        panel.send(project=project.pk, **{key: "FIRST"})
        page = panel.send(project=project.pk, **{key: "SECOND"}).content.decode()

        assert "has another pseudonym than" in page
        assert f'id="send-{key}-error"' in page
        assert [alias.pseudonym for alias in project.aliases.all()] == ["FIRST"]

    def test_leaves_no_trace_when_it_is_refused(self, panel, project):
        panel.send(project=project.pk, destination="", **{panel.keys()[0]: "FIRST"})

        assert not project.aliases.exists()

    def test_refuses_a_destination_that_it_does_not_send_to(self, panel, project, tmp_path):
        project.destinations.add(folder("Its own", tmp_path))
        page = panel.send(project=project.pk).content.decode()

        assert "Project Stroke does not send to Shelf" in page
        assert 'id="send-destination-error"' in page

    def test_is_not_offered_to_others(self, panel):
        page = panel.send(project=make_project("Secret").pk).content.decode()

        assert "Secret" not in page
        assert 'id="send-project-error"' in page


class TestPseudonyms:
    def test_without_project_are_made_new_each_time(self, panel):
        key, page = panel.keys()[0], None
        seen = set()
        for _ in range(2):
            page = panel.client.post("/search/panel/", {"chosen": panel.token()}).content.decode()
            seen.add(re.search(rf'name="{key}" value="([A-Z2-7]{{12}})"', page)[1])

        assert len(seen) == 2
