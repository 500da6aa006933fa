"""Moving a study between two endpoints in memory, whatever goes wrong on the way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pytest

from adit.dicom.errors import Canceled, Full, NotFound, Refused, Unreachable
from adit.dicom.instance import Instance
from adit.dicom.protocols import Capabilities, Receipt, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.memory import Faults, Memory
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.retrying import Patience, RetryingSink
from adit.transfer.events import Committed, Confirmed, Event, Expected, Failed, Leaving, Placed, Received, Stored
from adit.transfer.items import Layout
from adit.transfer.ledger import NEVER_ARRIVED, NOT_LISTED, Ledger
from tests.endpoints.conformance import kept
from tests.peers.data import ct_study, uid_of
from tests.transfer.moving import Attempt, held, states, uids

STUDY = ct_study(series=2, instances=3, name="moved", size=128)
LONG = ct_study(instances=100, name="long", size=128)
OTHER = ct_study(instances=2, name="other", size=128)
A, B = (UID(series) for series in STUDY.series)

ALL, SOME, NONE = "success", "warning", "failure"


def source(*studies, cancel=NEVER, **faults) -> Memory:
    return Memory(held(*(studies or (STUDY, OTHER))), faults=Faults(**faults), cancel=cancel)


def sink(**faults) -> Memory:
    return Memory(faults=Faults(**faults))


def keeps(memory: Memory) -> set[str]:
    return set(memory.kept)


class Counted:
    """A sink that counts what it was given, by SOP Instance UID."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.given: Counter[UID] = Counter()
        self.capabilities = memory.capabilities

    def __enter__(self) -> Counted:
        self.memory.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.memory.__exit__(*error)

    def store(self, instances: Iterable[Instance]) -> Iterator[Receipt]:
        def counted() -> Iterator[Instance]:
            for instance in instances:
                self.given[instance.uid] += 1
                yield instance

        return self.memory.store(counted())

    def holds(self, study: UID) -> frozenset[UID] | None:
        return self.memory.holds(study)


class Watched:
    """A source that writes down what was retrieved."""

    def __init__(self, source: Source, capabilities: Capabilities | None = None) -> None:
        self.source = source
        self.capabilities = capabilities or source.capabilities
        self.retrieved: list[tuple[Ref, ...]] = []
        self.retrieving = False
        self.asked_meanwhile = 0

    def find(self, query: Query):
        self.asked_meanwhile += query.level is Level.INSTANCE and self.retrieving
        return self.source.find(query)

    def retrieve(self, refs: Sequence[Ref]):
        self.retrieved.append(tuple(refs))
        self.retrieving = True
        try:
            yield from self.source.retrieve(refs)
        finally:
            self.retrieving = False


