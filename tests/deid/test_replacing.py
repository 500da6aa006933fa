"""One value, one action: what takes its place is legal, is ours, or is what was there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.deid.case import Case
from adit.deid.descriptors import Words
from adit.deid.engine import Engine
from adit.deid.keys import Key
from adit.deid.known import Known
from adit.deid.profile import PROFILES
from adit.deid.replacing import Place, encode_text, replace
from adit.deid.rules.actions import Action
from adit.deid.rules.resolve import Rules
from adit.dicom.refs import UID
from adit.dicom.values import decode_text
from tests.deid.treating import KEY
from tests.peers.data import CT_IMAGE

CASE = Case(
    rules=Rules.of(PROFILES["longitudinal"], UID(CT_IMAGE)),
    key=Key(KEY),
    words=Words(),
    engine=Engine(Key(KEY).engine_seed),
    known=Known.carrying(()),
    days=-100,
    pseudonym="P1",
    age="049Y",
    released=frozenset(),
)

LATIN_1, UTF_8 = ("ISO_IR 100",), ("ISO_IR 192",)

CHARSETS = [
    (),
    LATIN_1,
    UTF_8,
    ("ISO_IR 101",),
    ("ISO_IR 144",),
    ("ISO_IR 6", "ISO 2022 IR 87"),
    ("ISO 2022 IR 13", "ISO 2022 IR 87"),
    ("ISO_IR 6", "ISO 2022 IR 149"),
    ("GB18030",),
]


def place(vr: str, tag: int = 0x0008103E, charset: tuple[str, ...] = LATIN_1, scheme: str = "") -> Place:
    return Place(tag, vr, None, charset, scheme)


class TestAnyAction:
    @pytest.mark.parametrize("action", [each for each in Action if each not in (Action.SEQUENCE, Action.REMOVE)])
    @pytest.mark.parametrize("value", [b"", b"  ", b"\0"])
    def test_leaves_an_empty_value_empty(self, action: Action, value: bytes) -> None:
        done = replace(value, action, place("LO"), CASE)

        assert done.value == value

    @pytest.mark.parametrize("action", [each for each in Action if each is not Action.SEQUENCE])
    @given(
        value=st.binary(max_size=40),
        vr=st.sampled_from(["AE", "CS", "DA", "DT", "IS", "LO", "LT", "OB", "PN", "SH", "TM", "UI", "UN", "US", "UT"]),
        charset=st.sampled_from(CHARSETS),
    )
    def test_makes_something_of_any_bytes(self, action: Action, value: bytes, vr: str, charset) -> None:
        done = replace(value, action, place(vr, charset=charset), CASE)

        assert done.value is None or isinstance(done.value, bytes)
        if done.made and done.value and done.value is not value:
            assert done.value.isascii()


class TestCleaning:
    @pytest.mark.parametrize("charset", [LATIN_1, UTF_8])
    def test_keeps_what_is_kept_in_its_character_set(self, charset: tuple[str, ...]) -> None:
        codec = {LATIN_1: "latin-1", UTF_8: "utf-8"}[charset]

        done = replace("Schädel Yxzabc nativ".encode(codec), Action.CLEAN, place("LO", charset=charset), CASE)

        assert done.value == "Schädel nativ".encode(codec)
        assert [note.word for note in done.notes] == ["Yxzabc"]

    def test_touches_nothing_where_nothing_is_cut(self) -> None:
        value = b"Thorax  nativ "

        assert replace(value, Action.CLEAN, place("LO"), CASE).value is value

    def test_leaves_no_value_or_a_dummy_where_all_is_cut(self) -> None:
        assert replace(b"Yxzabc", Action.CLEAN, place("LO"), CASE).value == b""
        assert replace(b"Yxzabc", Action.CLEAN_OR_DUMMY, place("LO"), CASE).value == b"REMOVED"

    @given(text=st.text(st.sampled_from("aB1 äßłЖ山田한"), max_size=12), charset=st.sampled_from(CHARSETS))
    def test_writes_what_is_read_back_as_it_was_or_without_some_letters(self, text: str, charset) -> None:
        back = decode_text(encode_text(text, charset), charset)

        assert back in (text, text.encode("ascii", "ignore").decode())


class TestAValueThatIsKept:
    @pytest.mark.parametrize(
        ("vr", "value"),
        [("DA", b"20200310"), ("TM", b"101112.5 "), ("DS", b"-1.5e3\\+2 "), ("UI", b"1.2.3\0"), ("AS", b"012Y")],
    )
    def test_stays_where_it_looks_as_its_vr_wants(self, vr: str, value: bytes) -> None:
        assert replace(value, Action.KEEP, place(vr), CASE).value is value

    @pytest.mark.parametrize("vr", ["DA", "TM", "DT", "DS", "IS", "AS", "UI"])
    def test_is_emptied_and_noted_where_it_is_something_else(self, vr: str) -> None:
        done = replace(b"Mustermann", Action.KEEP, place(vr), CASE)

        assert done.value == b""
        assert done.notes


class TestValuesFromTheKey:
    def test_of_several_are_several(self) -> None:
        done = replace(b"1.2.3\\1.2.840.10008.1.2\\", Action.UID, place("UI"), CASE)

        first, second, third = (done.value or b"").split(b"\\")
        assert first.decode() == Key(KEY).uid("1.2.3")
        assert second == b"1.2.840.10008.1.2"
        assert third == b""

    @pytest.mark.parametrize("action", [Action.TOKEN, Action.NUMBER])
    def test_are_the_same_for_the_same_and_others_elsewhere(self, action: Action) -> None:
        one = replace(b"CT01", action, place("SH", 0x00081010), CASE).value

        assert one == replace(b"CT01 ", action, place("SH", 0x00081010), CASE).value
        assert one != replace(b"CT01", action, place("SH", 0x00181000), CASE).value
        assert one != replace(b"CT02", action, place("SH", 0x00081010), CASE).value
        assert len(one or b"") <= 16

    def test_keep_a_uid_a_uid(self) -> None:
        assert replace(b"1.2.3", Action.TOKEN, place("UI"), CASE).value == Key(KEY).uid("1.2.3").encode()

    def test_of_private_elements_do_not_depend_on_the_block(self) -> None:
        one, other = (
            replace(b"CT01", Action.TOKEN, Place(tag, "LO", "ACME", LATIN_1, ""), CASE)
            for tag in (0x00091001, 0x00091101)
        )

        assert one.value == other.value


class TestCodes:
    def test_of_a_published_scheme_stay(self) -> None:
        assert replace(b"T-D3000", Action.CODED, place("SH", scheme="SRT"), CASE).value == b"T-D3000"

    def test_of_a_local_scheme_are_cleaned(self) -> None:
        assert replace(b"Yxzabc", Action.CODED, place("SH", scheme="99HOUSE"), CASE).value == b"REMOVED"
