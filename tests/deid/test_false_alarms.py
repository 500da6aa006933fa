"""How often the tripwire takes for somebody what is nobody: in all sample data, as the default profile leaves them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

import pytest

from adit.deid.carried import Kind
from adit.deid.errors import Excluded
from adit.deid.tally import Note, What
from adit.deid.treatment import Treatment
from adit.deid.tripwire import Known, search
from adit.dicom.contexts import EXPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import InMemory, Instance
from adit.dicom.reading import read
from adit.dicom.refs import Ref
from adit.dicom.scan import DEFLATED_SYNTAXES
from adit.site.demo.objects import instance as demo_instance
from adit.site.demo.patients import studies
from tests.deid.test_descriptors import lines
from tests.deid.treating import PSEUDONYM, content, from_file, order
from tests.dicom.files import readable_files

Value = tuple[str, bytes, tuple[str, ...], bool]


@dataclass
class Collecting:
    """In place of what is known: told every value that would be looked at."""

    values: set[Value] = field(default_factory=set)

    def hit_in(self, vr: str, encoded: bytes, charset: tuple[str, ...], *, by_machine: bool) -> None:
        self.values.add((vr, encoded, charset, by_machine))


@dataclass
class Sample:
    """All sample data, treated.

    Attributes:
        instances: How many.
        removed: What the tripwire removed although it looks for the patient himself only.
        where: In how many instances each value is left.
    """

    instances: int = 0
    removed: list[tuple[str, Note]] = field(default_factory=list)
    where: defaultdict[Value, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, name: str, instance: Instance) -> None:
        treatment = Treatment(order())
        try:
            treated = treatment.apply(instance)
        except (Excluded, BadData):
            return
        if treated.transfer_syntax in DEFLATED_SYNTAXES:
            return
        self.instances += 1
        self.removed += [(name, note) for note in treatment.tally.counts if note.what is What.CLEANED]
        seen = Collecting()
        left = read(content(treated), treated.transfer_syntax)
        assert list(search(left, seen, made=lambda _tag, text: text == PSEUDONYM)) == []  # type: ignore[arg-type]
        for value in seen.values:
            self.where[value] += 1


@pytest.fixture(scope="module")
def sample() -> Sample:
    gathered = Sample()
    for file in readable_files():
        if all(file.dataset.get(keyword) for keyword in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID")):
            gathered.add(file.name, from_file(file))
    for study in studies():
        for series in study.series:
            made = demo_instance(study, series, 1)
            ref = Ref(made.study, made.series, made.uid)
            gathered.add(series.description, Instance(ref, made.sop_class, EXPLICIT, InMemory(made.encoded)))
    return gathered


def people(count: int) -> list[Known]:
    """*count* people with common names, ids of the usual kinds and a referring physician, always the same."""
    drawn = Random(1954)
    names = [name for line in lines("people.txt") for name in line.split()]
    ids = ["{:07d}", "{:010d}", "P{:06d}", "{:05d}", "A{:03d}", "{:04d}", "ACC-{:08d}"]

    def number() -> str:
        form = drawn.choice(ids)
        return form.format(drawn.randrange(10 ** int(form[-3])))

    def name() -> str:
        return f"{drawn.choice(names)}^{drawn.choice(names)}"

    return [
        Known(
            [
                (Kind.NAME, name()),
                (Kind.ID, number()),
                (Kind.ACCESSION, number()),
                (Kind.BIRTH, f"{drawn.randrange(1930, 2015)}{drawn.randrange(1, 13):02d}{drawn.randrange(1, 29):02d}"),
                (Kind.PERSON, name()),
            ]
        )
        for _ in range(count)
    ]


class TestTheTripwire:
    def test_removes_nothing_from_sample_data_that_is_not_the_patients(self, sample):
        print(f"{sample.instances} instances, removed: {sample.removed}")

        assert sample.instances > 150
        assert sample.removed == []

    def test_takes_nothing_in_sample_data_for_other_people(self, sample):
        crowd = people(60)
        alarms = [
            (value, sample.where[value])
            for person in crowd
            for value in sample.where
            if person.hit_in(*value[:3], by_machine=value[3]) is not None
        ]
        number, pairs = sum(count for _, count in alarms), len(crowd) * sample.instances
        print(f"{number} false alarms in {pairs} instances: {alarms}")

        assert pairs > 10_000
        assert number <= pairs // 10_000
