"""A profile resolved: one action for each attribute, at every depth (PS3.15 E.1, E.3)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from pydicom.datadict import dictionary_VR

from adit.deid.profile import (
    CLEAN_STRUCTURED_CONTENT,
    MODIFIED_DATES,
    SAFE_PRIVATE,
    Dates,
    Profile,
    Rule,
)
from adit.deid.rules.actions import DATES, LONG_TEXT, TEXT, Action
from adit.deid.rules.beyond import BEYOND, OTHER_DATES, OTHER_PRIVATE_DATES
from adit.deid.rules.content import CONTENT_SEQUENCES, VALUES, action_for_item, is_structured_report
from adit.deid.rules.tables import (
    Attribute,
    attribute,
    private_element,
    private_elements,
    strictest_type,
    type_in,
    type_inside,
)
from adit.dicom.refs import UID

_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))

# dicognito makes up names of persons and institutions.
_INSTITUTION_NAME = 0x00080080

_OVERLAY = 0x60
"""First byte of the groups of overlays, which go as a whole: a plane without its bits is not valid."""

_CONTENT_SEQUENCE = 0x0040A730
_GRAPHIC_ANNOTATIONS = 0x00700001
_PATIENT_AGE = 0x00101010
_PATIENT = frozenset((0x00100010, 0x00100020))

_FORMS = "XZD"
"""From Type 3 to Type 1: removed, emptied, replaced by a dummy."""


class Rules:
    """What *profile* does to every attribute of objects of one SOP class. Safe to share between threads."""

    def __init__(self, profile: Profile, sop_class: UID, values: Mapping[int, Action] | None = None) -> None:
        self.profile = profile
        self.sop_class = sop_class
        self._values = values or {}
        self._own: dict[tuple[int, str], Rule] = {(rule.tag, rule.creator): rule for rule in profile.rules}
        self._known: dict[tuple[int, str, str | None, int | None], Action] = {}
        self._items: dict[tuple[str, str, str], Rules | None] = {}

    @staticmethod
    @lru_cache(maxsize=256)
    def of(profile: Profile, sop_class: UID) -> Rules:
        """The rules of *profile* for objects of *sop_class*."""
        return Rules(profile, sop_class)

    @property
    def excluded(self) -> str | None:
        """Why objects of this SOP class stay behind, or None where they may go."""
        if is_structured_report(self.sop_class) and CLEAN_STRUCTURED_CONTENT not in self.profile.options:
            return f"structured report, which profile {self.profile.name} does not clean"
        return None

    def action(self, tag: int, vr: str, *, creator: str | None = None, inside: int | None = None) -> Action:
        """What becomes of the attribute *tag*.

        Args:
            vr: As encoded; UN or empty where it is not known (see `vr_of`).
            creator: Of a private attribute, the text of its private creator; of a private creator element
                itself, its own text. None where the block has no creator.
            inside: The sequence in one of whose items it stands; None at the top.
        """
        asked = (tag, vr, creator, inside)
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = self._resolve(*asked)
        return known

    def vr_of(self, tag: int, vr: str, *, creator: str | None = None) -> str:
        """The VR by which to read *tag*, which is encoded with *vr*: UN gives way to what the tables know."""
        if vr and vr != "UN":
            return vr
        if tag >> 16 & 1:
            element = private_element(creator or "", tag)
            return "LO" if _is_creator(tag) else element.vr if element else "UN"
        row = attribute(tag)
        return row.vr if row else _dictionary_vr(tag)

    def replacement(self, tag: int, creator: str | None = None) -> str:
        """The text that replaces *tag* where its action is REPLACE."""
        rule = self._rule(tag, creator)
        return rule.value if rule else ""

    def may_remove(self, tag: int, *, inside: int | None = None) -> bool:
        """Whether *tag* may be left out with the object staying valid (Type 3)."""
        if tag >> 16 & 1:
            return True
        return self._type(tag, inside) == 3

    def may_empty(self, tag: int, *, inside: int | None = None) -> bool:
        """Whether *tag* may lose its value with the object staying valid (Type 2)."""
        return self._type(tag, inside) == 2

    def has_content_items(self, tag: int) -> bool:
        """Whether the items of sequence *tag* are to be treated by `of_item`."""
        return tag in CONTENT_SEQUENCES and CLEAN_STRUCTURED_CONTENT in self.profile.options

    def of_item(self, value_type: str, code: str, scheme: str) -> Rules | None:
        """The rules for one content item, or None where the item is left out with all that it contains.

        Args:
            value_type: (0040,A040).
            code: And *scheme*, of its concept name; empty where it has none.
        """
        asked = (value_type, code, scheme)
        if asked not in self._items:
            self._items[asked] = self._of_item(*asked)
        return self._items[asked]

    def _of_item(self, value_type: str, code: str, scheme: str) -> Rules | None:
        action = action_for_item(self.profile, value_type, code, scheme)
        if action is Action.REMOVE:
            return None
        # An item holds one value; what else may hold one in it is left over.
        values = dict.fromkeys(VALUES.values(), Action.REMOVE)
        if value_type in VALUES:
            values[VALUES[value_type]] = action
        rules = Rules(self.profile, self.sop_class, values)
        # Items lie in items: all of a tree share one memory, or it would grow with every level.
        rules._items = self._items
        return rules

    def _resolve(self, tag: int, vr: str, creator: str | None, inside: int | None) -> Action:
        if rule := self._rule(tag, creator):
            return self._ruled(rule, tag, self.vr_of(tag, vr, creator=creator), inside)
        if tag in self._values and inside in CONTENT_SEQUENCES:
            return self._values[tag]
        if tag >> 16 & 1:
            return self._private(tag, self.vr_of(tag, vr, creator=creator), creator)
        if row := attribute(tag):
            return self._listed(row, tag, inside)
        if tag in BEYOND:
            return BEYOND[tag]
        if tag >> 24 == _OVERLAY:
            return Action.REMOVE
        return self._unlisted(tag, vr, inside)

    def _rule(self, tag: int, creator: str | None) -> Rule | None:
        if tag >> 16 & 1:
            return self._own.get((tag & 0xFFFF00FF, (creator or "").strip())) if not _is_creator(tag) else None
        return self._own.get((tag, ""))

    def _ruled(self, rule: Rule, tag: int, vr: str, inside: int | None) -> Action:
        """What the profile's own *rule* comes to, with the object staying valid and dates and UIDs as all others."""
        private = bool(tag >> 16 & 1)
        if rule.action in (Action.REMOVE, Action.EMPTY) and not private:
            wanted = _FORMS.index("X" if rule.action is Action.REMOVE else "Z")
            form = _FORMS[max(wanted, 3 - self._type(tag, inside))]
            return Action.EMPTY if form == "D" and vr == "SQ" else _by_form(form, tag, vr)
        if rule.action is not Action.KEEP:
            return rule.action
        if tag == _PATIENT_AGE:
            return Action.AGE
        if vr == "SQ":
            return Action.SEQUENCE
        if private and vr in DATES:
            return Action.REMOVE if self.profile.dates is Dates.REMOVE else self._date(vr)
        return {"UI": Action.UID, "PN": Action.REMOVE}.get(vr, Action.KEEP) if private else Action.KEEP

    def _listed(self, row: Attribute, tag: int, inside: int | None) -> Action:
        if tag in _PATIENT:
            return Action.PSEUDONYM
        allowed = {row.options[option] for option in self.profile.options if option in row.options}
        form = self._form(row, inside)
        if "K" in allowed:
            if tag == _PATIENT_AGE:
                return Action.AGE
            return Action.SEQUENCE if row.vr == "SQ" else Action.KEEP
        cleaned = self._cleaned(row, form) if "C" in allowed else None
        return cleaned or _basic(row, form)

    def _cleaned(self, row: Attribute, form: str) -> Action | None:
        """How an option cleans *row*; None where the Basic Profile's action is the only way."""
        if MODIFIED_DATES in row.options and self.profile.dates is Dates.SHIFT:
            if row.tag in OTHER_DATES or row.vr in _BINARY:
                return None
            # Whole days are added: neither the time of day nor the zone changes.
            return Action.DATE if row.vr in ("DA", "DT") else Action.KEEP
        if row.vr == "SQ":
            return Action.SEQUENCE
        if row.vr in TEXT:
            return Action.CLEAN_OR_DUMMY if form == "D" else Action.CLEAN
        return Action.TOKEN if row.vr == "AE" else None

    def _form(self, row: Attribute, inside: int | None) -> str:
        """D, Z, X or U: the code that the type of the attribute picks from those of the table."""
        choices = row.basic.rstrip("*").split("/")
        if "U" in choices or choices == ["D"]:
            return choices[-1]
        known = type_in(self.sop_class, row.tag) if inside is None else type_inside(row.tag, inside)
        if known is None:
            # Whether it may go is not known: the strictest form is valid everywhere.
            return choices[-1]
        least = max(_FORMS.index(choices[0]), 3 - known)
        return next((form for form in _FORMS[least:] if form in choices), _FORMS[least])

    def _type(self, tag: int, inside: int | None) -> int:
        """The strictest type that *tag* may have in this place."""
        known = type_in(self.sop_class, tag) if inside is None else None
        return known or strictest_type(self.sop_class, tag, inside)

    def _unlisted(self, tag: int, vr: str, inside: int | None) -> Action:
        named = _dictionary_vr(tag)
        vr = self.vr_of(tag, vr)
        if vr in _BINARY:
            # Bytes that the dictionary calls something else, or does not know, are not understood.
            return Action.KEEP if named in _BINARY - {"UN"} else Action.REMOVE
        if vr == "SQ":
            return Action.SEQUENCE
        if vr == "UI":
            return Action.UID
        if vr in TEXT:
            return Action.CLEAN_OR_DUMMY if self._type(tag, inside) == 1 else Action.CLEAN
        if vr in DATES and self.profile.dates is not Dates.REMOVE:
            return self._date(vr)
        if vr in DATES | LONG_TEXT | {"AE", "AS", "PN", "UR"}:
            form = _FORMS[3 - self._type(tag, inside)]
            return _by_form(form, tag, vr)
        return Action.REMOVE if tag & 0xFFFF == 0 or tag >> 16 < 8 else Action.KEEP

    def _date(self, vr: str) -> Action:
        return Action.DATE if self.profile.dates is Dates.SHIFT and vr != "TM" else Action.KEEP

    def _private(self, tag: int, vr: str, creator: str | None) -> Action:
        creator = (creator or "").strip()
        if _is_creator(tag):
            return Action.KEEP if self._keeps_block(creator, tag >> 16) else Action.REMOVE
        element = private_element(creator, tag) if SAFE_PRIVATE in self.profile.options else None
        if element is None:
            return Action.REMOVE
        if element.holds == "uid":
            return Action.UID if vr in TEXT | {"UI"} else Action.REMOVE
        if element.holds == "date" and (vr not in DATES or self.profile.dates is Dates.REMOVE):
            return Action.REMOVE
        if vr in DATES:
            other = self.profile.dates is Dates.SHIFT and (creator, tag & 0xFFFF00FF) in OTHER_PRIVATE_DATES
            return Action.REMOVE if other or self.profile.dates is Dates.REMOVE else self._date(vr)
        if vr in LONG_TEXT | {"AE", "AS", "PN", "UR"}:
            return Action.REMOVE
        return {"SQ": Action.SEQUENCE, "UI": Action.UID}.get(vr, Action.CLEAN if vr in TEXT else Action.KEEP)

    def _keeps_block(self, creator: str, group: int) -> bool:
        """Whether anything of *creator* in *group* may stay, so that its name must."""
        if any(rule.creator == creator and rule.tag >> 16 == group for rule in self._own.values()):
            return True
        safe = private_elements().get(creator, {}) if SAFE_PRIVATE in self.profile.options else {}
        return any(tag >> 16 == group for tag in safe)


def _basic(row: Attribute, form: str) -> Action:
    if row.tag in (_GRAPHIC_ANNOTATIONS, _CONTENT_SEQUENCE):
        # A dummy would be a drawing or a finding that nobody made. The module of the one is optional,
        # objects with the other stay behind (`excluded`).
        return Action.REMOVE
    if form == "D" and row.vr == "SQ":
        return Action.DUMMY if row.keyword.endswith("CodeSequence") else Action.SEQUENCE
    return _by_form(form, row.tag, row.vr)


def _by_form(form: str, tag: int, vr: str) -> Action:
    match form:
        case "X":
            return Action.REMOVE
        case "Z":
            return Action.EMPTY
        case "U":
            return Action.SEQUENCE if vr == "SQ" else Action.UID
        case _ if vr == "UI":
            return Action.UID
        case _ if vr == "PN" or tag == _INSTITUTION_NAME:
            return Action.ENGINE
        case _:
            return Action.DUMMY


def _is_creator(tag: int) -> bool:
    """Whether *tag* is a private creator element (PS3.5 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


@cache
def _dictionary_vr(tag: int) -> str:
    """VR of *tag* in PS3.6, UN where it has none; the first where it has several."""
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
