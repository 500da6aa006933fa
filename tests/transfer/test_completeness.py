"""What a source has, and what of it is still to come."""

import pytest

from adit.dicom.errors import Canceled, Unreachable
from adit.dicom.protocols import Capabilities
from adit.dicom.refs import UID, Ref
from adit.endpoints.cancel import CancelToken
from adit.endpoints.memory import Faults, Memory
from adit.transfer.completeness import Asking, list_instances, still_missing
from adit.transfer.ledger import Tally
from tests.peers.data import ct_study, uid_of
from tests.transfer.moving import held

STUDY = ct_study(series=2, instances=3, name="listed", size=128)
UID_OF_STUDY, SERIES = UID(STUDY.uid), [UID(series) for series in STUDY.series]
LISTED = {series: frozenset(UID(file.uid) for file in STUDY.of(series)) for series in SERIES}


def source(**faults):
    return Memory(held(STUDY), faults=Faults(**faults))


class TestAListing:
    def test_names_the_instances_of_each_series(self):
        assert list_instances(source(), UID_OF_STUDY, SERIES, lean=True) == LISTED

    @pytest.mark.parametrize("fault", [{"lists_instances": False}, {"refuses_to_list": True}, {"unreachable": 2}])
    def test_is_empty_where_the_source_does_not_say(self, fault):
        assert list_instances(source(**fault), UID_OF_STUDY, SERIES, lean=True) == dict.fromkeys(SERIES)

    def test_goes_on_with_the_next_series_after_an_error(self):
        assert list_instances(source(unreachable=1), UID_OF_STUDY, SERIES, lean=True) == {
            SERIES[0]: None,
            SERIES[1]: LISTED[SERIES[1]],
        }

    def test_of_an_unknown_series_is_not_said_to_be_empty(self):
        assert list_instances(source(), UID_OF_STUDY, [UID(uid_of("nobody"))], lean=True) == {uid_of("nobody"): None}

    def test_ends_when_canceled(self):
        token = CancelToken()
        token.set()
        with pytest.raises(Canceled):
            list_instances(Memory(held(STUDY), cancel=token), UID_OF_STUDY, SERIES, lean=True)


class TestAsking:
    @pytest.mark.parametrize("meanwhile", [True, False])
    def test_answers_either_way(self, meanwhile):
        asked = source()
        asked.capabilities = Capabilities(finds_while_retrieving=meanwhile)
        with Asking(asked, UID_OF_STUDY, SERIES) as asking:
            assert asking.answer() == LISTED

    def test_for_nothing_asks_nothing(self):
        with Asking(source(unreachable=1), UID_OF_STUDY, []) as asking:
            assert asking.answer() == {}

    def test_is_left_at_once_when_something_else_breaks(self):
        token = CancelToken()
        stalled = Stalled(token)
        with pytest.raises(Unreachable), Asking(stalled, UID_OF_STUDY, SERIES):
            raise Unreachable
        # Whoever closes the source ends the question that is still out.
        token.set()


class Stalled(Memory):
    """A source that answers no query before it is canceled."""

    def __init__(self, token):
        super().__init__(held(STUDY), cancel=token)
        self.token = token

    def find(self, query):
        self.token.wait(60)
        yield


def tally(**values):
    return Tally(UID("1.1"), **values)


class TestWhatIsStillMissing:
    STUDY = UID("1")
    ONE, TWO, THREE = (UID(f"1.1.{n}") for n in (1, 2, 3))

    def of(self, *tallies):
        return list(still_missing(self.STUDY, tallies))

    def test_is_nothing_when_all_that_is_listed_was_stored(self):
        assert self.of(tally(listed=frozenset((self.ONE,)), stored={self.ONE})) == []

    def test_is_the_whole_series_when_nothing_was_stored(self):
        assert self.of(tally(listed=frozenset((self.ONE, self.TWO)))) == [Ref(self.STUDY, UID("1.1"))]

    def test_is_each_instance_that_lacks(self):
        listed = frozenset((self.ONE, self.TWO, self.THREE))
        refs = self.of(tally(listed=listed, stored={self.TWO}))

        assert refs == [Ref(self.STUDY, UID("1.1"), self.ONE), Ref(self.STUDY, UID("1.1"), self.THREE)]

    def test_leaves_out_what_was_excluded_or_refused(self):
        listed = frozenset((self.ONE, self.TWO, self.THREE))
        refs = self.of(tally(listed=listed, excluded={self.ONE: "rule"}, refused={self.TWO: "bad"}))

        assert refs == [Ref(self.STUDY, UID("1.1"), self.THREE)]

    @pytest.mark.parametrize(("count", "missing"), [(3, True), (2, False), (None, True)])
    def test_is_the_whole_series_while_the_count_is_not_reached(self, count, missing):
        refs = self.of(tally(count=count, stored={self.ONE}, excluded={self.TWO: "rule"}))

        assert refs == [Ref(self.STUDY, UID("1.1"))] * missing

    def test_looks_at_every_series(self):
        other = Tally(UID("1.2"), listed=frozenset((self.TWO,)))
        first = tally(listed=frozenset((self.ONE,)), stored={self.ONE})

        assert self.of(first, other) == [Ref(self.STUDY, UID("1.2"))]
