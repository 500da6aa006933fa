"""What may be a pseudonym, and what would tell who the patient is."""

from __future__ import annotations

import re

from adit.deid.folding import LETTERS, fold, plain

LONGEST = 64
"""Characters of a PatientID (PS3.5 6.2, VR LO)."""

_SHORT = 5
"""Ids of fewer characters count only as whole words: "7" is no reason to refuse "P-017"."""

_LEAST_OF_NAME = 3
"""Letters of a part of a name that count."""

_WORD = re.compile(r"[a-z]+|\d+")


class UnfitPseudonym(ValueError):
    """It cannot be a pseudonym, or not that of this patient; the text says why, without naming the patient.

    Attributes:
        rule: The same as a sentence about no pseudonym in particular: so that the same mistakes are told as one.
    """

    def __init__(self, message: str = "", *, rule: str = "") -> None:
        super().__init__(message)
        self.rule = rule or message


def checked(pseudonym: str) -> str:
    """*pseudonym* without blanks around it.

    Raises:
        UnfitPseudonym: It cannot stand in PatientID and PatientName.
    """
    pseudonym = pseudonym.strip()
    if not pseudonym:
        raise UnfitPseudonym("A pseudonym has at least one character.")
    if len(pseudonym) > LONGEST:
        raise UnfitPseudonym(f"A pseudonym has at most {LONGEST} characters.")
    # Backslash, caret and equals sign separate values and parts of names, * and ? are wildcards in queries.
    if not pseudonym.isascii() or not pseudonym.isprintable() or re.search(r"[\\^=*?]", pseudonym):
        raise UnfitPseudonym(
            f"'{pseudonym}' cannot be a pseudonym: it has plain letters, digits and signs, but none of \\ ^ = * ?."
        )
    return pseudonym


def unfit(pseudonym: str, *, patient_id: str, name: str = "") -> None:
    """See that *pseudonym* does not tell who the patient is.

    Args:
        name: PatientName, with `^` and `=` or as people write it; empty when unknown.

    Raises:
        UnfitPseudonym: It holds the id, or a part of the name of three letters or more.
    """
    spelt = fold(pseudonym)
    identifier = fold(patient_id.strip("\0 "))
    for form in {identifier, identifier.lstrip("0")} - {""}:
        if form == spelt or (form in spelt if len(form) >= _SHORT else form in _WORD.findall(spelt)):
            raise UnfitPseudonym(
                f"'{pseudonym}' cannot be the pseudonym: it holds the PatientID.", rule="It holds the PatientID."
            )
    # As it is written and with umlauts made equal: "Doe" has three letters, and "Do" is not held against anybody.
    for spelling in (plain, fold):
        parts = {part for part in LETTERS.findall(spelling(name)) if len(part) >= _LEAST_OF_NAME}
        if any(part in spelling(pseudonym) for part in parts):
            raise UnfitPseudonym(
                f"'{pseudonym}' cannot be the pseudonym: it holds a part of the patient's name.",
                rule="It holds a part of the patient's name.",
            )
