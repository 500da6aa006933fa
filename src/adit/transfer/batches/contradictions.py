"""What no line of a batch file can tell by itself: lines that contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from adit.deid.folding import fold
from adit.dicom.query import WILDCARDS
from adit.transfer.batches.faults import Fault, enumerated, of_lines, shortened
from adit.transfer.pseudonyms import UnfitPseudonym, unfit

_LEAST_OF_ID = 5
"""Characters of an id that is known again as another line's pseudonym: "7" may well be both."""

_MOST_VALUES = 10
"""Values that one fault repeats."""

Person = tuple[str, date]
"""Somebody without an id: folded name, birth date."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line says of a patient; empty where it says nothing, or nothing that can be understood.

    Attributes:
        name: As in PatientName.
    """

    line: int
    patient_id: str
    name: str
    birth_date: date | None
    pseudonym: str
    study: str = ""

    def patient(self) -> str | Person | None:
        """What makes the patient the same as that of another line: the id, else name and birth date."""
        if self.patient_id:
            return self.patient_id
        if self.name and self.birth_date and WILDCARDS.isdisjoint(self.name):
            return fold(self.name), self.birth_date
        return None


def contradictions(entries: Sequence[Entry], called: Callable[[str], str], *, all_or_none: bool) -> Iterator[Fault]:
    """Everything in which lines contradict each other, each once, with all lines that are involved.

    Args:
        called: What the file calls a column, by keyword.
        all_or_none: A patient who has a pseudonym has it in every line.
    """
    column = called("Pseudonym")
    of_patients: defaultdict[str | Person, list[Entry]] = defaultdict(list)
    of_pseudonyms: defaultdict[str, list[Entry]] = defaultdict(list)
    of_studies: defaultdict[str, list[Entry]] = defaultdict(list)
    nobodies: list[Entry] = []
    for entry in entries:
        patient = entry.patient()
        if patient is not None:
            of_patients[patient].append(entry)
        else:
            nobodies.append(entry)
        if entry.pseudonym:
            of_pseudonyms[entry.pseudonym.casefold()].append(entry)
        if entry.study:
            of_studies[entry.study].append(entry)
    for same in of_patients.values():
        yield from _of_one_patient(same, column, all_or_none=all_or_none)
        yield from _telling(same, column)
    for nobody in nobodies:
        yield from _telling([nobody], column)
    for study, same in of_studies.items():
        yield from _of_one_study(study, same, called("StudyInstanceUID"), column)
    ids = {entry.patient_id.casefold() for entry in entries if len(entry.patient_id) >= _LEAST_OF_ID}
    for pseudonym, same in of_pseudonyms.items():
        yield from _of_one_pseudonym(same, column, is_id=pseudonym in ids)


def ids_alike(entries: Iterable[Entry]) -> str:
    """A notice about ids that differ only in leading zeros, which spreadsheets take away; empty for none."""
    alike: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for entry in entries:
        if entry.patient_id:
            alike[entry.patient_id.lstrip("0")].setdefault(entry.patient_id, entry.line)
    several = [ids for ids in alike.values() if len(ids) > 1]
    shown = [f"'{shortened(one)}' (line {line})" for ids in several for one, line in ids.items()]
    if not shown:
        return ""
    return f"PatientIDs that differ only in leading zeros count as different patients: {enumerated(shown, most=6)}."


def nameless_beside_named(entries: Sequence[Entry]) -> str:
    """A notice about lines without a pseudonym in a file that has some; empty for none."""
    lines = [entry.line for entry in entries if not entry.pseudonym]
    if not lines or len(lines) == len(entries):
        return ""
    return f"Without a pseudonym, while others have one: {of_lines(lines)}. The project has to make the missing ones."


def _of_one_patient(entries: Sequence[Entry], column: str, *, all_or_none: bool) -> Iterator[Fault]:
    named = [entry for entry in entries if entry.pseudonym]
    if len({entry.pseudonym for entry in named}) > 1:
        yield Fault(_lines(named), column, _pseudonyms(named), "One patient has more than one pseudonym.")
    if all_or_none and named and len(named) < len(entries):
        reason = "Some lines of one patient have a pseudonym, and others have none."
        yield Fault(_lines(entries), column, _pseudonyms(named), reason)


def _telling(entries: Sequence[Entry], column: str) -> Iterator[Fault]:
    """Pseudonyms that tell who the patient of *entries* is: a name in one line counts for all."""
    named: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.pseudonym:
            named[entry.pseudonym].append(entry)
    for pseudonym, same in named.items():
        # Several for one patient are wrong anyway; to hold each against all names would take as long as both are many.
        known = entries if len(named) == 1 else same
        if not any(_tells(pseudonym, *one) for one in {(entry.patient_id, entry.name) for entry in known}):
            continue
        if any(_tells(pseudonym, one, "") for one in {entry.patient_id for entry in known}):
            yield Fault(_lines(same), column, pseudonym, "The pseudonym holds the PatientID.")
        if any(_tells(pseudonym, "", one) for one in {entry.name for entry in known}):
            yield Fault(_lines(same), column, pseudonym, "The pseudonym holds a part of the patient's name.")


def _tells(pseudonym: str, patient_id: str, name: str) -> bool:
    try:
        unfit(pseudonym, patient_id=patient_id, name=name)
    except UnfitPseudonym:
        return True
    return False


def _of_one_study(study: str, entries: Sequence[Entry], study_column: str, column: str) -> Iterator[Fault]:
    patients = {entry.patient_id for entry in entries if entry.patient_id}
    named = [entry for entry in entries if entry.pseudonym]
    if len(patients) > 1:
        yield Fault(_lines(entries), study_column, study, "The study is under more than one patient.")
    elif any(not entry.patient_id for entry in entries) and len({entry.pseudonym for entry in named}) > 1:
        # With a patient in all lines it was said of the patient.
        yield Fault(_lines(named), column, _pseudonyms(named), "One study has more than one pseudonym.")


def _of_one_pseudonym(entries: Sequence[Entry], column: str, *, is_id: bool) -> Iterator[Fault]:
    patients = {entry.patient() for entry in entries} - {None}
    ids = {one for one in patients if isinstance(one, str)}
    # One by id and one by name may be the same: only like is held against like.
    if len(ids) > 1 or len(patients - ids) > 1:
        yield Fault(_lines(entries), column, entries[0].pseudonym, "More than one patient has this pseudonym.")
    # That of the patient itself was found already.
    if is_id and entries[0].pseudonym.casefold() not in {one.casefold() for one in ids}:
        yield Fault(_lines(entries), column, entries[0].pseudonym, "This is the PatientID of another line's patient.")


def _lines(entries: Iterable[Entry]) -> tuple[int, ...]:
    return tuple(entry.line for entry in entries)


def _pseudonyms(entries: Iterable[Entry]) -> str:
    return enumerated(dict.fromkeys(entry.pseudonym for entry in entries), most=_MOST_VALUES)
