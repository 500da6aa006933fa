"""Pages of servers and folders."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from adit.accounts.models import User
from adit.audit.models import Event
from adit.nodes import changes
from adit.nodes.models import Access, Node
from tests.jobs.fakes import administrator, submitted, two_servers
from tests.nodes.making import folder, server
from tests.web.people import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    return client_of(User.objects.create_user("root", is_staff=True))


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


SERVER = {
    "name": "North",
    "ae_title": "NORTH",
    "host": "north.example.org",
    "port": "104",
    "abilities": ["find_study", "get_study"],
    "accepts": "anything",
    "enabled": "on",
    "tls_check_name": "on",
    "decompress": "on",
    "max_associations": "3",
    "connect_timeout": "10",
    "idle_timeout": "120",
    "windows-zone": "Europe/Berlin",
    "window-TOTAL_FORMS": "2",
    "window-INITIAL_FORMS": "0",
}


class TestTheListOfNodes:
    def test_shows_an_administrator_all(self, staff):
        server("North")
        folder("Shelf", "/data", enabled=False)

        page = staff.get("/nodes/").content.decode()

        assert "North" in page
        assert "Shelf" in page
        assert "switched off" in page

    def test_shows_others_what_they_may_use_and_as_what(self, ann):
        server("North")
        Access.objects.create(node=server("South"), user=ann, source=True)

        page = client_of(ann).get("/nodes/").content.decode()

        assert "North" not in page
        assert "South" in page
        assert ">source" in page
        assert ">destination" not in page
        assert "Add a server" not in page

    def test_counts_the_access_of_the_active_group_only(self, ann):
        group = Group.objects.create(name="neuro")
        ann.groups.add(group)
        Access.objects.create(node=server("South"), group=group, source=True)
        assert "South" not in client_of(ann).get("/nodes/").content.decode()

        ann.active_group = group
        ann.save()
        assert "South" in client_of(ann).get("/nodes/").content.decode()

    def test_is_in_the_order_of_names(self, staff):
        for name in ("north", "South", "East"):
            server(name)

        page = staff.get("/nodes/").content.decode()

        assert page.index("East") < page.index("north") < page.index("South")

    def test_asks_the_database_as_often_for_many_as_for_few(self, staff):
        def queries() -> int:
            with CaptureQueriesContext(connection) as counted:
                staff.get("/nodes/")
            return len(counted)

        server("N1")
        queries()
        few = queries()
        for number in range(2, 12):
            server(f"N{number}")

        assert queries() == few

    def test_says_what_to_do_when_there_is_none(self, staff, ann):
        assert "Add the first PACS" in staff.get("/nodes/").content.decode()
        assert "An administrator can give it" in client_of(ann).get("/nodes/").content.decode()


class TestThePageOfANode:
    def test_does_not_exist_for_who_may_not_use_it(self, ann):
        node = server()

        assert client_of(ann).get(f"/nodes/{node.pk}/").status_code == 404

    def test_hides_the_address_from_who_may_only_use_it(self, ann, staff):
        node = server(host="pacs.example.org")
        Access.objects.create(node=node, user=ann, source=True)

        assert "pacs.example.org" in staff.get(f"/nodes/{node.pk}/").content.decode()
        assert "pacs.example.org" not in client_of(ann).get(f"/nodes/{node.pk}/").content.decode()

    def test_never_shows_a_secret(self, staff):
        node = server(dicomweb_url="https://pacs.example.org/web", authorization="Bearer s3cret", qido=True)

        for path in (f"/nodes/{node.pk}/", f"/nodes/{node.pk}/edit/"):
            page = staff.get(path).content.decode()
            assert "s3cret" not in page
            assert node.authorization.token not in page
        assert "authorization is set" in staff.get(f"/nodes/{node.pk}/").content.decode()

    def test_says_what_to_enter_at_the_pacs(self, staff, settings):
        settings.ADIT_RECEIVER_PORT = 11122
        node = server(host="127.0.0.1", calling_ae_title="ADITN")

        page = staff.get(f"/nodes/{node.pk}/entry/").content.decode()

        assert "ADITN" in page
        assert "11122" in page
        assert "127.0.0.1" in page


@pytest.mark.parametrize("path", ["/nodes/add/server/", "/nodes/{}/edit/", "/nodes/{}/entry/"])
def test_pages_that_change_nodes_do_not_exist_for_others_and_the_try_is_recorded(ann, path):
    node = server()
    Access.objects.create(node=node, user=ann, source=True, destination=True)
    address = path.format(node.pk)

    assert client_of(ann).get(address).status_code == 404

    event = Event.objects.get(actor="ann", outcome="refused")
    assert event.details["path"] == address
    assert event.address == "127.0.0.1"


@pytest.mark.parametrize("what", ["suspend", "resume", "remove", "access"])
def test_others_change_nothing(ann, what):
    node = server()
    Access.objects.create(node=node, user=ann, source=True, destination=True)

    done = client_of(ann).post(f"/nodes/{node.pk}/{what}/", {"reason": "x"})

    assert done.status_code == 404
    assert Node.objects.get().suspended_at is None
    assert Access.objects.count() == 1


class TestAddingANode:
    def test_stores_it_with_its_windows(self, staff):
        line = {"window-0-days": ["mon", "fri"], "window-0-opens": "18:00", "window-0-closes": "06:00"}

        done = staff.post("/nodes/add/server/", SERVER | line)

        node = Node.objects.get(name="North")
        assert done["Location"] == f"/nodes/{node.pk}/"
        assert (node.port, node.max_associations, sorted(node.abilities)) == (104, 3, ["find_study", "get_study"])
        assert node.windows == {
            "zone": "Europe/Berlin",
            "open": [{"days": ["mon", "fri"], "from": "18:00", "until": "06:00"}],
        }
        assert Event.objects.get(action="node.added").actor == "root"

    def test_without_a_window_is_always_open(self, staff):
        staff.post("/nodes/add/server/", SERVER)

        assert Node.objects.get().windows is None

    def test_says_at_the_field_what_is_wrong(self, staff):
        done = staff.post("/nodes/add/server/", SERVER | {"ae_title": "A\\B", "host": "http://x"})

        page = done.content.decode()
        assert done.status_code == 422
        assert 'id="id_ae_title-error"' in page
        assert 'id="id_host-error"' in page
        assert 'value="North"' in page
        assert not Node.objects.exists()

    def test_wants_times_for_the_days_of_a_window(self, staff):
        done = staff.post("/nodes/add/server/", SERVER | {"window-0-days": ["mon"]})

        assert "Say from when until when" in done.content.decode()
        assert not Node.objects.exists()

    def test_knows_time_zones(self, staff):
        done = staff.post("/nodes/add/server/", SERVER | {"windows-zone": "Europe/Bonn"})

        assert "&#x27;Europe/Bonn&#x27; is no time zone" in done.content.decode()
        assert not Node.objects.exists()

    def test_takes_a_folder_with_a_quota(self, staff):
        values = {
            "name": "Shelf",
            "path": "/data/shelf",
            "quota_gb": "10",
            "accepts": "pseudonymised",
            "enabled": "on",
            "windows-zone": "UTC",
            "window-TOTAL_FORMS": "0",
            "window-INITIAL_FORMS": "0",
        }
        staff.post("/nodes/add/folder/", values)

        node = Node.objects.get()
        assert (node.kind, node.path, node.quota_gb, node.accepts) == ("folder", "/data/shelf", 10, "pseudonymised")


class TestEditingANode:
    WEB = SERVER | {"dicomweb_url": "https://pacs.example.org/web"}

    def node(self):
        return server("North", dicomweb_url="https://pacs.example.org/web", authorization="Bearer old")

    def test_keeps_a_secret_where_nothing_is_typed(self, staff):
        node = self.node()

        assert staff.post(f"/nodes/{node.pk}/edit/", self.WEB | {"port": "11112"}).status_code == 302

        node.refresh_from_db()
        assert (node.port, node.authorization.reveal()) == (11112, "Bearer old")

    def test_replaces_a_secret_and_takes_it_away(self, staff):
        node = self.node()

        staff.post(f"/nodes/{node.pk}/edit/", self.WEB | {"authorization": "Bearer new"})
        node.refresh_from_db()
        assert node.authorization.reveal() == "Bearer new"

        staff.post(f"/nodes/{node.pk}/edit/", self.WEB | {"remove_authorization": "on"})
        node.refresh_from_db()
        assert node.authorization is None

    def test_shows_the_windows_that_are_stored(self, staff):
        stored = {"zone": "Europe/Berlin", "open": [{"days": ["sat"], "from": "07:30", "until": "12:00"}]}
        node = server(windows=stored)

        page = staff.get(f"/nodes/{node.pk}/edit/").content.decode()

        assert 'value="07:30"' in page
        assert 'name="windows-zone" value="Europe/Berlin"' in page


class TestAccess:
    def test_is_given_and_taken_as_a_table(self, staff, ann):
        node, group = server(), Group.objects.create(name="neuro")
        Access.objects.create(node=node, user=ann, source=True, destination=True)

        staff.post(
            f"/nodes/{node.pk}/access/",
            {f"group-{group.pk}-source": "on", f"user-{ann.pk}-destination": "on", "newcomer-user": ""},
        )

        rows = Access.objects.values_list("group__name", "user__username", "source", "destination")
        assert set(rows) == {("neuro", None, True, False), (None, "ann", False, True)}
        assert Event.objects.filter(action="node.access_changed", actor="root").count() == 2

    def test_is_given_to_one_more_user(self, staff, ann):
        node = server()

        staff.post(f"/nodes/{node.pk}/access/", {"newcomer-user": "ann", "newcomer-source": "on"})

        assert Access.objects.get().user == ann

    def test_says_when_there_is_no_such_user(self, staff):
        node = server()

        done = staff.post(f"/nodes/{node.pk}/access/", {"newcomer-user": "nobody", "newcomer-source": "on"})

        assert (done.status_code, Access.objects.exists()) == (422, False)
        assert "There is no user &#x27;nobody&#x27;." in done.content.decode()


class TestSuspending:
    @pytest.mark.parametrize(("when", "now"), [("after", False), ("now", True)])
    def test_keeps_the_reason_and_stops_what_runs_only_when_told_to(self, staff, when, now):
        node = server()

        staff.post(f"/nodes/{node.pk}/suspend/", {"reason": "moves house", "when": when})

        node.refresh_from_db()
        assert (node.suspended_reason, node.suspended_now) == ("moves house", now)
        assert Event.objects.get(action="node.suspended").address == "127.0.0.1"
        assert "moves house" in staff.get("/nodes/").content.decode()

    @pytest.mark.parametrize("reason", [" ", "\0"])
    def test_wants_a_reason(self, staff, reason):
        node = server()

        done = staff.post(f"/nodes/{node.pk}/suspend/", {"reason": reason, "when": "now"}, follow=True)

        assert "with a reason" in done.content.decode()
        assert Node.objects.get().suspended_at is None

    def test_ends(self, staff):
        node = server()
        changes.suspend(node, by=administrator(), reason="x", now=timezone.now(), running_too=True)

        staff.post(f"/nodes/{node.pk}/resume/")

        node.refresh_from_db()
        assert (node.suspended_at, node.suspended_now) == (None, False)


class TestRemoving:
    def test_takes_it_away(self, staff):
        node = server()

        staff.post(f"/nodes/{node.pk}/remove/")

        assert not Node.objects.exists()

    def test_is_refused_with_a_sentence_while_a_job_uses_it(self, staff):
        source, _ = two_servers()
        submitted()

        done = staff.post(f"/nodes/{source.pk}/remove/", follow=True)

        assert "a job that has not ended uses it" in done.content.decode()
        assert Node.objects.filter(pk=source.pk).exists()