class TestATransfer:
    def test_moves_everything_and_has_it_confirmed(self):
        done = Attempt(source(), sink()).run(STUDY.uid)

        assert done.verdict == ALL
        assert done.ledger.verdict().message == "6 of 6 instances stored and confirmed"
        assert keeps(done.sink) == STUDY.instances
        for series, tally in done.ledger.series.items():
            files = STUDY.of(series)
            assert (tally.expected, len(tally.received), len(tally.stored), tally.confirmed) == (3, 3, 3, 3)
            assert tally.size == sum(len(file.encoded) for file in files)

    def test_tells_what_happens_in_order(self):
        kinds = [type(event) for event in Attempt(source(), sink()).run(STUDY.uid).events]
        first = {kind: kinds.index(kind) for kind in kinds}
        order = (Placed, Expected, Leaving, Received, Stored, Committed, Confirmed)

        assert [first[kind] for kind in order] == sorted(first[kind] for kind in order)
        assert first.keys() == set(order)

    def test_tells_what_the_source_calls_the_study(self):
        [placed] = [each for each in Attempt(source(), sink()).run(STUDY.uid).events if isinstance(each, Placed)]

        [said] = source().find(Query.of(Level.STUDY, StudyInstanceUID=STUDY.uid))
        assert (placed.patient_id, placed.accession_number) == (said.patient_id, said.accession_number)
        assert placed.accession_number.startswith("A")

    def test_stores_the_first_instance_before_the_last_arrives(self):
        done = Attempt(source(LONG), sink()).run(LONG.uid)
        kinds = [type(event) for event in done.events]

        assert kinds.index(Stored) < len(kinds) - 1 - kinds[::-1].index(Received)

    def test_keeps_bytes_and_transfer_syntax(self):
        study = ct_study(instances=2, name="compressed", transfer_syntax="1.2.840.10008.1.2.4.90", size=128)
        done = Attempt(source(study), sink()).run(study.uid)

        assert done.sink.kept == {each.ref.instance: each for each in held(study)}

    def test_moves_only_the_series_that_are_wanted(self):
        done = Attempt(source(), sink()).run(STUDY.uid, B)

        assert done.verdict == ALL
        assert keeps(done.sink) == {file.uid for file in STUDY.of(B)}
        assert list(done.ledger.series) == [B]

    def test_has_nothing_to_do_with_a_study_that_is_unknown(self):
        with pytest.raises(NotFound, match="unknown"):
            Attempt(source(), sink()).run(uid_of("nobody"))

    def test_has_nothing_to_do_with_a_series_that_is_unknown(self):
        tried = Attempt(source(), sink())
        with pytest.raises(NotFound, match=uid_of("nobody")):
            tried.run(STUDY.uid, A, uid_of("nobody"))

        assert keeps(tried.sink) == set()

    def test_is_not_taken_in_by_a_source_that_ignores_filters(self):
        done = Attempt(Rechecked(source(ignores_filters=True)), sink()).run(STUDY.uid)

        assert done.verdict == ALL
        assert keeps(done.sink) == STUDY.instances

    def test_opens_the_destination_where_the_item_says(self):
        there = Layout("job", "patient", "study")

        assert Attempt(source(), sink()).run(STUDY.uid, layout=there).layouts == [there]

    def test_opens_the_destination_by_what_the_source_says_otherwise(self):
        [layout] = Attempt(source(), sink()).run(STUDY.uid).layouts

        assert layout == Layout("job", "TEST-moved", "20240229-101500-CT")

    def test_asks_for_the_instances_while_they_arrive(self):
        begun, asked = threading.Event(), threading.Event()

        class Slow(Watched):
            def find(self, query: Query):
                if query.level is Level.INSTANCE:
                    assert begun.wait(10)
                found = super().find(query)
                if query.level is Level.INSTANCE:
                    asked.set()
                return found

        watched = Slow(source(LONG))

        def on_event(event: Event) -> None:
            if isinstance(event, Stored):
                begun.set()
                assert asked.wait(10)

        attempt = Attempt(watched, sink(), on_event=on_event)

        assert attempt.run(LONG.uid).verdict == ALL
        assert watched.asked_meanwhile == 1

    def test_asks_afterwards_where_the_source_allows_one_association(self):
        watched = Watched(source(), Capabilities(finds_while_retrieving=False))
        done = Attempt(watched, sink()).run(STUDY.uid)

        assert (done.verdict, watched.asked_meanwhile) == (ALL, 0)
        assert all(tally.listed for tally in done.ledger.series.values())

    def test_leaves_no_thread(self):
        Attempt(source(), sink()).run(STUDY.uid)
        for thread in threading.enumerate():
            if thread.name.startswith("asking"):
                thread.join(10)

        assert not [thread for thread in threading.enumerate() if thread.name.startswith("asking")]


