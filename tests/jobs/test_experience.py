"""What the ledger tells of sizes and speeds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pydicom import Dataset

from adit.dicom.match import Match
from adit.dicom.refs import Level
from adit.jobs.experience import LEAST_INSTANCES, LEAST_TASKS, experience_between
from adit.jobs.models import Entry, Task
from tests.jobs.fakes import study_uid, submitted
from tests.nodes.making import server

pytestmark = pytest.mark.django_db


def moved(
    number: int,
    modalities: str,
    *more: tuple[int, int],
    stored: int,
    size: int,
    seconds: float = 2.0,
    status: str = "success",
) -> None:
    """A task that ended, with its ledger: of a series, and of *more*, each with what was stored and its size."""
    task = submitted([study_uid(number)]).tasks.get()
    layout = {"job": "j", "patient": "p", "study": f"20240229-101500-{modalities}".removesuffix("-")}
    Task.objects.filter(pk=task.pk).update(
        item=task.item | {"layout": layout}, status=status, seconds=seconds, attempts=1,
        ended_at=timezone.now() + timedelta(seconds=number),
    )  # fmt: skip
    for series, (count, weight) in enumerate([(stored, size), *more]):
        Entry.objects.create(
            task=task, study_uid=task.study_uid, series_uid=f"1.{series}", stored=count, size=weight
        )  # fmt: skip


def a_study(instances: int, modalities: str) -> Match:
    dataset = Dataset()
    dataset.NumberOfStudyRelatedInstances, dataset.ModalitiesInStudy = str(instances), modalities
    return Match(Level.STUDY, dataset)


class TestExperience:
    def test_is_nothing_at_first(self, nodes):
        found = experience_between(*nodes)

        assert (found.weights, found.speed) == ({}, None)

    def test_knows_what_instances_of_studies_with_one_modality_weigh(self, nodes):
        moved(1, "CT", stored=LEAST_INSTANCES, size=LEAST_INSTANCES * 1000)
        moved(2, "CT", stored=LEAST_INSTANCES, size=LEAST_INSTANCES * 3000)
        moved(3, "CT+PT", stored=LEAST_INSTANCES, size=7)
        moved(4, "US", stored=LEAST_INSTANCES - 1, size=7)
        moved(5, "NM", stored=LEAST_INSTANCES, size=7, status="warning")
        moved(6, "", stored=LEAST_INSTANCES, size=7)

        assert experience_between(*nodes).weights == {"CT": 2000.0}

    def test_knows_them_of_images_with_reports_and_dose_sheets_beside_them(self, nodes):
        moved(1, "CT+SR", (1, 60), (1, 7), stored=LEAST_INSTANCES, size=LEAST_INSTANCES * 2000)
        moved(2, "DX+SC+SR", (LEAST_INSTANCES, 7), stored=LEAST_INSTANCES, size=LEAST_INSTANCES * 3000)

        assert experience_between(*nodes).weights == {"CT": 2000.0, "DX": 3000.0}

    def test_foretells_a_large_study_of_the_demo_within_30_percent_once_one_went(self, nodes):
        large, small = 157_800_000, 60 * 132_000
        for number in (1, 2):
            moved(number, "CT", stored=60, size=small)
        moved(3, "CT+SR", (1, 263_000), (1, 3_000), stored=300, size=large)

        found = experience_between(*nodes).of_study(a_study(302, "CT\\SR"))

        assert found == pytest.approx(large, rel=0.3)

    def test_knows_the_speed_between_two_nodes_after_some_tasks(self, nodes):
        source, destination = nodes
        for number in range(1, LEAST_TASKS):
            moved(number, "CT", stored=1, size=1000)
        assert experience_between(source, destination).speed is None

        moved(9, "MR", stored=1, size=4000)

        assert experience_between(source, destination).speed == 6000 / (2 * LEAST_TASKS)
        assert experience_between(source, server("C")).speed is None
        assert experience_between(source, None).speed is None
