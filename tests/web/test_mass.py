"""The page of mass transfers."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from django.utils import timezone

from adit.audit.models import Event
from adit.dicom.refs import UID
from adit.jobs.models import Job, Task
from adit.projects.models import Member, Project
from adit.transfer.items import SweepWindow, TransferStudy
from tests.nodes.making import folder, server
from tests.projects.making import project as make_project
from tests.web.people import client_of
from tests.web.searching import give, searcher

pytestmark = pytest.mark.django_db


class Page:
    """The page of one user who may send in mass, and what it is filled in with."""

    def __init__(self, tmp_path, *permissions: str) -> None:
        self.user = searcher("rita", "can_transfer_in_mass", *permissions)
        self.source = give(self.user, server("Archive"), source=True)
        self.shelf = give(self.user, folder("Shelf", tmp_path), destination=True)
        self.client = client_of(self.user)
        self.project: Project = make_project("Stroke")
        Member.objects.create(project=self.project, user=self.user, may_send=True)

    def fields(self, *filters: tuple[str, str, str], **changes: str) -> dict[str, object]:
        fields: dict[str, object] = {
            "source": self.source.pk,
            "first": "2020-01-06",
            "last": "2020-01-19",
            "partition": "weekly",
            "destination": self.shelf.pk,
            "identity": "pseudonymised",
            "project": self.project.pk,
            "filter": [str(number) for number in range(len(filters))],
        }
        for number, (on, verb, values) in enumerate(filters):
            fields |= {f"on-{number}": on, f"verb-{number}": verb, f"values-{number}": values}
        return fields | changes

    def order(self, *filters: tuple[str, str, str], **changes: str):
        return self.client.post("/mass/order/", self.fields(*filters, **changes))

    def does(self, what: str, *filters: tuple[str, str, str], **changes: str) -> str:
        answer = self.client.post("/mass/", self.fields(*filters, **changes) | {"do": what})
        assert answer.status_code == 200
        return answer.content.decode()


@pytest.fixture
def page(tmp_path):
    return Page(tmp_path)


CT = ("modality", "include", "CT\nMR")
NO_SCOUT = ("series_description", "exclude", "*scout*")


class TestThePage:
    def test_is_for_those_who_may(self, tmp_path):
        user = searcher("ron")

        assert client_of(user).get("/mass/").status_code == 404
        assert Event.objects.filter(action="page.opened", outcome="refused").exists()

    def test_is_in_the_navigation_of_those_who_may(self, page):
        assert 'href="/mass/"' in page.client.get("/jobs/").content.decode()
        assert 'href="/mass/"' not in client_of(searcher("ron")).get("/jobs/").content.decode()

    def test_says_so_when_there_is_no_server_to_take_from(self):
        user = searcher("ron", "can_transfer_in_mass")

        assert "No server to take from" in client_of(user).get("/mass/").content.decode()

    def test_asks_few_questions_of_the_database(self, page, django_assert_max_num_queries):
        page.client.get("/mass/")

        with django_assert_max_num_queries(45):
            page.client.get("/mass/")


class TestFilters:
    def test_are_added_and_what_was_typed_stays(self, page):
        shown = page.does("add", CT, first="2020-02-01")

        assert shown.count('name="filter"') == 2
        assert "CT\nMR</textarea>" in shown
        assert 'value="2020-02-01"' in shown
        assert "invalid-feedback" not in shown

    def test_are_removed(self, page):
        shown = page.does("remove 0", CT, NO_SCOUT)

        assert shown.count('name="filter"') == 1
        assert "*scout*" in shown
        assert "CT\nMR" not in shown

    def test_are_filled_in_from_json(self, page):
        text = json.dumps(
            {
                "first": "2021-03-01",
                "last": "2021-03-02",
                "partition": "daily",
                "filters": [{"on": "age", "values": ["18Y-", "6M"], "exclude": True}],
            }
        )

        shown = page.does("read", CT, json=text)

        assert 'value="2021-03-01"' in shown
        assert '<option value="daily" selected>' in shown
        assert "18Y-\n6M</textarea>" in shown
        assert "CT\nMR" not in shown

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("nonsense", "This is no JSON."),
            ("[]", "it is no JSON object"),
            ('{"first": "2020-01-01", "last": "2019-01-01"}', "ends on 2019-01-01, before it starts"),
            ('{"first": "x", "last": "2020-01-01", "filters": [{"on": "colour", "values": ["red"]}]}', "filter 1"),
        ],
    )
    def test_of_json_that_makes_no_sense_say_what_is_wrong_and_nothing_is_lost(self, page, text, sentence):
        shown = page.does("read", CT, json=text)

        assert sentence in shown.replace("&#x27;", "'")
        assert "CT\nMR</textarea>" in shown

    def test_are_shown_as_json(self, page):
        answer = page.client.post("/mass/json/", page.fields(CT))

        assert "&quot;modality&quot;" in answer.content.decode()
        assert "<textarea" in answer.content.decode()
        assert "<html" not in answer.content.decode()


class TestAnOrder:
    def test_becomes_a_job_with_a_task_for_every_partition(self, page):
        answer = page.order(CT, NO_SCOUT)

        job = Job.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
        assert (job.kind, job.project, job.urgent) == ("mass", page.project, False)
        windows = [SweepWindow.from_json(task.item) for task in Task.objects.filter(job=job)]
        assert [(each.first.date(), each.last.date()) for each in windows] == [
            (date(2020, 1, 6), date(2020, 1, 12)),
            (date(2020, 1, 13), date(2020, 1, 19)),
        ]
        assert [(each.on, each.exclude, each.values) for each in windows[0].criteria.filters] == [
            ("modality", False, ("CT", "MR")),
            ("series_description", True, ("*scout*",)),
        ]

    def test_needs_a_project_where_it_is_pseudonymised(self, page):
        answer = page.order(CT, project="")

        assert answer.status_code == 422
        assert "Choose a project" in answer.content.decode()
        assert not Job.objects.exists()

    def test_with_identity_is_for_those_who_may(self, page):
        answer = page.order(CT, project="", identity="identified")

        assert answer.status_code == 422
        assert not Job.objects.exists()

    def test_with_identity_of_those_who_may_needs_no_project(self, tmp_path):
        page = Page(tmp_path, "can_transfer_unpseudonymized")

        assert page.order(CT, project="", identity="identified").status_code == 302
        assert "treating" not in Job.objects.get().options

    def test_says_near_each_filter_what_is_wrong_with_it(self, page):
        answer = page.order(("age", "include", "old"), ("instances", "exclude", "many"))

        shown = answer.content.decode().replace("&#x27;", "'")
        assert answer.status_code == 422
        assert "'old' is no age" in shown
        assert "'many' is no number" in shown
        assert not Job.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"first": "2020-02-01"}, "ends on 2020-01-19, before it starts"),
            ({"first": "1020-01-01"}, "there were no images before"),
            ({"destination": ""}, "This field is required."),
            ({"first": ""}, "This field is required."),
        ],
    )
    def test_says_what_is_wrong_near_its_field(self, page, changes, sentence):
        answer = page.order(CT, **changes)

        assert answer.status_code == 422
        assert sentence in answer.content.decode()
        assert not Job.objects.exists()

    def test_from_a_server_that_one_may_not_use_is_not_made(self, page):
        hidden = server("Hidden")

        assert page.order(CT, source=str(hidden.pk)).status_code == 422
        assert not Job.objects.exists()

    def test_without_any_filter_means_everything(self, page):
        page.order(("modality", "include", "  \n"))

        assert SweepWindow.from_json(Task.objects.first().item).criteria.filters == ()


class TestTheJobPage:
    def test_says_what_was_asked_for_and_orders_it_again(self, page):
        page.order(CT, NO_SCOUT, partition="daily", description="Lesions")
        job = Job.objects.get()

        shown = page.client.get(f"/jobs/{job.pk}/").content.decode()
        form = page.client.get(f"/mass/?job={job.pk}").content.decode()

        assert "2020-01-06 to 2020-01-19, daily" in shown
        assert "Series description is not *scout*" in shown
        assert 'value="2020-01-19"' in form
        assert '<option value="daily" selected>' in form
        assert "CT\nMR</textarea>" in form
        assert "Lesions</textarea>" in form

    def test_of_somebody_else_fills_nothing_in(self, page):
        page.order(CT)
        other = searcher("ron", "can_transfer_in_mass")
        give(other, page.source, source=True)

        form = client_of(other).get(f"/mass/?job={Job.objects.get().pk}").content.decode()

        assert "CT\nMR</textarea>" not in form

    def test_names_partitions_by_their_days(self, page):
        page.order(CT)

        shown = page.client.get(f"/jobs/{Job.objects.get().pk}/").content.decode()

        assert "2020-01-06 to 2020-01-12" in shown

    def test_of_a_partition_lists_what_was_found(self, page):
        page.order(CT)
        sweep = Task.objects.first()
        Task.objects.create(
            job=sweep.job, parent=sweep, owner=page.user, source=page.source, destination=page.shelf,
            work="transfer_study", study_uid="1.2.3.4", item={}, status="pending", priority=10, interactive=False,
        )  # fmt: skip

        shown = page.client.get(f"/jobs/tasks/{sweep.pk}/").content.decode()

        assert "2020-01-06 to 2020-01-12" in shown
        assert "1.2.3.4" in shown

    def test_is_filled_in_again_for_one_of_its_partitions(self, page):
        page.order(CT)
        job = Job.objects.get()
        second = job.tasks.order_by("pk")[1]

        form = page.client.get(f"/mass/?job={job.pk}&task={second.pk}").content.decode()
        of_nothing = page.client.get(f"/mass/?job={job.pk}&task=x").content.decode()

        assert 'value="2020-01-13"' in form
        assert 'value="2020-01-06"' not in form
        assert 'value="2020-01-06"' in of_nothing


class TestThePageOfAPartition:
    def test_has_the_studies_page_by_page(self, page):
        page.order()
        job = Job.objects.get()
        sweep = job.tasks.order_by("pk")[0]
        Task.objects.bulk_create(
            Task(
                job=job, owner=page.user, parent=sweep, work=TransferStudy.work, source=page.source,
                destination=page.shelf, study_uid=study, item=TransferStudy(study).to_json(), status="pending",
                priority=1, interactive=False,
            )
            for study in (UID(f"1.2.3.{number}") for number in range(60))
        )  # fmt: skip
        first = page.client.get(f"/jobs/tasks/{sweep.pk}/").content.decode()
        later = re.search(r'href="\?after=(\d+)" rel="next"', first)[1]
        second = page.client.get(f"/jobs/tasks/{sweep.pk}/?after={later}").content.decode()

        assert first.count('<span class="uid">1.2.3.') == 50
        assert second.count('<span class="uid">1.2.3.') == 10

    def test_leads_to_an_order_of_its_days_where_they_are_not_complete(self, page):
        page.order()
        job = Job.objects.get()
        sweep = job.tasks.order_by("pk")[0]
        again = f'href="/mass/?job={job.pk}&amp;task={sweep.pk}"'
        before = page.client.get(f"/jobs/tasks/{sweep.pk}/").content.decode()
        Task.objects.filter(pk=sweep.pk).update(status="warning", ended_at=timezone.now())

        assert again not in before
        assert again in page.client.get(f"/jobs/tasks/{sweep.pk}/").content.decode()
