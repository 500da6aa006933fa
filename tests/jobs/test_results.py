"""What a batch query found, as the file that a batch transfer reads."""

from __future__ import annotations

import pytest

from adit.audit.models import Event
from adit.jobs.files import keep_file, read_file
from adit.jobs.models import Job
from adit.jobs.results import export
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.validating import Pseudonyms, check_queries, check_transfers
from adit.transfer.sheets.reading import read_sheet
from adit.transfer.sheets.returning import new_table
from tests.jobs.asking import Registers, asked
from tests.jobs.fakes import administrator, two_servers
from tests.jobs.patients import HELD, ROWS, answered
from tests.transfer.register import Register

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job() -> Job:
    return answered(ROWS, HELD)


class TestTheFile:
    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_has_every_line_with_its_status_and_reason(self, job, form):
        given = export(job, by=administrator(), form=form)

        assert given.name == f"batch-query-{job.pk}.{form}"
        sheet = read_sheet(given.content, given.name)
        at = {title: sheet.columns.index(title) for title in sheet.columns}
        lines = [(row.cells[at["Line"]], row.cells[at["Status"]]) for row in sheet.rows]
        assert lines == [
            ("2", "found"), ("2", "found"), ("3", "found"), ("4", "not found"), ("5", "ambiguous"), ("5", "ambiguous"),
            ("6", "found"), ("6", "found"),
        ]  # fmt: skip
        third = {title: sheet.rows[2].cells[place] for title, place in at.items()}
        assert third["PatientID"] == "0002"
        assert (third["PatientName"], third["PatientBirthDate"]) == ("Müller^Änne", "1954-03-12")
        assert (third["StudyDate"], third["Modality"], third["Pseudonym"]) == ("2026-01-10", "CT", "Berta")
        assert [row.cells[at["PatientID"]] for row in sheet.rows[3:6]] == ["P9", "P4", "P5"]
        assert sheet.rows[4].cells[at["Reason"]] == "2 patients have this name and birth date: P4, P5."

    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_is_a_batch_transfer_as_it_is(self, job, form):
        given = export(job, by=administrator(), form=form)

        checked = check_transfers(read_sheet(given.content, given.name), pseudonyms=Pseudonyms.REQUIRED)

        assert checked.faults == ()
        assert [(row.patient_id, row.study, row.pseudonym) for row in checked.rows] == [
            ("P1", "1.2.1", "Anna"), ("P1", "1.2.2", "Anna"), ("0002", "1.2.3", "Berta"),
        ]  # fmt: skip
        assert any("no study for them" in notice for notice in checked.notices)

    def test_names_the_series_that_were_looked_for(self, job):
        series_job = asked([QueryRow((2,), patient_id="P1", series_numbers=("1",), pseudonym="Anna")])
        Registers(Register(HELD)).process().work()

        given = export(series_job, by=administrator(), form="csv")

        checked = check_transfers(read_sheet(given.content, given.name), pseudonyms=Pseudonyms.REQUIRED)
        assert [row.series for row in checked.rows] == [("1.2.1.1",), ("1.2.2.1",)]

    def test_has_the_lines_that_were_not_asked_for_because_of_a_fault(self):
        two_servers()
        content = new_table(("PatientID", "From"), [("P1", ""), ("P2", "someday")], form="csv")
        file = keep_file(content, "list.csv", kind="batch_query", by=administrator(), group=None)
        job = asked(list(check_queries(read_file(file)).good), file=file)
        Registers(Register(HELD)).process().work()

        sheet = read_sheet(export(job, by=administrator(), form="csv").content, "x.csv")

        assert [row.cells[:2] for row in sheet.rows] == [("2", "found"), ("2", "found"), ("3", "failed")]
        assert sheet.rows[-1].cells[2].startswith("not asked: ")

    def test_is_audited(self, job):
        export(job, by=administrator(), form="csv")

        event = Event.objects.get(action="job.results_given")
        assert (event.job, event.actor, event.details) == (job.pk, "local:tester", {"lines": 5, "rows": 8})
