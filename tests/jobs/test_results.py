"""What a batch query found: its table, and the file that a batch transfer reads."""

from __future__ import annotations

from datetime import date

import pytest

from adit.audit.models import Event
from adit.jobs.files import keep_file, read_file
from adit.jobs.models import Job
from adit.jobs.results import Choice, counts_of, export, results, results_count
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.validating import Pseudonyms, check_queries, check_transfers
from adit.transfer.sheets.reading import read_sheet
from adit.transfer.sheets.returning import new_table
from tests.jobs.asking import Registers, asked
from tests.jobs.fakes import administrator, two_servers
from tests.transfer.register import Register, series

pytestmark = pytest.mark.django_db(transaction=True)

HELD = (
    series("1.2.1", "P1", date="20260110"),
    series("1.2.2", "P1", date="20250110", modality="MR", StudyDescription="Head"),
    series("1.2.3", "0002", "Müller^Änne", "19540312", AccessionNumber="A3"),
    series("1.2.4", "P4", "Poe^Max"),
    series("1.2.5", "P5", "Poe^Max"),
)
ROWS = (
    QueryRow((2, 6), patient_id="P1", pseudonym="Anna"),
    QueryRow((3,), accession_number="A3", pseudonym="Berta"),
    QueryRow((4,), patient_id="P9", patient_name="Nobody^At All"),
    QueryRow((5,), patient_name="Poe^Max", birth_date=date(1960, 1, 2)),
)


@pytest.fixture
def job() -> Job:
    two_servers()
    job = asked(list(ROWS))
    Registers(Register(HELD)).process().work()
    return job


def shown(job: Job, **choice: object) -> list[tuple[int, str]]:
    return [(row.lines[0], row.study_uid) for row in results(job, Choice(**choice), start=0, size=100)]


class TestTheTable:
    def test_has_every_match_and_every_line_without_one(self, job):
        assert shown(job) == [(2, "1.2.1"), (2, "1.2.2"), (3, "1.2.3"), (4, ""), (5, "1.2.4"), (5, "1.2.5")]
        assert results_count(job, Choice()) == 6
        assert counts_of(job) == {"found": 2, "not found": 1, "ambiguous": 1}

    def test_knows_what_the_line_looks_for(self, job):
        rows = results(job, Choice(), start=2, size=2)

        assert [row.pseudonym for row in rows] == ["Berta", ""]
        assert rows[0].patient_name == "Müller^Änne"
        assert rows[1].asked == ROWS[2]
        assert results(job, Choice(), start=0, size=1)[0].lines == (2, 6)

    @pytest.mark.parametrize(
        ("choice", "lines"),
        [
            ({"outcome": "not found"}, [4]),
            ({"words": "müller"}, [3]),
            ({"words": "head"}, [2]),
            ({"words": "A3"}, [3]),
            ({"words": "6"}, [2, 2]),
            ({"words": "patients have this name"}, [5, 5]),
            ({"words": "1.2.4"}, [5]),
        ],
    )
    def test_is_filtered(self, job, choice, lines):
        assert [line for line, _ in shown(job, **choice)] == lines
        assert results_count(job, Choice(**choice)) == len(lines)

    def test_is_sorted_with_what_is_unknown_at_the_end(self, job):
        by_date = [study for _, study in shown(job, sort="date")]
        backwards = [study for _, study in shown(job, sort="date", descending=True)]

        assert (by_date[0], by_date[-1]) == ("1.2.2", "")
        assert (backwards[-2], backwards[-1]) == ("1.2.2", "")
        assert [line for line, _ in shown(job, descending=True)] == [5, 5, 4, 3, 2, 2]

    def test_comes_in_pages(self, job):
        pages = [results(job, Choice(sort="patient"), start=start, size=4) for start in (0, 4)]

        assert [len(page) for page in pages] == [4, 2]
        assert len({(row.lines, row.study_uid) for page in pages for row in page}) == 6

    @pytest.mark.parametrize("choice", [Choice(), Choice(words="P"), Choice(words="1.2.1"), Choice(outcome="found")])
    def test_goes_on_behind_a_row(self, job, choice):
        whole = results(job, choice, start=0, size=100)

        for number, row in enumerate(whole, 1):
            rest = results(job, choice, start=number, size=100, after=(row.lines[0], row.position or 0))
            assert rest == whole[number:]

    def test_asks_the_database_no_more_for_more_rows(self, job, django_assert_num_queries):
        with django_assert_num_queries(2):
            results(job, Choice(), start=0, size=100)


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
