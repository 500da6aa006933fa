"""Batch queries through the queue, of servers that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date

import pytest

from adit.endpoints.budget import Budget
from adit.jobs.models import Found, Job, Line
from adit.jobs.process import Process
from adit.nodes.models import Node
from adit.nodes.opening import Opening
from adit.transfer.batches.rows import QueryRow
from tests.jobs.asking import asked, outcomes
from tests.jobs.fakes import QUICK
from tests.nodes.making import server
from tests.peers.changed import of_modality, with_elements
from tests.peers.data import Study, ct_study
from tests.peers.dcmtk import dcmqrscp
from tests.peers.orthanc import orthanc

pytestmark = pytest.mark.django_db(transaction=True)

BORN = date(1954, 3, 12)


def ct_and_sr() -> Study:
    study = ct_study(2, 2, name="both", patient_id="0007", patient_name="Müller^Änne", size=128)
    return of_modality(study, study.series[1], "SR")


STUDIES = (
    ct_and_sr(),
    ct_study(1, 3, name="mr", patient_id="0007", patient_name="Müller^Änne", size=128,
             sop_class="1.2.840.10008.5.1.4.1.1.4"),
    ct_study(1, 1, name="twin a", patient_id="T-A", patient_name="Twin^Tom", size=128),
    ct_study(1, 1, name="twin b", patient_id="T-B", patient_name="Twin^Tom", size=128),
    with_elements(ct_study(1, 1, name="late", patient_id="L-1", patient_name="Late^Lou", size=128),
                  {0: {"StudyDate": "20260401", "StudyDescription": "CT Thorax"}}),
)  # fmt: skip


@pytest.fixture(params=["orthanc", "orthanc by QIDO", "dcmqrscp"])
def node(request, tmp_path) -> Iterator[Node]:
    """A server that holds all of `STUDIES`."""
    with ExitStack() as exits:
        if request.param == "dcmqrscp":
            files = [file for number, study in enumerate(STUDIES) for file in study.write(tmp_path / str(number))]
            peer = exits.enter_context(dcmqrscp(files=files))
        else:
            peer = exits.enter_context(orthanc(dicomweb=request.param != "orthanc"))
            peer.fill(file for study in STUDIES for file in study.part10())
        address = {"ae_title": peer.ae_title, "host": peer.host, "port": peer.port}
        if request.param == "orthanc by QIDO":
            address = {
                "ae_title": "", "host": "", "port": None, "dicomweb_url": peer.dicomweb_url,
                "find_study": False, "get_study": False, "store": False, "qido": True,
            }  # fmt: skip
        yield server("A", **address)


@pytest.fixture
def process(tmp_path) -> Process:
    spool = tmp_path / "spool"
    spool.mkdir()
    opening = Opening(spool=spool, budget=Budget(64 << 20), calling_ae_title="ADIT", waits=())
    return Process(places=1, opening=opening, limits=QUICK)


def found(job: Job) -> dict[int, list[str]]:
    """Line → what was found, sorted."""
    return {line.number: sorted(line.found.values_list("study_uid", flat=True)) for line in job.lines.all()}


class TestAServer:
    def test_answers_all_kinds_of_rows(self, node, process):
        both, mr, twin_a, twin_b, late = (study.uid for study in STUDIES)
        rows = [
            QueryRow((2,), patient_id="0007"),
            QueryRow((3,), patient_id="0007", modalities=("MR", "US")),
            QueryRow((4,), patient_id="0007", modalities=("US", "SR")),
            QueryRow((5,), patient_name="Müller^Änne", birth_date=BORN),
            QueryRow((6,), patient_name="mueller*", birth_date=BORN),
            QueryRow((7,), patient_name="Twin^Tom", birth_date=BORN),
            QueryRow((8,), patient_id="L-1", first=date(2026, 4, 1), last=date(2026, 4, 1)),
            QueryRow((9,), patient_id="L-1", last=date(2026, 3, 31)),
            QueryRow((10,), patient_id="L-1", study_description="ct thor*"),
            QueryRow((11,), patient_id="nobody"),
            QueryRow((12,), patient_id="T-A", birth_date=date(1990, 1, 1)),
        ]

        job = asked(rows)
        process.work()

        assert Job.objects.get().status == "success"
        assert outcomes(job) == {
            2: "found", 3: "found", 4: "found", 5: "found", 6: "found", 7: "ambiguous", 8: "found",
            9: "not found", 10: "found", 11: "not found", 12: "ambiguous",
        }  # fmt: skip
        assert found(job) == {
            2: sorted([both, mr]), 3: [mr], 4: [both], 5: sorted([both, mr]), 6: sorted([both, mr]),
            7: sorted([twin_a, twin_b]), 8: [late], 9: [], 10: [late], 11: [], 12: [twin_a],
        }  # fmt: skip

    def test_tells_what_its_studies_are(self, node, process):
        asked([QueryRow((2,), patient_id="0007", modalities=("SR",))])
        process.work()

        study = Found.objects.get()

        assert (study.patient_id, study.patient_name, study.birth_date) == ("0007", "Müller^Änne", BORN)
        assert (study.study_date, study.study_time, study.modalities) == (date(2024, 2, 29), "101500", ["CT", "SR"])
        if node.qido or node.ae_title == "ORTHANC":
            assert (study.series_count, study.instances) == (2, 4)

    def test_finds_series(self, node, process):
        both = STUDIES[0]
        rows = [
            QueryRow((2,), patient_id="0007", series_numbers=("2", "5")),
            QueryRow((3,), patient_id="0007", modalities=("CT", "SR"), series_description="test*"),
            QueryRow((4,), patient_id="0007", series_numbers=("9",)),
        ]

        job = asked(rows)
        process.work()

        by_line = {
            line.number: [one.series_uid for one in line.found.order_by("position")] for line in Line.objects.all()
        }
        assert outcomes(job) == {2: "found", 3: "found", 4: "not found"}
        assert by_line == {2: [both.series[1]], 3: list(both.series), 4: []}
