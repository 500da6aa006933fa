"""Two presses of one button make one job, whoever presses, and however close to each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from adit.dicom.refs import UID
from adit.jobs.actions import perform
from adit.jobs.batch_queries import plan_of as query_of
from adit.jobs.batch_transfers import check_file, plan_of, plan_of_check, submit_check
from adit.jobs.files import keep_file
from adit.jobs.models import Job
from adit.jobs.once import SentAlready, pressed_once, require_new, sent_from
from adit.jobs.states import Action
from adit.jobs.submit import submit
from adit.transfer.batches.rows import QueryRow
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan
from tests.jobs.fakes import administrator
from tests.jobs.memories import Memories
from tests.jobs.sending import FIRST, PLAIN, SECOND, a_row, checking, kept, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nodes")]

SELECTIVE = Plan("selective", "A", "B", (TransferStudy(UID(FIRST.uid)),))


def press(plan: Plan, *, known: int = 0) -> int:
    """What every button does. The number of the job that it leads to."""
    try:
        with transaction.atomic():
            require_new(plan, known=known)
            return submit(plan, by=administrator()).pk
    except SentAlready as sent:
        return sent.job.pk


def press_at_once(*plans: Plan, known: int = 0) -> set[int]:
    """All of them at the same moment, each through a connection of its own. The jobs that they lead to."""
    administrator()
    start = Barrier(len(plans))

    def one(plan: Plan) -> int:
        try:
            start.wait(5)
            return press(plan, known=known)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(plans)) as pool:
        return set(pool.map(one, plans))


def of_file(*studies) -> Plan:
    file = kept(*map(a_row, studies or (FIRST, SECOND)))
    return plan_of(check_file(file, PLAIN, by=file.owner).good, PLAIN, file=file).plan


def a_query() -> Plan:
    by = administrator()
    file = keep_file(b"PatientID\r\nP-1", "list.csv", kind="batch_query", by=by, group=by.active_group)
    return query_of((QueryRow((2,), patient_id="P-1"),), source="A", file=file)


def a_check() -> Job:
    job = checking(kept(a_row(FIRST), a_row(SECOND)))
    work(Memories(A=(FIRST, SECOND)))
    return Job.objects.get(pk=job.pk)


class TestPressedAtTheSameMoment:
    @pytest.mark.parametrize("plan_of_it", [of_file, a_query])
    def test_a_file_makes_one_job(self, plan_of_it):
        plan = plan_of_it()

        assert press_at_once(*[plan] * 4) == {Job.objects.get().pk}

    def test_a_check_makes_one_job(self):
        check = a_check()

        assert press_at_once(*[plan_of_check(check)] * 4) == {sent_from(check).get().pk}

    def test_a_check_and_its_file_make_one_job(self):
        check = a_check()
        of_its_file = replace(plan_of_check(check), check=None)

        assert len(press_at_once(plan_of_check(check), of_its_file, plan_of_check(check), of_its_file)) == 1
        assert sent_from(check).count() == 1

    def test_a_form_makes_one_job(self):
        plan = pressed_once(SELECTIVE, "a value", by=administrator())

        assert press_at_once(*[plan] * 4) == {Job.objects.get().pk}

    def test_to_send_again_makes_one_more(self):
        plan = of_file()
        first = press(plan)

        [second] = press_at_once(*[plan] * 4, known=first)

        assert sorted(Job.objects.values_list("pk", flat=True)) == [first, second]


class TestAFile:
    def test_that_was_sent_says_as_which_job(self):
        plan = of_file()
        job = press(plan)

        with pytest.raises(SentAlready, match=f"^This was sent already, as job {job}.$"), transaction.atomic():
            require_new(plan)

    def test_is_sent_again_by_whoever_knows_that_it_was(self):
        plan = of_file()
        first = press(plan)
        second = press(plan, known=first)

        assert second > first
        assert press(plan, known=first) == second

    def test_goes_to_another_place_as_another_job(self):
        plan = of_file()

        assert press(plan) != press(replace(plan, source="B", destination="A"))

    def test_is_sent_although_it_was_checked(self):
        check = a_check()

        assert press(replace(plan_of_check(check), check=None)) > check.pk

    def test_can_be_sent_again_when_its_job_was_deleted(self):
        plan = of_file()
        perform(Action.DELETE, Job.objects.get(pk=press(plan)), by=administrator())

        assert press(plan) == Job.objects.get().pk

    def test_holds_up_nothing_else(self):
        plan, other = of_file(), of_file(FIRST)
        administrator()

        def meanwhile() -> int:
            try:
                # A check refers to the file too, and the other file has a lock of its own.
                submit_check(plan, by=administrator())
                return press(other)
            finally:
                connection.close()

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            require_new(plan)
            assert pool.submit(meanwhile).result(10) == Job.objects.get(file=other.file).pk


class TestACheck:
    def test_names_the_jobs_that_sent_it_the_last_one_first(self):
        check, other = a_check(), a_check()
        first = press(plan_of_check(check))
        press(plan_of_check(other))
        second = press(plan_of_check(check, every=True), known=first)

        assert [job.pk for job in sent_from(check)] == [second, first]

    def test_whose_file_is_forgotten_makes_one_job(self):
        check = a_check()
        Job.objects.filter(pk=check.pk).update(file=None)
        check.refresh_from_db()

        assert press_at_once(*[plan_of_check(check)] * 3) == {sent_from(check).get().pk}


class TestAForm:
    def test_that_was_changed_is_another_order(self):
        by = administrator()
        changed = replace(SELECTIVE, urgent=True)

        assert press(pressed_once(SELECTIVE, "a value", by=by)) != press(pressed_once(changed, "a value", by=by))

    def test_opened_anew_is_another_order(self):
        by = administrator()

        assert press(pressed_once(SELECTIVE, "one", by=by)) != press(pressed_once(SELECTIVE, "two", by=by))

    def test_without_a_value_promises_nothing(self):
        plan = pressed_once(SELECTIVE, "", by=administrator())

        assert press(plan) != press(plan)

    def test_cannot_make_two_jobs_even_where_nobody_looks(self):
        plan = pressed_once(SELECTIVE, "a value", by=administrator())
        submit(plan, by=administrator())

        with pytest.raises(IntegrityError):
            submit(plan, by=administrator())

    def test_tells_nobody_what_it_holds(self):
        plan = pressed_once(replace(SELECTIVE, archive_password="secret"), "a value", by=administrator())

        assert len(plan.once) == 64
        assert plan.once != pressed_once(SELECTIVE, "a value", by=administrator()).once
