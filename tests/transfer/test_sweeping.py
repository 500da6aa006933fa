"""Sweeps: what is planned, what is left out and why, and how much it would be."""

from __future__ import annotations

import json
from datetime import date

import pytest

from adit.dicom.errors import Canceled
from adit.dicom.refs import UID
from adit.endpoints.memory import Memory
from adit.transfer.estimating import estimate
from adit.transfer.events import Planned, Swept
from adit.transfer.mass.criteria import EVERYTHING, BadCriteria, Criteria, Filter
from adit.transfer.mass.partitions import BadRange, Partition, Sweep, window
from adit.transfer.mass.sweeping import sweep
from adit.transfer.weights import Experience
from tests.peers.data import MR_IMAGE, ct_study
from tests.transfer.moving import held
from tests.transfer.strict import Strict, Study

MONDAY, SUNDAY = date(2020, 1, 6), date(2020, 1, 12)


def swept(source, *filters: Filter, first: date = MONDAY, last: date = SUNDAY) -> tuple[list[Planned], Swept]:
    *planned, end = sweep(window(first, last, Criteria(filters)), source=source, most=None)
    assert isinstance(end, Swept)
    return planned, end


def series(study: str, number: int, **values: str) -> tuple[tuple[str, str], ...]:
    return (("SeriesInstanceUID", f"{study}.{number}"), *values.items())


class TestASweep:
    def test_plans_what_lies_in_its_days(self):
        source = Strict([Study(UID(f"1.2.{day}"), f"202001{day:02d}") for day in range(1, 20)])

        planned, end = swept(source)

        assert [event.item.study for event in planned] == [f"1.2.{day}" for day in range(6, 13)]
        assert (end.found, end.planned, end.left_out, end.missing, end.queries) == (7, 7, (), "", 1)

    def test_filters_dates_that_the_source_ignored(self):
        source = Strict(
            [Study(UID("1.2.1"), "20191231"), Study(UID("1.2.2")), Study(UID("1.2.3"), "")],
            ignores=frozenset(("StudyDate",)),
        )

        planned, end = swept(source)

        assert [event.item.study for event in planned] == ["1.2.2"]
        assert end.left_out == (("the source does not tell: study date", 1),)

    def test_names_whose_they_are(self):
        source = Strict([Study(UID("1.2.1"), patient_id="P7", others=(("IssuerOfPatientID", "East"),))])

        item = swept(source)[0][0].item

        assert (item.patient_id, item.issuer, item.series, item.pseudonym) == ("P7", "East", (), "")

    def test_asks_for_each_modality_and_plans_a_study_of_two_once(self):
        source = Strict([Study(UID("1.2.1"), modalities="CT\\PT"), Study(UID("1.2.2"), modalities="MR")])

        planned, end = swept(source, Filter("modality", ("CT", "PT")))

        assert [event.item.study for event in planned] == ["1.2.1"]
        assert [query.value("ModalitiesInStudy") for query in source.asked] == ["CT", "PT"]
        assert end.found == 1

    def test_filters_modalities_that_the_source_ignored(self):
        source = Strict(
            [Study(UID("1.2.1"), modalities="CT"), Study(UID("1.2.2"), modalities="MR")],
            ignores=frozenset(("ModalitiesInStudy",)),
        )

        planned, end = swept(source, Filter("modality", ("CT",)))

        assert [event.item.study for event in planned] == ["1.2.1"]
        assert end.left_out == (("Modality of the study is CT", 1),)

    def test_asks_at_series_level_for_candidates_only(self):
        source = Recording(
            [
                Study(UID("1.2.1"), series=(series("1.2.1", 1, SeriesDescription="scout"),)),
                Study(
                    UID("1.2.2"),
                    series=(
                        series("1.2.2", 1, SeriesDescription="scout"),
                        series("1.2.2", 2, SeriesDescription="axial"),
                    ),
                ),
                Study(UID("1.2.3"), modalities="MR", series=(series("1.2.3", 1, SeriesDescription="axial"),)),
            ]
        )

        planned, end = swept(
            source, Filter("modality", ("C*",)), Filter("series_description", ("*scout*",), exclude=True)
        )

        assert [(event.item.study, event.item.series) for event in planned] == [("1.2.2", ("1.2.2.2",))]
        assert source.series_asked == ["1.2.1", "1.2.2"]
        assert dict(end.left_out) == {"Modality of the study is C*": 1, "Series description is not *scout*": 1}
        assert end.queries == 3

    def test_asks_the_series_when_the_study_does_not_tell(self):
        source = Strict(
            [
                Study(UID("1.2.1"), series=(series("1.2.1", 1, InstitutionName="Clinic A"),)),
                Study(UID("1.2.2"), series=(series("1.2.2", 1, InstitutionName="Clinic B"),)),
            ]
        )

        planned, end = swept(source, Filter("institution", ("clinic a",)))

        assert [event.item.study for event in planned] == ["1.2.1"]
        assert planned[0].item.series == ()
        assert end.untold == ()

    def test_leaves_out_what_cannot_be_decided_and_says_so(self):
        born = (("PatientBirthDate", "20000101"),)
        source = Strict([Study(UID("1.2.1"), others=born), Study(UID("1.2.2"))])

        planned, end = swept(source, Filter("age", ("-17Y",), exclude=True))

        assert [event.item.study for event in planned] == ["1.2.1"]
        assert end.left_out == (("the source does not tell: age of the patient", 1),)
        assert end.untold == ()

    def test_names_what_the_source_never_tells(self):
        end = swept(Strict([Study(UID("1.2.1"))]), Filter("study_description", ("*head*",)))[1]

        assert end.untold == ("Study description",)

    def test_of_an_endpoint_in_memory(self):
        studies = [ct_study(instances=1, size=128, name=f"m{n}") for n in range(3)]
        studies.append(ct_study(instances=1, size=128, name="mr", sop_class=MR_IMAGE))

        planned, end = swept(
            Memory(held(*studies)), Filter("modality", ("CT",)), first=date(2024, 2, 29), last=date(2024, 2, 29)
        )

        assert {event.item.study for event in planned} == {study.uid for study in studies[:3]}
        assert end.found == 3


