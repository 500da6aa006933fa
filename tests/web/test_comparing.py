"""Two headers side by side."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.dataelem import DataElement

from adit.web.search.comparing import Change, compare


def dataset(**values: object) -> Dataset:
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def said(before: Dataset, after: Dataset) -> dict[str, tuple[str, str, Change]]:
    return {f"{line.tag} {line.name}": (line.before, line.after, line.change) for line in compare(before, after)}


class TestComparing:
    def test_says_of_every_attribute_what_happens(self):
        before = dataset(PatientID="4711", Modality="CT", PatientBirthDate="19540312", ImageType=["A", "B"])
        after = dataset(PatientID="ALPHA", Modality="CT", PatientIdentityRemoved="YES", ImageType=["A", "B"])

        assert said(before, after) == {
            "(0008,0008) ImageType": ("A\\B", "A\\B", Change.SAME),
            "(0008,0060) Modality": ("CT", "CT", Change.SAME),
            "(0010,0020) PatientID": ("4711", "ALPHA", Change.CHANGED),
            "(0010,0030) PatientBirthDate": ("19540312", "", Change.REMOVED),
            "(0012,0062) PatientIdentityRemoved": ("", "YES", Change.ADDED),
        }

    def test_tells_an_empty_value_from_none(self):
        lines = said(dataset(PatientBirthDate="19540312", PatientSex=""), dataset(PatientBirthDate=""))

        assert [change for _, _, change in lines.values()] == [Change.CHANGED, Change.REMOVED]

    def test_goes_into_sequences(self):
        before = dataset(RequestAttributesSequence=[dataset(StudyID="1"), dataset(StudyID="2")])
        after = dataset(RequestAttributesSequence=[dataset(StudyID="1")])

        assert said(before, after) == {
            "(0040,0275) RequestAttributesSequence": ("[2]", "[1]", Change.CHANGED),
            "(0040,0275)[1].(0020,0010) StudyID": ("1", "1", Change.SAME),
            "(0040,0275)[2].(0020,0010) StudyID": ("2", "", Change.REMOVED),
        }

    def test_shows_of_bytes_only_how_many(self):
        before = Dataset()
        before.add(DataElement(0x00091001, "OB", b"secret"))

        assert [line.before for line in compare(before, Dataset())] == ["6 B"]

    def test_sees_that_bytes_differ_of_which_only_the_number_is_shown(self):
        before, after = Dataset(), Dataset()
        before.add(DataElement(0x00091001, "OB", b"secret"))
        after.add(DataElement(0x00091001, "OB", b"hidden"))

        assert [line.change for line in compare(before, after)] == [Change.CHANGED]

    def test_shortens_what_is_long(self):
        (line,) = compare(dataset(ImageComments="x" * 1000), Dataset())

        assert len(line.before) == 201