class TestASourceThatMisbehaves:
    def test_is_asked_for_what_it_left_out(self):
        watched = Watched(source(LONG, skips=frozenset((10, 50, 99))))
        done = Attempt(watched, sink()).run(LONG.uid)

        assert done.verdict == ALL
        assert {ref.instance for ref in watched.retrieved[1]} == uids(LONG, 10, 50, 99)

    def test_is_not_believed_when_it_says_success_and_sent_less(self):
        hidden = uids(LONG, 3, 7, 99)
        watched = Watched(source(LONG, withholds=hidden))
        done = Attempt(watched, sink()).run(LONG.uid)

        assert done.verdict == SOME
        assert done.ledger.verdict().message == f"97 of 100 instances stored; 3 failed: {NEVER_ARRIVED} (3)"
        assert len(watched.retrieved) == 2

    def test_is_a_failure_when_nothing_came(self):
        done = Attempt(source(OTHER, withholds=uids(OTHER, 0, 1)), sink()).run(OTHER.uid)

        assert (done.verdict, done.tally.failed) == (NONE, 2)

    def test_may_break_off_as_long_as_each_time_brings_something(self):
        watched = Watched(source(LONG, closes_at=37))
        done = Attempt(watched, counted := Counted(sink())).run(LONG.uid)

        assert done.verdict == ALL
        assert [len(refs) for refs in watched.retrieved] == [1, 63, 26]
        assert set(counted.given.values()) == {1}
        assert any("went on after" in note for note in done.ledger.notes)

    def test_ends_the_attempt_when_it_breaks_off_and_brings_nothing(self):
        tried = Attempt(source(closes_at=0), sink())
        with pytest.raises(Unreachable):
            tried.run(STUDY.uid)

        assert tried.ledger.stored_instances == frozenset()

    def test_is_asked_four_times_in_one_attempt_at_most(self):
        watched = Watched(source(LONG, closes_at=10))
        tried = Attempt(watched, sink()).run(LONG.uid)

        assert (tried.verdict, len(tried.tally.stored), len(watched.retrieved)) == (SOME, 40, 4)

    def test_may_send_an_instance_twice(self):
        done = Attempt(source(repeats=frozenset((0, 4))), counted := Counted(sink())).run(STUDY.uid)

        assert done.verdict == ALL
        assert set(counted.given.values()) == {1}
        assert sum(len(tally.received) for tally in done.ledger.series.values()) == 6

    def test_may_send_what_was_not_asked_for_which_stays_behind(self):
        done = Attempt(source(unasked=kept(OTHER.files[0])), sink()).run(STUDY.uid)

        assert done.verdict == ALL
        assert keeps(done.sink) == STUDY.instances
        assert ["not asked for" in note for note in done.ledger.notes] == [True]

    def test_may_send_another_series_than_was_asked_for_which_stays_behind(self):
        other_series = next(file for file in STUDY.files if file.series == A)
        done = Attempt(source(unasked=kept(other_series)), sink()).run(STUDY.uid, B)

        assert done.verdict == ALL
        assert keeps(done.sink) == {file.uid for file in STUDY.of(B)}

    @pytest.mark.parametrize("fault", [{"lists_instances": False}, {"refuses_to_list": True}])
    def test_may_not_list_instances_as_long_as_it_counts_them(self, fault):
        done = Attempt(source(**fault), sink()).run(STUDY.uid)

        assert done.verdict == ALL
        assert all(tally.listed is None for tally in done.ledger.series.values())

    @pytest.mark.parametrize("fault", [{"lists_instances": False}, {"refuses_to_list": True}])
    def test_is_asked_for_the_series_again_when_only_the_count_says_that_something_is_missing(self, fault):
        watched = Watched(source(OTHER, withholds=uids(OTHER, 1), **fault))
        done = Attempt(watched, counted := Counted(sink())).run(OTHER.uid)

        assert (done.verdict, done.tally.failed) == (SOME, 1)
        assert watched.retrieved[1] == (Ref(UID(OTHER.uid), UID(OTHER.series[0])),)
        assert set(counted.given.values()) == {1}

    def test_may_not_count_as_long_as_it_lists(self):
        done = Attempt(source(counts=False), sink()).run(STUDY.uid)

        assert (done.verdict, done.ledger.series[A].expected) == (ALL, 3)

    def test_is_a_warning_when_it_neither_counts_nor_lists(self):
        done = Attempt(source(counts=False, lists_instances=False), sink()).run(STUDY.uid)

        assert done.verdict == SOME
        assert done.ledger.verdict().message == "6 instances stored; the source cannot say how many it has"

    def test_is_heard_again_when_instances_were_added_meanwhile(self):
        late = source(LONG)
        [*_, last] = held(LONG)
        del late.kept[last.ref.instance]

        def added(event: Event) -> None:
            if isinstance(event, Leaving) and last.ref.instance not in late.kept:
                late.kept[last.ref.instance] = last

        done = Attempt(late, sink(), on_event=added).run(LONG.uid)

        assert done.verdict == ALL
        assert done.tally.expected == 100

    def test_may_not_be_there_at_all(self):
        with pytest.raises(Unreachable):
            Attempt(source(unreachable=1), sink()).run(STUDY.uid)

    def test_may_stall_until_the_transfer_is_canceled(self):
        token = CancelToken()
        stored: list[Stored] = []

        def on_event(event: Event) -> None:
            if isinstance(event, Stored):
                stored.append(event)
            if len(stored) == 4:
                token.set("by the user")

        tried = Attempt(source(cancel=token, stalls_at=4), sink(), on_event=on_event)
        with pytest.raises(Canceled, match="by the user"):
            tried.run(STUDY.uid, cancel=token)

        assert tried.ledger.stored_instances == uids(STUDY, 0, 1, 2, 3)
        assert Committed not in map(type, tried.events)


