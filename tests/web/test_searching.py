"""The WebSocket of the search page, without a browser."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from adit.audit.models import Event
from adit.nodes.models import Access, Slot
from tests.journeys.conftest import session_of
from tests.nodes.making import server
from tests.peers.data import ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.orthanc import orthanc
from tests.peers.scripts import Script
from tests.web.people import client_of
from tests.web.searching import give, searcher

pytestmark = pytest.mark.usefixtures("impatient")

STUDIES = [ct_study(instances=1, name=f"found {number}", patient_name="Doe^John") for number in range(3)]
FIND = 0x0020
SECONDS = 10


class Tab:
    """A page of one user that is connected."""

    def __init__(self, site: str, user: object, origin: str = "") -> None:
        self._address = site.replace("http", "ws", 1) + "/ws/search/"
        self._origin = origin or site
        self._cookie = f"sessionid={session_of(user)}" if user else ""

    async def open(self) -> bool:
        try:
            self._socket = await connect(
                self._address, origin=self._origin, additional_headers={"Cookie": self._cookie}, proxy=None
            )
        except InvalidStatus:
            return False
        return True

    async def search(self, node, search: str = "a", **fields: str) -> None:
        told = {"source": str(node.pk), "patient_name": "*oe*", **fields}
        await self.say({"type": "search", "id": search, "fields": told})

    async def say(self, message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self._socket.recv(), SECONDS))

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """All messages up to the first of *kind*."""
        heard = [await self.next()]
        while heard[-1]["type"] != kind:
            heard.append(await self.next())
        return heard

    async def closed(self) -> int | None:
        """The code with which the server closes it."""
        await asyncio.wait_for(self._socket.wait_closed(), SECONDS)
        return self._socket.close_code

    async def leave(self) -> None:
        await self._socket.close()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it on a thread of its own: in this one a browser's loop may be running."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scenario()).result()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def node_of(pacs, user, name: str = "Archive", **values: Any):
    made = server(name, ae_title=pacs.ae_title, host=pacs.host, port=pacs.port, **values)
    return give(user, made, source=True)


def rows(heard) -> list[str]:
    return [row["study"] for message in heard if message["type"] == "rows" for row in message["rows"]]


@pytest.fixture
def rita(transactional_db):
    return searcher("rita")


class TestASearch:
    def test_gives_the_studies_and_says_how_it_ended(self, site, rita):
        with misbehaving(*STUDIES) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node, patient_name="Doe, J*", modality="ct")
                heard = await tab.until("ended")
                assert sorted(rows(heard)) == sorted(study.uid for study in STUDIES)
                assert (heard[-1]["outcome"], heard[-1]["sentence"]) == ("done", "3 studies found.")
                await tab.leave()

            run(scenario)
        event = Event.objects.get(action="search")
        assert (event.actor, event.outcome, event.nodes) == ("rita", "done", ["Archive"])
        assert event.details["keys"] == {"PatientName": "Doe^J*", "ModalitiesInStudy": "CT"}
        assert event.details["found"] == 3
        rita.refresh_from_db()
        assert rita.preferences == {"source": node.pk}

    def test_that_finds_more_than_a_hundred_shows_the_first_and_says_so(self, site, rita):
        many = [ct_study(instances=1, size=128, name=f"many {number}") for number in range(103)]
        with misbehaving(*many) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node, patient_name="M*")
                heard = await tab.until("ended")
                assert len(rows(heard)) == 100
                assert heard[-1]["outcome"] == "more"
                await tab.leave()

            run(scenario)

    def test_ends_its_association_when_it_is_canceled(self, site, rita):
        with misbehaving(*STUDIES, script=Script(endless_pending=True)) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node)
                await tab.until("rows")
                await tab.say({"type": "cancel"})
                heard = await tab.until("ended")
                assert heard[-1]["outcome"] in ("canceled", "more")
                await asyncio.to_thread(eventually, lambda: pacs.seen.open == 0)
                await tab.leave()

            run(scenario)
        eventually(lambda: not Slot.objects.exclude(holder="").exists())

    @pytest.mark.parametrize("leaves", [True, False])
    def test_of_a_silent_server_ends_when_the_page_is_left_or_it_is_canceled(self, site, rita, leaves):
        with misbehaving(*STUDIES, script=Script(silent_to=frozenset({FIND}))) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node)
                await tab.until("state")
                await asyncio.to_thread(eventually, lambda: any(each.kind == FIND for each in pacs.seen.requests))
                if leaves:
                    await tab.leave()
                else:
                    await tab.say({"type": "cancel"})
                    assert (await tab.until("ended"))[-1]["outcome"] == "canceled"
                    await tab.leave()
                await asyncio.to_thread(eventually, lambda: pacs.seen.open == 0)

            run(scenario)
        eventually(lambda: not Slot.objects.exclude(holder="").exists())
        eventually(lambda: Event.objects.filter(action="search", details__reason="canceled").exists())

    @pytest.mark.parametrize(
        ("script", "sentence"),
        [
            (Script(find_status=0xC001), "0xC001"),
            (Script(silent_to=frozenset({FIND})), "Archive"),
        ],
    )
    def test_that_goes_wrong_says_what_and_who_can_mend_it(self, site, rita, script, sentence):
        with misbehaving(*STUDIES, script=script) as pacs:
            node, tab = node_of(pacs, rita, idle_timeout=0.3), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node)
                ended = (await tab.until("ended"))[-1]
                assert ended["outcome"] == "failed"
                assert sentence in ended["sentence"]
                assert "Who can mend it: the administrator of the PACS." in ended["sentence"]
                await tab.leave()

            run(scenario)
        assert Event.objects.get(action="search").outcome == "failed"

    def test_goes_over_dicomweb_too(self, site, rita):
        with orthanc(dicomweb=True) as pacs:
            pacs.fill(file for study in STUDIES for file in study.part10())
            values = {"find_study": False, "get_study": False, "store": False, "ae_title": "", "host": "", "port": None}
            web = server("Web", dicomweb_url=pacs.dicomweb_url, qido=True, wado=True, **values)
            node, tab = give(rita, web, source=True), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node, patient_name="doe*")
                assert sorted(rows(await tab.until("ended"))) == sorted(study.uid for study in STUDIES)
                await tab.leave()

            run(scenario)
            study = STUDIES[0]
            where = {"source": node.pk, "study": study.uid, "series": study.series[0]}
            assert client_of(rita).get("/search/image/", where)["Content-Type"] == "image/png"

    def test_of_a_dead_server_says_so(self, site, rita):
        with misbehaving(*STUDIES) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)
            pacs.die()

            async def scenario():
                assert await tab.open()
                await tab.search(node)
                assert "Who can mend it" in (await tab.until("ended"))[-1]["sentence"]
                await tab.leave()

            run(scenario)

    def test_of_a_server_that_lies_shows_what_fits_only(self, site, rita):
        other = ct_study(instances=1, name="other", patient_name="Roe^Jane")
        with misbehaving(STUDIES[0], other, script=Script(ignores_filters=True, leaves_out_counts=True)) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node, patient_name="Doe, John")
                assert rows(await tab.until("ended")) == [STUDIES[0].uid]
                await tab.leave()

            run(scenario)

    def test_that_cannot_be_asked_says_what_is_wrong_by_field(self, site, rita):
        node, tab = give(rita, server("Archive"), source=True), Tab(site, rita)

        async def scenario():
            assert await tab.open()
            await tab.search(node, patient_name="", from_date="2024-02-02", until_date="2024-02-01")
            assert list((await tab.until("errors"))[-1]["errors"]) == ["until_date"]
            for nothing in ({"patient_name": " "}, {"patient_name": "==="}, {"patient_name": "*^", "patient_id": "*"}):
                await tab.search(node, **({"patient_name": ""} | nothing))
                assert list((await tab.until("errors"))[-1]["errors"]) == ["__all__"]
            await tab.leave()

        run(scenario)

    def test_of_a_suspended_server_is_not_asked(self, site, rita):
        from django.utils import timezone  # noqa: PLC0415

        with misbehaving(*STUDIES) as pacs:
            node = node_of(pacs, rita, suspended_at=timezone.now(), suspended_reason="new disks")
            tab = Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node)
                assert "new disks" in (await tab.until("ended"))[-1]["sentence"]
                await tab.leave()

            run(scenario)
            assert pacs.seen.total == 0


class TestSearchesAtTheSameMoment:
    def test_never_mix(self, site, rita):
        tom = searcher("tom")
        with misbehaving(STUDIES[0]) as one, misbehaving(STUDIES[1], ae_title="OTHER") as other:
            first, second = node_of(one, rita, "One"), node_of(other, tom, "Two")
            give(rita, second, source=True)
            tabs = [
                (Tab(site, rita), first, STUDIES[0]),
                (Tab(site, rita), second, STUDIES[1]),
                (Tab(site, tom), second, STUDIES[1]),
            ]

            async def scenario():
                for tab, _, _ in tabs:
                    assert await tab.open()
                await asyncio.gather(*(tab.search(node, str(number)) for number, (tab, node, _) in enumerate(tabs)))
                for number, (tab, _, study) in enumerate(tabs):
                    heard = await tab.until("ended")
                    assert rows(heard) == [study.uid]
                    assert {message["id"] for message in heard} == {str(number)}
                    await tab.leave()

            run(scenario)

    def test_a_new_one_in_a_tab_ends_the_one_before(self, site, rita):
        with (
            misbehaving(*STUDIES, script=Script(silent_to=frozenset({FIND}))) as silent,
            misbehaving(STUDIES[1], ae_title="OTHER") as other,
        ):
            first, second = node_of(silent, rita, "One"), node_of(other, rita, "Two")
            tab = Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(first, "before")
                await asyncio.to_thread(eventually, lambda: any(each.kind == FIND for each in silent.seen.requests))
                await tab.search(second, "after")
                heard = [await tab.next()]
                while (heard[-1]["id"], heard[-1]["type"]) != ("after", "ended"):
                    heard.append(await tab.next())
                assert rows(heard) == [STUDIES[1].uid]
                await asyncio.to_thread(eventually, lambda: silent.seen.open == 0)
                await tab.leave()

            run(scenario)


class TestTheDoor:
    def test_is_closed_for_strangers_and_for_those_without_permission(self, site, transactional_db):
        from adit.accounts.models import User  # noqa: PLC0415  not before the settings are read

        stranger, bob = Tab(site, None), Tab(site, User.objects.create_user("bob"))

        async def scenario():
            for tab in (stranger, bob):
                if await tab.open():
                    assert await tab.closed() in (4401, 4403)

        run(scenario)
        assert Event.objects.filter(action="search", actor="bob", outcome="refused").exists()

    def test_is_closed_for_pages_of_other_sites(self, site, rita):
        tab = Tab(site, rita, origin="http://evil.example")

        async def scenario():
            assert not await tab.open()

        run(scenario)

    def test_asks_for_permission_with_every_message(self, site, rita):
        node, tab = give(rita, server("Archive"), source=True), Tab(site, rita)

        async def scenario():
            assert await tab.open()
            await asyncio.to_thread(Access.objects.all().delete)
            await tab.search(node)
            assert (await tab.until("ended"))[-1]["outcome"] == "refused"
            await asyncio.to_thread(rita.user_permissions.clear)
            await tab.search(node)
            assert (await tab.until("ended"))[-1]["outcome"] == "refused"
            await tab.leave()

        run(scenario)
        assert Event.objects.filter(action="search", actor="rita", outcome="refused").count() == 2

    def test_closes_when_the_session_has_ended_and_ends_the_query(self, site, rita):
        with misbehaving(*STUDIES, script=Script(silent_to=frozenset({FIND}))) as pacs:
            node, tab = node_of(pacs, rita), Tab(site, rita)

            async def scenario():
                assert await tab.open()
                await tab.search(node)
                await asyncio.to_thread(eventually, lambda: any(each.kind == FIND for each in pacs.seen.requests))
                await asyncio.to_thread(Session.objects.all().delete)
                await tab.search(node, "too late")
                assert await tab.closed() == 4401
                await asyncio.to_thread(eventually, lambda: pacs.seen.open == 0)

            run(scenario)

    def test_closes_for_what_no_page_says(self, site, rita):
        tab = Tab(site, rita)

        async def scenario():
            assert await tab.open()
            await tab.say(["nonsense"])
            assert await tab.closed() == 4400

        run(scenario)
