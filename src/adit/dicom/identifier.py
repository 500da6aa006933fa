"""The identifiers of C-FIND, C-GET and C-MOVE: data sets that say what is asked for (PS3.4 C.4.1.1.3, C.4.2.1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR, keyword_dict, tag_for_keyword
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import BaseTag

from adit.dicom.contexts import EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.query import TEXT_VRS, BadQuery, Query
from adit.dicom.reading import AFFECTED, charset_of, read, vr_of, written_text
from adit.dicom.refs import UID, BadUID, Level, Ref, uid
from adit.dicom.values import LATIN_1, UTF_8

RETURNED: dict[Level, tuple[str, ...]] = {
    Level.PATIENT: (
        "PatientID",
        "PatientName",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "NumberOfPatientRelatedStudies",
        "NumberOfPatientRelatedSeries",
        "NumberOfPatientRelatedInstances",
    ),
    Level.STUDY: (
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "PatientName",
        "PatientID",
        "StudyID",
        "PatientBirthDate",
        "PatientSex",
        "StudyDescription",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ),
    Level.SERIES: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
    Level.INSTANCE: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "InstanceNumber",
        "SOPClassUID",
        "AvailableTransferSyntaxUID",
    ),
}
"""What every answer is asked to carry: unique and required keys (PS3.4 C.6.1.1, C.6.2.1), and what lists show."""

UNIQUE = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}

MOST_UIDS = 200
"""UIDs in one list. Peers and their databases cap what they take."""

_ABOVE = {Level.SERIES: ("StudyInstanceUID",), Level.INSTANCE: ("StudyInstanceUID", "SeriesInstanceUID")}


def find_identifier(query: Query, *, unicode: bool = True) -> Dataset:
    """What a C-FIND request carries: matching keys with their value, return keys empty.

    Args:
        unicode: The peer understands ISO_IR 192. It is used only for what Latin-1 cannot write;
            where the peer does not, a `?` stands for each such character.

    Raises:
        BadQuery: A key is unknown or does not fit, or one of the levels above is not named by its UID.
    """
    keys = dict(query.keys)
    for keyword in _ABOVE.get(query.level, ()):
        _require_uid(keyword, keys.get(keyword, ""), query.level)
    charset = _charset(keys.values(), unicode=unicode)
    dataset = Dataset()
    returned = (*_ABOVE.get(query.level, ()), UNIQUE[query.level]) if query.lean else RETURNED[query.level]
    for keyword in dict.fromkeys((*returned, *query.wanted, *keys)):
        if keyword not in keyword_dict:
            raise BadQuery(f"'{keyword[:64]}' is no DICOM attribute")
        _add(dataset, keyword, _writable(keyword, keys.get(keyword, ""), charset))
    _add(dataset, "SpecificCharacterSet", charset)
    _add(dataset, "QueryRetrieveLevel", query.level.value)
    return dataset


def retrieve_identifiers(refs: Sequence[Ref], *, patient_id: str | None = None, most: int = MOST_UIDS) -> list[Dataset]:
    """What the C-GET or C-MOVE requests carry that together ask for all of *refs* and nothing else.

    One for each level and parent, more where a list would pass *most* UIDs. What lies under
    another of *refs* is not asked for twice.

    Args:
        patient_id: For Patient Root, which wants it at every level (PS3.4 C.6.1.1).

    Raises:
        BadQuery: Nothing is asked for, or a reference or *patient_id* is empty or holds a
            wildcard. Some archives answer that with all they have.
    """
    if not refs:
        raise BadQuery("a retrieve names at least one study")
    if patient_id is not None and (not patient_id.strip() or any(c in "*?\\" or c < " " for c in patient_id)):
        raise BadQuery("a retrieve by patient names one PatientID, without wildcards")
    grouped: dict[tuple[Level, UID | None, UID | None], list[UID]] = {}
    for ref in _outermost(refs):
        parent, own = _split(ref)
        grouped.setdefault((ref.level, *parent), []).append(own)
    datasets = []
    for (level, study, series), uids in grouped.items():
        for start in range(0, len(uids), most):
            dataset = Dataset()
            _add(dataset, "QueryRetrieveLevel", level.value)
            for keyword, value in (
                ("PatientID", patient_id),
                ("StudyInstanceUID", study),
                ("SeriesInstanceUID", series),
                (UNIQUE[level], "\\".join(uids[start : start + most])),
            ):
                if value is not None:
                    _add(dataset, keyword, value)
            if patient_id is not None and not patient_id.isascii():
                _add(dataset, "SpecificCharacterSet", _charset([patient_id], unicode=True))
            datasets.append(dataset)
    return datasets


def encode(dataset: Dataset, transfer_syntax: UID = IMPLICIT) -> bytes:
    """Encode an identifier in an uncompressed transfer syntax.

    Raises:
        BadData: A value cannot be written.
    """
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == IMPLICIT
    buffer.is_little_endian = transfer_syntax != EXPLICIT_BIG_ENDIAN
    try:
        write_dataset(buffer, dataset)
    except Exception as error:  # pydicom raises whatever its writers stumble on
        raise BadData(f"the identifier cannot be encoded: {type(error).__name__}") from error
    return buffer.getvalue()


def decode(encoded: bytes | memoryview, transfer_syntax: UID = IMPLICIT, *, fallback: str = LATIN_1) -> Dataset:
    """Decode an answer; its text by its own character set, or by *fallback* where it names none.

    Numbers, dates and plain text are parsed when they are asked for, and may turn out broken then.

    Raises:
        BadData: It is no data set.
    """
    dataset = read(encoded, transfer_syntax)
    if _all_plain(encoded):
        return dataset
    try:
        _decode_texts(dataset, (), fallback)
    except Exception as error:  # pydicom raises whatever its readers stumble on
        raise BadData(f"the answer cannot be parsed: {type(error).__name__}") from error
    return dataset


def _all_plain(encoded: bytes | memoryview) -> bool:
    """Whether all its text means the same in every character set: true of nearly all answers."""
    written = bytes(encoded)
    return written.isascii() and b"\x1b" not in written


def _decode_texts(dataset: Dataset, outer: tuple[str, ...], fallback: str) -> None:
    marked = [(tag, vr) for tag, vr in _texts_and_sequences(dataset) if vr == "SQ" or not _plain(dataset, tag)]
    charset = charset_of(dataset, outer) if marked else ()
    for tag, vr in marked:
        if vr == "SQ":
            _decode_items(dataset, tag, charset, fallback)
        elif (text := written_text(dataset, tag, charset, fallback)) is not None:
            _put(dataset, tag, vr, text)


def _texts_and_sequences(dataset: Dataset) -> Iterator[tuple[BaseTag, str]]:
    for tag in list(dataset.keys()):
        vr = vr_of(tag, dataset.get_item(tag).VR)
        if vr == "SQ" or vr in AFFECTED:
            yield tag, vr


def _plain(dataset: Dataset, tag: BaseTag) -> bool:
    value = dataset.get_item(tag).value
    return isinstance(value, bytes) and value.isascii() and b"\x1b" not in value


def _decode_items(dataset: Dataset, tag: int, charset: tuple[str, ...], fallback: str) -> None:
    try:
        items = list(dataset[tag].value)
    except Exception:  # noqa: BLE001  a sequence that cannot be read must not cost the answer
        del dataset[tag]
        return
    for item in items:
        _decode_texts(item, charset, fallback)


def _outermost(refs: Iterable[Ref]) -> list[Ref]:
    distinct = dict.fromkeys(refs)
    return [
        ref
        for ref in distinct
        if not (ref.series and Ref(ref.study) in distinct)
        and not (ref.instance and Ref(ref.study, ref.series) in distinct)
    ]


def _split(ref: Ref) -> tuple[tuple[UID | None, UID | None], UID]:
    """The UIDs above, and its own; all checked."""
    try:
        study = uid(ref.study)
        series = None if ref.series is None else uid(ref.series)
        instance = None if ref.instance is None else uid(ref.instance)
    except BadUID as error:
        raise BadQuery(f"a retrieve needs the UIDs of what is wanted: {error}") from error
    if instance is not None:
        return (study, series), instance
    return ((study, None), series) if series is not None else ((None, None), study)


def _require_uid(keyword: str, value: str, level: Level) -> None:
    try:
        uid(value)
    except BadUID as error:
        raise BadQuery(f"a query at level {level} names one {keyword}: {error}") from error


def _charset(values: Iterable[str], *, unicode: bool) -> str:
    # Never left out, not even for ASCII: some peers answer in the character set of the request,
    # and with `?` for umlauts where it named none.
    try:
        "".join(values).encode("latin-1")
    except UnicodeEncodeError:
        return UTF_8 if unicode else LATIN_1
    return LATIN_1


def _writable(keyword: str, value: str, charset: str) -> str:
    if value.isascii():
        return value
    if dictionary_VR(keyword) not in TEXT_VRS:
        raise BadQuery(f"{keyword}: the value holds letters that do not belong there")
    # What Latin-1 lacks becomes `?`, which is the wildcard for one character.
    return value if charset == UTF_8 else value.encode("latin-1", "replace").decode("latin-1")


def _add(dataset: Dataset, keyword: str, value: str) -> None:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    _put(dataset, tag, dictionary_VR(keyword), value)


def _put(dataset: Dataset, tag: int, vr: str, value: str) -> None:
    try:
        dataset.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise BadQuery(f"the value of {tag:08X} does not fit") from error