class Recording(Strict):
    """Which studies were asked for their series."""

    def __init__(self, studies, **how) -> None:
        super().__init__(studies, **how)
        self.series_asked: list[str] = []

    def _series(self, query):
        self.series_asked.append(query.value("StudyInstanceUID"))
        return super()._series(query)


class TestPartitions:
    def test_are_weeks_that_begin_on_monday(self):
        spans = Sweep(date(2020, 1, 1), date(2020, 1, 14), Partition.WEEKLY).spans()

        assert spans == (
            (date(2020, 1, 1), date(2020, 1, 5)),
            (date(2020, 1, 6), date(2020, 1, 12)),
            (date(2020, 1, 13), date(2020, 1, 14)),
        )

    def test_are_days(self):
        assert len(Sweep(date(2020, 1, 1), date(2020, 12, 31), Partition.DAILY).windows()) == 366

    def test_are_all_different(self):
        parts = [each.part for each in Sweep(date(2019, 1, 1), date(2020, 12, 31)).windows()]

        assert len(set(parts)) == len(parts)

    @pytest.mark.parametrize(
        ("first", "last", "reason"),
        [
            (date(2020, 1, 2), date(2020, 1, 1), "before it starts"),
            (date(1020, 1, 2), date(2020, 1, 1), "no images before 1900"),
            (date(9999, 12, 31), date.max, "2999-12-31 is the latest"),
            (date(1900, 1, 1), date(2020, 1, 1), "makes 43830 partitions, 10000 are the most"),
        ],
    )
    def test_of_a_range_that_nobody_means_are_refused(self, first, last, reason):
        with pytest.raises(BadRange, match=reason):
            Sweep(first, last, Partition.DAILY)

    def test_are_the_same_after_json(self):
        asked = Sweep(MONDAY, SUNDAY, Partition.DAILY, Criteria((Filter("modality", ("CT",)),)))

        assert Sweep.from_json(json.loads(json.dumps(asked.to_json()))) == asked

    def test_of_json_say_everything_that_is_wrong(self):
        with pytest.raises(BadCriteria) as raised:
            Sweep.from_json({"first": "x", "partition": "hourly", "filters": [{"on": "age", "values": ["old"]}]})

        assert len(raised.value.reasons) == 4


