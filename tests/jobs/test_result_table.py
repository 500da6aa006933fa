"""The table of what a batch query found: which rows, in which order, page by page."""

from __future__ import annotations

import pytest

from adit.jobs.line_counts import counts_of
from adit.jobs.models import Job, Line
from adit.jobs.result_table import SORTS, Choice, Place, page_of
from adit.jobs.results import Result
from adit.transfer.batches.rows import QueryRow
from tests.jobs import patients
from tests.jobs.asking import Registers, asked
from tests.jobs.patients import answered
from tests.transfer.register import Register, series

pytestmark = pytest.mark.django_db(transaction=True)

HELD = (*patients.HELD, series("1.2.6", "P6", date=""))
ROWS = (*patients.ROWS, QueryRow((7,), patient_id="P6"), QueryRow((8,), patient_id="P10"))
EVERY_ORDER = [Choice(sort=sort, descending=down) for sort in SORTS for down in (False, True)]


@pytest.fixture
def job() -> Job:
    return answered(ROWS, HELD)


def whole(job: Job, choice: Choice) -> list[Place]:
    page = page_of(job, choice, size=100)
    assert (page.before, page.after) == (None, None)
    return places(page.rows)


def places(rows: list[Result]) -> list[Place]:
    return [Place(row.lines[0], row.position or 0) for row in rows]


def shown(job: Job, **choice: object) -> list[tuple[int, str]]:
    return [(row.lines[0], row.study_uid) for row in page_of(job, Choice(**choice), size=100).rows]


class TestTheTable:
    def test_has_every_match_and_every_line_without_one(self, job):
        assert shown(job) == [
            (2, "1.2.1"), (2, "1.2.2"), (3, "1.2.3"), (4, ""), (5, "1.2.4"), (5, "1.2.5"), (7, "1.2.6"), (8, ""),
        ]  # fmt: skip
        assert counts_of(job) == {"found": 3, "not found": 2, "ambiguous": 1}

    def test_knows_what_the_line_looks_for(self, job):
        rows = page_of(job, Choice(), size=4).rows

        assert [row.pseudonym for row in rows] == ["Anna", "Anna", "Berta", ""]
        assert rows[2].patient_name == "Müller^Änne"
        assert rows[3].asked == ROWS[2]
        assert rows[0].lines == (2, 6)

    @pytest.mark.parametrize(
        ("choice", "lines"),
        [
            ({"outcome": "not found"}, [4, 8]),
            ({"outcome": "ambiguous"}, [5, 5]),
            ({"words": "MÜLLER"}, [3]),
            ({"words": "head"}, [2]),
            ({"words": "A3"}, [3]),
            ({"words": "6"}, [2, 2, 7]),
            ({"words": "8"}, [8]),
            ({"words": "patients have this name"}, [5, 5]),
            ({"words": "1.2.4"}, [5]),
            ({"words": "100%"}, []),
            ({"words": "poe", "outcome": "found"}, []),
        ],
    )
    def test_is_filtered_however_it_is_sorted(self, job, choice, lines):
        for sort in SORTS:
            assert sorted(line for line, _ in shown(job, sort=sort, **choice)) == lines

    def test_is_sorted_with_what_is_unknown_at_the_end(self, job):
        by_date = [study for _, study in shown(job, sort="date")]
        backwards = [study for _, study in shown(job, sort="date", descending=True)]

        assert (by_date[0], by_date[-3:]) == ("1.2.2", ["1.2.6", "", ""])
        assert (backwards[-4], backwards[-3:]) == ("1.2.2", ["1.2.6", "", ""])
        assert [line for line, _ in shown(job, descending=True)] == [8, 7, 5, 5, 4, 3, 2, 2]
        assert shown(job, sort="modality", descending=True)[0][0] == 2
        assert [line for line, _ in shown(job, sort="status")] == [5, 5, 2, 2, 3, 7, 4, 8]

    def test_goes_on_behind_and_ahead_of_any_row(self, job):
        for choice in (*EVERY_ORDER, Choice(words="P"), Choice(words="1.2.1"), Choice(outcome="found")):
            rows = whole(job, choice)
            for number, place in enumerate(rows):
                on = page_of(job, choice, size=2, after=place)
                assert places(on.rows) == rows[number + 1 : number + 3]
                if number:
                    back = page_of(job, choice, size=2, before=place)
                    assert places(back.rows) == rows[max(0, number - 2) : number]

    def test_leads_through_all_pages_and_back(self, job):
        for choice in EVERY_ORDER:
            pages = [page_of(job, choice, size=3)]
            while pages[-1].after:
                pages.append(page_of(job, choice, size=3, after=pages[-1].after))

            assert [len(page.rows) for page in pages] == [3, 3, 2]
            second = page_of(job, choice, size=3, before=pages[2].before)
            first = page_of(job, choice, size=3, before=second.before)
            assert (first.rows, second.rows, first.before) == (pages[0].rows, pages[1].rows, None)

    def test_goes_on_behind_a_row_that_was_asked_for_again_meanwhile(self, job):
        line = Line.objects.get(job=job, number=3)
        line.found.all().delete()
        Line.objects.filter(pk=line.pk).update(outcome="pending")

        assert [row.lines[0] for row in page_of(job, Choice(), size=2, after=Place(3, 1)).rows] == [4, 5]

    def test_begins_again_behind_a_row_that_never_was(self, job):
        assert page_of(job, Choice(), size=2, after=Place(99, 1)).rows == page_of(job, Choice(), size=2).rows

    def test_sorts_texts_and_modalities_that_are_too_long_for_an_index(self, job):
        text = "".join(f"{number} " for number in range(2000))
        found = Line.objects.get(job=job, number=3).found.get()
        found.patient_name = found.study_description = text
        found.modalities = [text] * 3
        found.save()

        assert {len(shown(job, sort=sort)) for sort in SORTS} == {8}

    def test_asks_the_database_no_more_for_more_rows(self, job, django_assert_num_queries):
        with django_assert_num_queries(3):
            page_of(job, Choice(), size=100)


class TestTheCounts:
    def test_are_those_of_now_when_an_ended_job_was_run_again(self, job):
        job.refresh_from_db()
        assert counts_of(job)["not found"] == 2
        again = asked([QueryRow((2,), patient_id="P1")])

        assert counts_of(again) == {"pending": 1}
        Registers(Register(HELD)).process().work()
        again.refresh_from_db()
        assert counts_of(again) == {"found": 1}
