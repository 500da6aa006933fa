"""One server that can be asked in several ways."""

from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from adit.dicom.errors import NotFound
from adit.dicom.protocols import Outcome
from adit.dicom.query import BadQuery, Query
from adit.dicom.refs import UID, Level, Ref
from adit.dimse.errors import Rejected
from adit.endpoints.answers import HttpRefused
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import Root, WebConfig
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from adit.endpoints.ways import Lending, Refusals, Way
from tests.endpoints.conformance import instance
from tests.endpoints.servers import config, once
from tests.endpoints.test_conformance import given, taken
from tests.peers.data import ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.misbehaving_web import WebScript, misbehaving_web
from tests.peers.scripts import BUSY, UNKNOWN_CALLING, Script

STUDY = ct_study(series=2, instances=2, name="both ways")
ROOT = Ref(UID(STUDY.uid))
EVERYTHING = {"finds": True, "retrieves": True, "stores": True}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Both:
    """A server that speaks DIMSE and DICOMweb, each of which may misbehave."""

    def __init__(self, dimse, web, tmp_path, exits):
        self.dimse = dimse
        self.web = web
        self.clock = Clock()
        self.refusals = Refusals(lasting=60, clock=self.clock)
        self._tmp_path = tmp_path
        self._exits = exits

    def open(self, *, by_web=None, **values):
        found = config(self.dimse.peer, **{"web": WebConfig(self.web.url, **(by_web or EVERYTHING)), **values})
        share = self._exits.enter_context(Budget(64 << 20).share("test"))
        spool = Spool(self._tmp_path, share, NEVER)
        server = Server(found, cancel=NEVER, spool=spool, again=once, refusals=self.refusals)
        self._exits.callback(server.close)
        return server

    def asked_web(self, word):
        return sum(word in asked.path for asked in self.web.requests)


@pytest.fixture
def both(tmp_path):
    with ExitStack() as exits:
        dimse = exits.enter_context(misbehaving(STUDY))
        web = exits.enter_context(misbehaving_web(STUDY))
        yield Both(dimse, web, tmp_path, exits)


def found(server):
    return [match.ref for match in server.find(Query.of(Level.STUDY, StudyInstanceUID=STUDY.uid))]


def stored(server):
    with server, closing(server.store([instance(file) for file in STUDY.files])) as receipts:
        return [each.outcome for each in receipts]


REJECTED = Script(rejects_always=UNKNOWN_CALLING)


class TestFinding:
    def test_goes_by_c_find_first(self, both):
        assert found(both.open()) == [ROOT]
        assert both.web.requests == []

    def test_goes_by_qido_where_c_find_is_refused(self, both):
        both.dimse.script = REJECTED

        assert found(both.open()) == [ROOT]

    def test_goes_by_qido_where_that_is_all_there_is(self, both):
        assert found(both.open(finds=())) == [ROOT]

    def test_ends_with_the_last_refusal(self, both):
        both.dimse.script = REJECTED
        both.web.script = WebScript(statuses={"qido": 403})

        with pytest.raises(HttpRefused, match="403"):
            found(both.open())


class TestRetrieving:
    def test_goes_by_wado_first(self, both):
        assert taken(both.open(), ROOT) == given(STUDY)
        assert both.asked_web(STUDY.uid) == 1

    @pytest.mark.parametrize("status", [403, 404, 406, 501])
    def test_goes_by_c_get_where_wado_is_refused(self, both, status):
        both.web.script = WebScript(statuses={"wado": status})

        assert taken(both.open(), ROOT) == given(STUDY)

    def test_goes_by_wado_where_c_get_is_refused(self, both):
        both.dimse.script = REJECTED
        both.refusals.note(both.open().config, [Way.WADO])

        assert taken(both.open(by_web={**EVERYTHING, "finds": True}), ROOT) == given(STUDY)

    def test_does_not_change_the_way_for_what_passes_by_itself(self, both):
        both.web.script = WebScript(statuses={"wado": 503})

        with pytest.raises(HttpRefused) as caught:
            taken(both.open(), ROOT)
        assert caught.value.transient

    def test_does_not_change_the_way_once_something_came(self, both):
        both.web.script = WebScript(drops_after=12_000)

        with pytest.raises(Exception, match="broke"):
            taken(both.open(), ROOT)

    @pytest.mark.parametrize("by_web", [True, False], ids=["WADO-RS", "C-GET"])
    @pytest.mark.parametrize("study", ["", "*", "1.2.*", "1.2\\1.3"])
    def test_of_what_names_no_single_study_is_never_sent(self, both, by_web, study):
        server = both.open(by_web={**EVERYTHING, "retrieves": by_web})

        with pytest.raises(BadQuery):
            taken(server, Ref(UID(study)))
        assert (both.web.requests, both.dimse.seen.requests) == ([], [])

    def test_of_an_unknown_study_says_so_and_refuses_no_way(self, both):
        with pytest.raises(NotFound):
            taken(both.open(), Ref(UID("1.2.3")))

        assert both.refusals.ordered(both.open().config, [Way.WADO, Way.C_GET]) == [Way.WADO, Way.C_GET]


