"""Series, images, the panel, the header before and after, and the download: asked of a server that may misbehave."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile

import httpx
import pytest
from django.urls import reverse
from PIL import Image

from adit.accounts.models import User
from adit.audit.models import Event
from adit.jobs.models import Job
from adit.nodes.models import Access, Slot
from tests.journeys.conftest import session_of
from tests.nodes.making import folder, server
from tests.peers.data import ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.scripts import Script
from tests.web.people import client_of
from tests.web.searching import give, permit, searcher

pytestmark = pytest.mark.usefixtures("impatient")

STUDY = ct_study(series=2, instances=5, name="looked at", patient_id="P-4711", patient_name="Doe^Johnny")
OTHER = ct_study(series=1, instances=2, name="looked at, too", patient_id="P-4712", patient_name="Roe^Jane")
ONE, TWO = STUDY.series


class Page:
    """The search page of one user, with a PACS behind."""

    def __init__(self, pacs, *permissions: str, **values: object) -> None:
        self.user = searcher("rita", *permissions)
        self.pacs = pacs
        made = server("Archive", ae_title=pacs.ae_title, host=pacs.host, port=pacs.port, **values)
        self.node = give(self.user, made, source=True)
        self.client = client_of(self.user)

    def series(self, study: str = STUDY.uid):
        return self.client.get("/search/series/", {"source": self.node.pk, "study": study})

    def image(self, series: str = ONE):
        return self.client.get("/search/image/", {"source": self.node.pk, "study": STUDY.uid, "series": series})

    def choose(self, **posted: object):
        posted = {"source": self.node.pk, **posted}
        return self.client.post("/search/chosen/", posted)

    def panel(self, **posted: object) -> dict[str, str]:
        """What the panel holds after a choice, by name of the field."""
        text = self.choose(**(posted or {"study": STUDY.uid})).content.decode()
        inputs = re.findall(r"<input[^>]*>", text)
        named = {(re.search(r'name="([^"]*)"', each) or [""] * 2)[1]: each for each in inputs}
        filled = {
            name: (re.search(r'value="([^"]*)"', each) or [""] * 2)[1]
            for name, each in named.items()
            if 'type="checkbox"' not in each
        }
        return {**filled, "identity": "pseudonymised"}


@pytest.fixture
def pacs():
    with misbehaving(STUDY, OTHER) as running:
        yield running


@pytest.fixture
def page(pacs, transactional_db):
    return Page(pacs, "can_download_study")


def fetch(url: str, user: User, into: bytearray) -> None:
    """Read *url* as *user* as far as it comes."""
    with httpx.stream("GET", url, cookies={"sessionid": session_of(user)}) as answer:
        for chunk in answer.iter_raw():
            into += chunk


def eventually(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestSeries:
    def test_are_listed_and_written_down(self, page):
        text = page.series().content.decode()

        assert f'value="{STUDY.uid} {ONE}"' in text
        assert f'value="{STUDY.uid} {TWO}"' in text
        assert Event.objects.filter(action="search", study_uid=STUDY.uid, details__level="SERIES").exists()
        assert not Slot.objects.exclude(holder="").exists()

    def test_of_a_study_that_is_unknown_are_a_sentence(self, page):
        answer = page.series("1.2.3")

        assert answer.status_code == 502
        assert "is unknown there" in answer.content.decode()


class TestAnImage:
    def test_is_the_middle_one_as_png_and_written_down(self, page):
        answer = page.image()

        assert answer["Content-Type"] == "image/png"
        assert max(Image.open(io.BytesIO(answer.content)).size) <= 160
        event = Event.objects.get(action="image.viewed")
        assert event.details == {"series": ONE, "instance": STUDY.of(ONE)[2].uid}
        assert (event.patient_id, event.study_uid, event.nodes) == ("P-4711", STUDY.uid, ["Archive"])

    @pytest.mark.parametrize("image_level", ["fails", "empty"])
    def test_of_a_series_that_cannot_be_listed_is_the_first(self, transactional_db, image_level):
        with misbehaving(STUDY, script=Script(image_level=image_level)) as pacs:
            assert Page(pacs).image().status_code == 200
            eventually(lambda: pacs.seen.open == 0)

    def test_that_never_comes_is_a_sentence(self, transactional_db):
        with misbehaving(STUDY, script=Script(stalls_in=1)) as pacs:
            answer = Page(pacs, idle_timeout=0.3).image()
            assert answer.status_code == 502
            assert "Who can mend it" in answer.content.decode()
        assert not Slot.objects.exclude(holder="").exists()


DOORS = ["series", "image"]


class TestTheDoors:
    @pytest.mark.parametrize("door", DOORS)
    def test_are_closed_without_permission_or_access(self, page, door):
        Access.objects.all().delete()
        assert getattr(page, door)().status_code == 404
        page.user.user_permissions.clear()
        assert getattr(page, door)().status_code == 404

        assert Event.objects.filter(outcome="refused", actor="rita").count() == 2
        assert page.pacs.seen.total == 0

    def test_are_closed_for_the_page_too(self, page):
        assert page.client.get("/search/").status_code == 200
        page.user.user_permissions.clear()
        assert page.client.get("/search/").status_code == 404

    def test_a_choice_of_another_user_is_nothing(self, page):
        panel = page.panel()
        tom = searcher("tom")
        give(tom, page.node, source=True)
        for address in ("search-send", "search-panel", "search-download", "search-preview"):
            answer = client_of(tom).post(reverse(address), panel)
            assert "too old" in answer.content.decode()

    def test_a_choice_cannot_be_changed(self, page):
        panel = page.panel()
        panel["chosen"] = panel["chosen"][:20] + "A" + panel["chosen"][21:]

        assert "too old" in page.client.post("/search/send/", panel).content.decode()

    def test_access_is_asked_again_when_it_is_sent(self, page, tmp_path):
        shelf = give(page.user, folder("Shelf", tmp_path), destination=True)
        panel = page.panel()
        Access.objects.filter(node=page.node).delete()

        assert page.client.post("/search/send/", {**panel, "destination": shelf.pk}).status_code == 404
        assert not Job.objects.exists()


class TestAChoice:
    def test_gives_a_line_and_a_pseudonym_for_each_patient(self, page):
        panel = page.panel(study=[STUDY.uid, OTHER.uid])

        pseudonyms = [value for name, value in panel.items() if name.startswith("pseudonym-")]
        assert len(set(pseudonyms)) == 2
        assert all(re.fullmatch(r"[A-Z2-7]{12}", each) for each in pseudonyms)

    def test_may_be_single_series(self, page, tmp_path):
        shelf = give(page.user, folder("Shelf", tmp_path), destination=True)
        panel = page.panel(series=[f"{STUDY.uid} {TWO}"])
        page.client.post("/search/send/", {**panel, "destination": shelf.pk})

        assert Job.objects.get().tasks.get().item["series"] == [TWO]

    def test_of_nothing_says_what_to_do(self, page):
        assert "Tick a study" in page.choose().content.decode()

    def test_of_what_is_gone_says_so(self, page):
        assert "search again" in page.choose(study=["1.2.3", STUDY.uid]).content.decode()

    def test_says_what_stays_behind_and_why(self, page, settings):
        settings.ADIT_EXCLUDED_MODALITIES = ("CT",)
        text = page.choose(study=STUDY.uid).content.decode()

        assert "2 of 2 series stay behind." in text
        assert "modality CT is excluded by the settings" in text

    def test_keeps_what_was_filled_in_before(self, page):
        panel = page.panel()
        key = next(name for name in panel if name.startswith("pseudonym-"))
        again = page.panel(study=[STUDY.uid, OTHER.uid], **{**panel, key: "ALPHA", "trial_protocol_id": "T-1"})

        assert (again[key], again["trial_protocol_id"]) == ("ALPHA", "T-1")


class TestTheHeader:
    def preview(self, page, **posted):
        values = {**page.panel(), "preview": f"{STUDY.uid} {ONE}", **posted}
        return page.client.post("/search/preview/", values).content.decode()

    def test_stands_before_and_after_side_by_side(self, page):
        panel = page.panel()
        key = next(name for name in panel if name.startswith("pseudonym-"))
        text = self.preview(page, **{key: "ALPHA"})

        line = re.search(r'<tr class="line-changed"><td>PatientID.*?</tr>', text, re.DOTALL)
        assert line
        assert "P-4711" in line[0]
        assert "ALPHA" in line[0]
        assert '<tr class="line-same"><td>Modality' in text
        assert '<tr class="line-added"><td>PatientIdentityRemoved' in text
        assert Event.objects.filter(action="header.viewed", patient_id="P-4711").exists()

    def test_of_what_keeps_its_identity_stays_as_it_is(self, page):
        permit(page.user, "can_transfer_unpseudonymized")

        assert "0 of" in self.preview(page, identity="identified")

    def test_is_shown_of_what_was_chosen_only(self, page):
        values = {**page.panel(), "preview": f"{OTHER.uid} {OTHER.series[0]}"}

        assert page.client.post("/search/preview/", values).status_code == 404

    def test_says_when_the_instance_stays_behind(self, page, settings):
        panel = page.panel()
        settings.ADIT_EXCLUDED_MODALITIES = ("CT",)
        values = {**panel, "preview": f"{STUDY.uid} {ONE}"}

        assert "This instance stays behind" in page.client.post("/search/preview/", values).content.decode()


class TestADownload:
    def url(self, page, **posted):
        answer = page.client.post("/search/download/", {**page.panel(), **posted})
        return (
            json.loads(answer.headers["HX-Trigger"])["adit:download"]["url"] if "HX-Trigger" in answer.headers else ""
        )

    def test_is_a_whole_zip_file(self, page, site):
        url = self.url(page)
        answer = httpx.get(site + url, cookies={"sessionid": session_of(page.user)})

        assert answer.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
            assert opened.testzip() is None
            told = json.loads(opened.read(opened.namelist()[-1]))
        assert sum(each["stored"] for each in told["series"]) == 10
        events = list(Event.objects.filter(action__startswith="download.").order_by("id"))
        assert [(each.action, each.outcome, each.address) for each in events] == [
            ("download.started", "done", "127.0.0.1"),
            ("download.ended", "done", "127.0.0.1"),
        ]
        assert not Slot.objects.exclude(holder="").exists()

    def test_needs_a_pseudonym_without_permission(self, page):
        panel = page.panel()
        key = next(name for name in panel if name.startswith("pseudonym-"))

        assert self.url(page, **{key: ""}) == ""
        assert self.url(page, identity="identified") == ""
        permit(page.user, "can_transfer_unpseudonymized")
        assert self.url(page, identity="identified")

    def test_needs_the_permission_also_at_its_end(self, page):
        url = self.url(page)
        page.user.user_permissions.set(page.user.user_permissions.exclude(codename="can_download_study"))

        assert page.client.get(url).status_code == 403
        assert self.url(page) == ""
        assert page.client.get("/search/download/forged/").status_code == 404
        assert client_of(User.objects.create_user("tom")).get(url).status_code == 404

    def test_of_which_something_is_missing_breaks_off_without_a_directory(self, transactional_db, site):
        large = ct_study(series=1, instances=4, size=1 << 20, name="short")
        with misbehaving(large, script=Script(withholds=frozenset({4}))) as pacs:
            page = Page(pacs, "can_download_study")
            url = site + self.url(page, **page.panel(study=large.uid))
            content = bytearray()
            with pytest.raises(httpx.RemoteProtocolError):
                fetch(url, page.user, content)
            assert not zipfile.is_zipfile(io.BytesIO(content))
        ended = Event.objects.get(action="download.ended")
        assert (ended.outcome, ended.details["stored"]) == ("failed", 3)

    def test_that_fails_before_its_first_bytes_is_a_sentence(self, transactional_db):
        with misbehaving(STUDY, script=Script(withholds=frozenset({2}))) as pacs:
            page = Page(pacs, "can_download_study")
            answer = page.client.get(self.url(page))

        assert answer.status_code == 502
        assert "9 of 10 instances" in answer.content.decode()

    def test_ends_when_the_browser_goes(self, transactional_db, site):
        large = ct_study(series=1, instances=4, size=1 << 20, name="stalled")
        with misbehaving(large, script=Script(stalls_in=3)) as pacs:
            page = Page(pacs, "can_download_study")
            url = site + self.url(page, **page.panel(study=large.uid))
            with httpx.stream("GET", url, cookies={"sessionid": session_of(page.user)}) as answer:
                next(answer.iter_raw())
            eventually(lambda: pacs.seen.open == 0)
        eventually(lambda: Event.objects.filter(action="download.ended", outcome="failed").exists())
        eventually(lambda: not Slot.objects.exclude(holder="").exists())
