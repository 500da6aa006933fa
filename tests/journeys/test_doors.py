"""Who gets in, by the log-in; and what somebody meets who is in and may nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page

from adit.accounts.models import User
from adit.nodes.models import Node
from tests.journeys.screens import look_at
from tests.peers.data import ct_study
from tests.web.doors import CLOSED, OWN, SOCKETS_CLOSED, SOCKETS_OWN, Somebody, pages, somebody_else

_KNOCK = """async ([method, address, posted]) => {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value
  const sent = new URLSearchParams(posted)
  const answer = method == "GET"
    ? await fetch(`${address}?${sent}`, {redirect: "manual"})
    : await fetch(address, {method, body: sent, headers: {"X-CSRFToken": token}, redirect: "manual"})
  return [answer.status, await answer.text()]
}"""
"""Status and content of what an address answers to the page."""

_LISTEN = """([address, message]) => new Promise(resolve => {
  const socket = new WebSocket(address)
  socket.onopen = () => socket.send(message)
  socket.onmessage = event => { resolve(event.data); socket.close() }
  socket.onclose = event => resolve(event.code)
})"""
"""What a WebSocket says first, or the code with which it is closed."""


class TestTheDoor:
    def test_lets_in_with_the_right_password_only(self, visit):
        User.objects.create_user("ada", "ada@example.org", "correct horse battery")
        page = visit()
        look_at(page, "log in")

        page.get_by_label("User name or mail address").fill("ada")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        assert "not correct" in page.get_by_role("alert").inner_text()
        look_at(page, "log in refused")

        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        look_at(page, "dashboard")

    def test_lets_nobody_in_who_is_not_approved(self, visit):
        page = visit(path="/register/")
        look_at(page, "register")
        page.get_by_label("Username").fill("bob")
        page.get_by_label("Email").fill("bob@example.org")
        page.get_by_label("Password", exact=True).fill("correct horse battery")
        page.get_by_label("Password (again)").fill("correct horse battery")
        page.get_by_role("button", name="Register").click()
        page.get_by_role("heading", name="Not approved yet").wait_for()

        assert not User.objects.get(username="bob").is_active


class TestWhoMayNothing:
    """Somebody who is logged in, while somebody else has one of everything, on a real PACS."""

    @pytest.fixture
    def somebody(self, pacs) -> Somebody:
        study = ct_study(instances=2, name="behind closed doors", patient_name="SECRET^PATIENT")
        pacs.source.fill(study.part10())
        there = somebody_else()
        Node.objects.filter(pk=there.numbers["nodes"]).update(host=pacs.front.host, port=pacs.front.port)
        return replace(
            there,
            posted={**there.posted, "study": study.uid, "series": study.series[0], "patient_name": "*secret*"},
            secrets=(*there.secrets, study.uid, study.patient_id),
        )

    @pytest.fixture
    def page(self, visit, somebody) -> Page:
        return visit(User.objects.create(username="ann"), "/profile/")

    @pytest.fixture
    def here(self, page) -> str:
        """Where the site is."""
        return page.url.removesuffix("/profile/")

    def test_is_shown_no_way_to_a_closed_door(self, page, here, somebody):
        shapes = [each.shape for each in pages() if each.name in OWN and "<" not in each.shape]
        ways = set()
        for shape in shapes:
            if page.request.get(shape).status == 405:
                # Something that is done, not a page.
                continue
            page.goto(shape)
            assert not somebody.is_seen_in(page.content())
            ways |= set(page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)"))

        inside = sorted(way for way in ways if way.startswith(here))
        assert len(inside) > 3
        assert [way for way in inside if page.request.get(way).status != 200] == []

    def test_meets_every_door_closed(self, page, somebody, pacs):
        for each in pages():
            if each.name not in CLOSED:
                continue
            address = somebody.address(each.shape, each.name)
            for method in ("GET", "POST"):
                status, content = page.evaluate(_KNOCK, [method, address, somebody.posted])
                assert status in (404, 405), (method, address)
                assert not somebody.is_seen_in(content), (method, address)

        assert pacs.valve.passed == 0

    def test_hears_nothing_through_a_websocket(self, page, here, somebody, pacs):
        # A tab of its own: that it is turned away is what the browser complains of.
        tab = page.context.new_page()
        tab.goto("/profile/")
        search = {"type": "search", "id": "a", "fields": somebody.posted}
        test = {"node": somebody.numbers["nodes"], "kind": "server", "form": None, "find": False}

        def told(route: str) -> Any:
            address = here.replace("http", "ws") + somebody.address(f"/{route}")
            return tab.evaluate(_LISTEN, [address, json.dumps({**search, **test})])

        answers = {route: told(route) for route in SOCKETS_CLOSED}
        # 1006 is what the page hears of one that was turned away before it opened.
        assert {route: answer for route, answer in answers.items() if answer not in (1006, 4404)} == {}
        assert not any(somebody.is_seen_in(told(route)) for route in SOCKETS_OWN)
        assert pacs.valve.passed == 0