class TestStoring:
    def test_goes_by_c_store_first(self, both):
        assert stored(both.open()) == [Outcome.STORED] * 4
        assert both.dimse.holds() == STUDY.instances
        assert both.web.kept == {}

    @pytest.mark.parametrize("associations", [1, 2])
    def test_goes_by_stow_where_c_store_is_refused_and_loses_nothing(self, both, associations):
        both.dimse.script = REJECTED

        assert stored(both.open(associations=associations)) == [Outcome.STORED] * 4
        assert both.web.kept.keys() == STUDY.instances

    def test_closes_what_it_took(self, both):
        both.dimse.script = REJECTED
        mine = [instance(file) for file in STUDY.files]
        with both.open() as server:
            list(server.store(mine))

        assert [each.body.size for each in mine] == [0] * 4

    def test_closes_what_it_took_when_every_way_is_refused(self, both):
        both.dimse.script = REJECTED
        both.web.script = WebScript(statuses={"stow": 403})
        mine = [instance(STUDY.files[0])]
        with pytest.raises(HttpRefused), both.open() as server:
            list(server.store(mine))

        assert mine[0].body.size == 0


class TestWhatIsRemembered:
    def test_is_the_way_that_was_refused_for_every_server_of_the_process(self, both):
        both.dimse.script = REJECTED
        found(both.open())
        calls = both.dimse.seen.total
        found(both.open())

        assert both.dimse.seen.total == calls

    def test_is_forgotten_after_a_while(self, both):
        both.dimse.script = REJECTED
        found(both.open())
        both.dimse.script = Script()
        both.clock.now += 61
        before = len(both.web.requests)

        assert found(both.open()) == [ROOT]
        assert len(both.web.requests) == before

    def test_counts_for_one_configuration_only(self, both):
        server = both.open()
        both.refusals.note(server.config, [Way.C_FIND])
        ways = [Way.C_FIND, Way.QIDO]

        assert both.refusals.ordered(replace(server.config, associations=1), ways) == [Way.QIDO, Way.C_FIND]
        assert both.refusals.ordered(replace(server.config, port=1), ways) == ways

    def test_is_nothing_when_no_way_did(self, both):
        both.dimse.script = REJECTED
        both.web.script = WebScript(statuses={"qido": 403})
        with pytest.raises(HttpRefused):
            found(both.open())

        assert both.refusals.ordered(both.open().config, [Way.C_FIND, Way.QIDO]) == [Way.C_FIND, Way.QIDO]

    def test_is_tried_last_and_still_tried(self, both):
        both.refusals.note(both.open(finds=(Root.STUDY,)).config, [Way.C_FIND])
        both.web.script = WebScript(statuses={"qido": 403})

        assert found(both.open()) == [ROOT]


class TestLending:
    def test_lends_again_what_came_to_nothing(self):
        mine = [instance(file) for file in STUDY.files]
        lending = Lending(mine)
        first = lending.all()
        one, two = next(first), next(first)
        one.close()
        lending.returned(one.ref)
        again = list(lending.all())

        assert [each.ref for each in again] == [two.ref, *(each.ref for each in mine[2:])]
        assert mine[0].body.size == 0
        assert mine[1].body.size
        lending.close()
        assert [each.body.size for each in mine] == [0] * 4


def test_a_rejection_for_the_moment_is_no_refusal(both):
    both.dimse.script = Script(rejects_always=BUSY)

    with pytest.raises(Rejected):
        found(both.open())
