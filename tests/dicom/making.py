"""Data sets: one header, and, for Hypothesis, of every make."""

from __future__ import annotations

from hypothesis import strategies as st
from pydicom import DataElement, Dataset

from adit.dicom.contexts import DEFLATED, EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.refs import UID
from adit.dicom.scan import Identity

IDENTITY = Identity(UID("1.2.3"), UID("1.2.4"), UID("1.2.5"), UID("1.2.6"))
UIDS = (IDENTITY.study, IDENTITY.series)

SYNTAXES = [IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN, DEFLATED]
NATIVE = SYNTAXES[:3]

WORDS = st.text(st.sampled_from("ABab019 äöüß山田"), min_size=1, max_size=12).map(str.strip)
VALUES = {
    "SOPClassUID": st.just("1.2.840.10008.5.1.4.1.1.2"),
    "SOPInstanceUID": st.from_regex(r"1\.[1-9]{1,60}", fullmatch=True),
    "StudyInstanceUID": st.from_regex(r"2\.[1-9]{1,60}", fullmatch=True),
    "SeriesInstanceUID": st.from_regex(r"3\.[1-9]{1,60}", fullmatch=True),
    "StudyDate": st.dates().map(lambda day: day.isoformat().replace("-", "")),
    "StudyDescription": WORDS,
    "ImageType": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "", "AXIAL"]), min_size=2, max_size=4),
    "PatientName": st.lists(WORDS, min_size=1, max_size=3).map("^".join),
    "PatientComments": WORDS,
    "SliceThickness": st.integers(-999, 999).map(str),
    "SeriesNumber": st.integers(-(2**31), 2**31 - 1).map(str),
    "Rows": st.integers(0, 2**16 - 1),
    "FrameIncrementPointer": st.integers(0, 2**32 - 1),
    "ReconstructionFieldOfView": st.lists(st.floats(allow_nan=False), min_size=2, max_size=2),
    "RedPaletteColorLookupTableData": st.binary(max_size=8).map(lambda value: value * 2),
    "TextValue": WORDS,
}
SEQUENCES = (
    "ReferencedStudySequence",
    "RequestAttributesSequence",
    "DerivationCodeSequence",
    "SharedFunctionalGroupsSequence",
)
FLAT = st.fixed_dictionaries({}, optional=VALUES)


def header(**changes: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = IDENTITY.sop_class, IDENTITY.instance
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UIDS
    dataset.PatientName = "Doe^John"
    dataset.Rows = 1
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def with_sequence(*, undefined: bool, depth: int = 2) -> Dataset:
    dataset = Dataset()
    dataset.CodeValue = "inner"
    for level in range(depth):
        item, dataset = dataset, header() if level == depth - 1 else Dataset()
        # Sequences carry UIDs of their own, which are not the data set's.
        item.StudyInstanceUID = "9.9.9"
        element = DataElement("ReferencedStudySequence", "SQ", [item, Dataset()])
        element.is_undefined_length = item.is_undefined_length_sequence_item = undefined
        dataset.add(element)
    return dataset


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """Some elements, and sequences of such, their lengths and those of their items defined or not."""
    made = Dataset()
    for keyword, value in draw(FLAT).items():
        setattr(made, keyword, value)
    for keyword in draw(st.sets(st.sampled_from(SEQUENCES), max_size=2)) if depth else ():
        items = draw(st.lists(data_sets(depth - 1), max_size=2))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        sequence = DataElement(keyword, "SQ", items)
        sequence.is_undefined_length = draw(st.booleans())
        made.add(sequence)
    return made
