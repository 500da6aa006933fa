"""One value and one action: the value that takes its place. Of bytes, without knowing where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from pydicom.charset import encode_string, python_encoding
from pydicom.datadict import keyword_for_tag

from adit.deid.case import Case
from adit.deid.dates import shift_date, shift_datetime
from adit.deid.rules.actions import Action, dummy, of_scheme
from adit.deid.tally import Note, What
from adit.dicom.values import decode_text

ONE_VALUE = frozenset(("LT", "ST", "UR", "UT"))
"""VRs in which a backslash is part of the text (PS3.5 6.2)."""

FORMS: dict[str, re.Pattern[bytes]] = {
    vr: re.compile(rb"[%s \\\0]*" % characters)
    for vr, characters in {
        "AS": rb"0-9DWMYdwmy",
        "DA": rb"0-9.\-/",
        "DS": rb"0-9+\-.eE",
        "DT": rb"0-9+\-.",
        "IS": rb"0-9+\-.",
        "TM": rb"0-9.:\-",
        "UI": rb"0-9.",
    }.items()
}
"""What values of the VRs that the tripwire does not search are made of. What holds anything else is none."""


class Replaced(NamedTuple):
    """What takes the place of a value.

    Attributes:
        value: The very object that was given where nothing changes; None where the element goes.
        made: It is of our own making, and so not searched for identifiers.
    """

    value: bytes | None
    made: bool = False
    notes: tuple[Note, ...] = ()


class Place(NamedTuple):
    """Where a value stands.

    Attributes:
        vr: By which it is read, whatever is written.
        creator: Of a private attribute.
        scheme: CodingSchemeDesignator (0008,0102) of the same item, empty where there is none.
    """

    tag: int
    vr: str
    creator: str | None
    charset: tuple[str, ...]
    scheme: str


def replace(value: bytes, action: Action, place: Place, case: Case) -> Replaced:
    """Do *action* to *value*.

    A value that is empty stays so, whatever the action, unless that removes the element: nothing is
    made up where nothing was.
    """
    if action is Action.REMOVE:
        return Replaced(None)
    if action is Action.CODED:
        action = of_scheme(place.scheme)
    if not value.strip(b"\0 "):
        return Replaced(value, made=True)
    if action is Action.KEEP:
        return _kept(value, place)
    if action in (Action.CLEAN, Action.CLEAN_OR_DUMMY):
        return _cleaned(value, place, case, or_dummy=action is Action.CLEAN_OR_DUMMY)
    if action is Action.DATE and place.vr == "TM":
        return _kept(value, place)
    return _MAKERS[action](value, place, case)


def keyword_of(tag: int) -> str:
    """How people call an attribute: by its keyword, else by its tag."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _kept(value: bytes, place: Place) -> Replaced:
    form = FORMS.get(place.vr)
    if form is None or form.fullmatch(value):
        return Replaced(value)
    return _emptied(place)


def _emptied(place: Place) -> Replaced:
    return Replaced(b"", made=True, notes=(Note(What.EMPTIED, keyword_of(place.tag)),))


def _cleaned(value: bytes, place: Place, case: Case, *, or_dummy: bool) -> Replaced:
    text = decode_text(value, place.charset).strip("\0 ")
    cleaned = case.words.clean(text, case.known)
    cut = tuple(Note(What.CUT, keyword_of(place.tag), word) for word in cleaned.cut)
    if cleaned.text == text:
        return Replaced(value, notes=cut)
    if not cleaned.text.strip("\\ "):
        return Replaced(_encoded_dummy(place.vr) if or_dummy else b"", made=True, notes=cut)
    return Replaced(encode_text(cleaned.text, place.charset), notes=cut)


def encode_text(text: str, charset: tuple[str, ...]) -> bytes:
    """*text* in *charset*; letters that would not come back from there as they are, are left out."""
    if text.isascii():
        return text.encode()
    encodings = [python_encoding[term] for term in charset if term in python_encoding] or ["latin-1"]
    try:
        # pydicom complains of a letter that no encoding has; alone that is found out without it.
        encoded = encode_string(text, encodings) if len(encodings) > 1 else text.encode(encodings[0])
    except (UnicodeError, ValueError, LookupError):
        encoded = b""
    return encoded if decode_text(encoded, charset) == text else text.encode("ascii", "ignore")


def _encoded_dummy(vr: str, tag: int = 0) -> bytes:
    made = dummy(vr, tag)
    return made.encode() if isinstance(made, str) else made


def _each(value: bytes, place: Place, make: Callable[[str], str]) -> Replaced:
    """Put what *make* makes of each of several values in its place; an empty one stays empty."""
    text = decode_text(value, place.charset)
    values = [text] if place.vr in ONE_VALUE else text.split("\\")
    made = [make(each) if each.strip("\0 ") else "" for each in values]
    return Replaced("\\".join(made).encode("ascii"), made=True)


def _dummied(value: bytes, place: Place, case: Case) -> Replaced:
    del value, case
    return Replaced(_encoded_dummy(place.vr, place.tag), made=True)


def _empty(value: bytes, place: Place, case: Case) -> Replaced:
    del value, place, case
    return Replaced(b"", made=True)


def _engine(value: bytes, place: Place, case: Case) -> Replaced:
    def made(text: str) -> str:
        found = case.engine.stand_in(place.tag, place.vr, text.strip("\0 "))
        return found if found and found.isascii() else _encoded_dummy(place.vr).decode("ascii")

    return _each(value, place, made)


def _uid(value: bytes, place: Place, case: Case) -> Replaced:
    return _each(value, place, case.key.uid)


def _token(value: bytes, place: Place, case: Case) -> Replaced:
    if place.vr == "UI":
        return _uid(value, place, case)
    # The block of a private attribute differs from object to object.
    purpose = f"tag-{place.tag & (0xFFFF00FF if place.creator else 0xFFFFFFFF):08x}"
    return _each(value, place, lambda text: case.key.token(purpose, text))


def _pseudonym(value: bytes, place: Place, case: Case) -> Replaced:
    del value, place
    return Replaced(case.pseudonym.encode("ascii"), made=True)


def _date(value: bytes, place: Place, case: Case) -> Replaced:
    shift = shift_datetime if place.vr == "DT" else shift_date
    shifted = shift(decode_text(value, ()), case.days)
    return _emptied(place) if shifted is None else Replaced(shifted.encode("ascii"), made=True)


def _age(value: bytes, place: Place, case: Case) -> Replaced:
    del value, place
    return Replaced(case.age.encode("ascii"), made=True)


def _named_by_site(value: bytes, place: Place, case: Case) -> Replaced:
    del value
    text = case.rules.replacement(place.tag, place.creator)
    return Replaced(encode_text(text, place.charset), made=True)


_MAKERS: dict[Action, Callable[[bytes, Place, Case], Replaced]] = {
    Action.EMPTY: _empty,
    Action.DUMMY: _dummied,
    Action.ENGINE: _engine,
    Action.UID: _uid,
    Action.DATE: _date,
    Action.AGE: _age,
    Action.TOKEN: _token,
    Action.NUMBER: _token,
    Action.PSEUDONYM: _pseudonym,
    Action.REPLACE: _named_by_site,
}
