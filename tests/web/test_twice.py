"""Buttons that make jobs, pressed twice: by a double click, in two tabs, or by loading the answer again."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from adit.jobs.models import Job
from tests.jobs.fakes import process
from tests.jobs.memories import Memories
from tests.peers.data import ct_study
from tests.web.batching import Batcher
from tests.web.people import logged_in
from tests.web.test_mass import Page
from tests.web.test_sending import Panel

pytestmark = pytest.mark.django_db

ONE, TWO = (ct_study(series=2, instances=2, name=name, patient_id=f"P-{name}") for name in ("one", "two"))


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.unescape(answer.content.decode())))


def buttons_of(page: str, name: str) -> list[str]:
    """What the buttons of this name say when they are pressed."""
    return re.findall(rf'<button[^>]* name="{name}" value="([^"]+)"', page)


def told(client, answer) -> str:
    """The page to which a press leads."""
    return text_of(client.get(answer.headers["Location"]))


@pytest.fixture
def dora(tmp_path):
    return Batcher(tmp_path)


class TestTheFileOfABatch:
    @pytest.fixture(params=["transfer", "query"])
    def file(self, request, dora):
        if request.param == "transfer":
            return dora.kept((ONE.patient_id, ONE.uid, "ALPHA"))
        return dora.asked((ONE.patient_id, "CT"))

    def page(self, dora, file) -> str:
        return dora.client.get(f"/{file.kind.replace('_', '/')}/{file.pk}/").content.decode()

    def test_makes_one_job_and_the_second_press_leads_to_it(self, dora, file):
        first, second = dora.order(file), dora.order(file)

        job = Job.objects.get()
        assert first.headers["Location"] == second.headers["Location"] == f"/jobs/{job.pk}/"
        assert f"This was sent already, as job {job.pk}. To the file, to do it once more" in told(dora.client, second)

    def test_makes_one_job_of_two_tabs(self, dora, file):
        tabs = [buttons_of(self.page(dora, file), "do")[-1] for _ in range(2)]
        answers = [dora.order(file, do=tab) for tab in tabs]

        assert answers[0].headers["Location"] == answers[1].headers["Location"]
        assert Job.objects.count() == 1

    def test_says_afterwards_that_it_was_sent_and_is_sent_again_by_a_button_that_says_so(self, dora, file):
        dora.order(file)
        first = Job.objects.get()
        page = self.page(dora, file)
        again = buttons_of(page, "do")[-1]
        answers = [dora.order(file, do=again) for _ in range(2)]

        assert f'href="/jobs/{first.pk}/">job {first.pk}</a>' in page
        assert "again</button>" in page.replace("Send again", "again").replace("Look for them again", "again")
        assert again.endswith(f" {first.pk}")
        second = Job.objects.exclude(pk=first.pk).get()
        assert [answer.headers["Location"] for answer in answers] == [f"/jobs/{second.pk}/"] * 2

    @pytest.mark.parametrize("tail", ["", " ", " x", " -1", " ٣", " " + "9" * 40])
    def test_takes_no_button_for_one_that_knows_what_it_does_not(self, dora, tail):
        file = dora.kept((ONE.patient_id, ONE.uid, "ALPHA"))
        dora.order(file)
        dora.order(file, do=f"send{tail}")

        assert Job.objects.count() == 1

    def test_is_checked_once_and_again_from_a_page_that_knows_of_the_check(self, dora):
        file = dora.kept((ONE.patient_id, ONE.uid, "ALPHA"))
        tab = buttons_of(self.page(dora, file), "do")[0]
        dora.order(file, do=tab)
        dora.order(file, do=tab)
        check = Job.objects.get()
        page = self.page(dora, file)

        assert "This file was sent already" not in page
        dora.order(file, do=buttons_of(page, "do")[0])
        assert sorted(job.kind for job in Job.objects.exclude(pk=check.pk)) == ["batch_check"]

    def test_that_an_administrator_has_sent_leads_its_owner_back_to_it(self, dora):
        file = dora.kept((ONE.patient_id, ONE.uid, "ALPHA"))
        boss, _ = logged_in("boss", is_staff=True)
        path, posted = f"/batch/transfer/{file.pk}/order/", {"source": dora.source.pk, "destination": dora.shelf.pk}
        dora.order(file)
        Job.objects.update(owner=boss.get("/").wsgi_request.user.pk)
        answer = dora.client.post(path, posted | {"identity": "pseudonymised", "do": "send"})

        assert answer.headers["Location"] == f"/batch/transfer/{file.pk}/"
        page = told(dora.client, answer)
        assert f"This was sent already, as job {Job.objects.get().pk}." in page
        assert "once more" not in page


@pytest.mark.django_db(transaction=True)
class TestTheFileOfABatchAtTheSameMoment:
    def test_makes_one_job(self, dora):
        file = dora.kept((ONE.patient_id, ONE.uid, "ALPHA"))
        start = Barrier(2)

        def press(_):
            try:
                start.wait(5)
                return dora.order(file).headers["Location"]
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            assert set(pool.map(press, range(2))) == {f"/jobs/{Job.objects.get().pk}/"}


@pytest.mark.django_db(transaction=True)
class TestTheCheckOfAFile:
    @pytest.fixture
    def check(self, dora):
        dora.order(dora.kept((ONE.patient_id, ONE.uid, "ALPHA"), (TWO.patient_id, TWO.uid, "BETA")), do="check")
        process(Memories(Archive=(ONE,)), places=1).work()
        return Job.objects.get()

    def page(self, dora, check) -> str:
        return dora.client.get(f"/batch/transfer/jobs/{check.pk}/").content.decode()

    def send(self, dora, check, what: str):
        return dora.client.post(f"/batch/transfer/jobs/{check.pk}/send/", {"what": what})

    def test_is_sent_as_one_job_whichever_of_its_buttons_is_pressed_next(self, dora, check):
        found, every = buttons_of(self.page(dora, check), "what")
        answers = [self.send(dora, check, what) for what in (found, found, every)]

        job = Job.objects.get(kind="batch_transfer")
        assert {answer.headers["Location"] for answer in answers} == {f"/jobs/{job.pk}/"}
        assert f"This was sent already, as job {job.pk}. To the check" in told(dora.client, answers[1])

    def test_says_that_it_was_sent_and_as_which_job(self, dora, check):
        assert "sent already" not in self.page(dora, check)
        self.send(dora, check, "found")

        job = Job.objects.get(kind="batch_transfer")
        page = self.page(dora, check)
        assert re.search(rf'This was sent already, as\s+<a[^>]* href="/jobs/{job.pk}/">job {job.pk}</a>', page)
        assert "Once more: Send exactly the 1 study that was found" in page

    def test_is_sent_once_more_by_a_button_that_says_so(self, dora, check):
        self.send(dora, check, "found")
        every = buttons_of(self.page(dora, check), "what")[1]
        answers = [self.send(dora, check, every) for _ in range(2)]

        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert sorted(job.tasks.count() for job in Job.objects.filter(kind="batch_transfer")) == [1, 2]

    def test_is_the_same_as_its_file(self, dora, check):
        self.send(dora, check, "found")
        answer = dora.order(check.file)

        assert answer.headers["Location"] == f"/jobs/{Job.objects.get(kind='batch_transfer').pk}/"
        assert "This file was sent already, as" in dora.client.get(f"/batch/transfer/{check.file_id}/").content.decode()


class TestTheFormOfAMassTransfer:
    @pytest.fixture
    def page(self, tmp_path):
        return Page(tmp_path)

    def once(self, shown: str) -> str:
        return re.search(r'name="once" value="([0-9a-f]{32})"', shown)[1]

    def test_makes_one_job_and_the_second_press_leads_to_it(self, page):
        once = self.once(page.client.get("/mass/").content.decode())
        first, second = page.order(once=once), page.order(once=once)

        job = Job.objects.get()
        assert first.headers["Location"] == second.headers["Location"] == f"/jobs/{job.pk}/"
        shown = page.client.get(second.headers["Location"]).content.decode()
        assert f"This was sent already, as job {job.pk}." in shown
        assert f'href="/mass/?job={job.pk}">Order it again</a>' in shown

    def test_that_was_changed_meanwhile_makes_another(self, page):
        once = self.once(page.client.get("/mass/").content.decode())
        page.order(once=once)
        page.order(once=once, last="2020-01-12")

        assert Job.objects.count() == 2

    def test_is_new_each_time_and_the_same_while_it_is_filled_in(self, page):
        once = self.once(page.client.get("/mass/").content.decode())

        assert self.once(page.client.get("/mass/").content.decode()) != once
        assert self.once(page.does("add", once=once)) == once
        assert self.once(page.order(once=once, first="").content.decode()) == once

    @pytest.mark.parametrize("once", ["", "\0", "x" * 65, '"><b>'])
    def test_takes_no_value_but_its_own(self, page, once):
        assert self.once(page.does("add", once=once))
        assert page.order(once=once).status_code == 302


class TestThePanelBelowASearch:
    def test_makes_one_job_and_the_second_press_leads_to_it(self, tmp_path):
        panel = Panel(tmp_path)
        answers = [panel.send(once="a" * 32) for _ in range(2)]

        job = Job.objects.get()
        assert [answer.headers["HX-Redirect"] for answer in answers] == [f"/jobs/{job.pk}/"] * 2
        assert f"This was sent already, as job {job.pk}. Choose again" in text_of(panel.client.get(f"/jobs/{job.pk}/"))

    def test_keeps_its_value_while_it_is_filled_in(self, tmp_path):
        panel = Panel(tmp_path)

        assert f'name="once" value="{"a" * 32}"' in panel.send(destination="", once="a" * 32).content.decode()
        assert re.search(r'name="once" value="[0-9a-f]{32}"', panel.send(destination="").content.decode())