class TestADestinationThatMisbehaves:
    def test_may_refuse_for_the_moment(self):
        patience = Patience((0, 0, 0), chance=lambda: 0.5, cancel=NEVER)
        done = Attempt(source(), RetryingSink(sink(busy=3), patience)).run(STUDY.uid)

        assert done.verdict == ALL
        assert not done.of(Failed)

    def test_is_named_with_its_reason_when_it_refuses_for_good(self):
        bad = uids(STUDY, 2)
        watched = Watched(source())
        done = Attempt(watched, sink(refuses=bad)).run(STUDY.uid)

        assert done.verdict == SOME
        assert "5 of 6 instances stored; 1 failed: the data set does not match" in done.ledger.verdict().message
        assert keeps(done.sink) == STUDY.instances - bad
        # It would be refused again, so it is not even retrieved again.
        assert len(watched.retrieved) == 1

    def test_is_a_failure_when_it_refuses_everything(self):
        done = Attempt(source(), sink(refuses=frozenset(map(UID, STUDY.instances)))).run(STUDY.uid)

        assert done.verdict == NONE

    def test_may_have_something_to_say(self):
        done = Attempt(source(), sink(warns=uids(STUDY, 0, 1))).run(STUDY.uid)

        assert done.verdict == ALL
        assert done.ledger.series[A].notes == ["data elements were coerced (0xB000) (2 instances)"]

    def test_may_break_off_and_be_there_again(self):
        done = Attempt(source(LONG), counted := Counted(sink(dies_after=37))).run(LONG.uid)

        assert done.verdict == ALL
        assert sum(counted.given.values()) == 101

    def test_ends_the_attempt_when_it_is_full_and_keeps_what_is_stored(self):
        room = sum(len(file.encoded) for file in LONG.files[:10])
        tried = Attempt(source(LONG), sink(room=room))
        with pytest.raises(Full):
            tried.run(LONG.uid)

        assert tried.tally.stored == keeps(tried.sink) == uids(LONG, *range(10))

    def test_may_not_be_there_at_all(self):
        tried = Attempt(source(), sink(unreachable=1))
        with pytest.raises(Unreachable):
            tried.run(STUDY.uid)

        assert tried.ledger.stored_instances == frozenset()

    def test_may_be_one_that_cannot_be_asked(self):
        done = Attempt(source(), sink(verifiable=False)).run(STUDY.uid)

        assert done.verdict == ALL
        assert done.ledger.verdict().message == "6 of 6 instances stored; the destination cannot be asked"
        assert not done.of(Confirmed)

    def test_may_need_a_moment_until_it_lists_what_it_took(self):
        done = Attempt(source(), sink(lists_late=1)).run(STUDY.uid, cancel=Impatient())

        assert done.verdict == ALL

    def test_is_not_believed_when_it_does_not_list_what_it_took(self):
        done = Attempt(source(), sink(lists_late=100)).run(STUDY.uid, cancel=Impatient())

        assert done.verdict == SOME
        assert done.ledger.series[B].reasons() == {NOT_LISTED: 1}

    def test_may_not_answer_when_it_is_asked(self):
        tried = Attempt(source(), sink(unanswering=True))
        with pytest.raises(Unreachable):
            tried.run(STUDY.uid)

        assert tried.verdict == SOME
        assert "nobody confirms it" in tried.ledger.verdict().message


