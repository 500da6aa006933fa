"""Jobs that pseudonymise: what they freeze, who may order them, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth.models import Group

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.deid.keys import Key, Patient
from adit.deid.profile import Profile, find_profile
from adit.jobs.keys import key_of_job, treats_of
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.submit import BadPlan, submit
from adit.nodes.models import Node
from adit.projects import changes
from adit.projects.aliases import add_free
from adit.projects.expiry import end_of
from adit.projects.finding import UnknownProject
from adit.projects.keeping import destroy
from adit.projects.models import Alias, Member, Project
from adit.transfer.items import BadItem, TransferStudy
from adit.transfer.plan import Plan, Trial
from adit.transfer.pseudonyms import UnfitPseudonym
from tests.jobs import fakes
from tests.jobs.fakes import a_user, permit, study_uid
from tests.jobs.pseudonymised import a_project, key, operator, plan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nodes")]


def study(number: int = 1, pseudonym: str = "", patient: str = "4711", **values: object) -> TransferStudy:
    return TransferStudy(study_uid(number), patient_id=patient, pseudonym=pseudonym, **values)


def somebody(*permissions: str) -> User:
    """Who may use all nodes, but may not send studies as they are."""
    user = a_user()
    user.user_permissions.clear()
    return permit(user, "can_transfer_selectively", *permissions)


def items(job: Job) -> list[TransferStudy]:
    return [TransferStudy.from_json(task.item) for task in job.tasks.order_by("pk")]


class TestAJobOfAProject:
    def test_freezes_profile_pseudonyms_and_trial(self, settings):
        settings.ADIT_EXCLUDED_MODALITIES = ("SR",)
        project = a_project(profile="longitudinal")

        job = submit(plan(study(1, "P-01"), project="stroke", trial=Trial("PROT", "A trial")), by=operator())
        changes.edit(project, by=operator(), profile=find_profile("basic"))

        options = Options.of(Job.objects.get())
        assert job.project == project
        assert Profile.from_json(options.treating.profile) == find_profile("longitudinal")
        assert (options.treating.excluded_modalities, options.trial) == (("SR",), Trial("PROT", "A trial"))
        assert [(item.pseudonym, item.treated) for item in items(job)] == [("P-01", True)]

    def test_gives_a_patient_the_same_pseudonym_in_every_job(self):
        project = a_project()

        first = submit(
            plan(study(1), study(2), study(3, patient="4712"), project="Stroke", generate=True), by=operator()
        )
        second = submit(plan(study(4), project="Stroke"), by=operator())

        made = key(project).pseudonym_of(Patient("4711"))
        assert [item.pseudonym for item in items(first)[:2]] == [made, made]
        assert items(first)[2].pseudonym != made
        assert items(second)[0].pseudonym == made

    def test_makes_pseudonyms_by_itself_where_the_project_says_so(self):
        a_project(generates=True)

        job = submit(plan(study(), project="Stroke"), by=operator())

        assert items(job)[0].pseudonym

    def test_without_a_pseudonym_is_refused_and_nothing_is_written(self):
        a_project()

        with pytest.raises(BadPlan, match="Patient 4711 has no pseudonym in project Stroke"):
            submit(plan(study(), project="Stroke"), by=operator())

        assert not Job.objects.exists()
        assert not Alias.objects.exists()

    def test_of_a_trial_takes_pseudonyms_from_its_list_only(self):
        project = a_project(profile="trial", generates=True)
        with pytest.raises(BadPlan, match="no pseudonym"):
            submit(plan(study(), project="Stroke"), by=operator())
        with pytest.raises(BadPlan, match="takes pseudonyms from a list only"):
            submit(plan(study(), project="Stroke", generate=True), by=operator())

        add_free(project, ["T-1"], by=operator())

        assert items(submit(plan(study(), project="Stroke"), by=operator()))[0].pseudonym == "T-1"

    def test_never_mixes_kept_and_shifted_dates(self):
        a_project()
        submit(plan(study(1, "P-01"), project="Stroke"), by=operator())

        with pytest.raises(BadPlan, match="would give the shift away"):
            submit(plan(study(1), project="Stroke", profile="longitudinal"), by=operator())

        submit(plan(study(1), project="Stroke", profile="basic"), by=operator())

    def test_that_is_unknown_is_named_with_what_is_near(self):
        a_project()

        with pytest.raises(UnknownProject, match="There is no project 'Strokes'; did you mean Stroke"):
            submit(plan(study(1, "P-01"), project="Strokes"), by=operator())


class TestAJobWithoutProject:
    def test_has_a_key_of_its_own_that_nobody_sees(self):
        one, other = (submit(plan(study(1, "P-01")), by=operator()) for _ in range(2))

        assert key_of_job(one) != key_of_job(other)
        assert key_of_job(one).hex() not in f"{vars(one)}{Event.objects.values_list('details')}"
        assert Options.of(one).treating.profile["name"] == "research"

    def test_makes_pseudonyms_from_it(self):
        job = submit(plan(study(1), study(2, patient="4712"), generate=True), by=operator())

        made = Key(key_of_job(job))
        assert [item.pseudonym for item in items(job)] == [
            made.pseudonym_of(Patient("4711")),
            made.pseudonym_of(Patient("4712")),
        ]


class TestAPlanThatContradictsItself:
    @pytest.mark.parametrize(
        ("chosen", "sentence"),
        [
            (
                [study(1, "P-01"), study(2, "P-01", "4712")],
                "Two patients would get the pseudonym 'P-01': 4711 and 4712",
            ),
            ([study(1, "P-01"), study(2, "p-01", "4712")], "Two patients would get"),
            ([study(1, "P-01"), study(2, "P-02")], "Patient 4711 would get two pseudonyms: 'P-01' and 'P-02'"),
            ([study(1, "P-01", patient="")], "has no PatientID"),
            ([study(1)], "Patient 4711 has no pseudonym"),
        ],
    )
    @pytest.mark.parametrize("project", ["", "Stroke"])
    def test_is_refused_with_what_contradicts(self, chosen, sentence, project):
        a_project()

        with pytest.raises(BadPlan, match=sentence):
            submit(plan(*chosen, project=project), by=operator())

        assert not Job.objects.exists()

    @pytest.mark.parametrize("pseudonym", ["X-4711", "a^b", "Ä"])
    def test_by_its_pseudonym_is_refused(self, pseudonym):
        with pytest.raises(UnfitPseudonym):
            submit(plan(study(1, pseudonym)), by=operator())

    def test_because_it_has_pseudonyms_and_does_not_pseudonymise_is_refused(self):
        with pytest.raises(BadPlan, match="does not pseudonymise"):
            submit(Plan("selective", "A", "B", (study(1, "P-01"),)), by=operator())

    def test_by_a_profile_that_there_is_not_is_refused(self):
        with pytest.raises(BadPlan, match="There is no profile 'reserach'"):
            submit(plan(study(1, "P-01"), profile="reserach"), by=operator())


class TestWhoMaySend:
    def test_studies_as_they_are_is_a_permission(self):
        user = somebody()
        with pytest.raises(Denied, match="ann may send pseudonymised studies only"):
            fakes.submitted(by=user)
        submit(plan(study(1, "P-01")), by=user)

        permit(user, "can_transfer_unpseudonymized")

        fakes.submitted(by=user)

    def test_studies_as_they_are_is_a_permission_of_the_active_group_only(self):
        user, group, other = somebody(), Group.objects.create(name="here"), Group.objects.create(name="there")
        user.groups.add(group, other)
        user.active_group = group
        permission = permit(
            User.objects.create(username="model"), "can_transfer_unpseudonymized"
        ).user_permissions.get()
        other.permissions.add(permission)
        with pytest.raises(Denied):
            fakes.submitted(by=user)

        group.permissions.add(permission)

        fakes.submitted(by=user)

    def test_being_staff_is_not_enough_for_studies_as_they_are(self):
        user = somebody()
        user.is_staff = True
        user.save()

        with pytest.raises(Denied, match="pseudonymised studies only"):
            fakes.submitted(by=user)

    def test_for_a_project_is_for_members_who_may(self):
        project, user = a_project(), somebody()
        with pytest.raises(UnknownProject):
            submit(plan(study(1, "P-01"), project="Stroke"), by=user)
        member = Member.objects.create(project=project, user=user, may_send=False)
        with pytest.raises(Denied, match="ann may not send for project Stroke"):
            submit(plan(study(1, "P-01"), project="Stroke"), by=user)

        member.may_send = True
        member.save()

        submit(plan(study(1, "P-01"), project="Stroke"), by=user)

    def test_for_a_project_ends_with_it(self):
        project = a_project()
        Project.objects.update(expires_at=end_of(date(2026, 1, 31)))

        with pytest.raises(Denied, match="Project Stroke expired: its last day was 2026-01-31"):
            submit(plan(study(1, "P-01"), project="Stroke"), by=operator())

        Project.objects.update(expires_at=None)
        destroy(project, by=operator())
        with pytest.raises(Denied, match="The key of project Stroke was destroyed"):
            submit(plan(study(1, "P-01"), project="Stroke"), by=operator())

    def test_for_a_project_goes_to_its_destinations_only(self, nodes):
        a_project().destinations.add(nodes[0])

        with pytest.raises(Denied, match="Project Stroke does not send to B"):
            submit(plan(study(1, "P-01"), project="Stroke"), by=operator())

    @pytest.mark.parametrize(
        ("accepts", "profile", "taken"),
        [
            ("pseudonymised", "research", True),
            ("pseudonymised", None, False),
            ("modified dates", "research", False),
            ("modified dates", "longitudinal", True),
            ("modified dates", "basic", True),
            ("identified", "research", False),
            ("identified", None, True),
        ],
    )
    def test_to_a_node_is_what_it_takes(self, accepts, profile, taken):
        Node.objects.filter(name="B").update(accepts=accepts)
        ordered = fakes.plan() if profile is None else plan(study(1, "P-01"), profile=profile)

        if taken:
            submit(ordered, by=operator())
        else:
            with pytest.raises(Denied, match="B takes only"):
                submit(ordered, by=operator())

    def test_unchecked_pixels_is_a_permission(self):
        user = somebody()
        with pytest.raises(Denied, match="may not send what may show text in its pixels"):
            submit(plan(study(1, "P-01"), unchecked_pixels=True), by=user)

        permit(user, "can_send_unchecked_pixels")

        job = submit(plan(study(1, "P-01"), unchecked_pixels=True), by=user)
        assert Options.of(job).treating.unchecked_pixels


class TestTheAuditTrail:
    def test_says_how_the_studies_go_and_no_pseudonym(self):
        a_project()
        submit(plan(study(1, "P-01"), project="Stroke"), by=operator())
        fakes.submitted([study_uid(9)])

        as_it_is, treated = (event.details for event in Event.objects.filter(action="job.submitted"))
        assert as_it_is["pseudonymised"] is False
        assert treated["pseudonymised"] is True
        assert (treated["project"], treated["profile"]) == ("Stroke", f"research {find_profile('research').version}")
        assert "P-01" not in str(list(Event.objects.values()))


class TestAnItem:
    def test_of_a_job_that_pseudonymises_is_never_read_without_its_treatment(self):
        job = submit(plan(study(1, "P-01")), by=operator())
        stored = job.tasks.get().item

        assert stored["version"] == 2
        with pytest.raises(BadItem):
            TransferStudy.from_json(stored | {"version": 1})
        with pytest.raises(BadItem):
            treats_of(job, TransferStudy(study_uid(1), patient_id="4711"))
        with pytest.raises(BadItem):
            treats_of(job, TransferStudy(study_uid(1), patient_id="4711", treated=True))
        job.options = {}
        with pytest.raises(BadItem):
            treats_of(job, TransferStudy.from_json(stored))

    def test_that_names_no_patient_goes_by_its_study_where_the_profile_says_so(self):
        by_study = find_profile("research").to_json() | {"without_patient_id": "by study", "version": "x"}
        project = changes.add(Project(name="Stroke"), by=operator(), profile=Profile.from_json(by_study))

        job = submit(plan(study(1, patient=""), project="Stroke", generate=True), by=operator())

        assert items(job)[0].pseudonym == key(project).pseudonym_of(Patient.of_study(study_uid(1)))


class TestOfThousandsOfStudies:
    def test_a_job_takes_few_round_trips_for_each(self, django_assert_max_num_queries):
        a_project()
        many = [study(number, patient=f"PAT{number}") for number in range(100)]
        by = operator()

        with django_assert_max_num_queries(100 * 11 + 40):
            submit(plan(*many, project="Stroke", generate=True), by=by)

        with django_assert_max_num_queries(100 * 3 + 40):
            submit(plan(*many, project="Stroke"), by=by)

    def test_of_one_patient_asks_for_the_pseudonym_once(self, django_assert_max_num_queries):
        a_project()
        by = operator()

        with django_assert_max_num_queries(45):
            submit(plan(*(study(number) for number in range(300)), project="Stroke", generate=True), by=by)


class TestAPatientWhoseIdCameFromAnIssuer:
    def test_is_the_same_where_a_file_names_no_issuer(self):
        a_project(generates=True)
        first = submit(plan(study(1, issuer="HOSPITAL"), project="Stroke"), by=operator())
        second = submit(plan(study(2), project="Stroke"), by=operator())

        (before,), (after,) = items(first), items(second)
        assert (after.pseudonym, after.issuer) == (before.pseudonym, "HOSPITAL")
        assert Alias.objects.count() == 1

    def test_is_the_same_where_the_source_names_one_later(self):
        a_project(generates=True)
        first = submit(plan(study(1), project="Stroke"), by=operator())
        second = submit(plan(study(2, issuer="HOSPITAL"), project="Stroke"), by=operator())

        (before,), (after,) = items(first), items(second)
        assert (after.pseudonym, after.issuer) == (before.pseudonym, "")

    def test_is_the_same_within_a_plan(self):
        a_project(generates=True)
        job = submit(plan(study(1), study(2, issuer="HOSPITAL"), project="Stroke"), by=operator())

        assert len({item.pseudonym for item in items(job)}) == 1

    def test_is_another_than_that_of_another_issuer(self):
        a_project(generates=True)
        job = submit(plan(study(1, issuer="ONE"), study(2, issuer="TWO"), project="Stroke"), by=operator())

        assert len({item.pseudonym for item in items(job)}) == 2
        with pytest.raises(BadPlan, match="known in project Stroke from 2 issuers"):
            submit(plan(study(3), project="Stroke"), by=operator())

    def test_does_not_mix_with_those_of_other_projects(self):
        a_project(generates=True)
        a_project("Other", generates=True)
        submit(plan(study(1, issuer="HOSPITAL"), project="Other"), by=operator())
        job = submit(plan(study(2), project="Stroke"), by=operator())

        assert items(job)[0].issuer == ""
