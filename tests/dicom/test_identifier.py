"""What a peer is asked, and that a retrieve never asks for more than is meant."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.identifier import RETURNED, UNIQUE, decode, encode, find_identifier, retrieve_identifiers
from adit.dicom.query import BadQuery, Query
from adit.dicom.refs import UID, Level, Ref

A, B, C, D = (UID(f"1.2.{n}") for n in range(4))
DIRT = st.text(st.sampled_from("012.*?\\ \0\nx"), max_size=6)
REFS = st.one_of(
    st.builds(Ref, DIRT.map(UID)),
    st.builds(Ref, DIRT.map(UID), DIRT.map(UID)),
    st.builds(Ref, DIRT.map(UID), DIRT.map(UID), DIRT.map(UID)),
)
GOOD = st.sampled_from([A, B, C, D])
GOOD_REFS = st.one_of(st.builds(Ref, GOOD), st.builds(Ref, GOOD, GOOD), st.builds(Ref, GOOD, GOOD, GOOD))
LEVELS = ["STUDY", "SERIES", "IMAGE"]
UID_KEYS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
ABOVE = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}


class TestAFind:
    @pytest.mark.parametrize("level", Level)
    def test_asks_for_the_keys_of_its_level(self, level):
        found = find_identifier(Query.of(level, **ABOVE))

        assert found.QueryRetrieveLevel == level
        assert UNIQUE[level] in found
        assert all(keyword in found for keyword in RETURNED[level])

    def test_carries_its_keys_and_wishes(self):
        query = Query(Level.STUDY, (("PatientName", "Doe*"), ("StudyDate", "20200101-")), wanted=("InstitutionName",))

        found = decode(encode(find_identifier(query)), IMPLICIT)

        assert (found.PatientName, found.StudyDate) == ("Doe*", "20200101-")
        assert found["InstitutionName"].is_empty

    @pytest.mark.parametrize(
        ("name", "unicode", "charset", "asked"),
        [
            ("Doe", True, "ISO_IR 100", "Doe"),
            ("Müller", True, "ISO_IR 100", "Müller"),
            ("山田*", True, "ISO_IR 192", "山田*"),
            ("山田*", False, "ISO_IR 100", "??*"),
        ],
    )
    def test_names_the_character_set_that_it_needs(self, name, unicode, charset, asked):
        sent = decode(encode(find_identifier(Query.of(Level.STUDY, PatientName=name), unicode=unicode)), IMPLICIT)

        assert (sent.SpecificCharacterSet, str(sent.PatientName)) == (charset, asked)

    @pytest.mark.parametrize(
        "query",
        [
            Query.of(Level.SERIES),
            Query.of(Level.SERIES, StudyInstanceUID="1.2.*"),
            Query.of(Level.SERIES, StudyInstanceUID="1.2\\1.3"),
            Query.of(Level.INSTANCE, StudyInstanceUID="1.2"),
            Query.of(Level.STUDY, Nonsense="1"),
            Query.of(Level.STUDY, StudyDate="früher"),
            Query.of(Level.SERIES, StudyInstanceUID="1.2", SeriesNumber="one"),
        ],
    )
    def test_that_cannot_be_asked_is_refused(self, query):
        with pytest.raises(BadQuery):
            find_identifier(query)


def asked(datasets: list[Dataset]) -> list[tuple[str, ...]]:
    keywords = ("QueryRetrieveLevel", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return [
        tuple("\\".join(v) if not isinstance(v := d[k].value, str) else str(v) for k in keywords if k in d)
        for d in datasets
    ]


class TestARetrieve:
    def test_is_one_for_each_level_and_parent(self):
        refs = [Ref(A, B), Ref(A, C), Ref(D), Ref(B, C, D), Ref(B, C, A)]

        assert asked(retrieve_identifiers(refs)) == [
            ("SERIES", A, f"{B}\\{C}"),
            ("STUDY", D),
            ("IMAGE", B, C, f"{D}\\{A}"),
        ]

    def test_does_not_ask_twice_for_what_lies_under_another(self):
        refs = [Ref(A, B, C), Ref(A, B), Ref(B), Ref(B, C), Ref(B)]

        assert asked(retrieve_identifiers(refs)) == [("SERIES", A, B), ("STUDY", B)]

    def test_is_split_into_lists_that_peers_take(self):
        refs = [Ref(A, B, UID(f"1.3.{n}")) for n in range(450)]

        lists = [dataset.SOPInstanceUID for dataset in retrieve_identifiers(refs)]

        assert [len(uids) for uids in lists] == [200, 200, 50]
        assert [uid for uids in lists for uid in uids] == [ref.instance for ref in refs]

    def test_names_the_patient_where_patient_root_wants_it(self):
        assert asked(retrieve_identifiers([Ref(A, B)], patient_id="4711")) == [("SERIES", "4711", A, B)]

    @pytest.mark.parametrize(
        "refs",
        [[], [Ref(UID(""))], [Ref(UID("*"))], [Ref(A), Ref(UID("1.2.?"))], [Ref(A, UID(""))], [Ref(A, B, UID(" "))]],
    )
    def test_of_nothing_or_of_everything_is_refused(self, refs):
        with pytest.raises(BadQuery):
            retrieve_identifiers(refs)

    @pytest.mark.parametrize("patient_id", ["", " ", "\0", "*", "47?1", "1\\2", "1\n2"])
    def test_of_any_patient_is_refused(self, patient_id):
        with pytest.raises(BadQuery):
            retrieve_identifiers([Ref(A)], patient_id=patient_id)

    @given(st.lists(REFS, max_size=4), st.none() | DIRT, st.integers(1, 3))
    def test_never_goes_out_without_a_uid_at_every_level(self, refs, patient_id, most):
        try:
            datasets = retrieve_identifiers(refs, patient_id=patient_id, most=most)
        except BadQuery:
            return
        for dataset in datasets:
            sent = decode(encode(dataset))
            keys = dict(zip(UID_KEYS, (sent.get(keyword) for keyword in UID_KEYS), strict=True))
            level = LEVELS.index(sent.QueryRetrieveLevel)
            for keyword in UID_KEYS[:level]:
                assert re.fullmatch(r"[0-9.]{1,64}", keys[keyword])
            own = keys[UID_KEYS[level]]
            listed = [own] if isinstance(own, str) else list(own)
            assert 1 <= len(listed) <= most
            assert all(re.fullmatch(r"[0-9.]{1,64}", one) for one in listed)
            assert not any(keyword in sent for keyword in UID_KEYS[level + 1 :])
            assert (patient_id is None) == ("PatientID" not in sent)
            assert patient_id is None or re.fullmatch(r"[^*?\\\x00-\x1f]+", sent.PatientID)

    @given(st.lists(GOOD_REFS, min_size=1, max_size=8), st.integers(1, 3))
    def test_asks_for_all_that_is_meant_and_nothing_else(self, refs, most):
        meant = set()
        for dataset in retrieve_identifiers(refs, most=most):
            above = [UID(str(dataset[keyword].value)) for keyword in UID_KEYS if keyword in dataset][:-1]
            own = dataset[UID_KEYS[len(above)]].value
            meant |= {Ref(*above, UID(str(one))) for one in ([own] if isinstance(own, str) else own)}

        assert meant <= set(refs)
        assert all(any(ref in one for one in meant) for ref in refs)


class TestADecodedIdentifier:
    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
    def test_is_what_was_encoded(self, syntax):
        dataset = find_identifier(Query.of(Level.STUDY, PatientName="Müller^Hans", StudyInstanceUID="1.2.3"))

        assert encode(decode(encode(dataset, syntax), syntax), syntax) == encode(dataset, syntax)

    def test_without_character_set_is_read_by_the_fallback(self):
        dataset = Dataset()
        dataset.PatientName = "Müller^Hans"
        dataset.SpecificCharacterSet = "ISO_IR 101"
        content = encode(dataset).replace(b"ISO_IR 101", b"          ")

        assert str(decode(content, fallback="ISO_IR 101").PatientName) == "Müller^Hans"
        assert str(decode(encode(dataset).replace(b"ISO_IR 101", b"NO SUCH IR"), IMPLICIT).PatientName) == "Müller^Hans"

    def test_is_decoded_in_its_sequences_too(self):
        item, dataset = Dataset(), Dataset()
        item.CodeMeaning = "Schädel"
        dataset.ProcedureCodeSequence = [item]
        dataset.SpecificCharacterSet = "ISO_IR 192"

        assert decode(encode(dataset)).ProcedureCodeSequence[0].CodeMeaning == "Schädel"

    @given(st.binary(max_size=200), st.sampled_from([IMPLICIT, EXPLICIT]))
    def test_of_rubbish_is_a_data_set_or_bad_data(self, rubbish, syntax):
        with suppress(BadData):
            assert isinstance(decode(rubbish, syntax), Dataset)


class TestALeanQuery:
    def test_asks_for_the_unique_keys_alone(self):
        query = Query.of(Level.INSTANCE, lean=True, StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3")

        identifier = find_identifier(query)

        assert {element.keyword for element in identifier} == {
            "SpecificCharacterSet",
            "QueryRetrieveLevel",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "SOPInstanceUID",
        }