KNOWN = Experience({"CT": 500_000.0})


def counted(number: int, instances: int, day: str = "20200106") -> Study:
    others = (("NumberOfStudyRelatedInstances", str(instances)), ("NumberOfStudyRelatedSeries", "2"))
    return Study(UID(f"1.2.{number}"), day, others=others)


class TestAnEstimate:
    def test_of_few_partitions_is_exact(self):
        source = Strict([counted(n, 100) for n in range(4)])

        found = estimate(Sweep(MONDAY, SUNDAY), source=source, most=None, experience=KNOWN, seconds=10)

        assert (found.studies, found.series, found.instances, found.exact) == (4, 8, 400, True)
        assert str(found).startswith("from its one partition (7 of 7 days), by queries only")

    def test_of_many_partitions_asks_some_and_scales(self):
        days = [date(2020, 1, 6).fromordinal(MONDAY.toordinal() + n) for n in range(364)]
        source = Strict([counted(n, 10, f"{day:%Y%m%d}") for n, day in enumerate(days)])

        found = estimate(
            Sweep(days[0], days[-1]), source=source, most=None, experience=KNOWN, seconds=10, sample=4, clock=lambda: 0
        )

        assert (found.asked, found.partitions, found.days_asked) == (4, 52, 28)
        assert (found.studies, found.instances, found.exact) == (364, 3640, False)
        assert "4 of 52 partitions (28 of 364 days)" in str(found)
        assert "scaled by days" in str(found)

    def test_says_what_the_source_does_not_tell(self):
        found = estimate(
            Sweep(MONDAY, SUNDAY), source=Strict([Study(UID("1.2.1"))]), most=None, experience=KNOWN, seconds=10
        )

        assert (found.studies, found.series, found.instances, found.size) == (1, None, None, None)

    def test_of_chosen_series_counts_only_those(self):
        chosen = series("1.2.1", 1, Modality="CT", NumberOfSeriesRelatedInstances="30")
        other = series("1.2.1", 2, Modality="SR", NumberOfSeriesRelatedInstances="1")
        source = Strict([Study(UID("1.2.1"), series=(chosen, other))])
        asked = Sweep(MONDAY, SUNDAY, criteria=Criteria((Filter("series_modality", ("CT",)),)))

        found = estimate(asked, source=source, most=None, experience=KNOWN, seconds=10)

        assert (found.series, found.instances, found.size) == (1, 30, 15_000_000)

    def test_ends_in_time_with_what_was_asked_until_then(self):
        now = iter(range(1000))
        source = Strict([counted(n, 10, f"202001{n + 6:02d}") for n in range(20)])

        found = estimate(
            Sweep(MONDAY, date(2020, 1, 25), Partition.DAILY),
            source=source,
            most=None,
            experience=KNOWN,
            seconds=4,
            sample=20,
            clock=lambda: next(now),
        )

        assert 0 < found.asked < 20
        assert not found.exact
        assert "asking was ended after 4 s" in str(found)

    def test_says_that_nothing_is_known_when_there_was_no_time(self):
        found = estimate(
            Sweep(MONDAY, SUNDAY), source=Strict([]), most=None, experience=KNOWN, seconds=0, clock=lambda: 0
        )

        assert (found.asked, found.exact) == (0, False)
        assert str(found) == "nothing is known: asking was ended after 0 s"

    def test_can_be_canceled(self):
        class Leaving(Strict):
            def find(self, query):
                raise Canceled

        with pytest.raises(Canceled):
            estimate(Sweep(MONDAY, SUNDAY), source=Leaving([]), most=None, experience=KNOWN, seconds=10)

    def test_tells_how_far_it_is(self):
        steps: list[tuple[int, int]] = []

        estimate(
            Sweep(MONDAY, SUNDAY, Partition.DAILY, EVERYTHING),
            source=Strict([]),
            most=None,
            experience=KNOWN,
            seconds=10,
            sample=3,
            asked=lambda *step: steps.append(step),
        )

        assert steps == [(1, 3), (2, 3), (3, 3)]
