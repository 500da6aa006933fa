"""A profile in words and as a table, for those who have to sign it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag

from adit.deid.profile import (
    CLEAN_DESCRIPTORS,
    CLEAN_GRAPHICS,
    CLEAN_STRUCTURED_CONTENT,
    DEVICE_IDENTITY,
    OPTIONS,
    PATIENT_CHARACTERISTICS,
    RETAIN_UIDS,
    SAFE_PRIVATE,
    Dates,
    Profile,
    Rule,
    WithoutPatientID,
)
from adit.deid.rules.actions import Action
from adit.deid.rules.resolve import Rules
from adit.deid.rules.tables import EDITION, Attribute, attributes, private_elements, sop_classes, type_in
from adit.dicom.refs import UID

WORDS = {
    Action.KEEP: "kept",
    Action.SEQUENCE: "kept, its items treated by the same rules",
    Action.REMOVE: "removed",
    Action.EMPTY: "emptied",
    Action.DUMMY: "replaced by a dummy",
    Action.ENGINE: "replaced by a made-up name",
    Action.CLEAN: "cleaned by word",
    Action.CLEAN_OR_DUMMY: "cleaned by word",
    Action.CODED: "kept in codes of published schemes, else cleaned by word",
    Action.UID: "replaced by a UID from the project's key",
    Action.DATE: "moved by the patient's shift",
    Action.AGE: "computed: years, below two years months, at most 90 years",
    Action.TOKEN: "replaced by a token from the project's key",
    Action.NUMBER: "replaced by a number from the project's key",
    Action.PSEUDONYM: "replaced by the pseudonym",
    Action.REPLACE: "replaced by the site's text",
}
"""What becomes of an attribute, for a person."""


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute in the table of a profile.

    Attributes:
        tag: As a person writes it; the block or the group that repeats as x.
        standard: Action codes of Table E.1-1: of the Basic Profile, then of the options in effect.
        does: What ADIT does; several where the type of the attribute in its SOP class decides.
    """

    tag: str
    name: str
    vr: str
    standard: str
    does: str


def in_words(profile: Profile) -> Iterator[str]:
    """Yield what *profile* does, a sentence or two at a time."""
    yield profile.summary
    yield (
        f"It applies the Basic Application Level Confidentiality Profile of DICOM PS3.15 Annex E (edition {EDITION}) "
        "at every depth of sequences."
    )
    for code in sorted(profile.options):
        yield f"In effect with it: {OPTIONS[code]} ({code})."
    yield (
        "PatientID and PatientName become the pseudonym. The birth date is emptied. References between objects "
        + ("keep their UIDs." if RETAIN_UIDS in profile.options else "stay whole, under new UIDs.")
    )
    yield _of_dates(profile)
    if PATIENT_CHARACTERISTICS in profile.options:
        below = "days and months" if profile.newborns else "months"
        yield f"PatientAge is computed from the real dates: years, below two years {below}, never more than 90 years."
        yield "Sex, size, weight, smoking and pregnancy status are kept."
        if removed := [attributes()[rule.tag].name for rule in profile.rules if _takes_away(rule)]:
            yield f"Removed although that option would keep them: {', '.join(removed)}."
    if CLEAN_DESCRIPTORS in profile.options:
        yield (
            "Descriptions keep the words of the imaging vocabulary, numbers up to four digits with their units and "
            "technical abbreviations, and lose every other word. Free text (ST, LT, UT) goes whole."
        )
    if any(rule.action is Action.TOKEN for rule in profile.rules) and DEVICE_IDENTITY not in profile.options:
        yield "What names a device becomes a token: equal devices stay equal, and nobody knows which they are."
    if any(rule.action is Action.NUMBER for rule in profile.rules):
        yield "AccessionNumber and StudyID become values from the key."
    yield _of_private(profile)
    yield "Overlays, curves, signatures, icons, embedded originals and whatever follows the pixel data are removed."
    if CLEAN_GRAPHICS not in profile.options:
        yield "Graphic annotations of presentation states are removed."
    yield (
        "Structured reports keep what Table E.3.4-1 lets them keep, and no prose."
        if CLEAN_STRUCTURED_CONTENT in profile.options
        else "Structured reports stay behind."
    )
    yield (
        "Attributes that the table does not name stay; text among them is cleaned by word, unless machines write it of "
        "themselves and of how they measured (manufacturer, model, software, kernel, sequence, coil)."
    )
    yield (
        "An object without PatientID stays behind."
        if profile.without_patient_id is WithoutPatientID.REFUSE
        else "In an object without PatientID its study stands for the patient."
    )
    if profile.pseudonyms_from_list:
        yield "Pseudonyms are brought by the user and never made by ADIT."
    if profile.approved:
        yield f"The site approved {len(profile.approved)} words: {', '.join(sorted(profile.approved))}."


