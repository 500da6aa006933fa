"""The header of a batch file: which column is meant, however somebody has called it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pydicom.datadict import tag_for_keyword

from adit.deid.folding import ALPHANUMERIC, plain
from adit.transfer.batches.columns import COLUMNS_OF, NAME_OF, QUERY, TRANSFER, Column
from adit.transfer.batches.faults import Fault, Taken, enumerated, shortened

_NEAR = 0.8
"""How alike a header and a name are (difflib's ratio) that may mean the same."""

_BRACKETED = re.compile(r"[(\[{].*?[)\]}]")

_OURS = (
    "Line", "Status", "Reason", "Errors", "Receipt", "New Study Instance UID", "New Series Instance UIDs",
)  # fmt: skip
"""What ADIT itself writes into the files that it gives back."""

_HINTS = {
    "id": "if it is the patient's id, call it PatientID",
    "nr": "if it is the patient's id, call it PatientID",
    "patient": "call it PatientID or PatientName",
    "study": "call it StudyDescription or StudyInstanceUID",
    "series": "call it SeriesDescription, SeriesNumber or SeriesInstanceUID",
    "date": "the days of the studies are written into From and Until",
    "datum": "the days of the studies are written into From and Until",
    "studydate": "the day of the study is written into both From and Until",
    "studiendatum": "the day of the study is written into both From and Until",
    "untersuchungsdatum": "the day of the study is written into both From and Until",
    **dict.fromkeys(
        ("firstname", "givenname", "forename", "vorname", "lastname", "familyname", "surname", "nachname"),
        "names are written into one column, PatientName, as Doe, John",
    ),
}
"""What to say of headers that are near to nothing, but often there."""


@dataclass(frozen=True, slots=True)
class Headings:
    """A header, understood.

    Attributes:
        at: By keyword, where its column is.
        called: By keyword, how the file calls it.
        taken: What each column was taken for.
        faults: Of the header, without its line: (column, value, reason).
        notices: What is not used, and what may have been meant.
    """

    at: Mapping[str, int]
    called: Mapping[str, str]
    taken: tuple[Taken, ...]
    faults: tuple[tuple[str, str, str], ...]
    notices: tuple[str, ...]

    def name(self, keyword: str) -> str:
        """How the file calls a column; where it has none, how ADIT does."""
        return self.called.get(keyword, keyword)


def kind_of(columns: Iterable[str]) -> str:
    """Which kind of batch file has *columns*: what names studies is a transfer, what does not looks for them."""
    named = {_meant(written, TRANSFER) for written in columns}
    return TRANSFER if "StudyInstanceUID" in named else QUERY


def read_headings(columns: Sequence[str], kind: str, *, required: Iterable[str]) -> Headings:
    """Say what each of *columns* is in a batch file of *kind*.

    Args:
        required: Keywords that it must have.
    """
    taken = tuple(Taken(written, _meant(written, kind)) for written in columns)
    at: dict[str, int] = {}
    faults: list[tuple[str, str, str]] = []
    for keyword in dict.fromkeys(one.keyword for one in taken if one.keyword):
        places = [index for index, one in enumerate(taken) if one.keyword == keyword]
        at[keyword] = places[0]
        if len(places) > 1:
            names = enumerated(f"'{shortened(taken[place].written)}'" for place in places)
            faults.append((keyword, "", f"There are {len(places)} columns for it, {names}: keep one of them."))
    faults += [(keyword, "", "The column is missing.") for keyword in required if keyword not in at]
    called = {keyword: taken[index].written for keyword, index in at.items()}
    unknown = [one.written for one in taken if not one.keyword]
    near, notices = _about_unknown(unknown, kind, at)
    # Whoever misspells it has pseudonyms to go by: nothing is sent that ignores them.
    faults += [
        (written, "", "This may be the column Pseudonym, misspelt: call it Pseudonym, or remove it.")
        for written, keyword in near.items()
        if keyword == "Pseudonym" and kind == TRANSFER
    ]
    return Headings(at, called, taken, tuple(faults), tuple(notices))


def place_of(columns: Sequence[str], name: str) -> int | None:
    """Where the column *name* is that ADIT itself wrote; None for nowhere."""
    return next((index for index, written in enumerate(columns) if _key(written) == _key(name)), None)


def of_header(headings: Headings, line: int) -> list[Fault]:
    """The faults of a header that stands in *line*."""
    return [Fault((line,), column, value, reason) for column, value, reason in headings.faults]


def _about_unknown(unknown: Sequence[str], kind: str, at: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    """What near names were found for, and the notices about all columns that are not used."""
    free = {key: keyword for key, keyword in _names(kind).items() if keyword not in at}
    near: dict[str, str] = {}
    notices: list[str] = []
    others: list[str] = []
    # In a file that ADIT wrote nobody means something else by a column.
    ours = place_of(unknown, "Status") is not None
    for written in unknown:
        key = _key(written)
        if key in _known_elsewhere(kind) or (ours and key in _HINTS):
            others.append(f"'{shortened(written)}'")
        elif hint := _HINTS.get(key):
            notices.append(f"Column '{shortened(written)}' is not used; {hint}.")
        elif found := difflib.get_close_matches(key, free, 1, _NEAR):
            near[written] = free[found[0]]
            notices.append(f"Column '{shortened(written)}' is not used; did you mean {free[found[0]]}?")
        else:
            others.append(f"'{shortened(written)}'")
    if others:
        verb = "Columns that are" if len(others) > 1 else "A column that is"
        notices.append(f"{verb} not used in a {NAME_OF[kind]}: {enumerated(others)}.")
    return near, notices


def _meant(written: str, kind: str) -> str:
    """The keyword of the column that *written* is a name of; empty for none."""
    names = _names(kind)
    without = _BRACKETED.sub(" ", written)
    return names.get(_key(written)) or names.get(_key(without), "")


def _key(written: str) -> str:
    """*written* without what people do differently: case, accents, blanks, signs; and without a byte order mark."""
    return "".join(ALPHANUMERIC.findall(plain(written)))


@cache
def _names(kind: str) -> dict[str, str]:
    """By key, the keyword of the column that has this name."""
    return {_key(name): column.keyword for column in COLUMNS_OF[kind] for name in names_of(column)}


def names_of(column: Column) -> tuple[str, ...]:
    """All that its header may be; also the tag, where DICOM has one."""
    tag = tag_for_keyword(column.keyword)
    return (column.keyword, column.title, *column.aliases, *([f"{tag:08X}"] if tag is not None else []))


@cache
def _known_elsewhere(kind: str) -> frozenset[str]:
    """Keys of headers that are spelt well, and mean something else than a column of *kind*."""
    other = TRANSFER if kind == QUERY else QUERY
    return frozenset((*_names(other), *map(_key, _OURS), "studydate" if kind == TRANSFER else ""))