class TestAFurtherAttempt:
    def after(self, first: Attempt, **faults) -> Attempt:
        """Another attempt with the same destination and what the first wrote down."""
        return Attempt(source(LONG, **faults), Counted(first.sink), Ledger(states(first.ledger)))

    def broken_off(self, **sink_faults) -> Attempt:
        tried = Attempt(source(LONG, closes_at=10), sink(**sink_faults))
        tried.run(LONG.uid)
        assert len(tried.sink.kept) == 40
        return tried

    @pytest.mark.parametrize("verifiable", [True, False])
    def test_sends_only_what_is_missing(self, verifiable):
        further = self.after(self.broken_off(verifiable=verifiable))
        further.run(LONG.uid, again=True)

        assert further.verdict == ALL
        assert further.sink.given == Counter(uids(LONG, *range(40, 100)))
        assert further.tally.size == sum(len(file.encoded) for file in LONG.files)

    def test_sends_again_what_the_destination_lost(self):
        first = self.broken_off()
        lost = uids(LONG, 0, 1)
        for uid in lost:
            del first.sink.kept[uid]
        further = self.after(first)
        further.run(LONG.uid, again=True)

        assert further.verdict == ALL
        assert further.sink.given.keys() == lost | uids(LONG, *range(40, 100))

    def test_does_not_send_what_came_there_another_way(self):
        further = Attempt(source(LONG), Counted(sink()))
        further.sink.memory.kept.update({each.ref.instance: each for each in held(LONG)[:99]})
        further.run(LONG.uid, again=True)

        assert further.verdict == ALL
        assert further.sink.given.keys() == uids(LONG, 99)

    def test_sends_nothing_when_all_is_there(self):
        first = Attempt(source(LONG), sink()).run(LONG.uid)
        watched = Watched(source(LONG))
        further = Attempt(watched, Counted(first.sink), Ledger(states(first.ledger)))
        further.run(LONG.uid, again=True)

        assert (further.verdict, further.sink.given, watched.retrieved) == (ALL, Counter(), [])

    def test_sends_a_series_again_when_only_counts_are_known_but_not_what_is_stored(self):
        first = self.broken_off(verifiable=False)
        further = self.after(first, lists_instances=False)
        further.run(LONG.uid, again=True)

        assert further.verdict == ALL
        assert further.sink.given == Counter(uids(LONG, *range(40, 100)))

    def test_tries_again_what_was_refused(self):
        first = Attempt(source(LONG), sink(refuses=uids(LONG, 5))).run(LONG.uid)
        mended = Memory(first.sink.kept.values())
        further = Attempt(source(LONG), Counted(mended), Ledger(states(first.ledger)))
        further.run(LONG.uid, again=True)

        assert further.verdict == ALL
        assert further.sink.given == Counter(uids(LONG, 5))

    def test_ends_when_the_destination_does_not_say_what_it_holds(self):
        first = self.broken_off()
        further = Attempt(
            source(LONG),
            Memory(first.sink.kept.values(), faults=Faults(unanswering=True)),
            Ledger(states(first.ledger)),
        )
        with pytest.raises(Unreachable):
            further.run(LONG.uid, again=True)

        assert len(further.sink.kept) == 40


class Impatient:
    """A token that is never set, and does not let anybody wait."""

    canceled = False

    def check(self) -> None:
        return

    def wait(self, seconds: float) -> None:
        return

    def closing(self, close):
        return NEVER.closing(close)


class TestErrors:
    def test_of_a_source_that_refuses_for_good_end_the_attempt(self):
        class Refusing(Watched):
            def retrieve(self, refs: Sequence[Ref]):
                raise Refused("not for you", status=0x0124)
                yield

        with pytest.raises(Refused, match="not for you"):
            Attempt(Refusing(source()), sink()).run(STUDY.uid)

    def test_close_the_retrieval_before_they_are_told(self):
        watched = Watched(source(LONG))
        # Kept, as a log or a debugger would: its frames live as long.
        with pytest.raises(Full) as told:
            Attempt(watched, sink(room=10_000)).run(LONG.uid)

        assert not watched.retrieving, told