def as_table(profile: Profile) -> Iterator[Line]:
    """Yield a line for every attribute that the standard's table or the profile's own rules name, by tag."""
    own = {(rule.tag, rule.creator): rule for rule in profile.rules}
    listed = attributes()
    others = [rule for rule in own.values() if rule.creator or rule.tag not in listed]
    every: list[Attribute | Rule] = [*listed.values(), *others]
    for entry in sorted(every, key=lambda entry: (entry.tag, getattr(entry, "creator", ""))):
        yield _line(profile, entry) if isinstance(entry, Attribute) else _own_line(profile, entry)


def as_page(profile: Profile) -> str:
    """*profile* as a page in Markdown: in words, then its attributes by what happens to them."""
    groups: dict[str, list[str]] = {}
    for line in as_table(profile):
        groups.setdefault(line.does, []).append(f"{line.name} {line.tag}")
    explained = (
        f"What happens to the attributes that DICOM PS3.15 Table E.1-1 ({EDITION}) names. Where two things are said, "
        "the type of the attribute in its SOP class decides: what a valid object needs is not taken away."
    )
    parts = [
        f"# Profile {profile.name}, version {profile.version}",
        f"Written by `adit deid profile show {profile.name} --markdown`.",
        "\n".join(f"- {sentence}" for sentence in in_words(profile)),
        explained,
    ]
    for does, names in sorted(groups.items(), key=lambda group: -len(group[1])):
        parts.append(f"## {does[0].upper()}{does[1:]} ({len(names)})\n\n" + "; ".join(names) + ".")
    return "\n\n".join(parts) + "\n"


def _line(profile: Profile, row: Attribute) -> Line:
    codes = [row.basic, *(f"{row.options[code]} ({code})" for code in profile.codes if code in row.options)]
    # One class for each type that it has in any: nothing else of the class counts.
    classes = {type_in(sop_class, row.tag): sop_class for sop_class in (UID(""), *sop_classes())}
    done = {WORDS[Rules.of(profile, sop_class).action(row.tag, row.vr)] for sop_class in classes.values()}
    text = " or ".join(sorted(done))
    if rule := next((rule for rule in profile.rules if rule.tag == row.tag and not rule.creator), None):
        text += f": {rule.value}" if rule.value else ""
    tag = f"{row.tag:08X}"
    if tag.startswith(("50", "60")):
        tag = tag[:2] + "xx" + ("xxxx" if tag.startswith("50") else tag[4:])
    return Line(_written(tag), row.name, row.vr, ", ".join(codes), text)


def _takes_away(rule: Rule) -> bool:
    row = attributes().get(rule.tag)
    return rule.action is Action.REMOVE and row is not None and PATIENT_CHARACTERISTICS in row.options


def _own_line(profile: Profile, rule: Rule) -> Line:
    text = WORDS[rule.action] + (f": {rule.value}" if rule.value else "")
    if rule.creator:
        tag = f"{rule.tag >> 16:04X}xx{rule.tag & 0xFF:02X}"
        return Line(_written(tag), rule.creator, "", "private", text)
    vr = Rules.of(profile, UID("")).vr_of(rule.tag, "")
    return Line(_written(f"{rule.tag:08X}"), keyword_for_tag(rule.tag), vr, "not named", text)


def _of_dates(profile: Profile) -> str:
    match profile.dates:
        case Dates.KEEP:
            return "All other dates and times stay as they are."
        case Dates.SHIFT:
            return (
                "All dates of a patient are moved back by one number of whole days (62 to 729), which follows from "
                "the project's key; times of day and intervals stay exact. Dates that are not the patient's "
                "(calibration, manufacture, versions) are removed, because they would give the shift away."
            )
        case Dates.REMOVE:
            return "Dates and times are removed, emptied or replaced by a dummy, as the table says."


def _of_private(profile: Profile) -> str:
    if SAFE_PRIVATE not in profile.options:
        return "Private attributes are removed."
    elements = [element for block in private_elements().values() for element in block.values()]
    standard = sum(element.standard for element in elements)
    return (
        f"Private attributes are removed but for a list of {len(elements):,} that are known to be safe "
        f"({standard} of them from PS3.15 Table E.3.10-1); dates and UIDs in them are treated as everywhere, "
        "text is cleaned by word."
    )


def _written(tag: str) -> str:
    return f"({tag[:4]},{tag[4:]})"
