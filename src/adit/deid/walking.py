"""From element to element through an encoded data set: each is treated, and remembered with what became of it."""

from __future__ import annotations

from collections.abc import Callable

from adit.deid.case import Case
from adit.deid.dataset import DataSet
from adit.deid.elements import DEEPEST, Coding, Part, element, sequence
from adit.deid.errors import Stopped
from adit.deid.level import Level, Path, Treated, Way, path_of
from adit.deid.memory import Room
from adit.deid.replacing import Place, keyword_of, replace
from adit.deid.rules.actions import DUMMY_CODE, Action
from adit.deid.rules.beyond import MACHINES
from adit.deid.tally import Note, What
from adit.dicom.errors import BadData

Piece = tuple[int, bytes]
"""An element: its tag, and its bytes."""

Recorder = Callable[[Path, str, bytes | None, bytes | None], None]
"""Told of each element what was done to it, its value before, and after; None where there was or is none."""

_SCHEME = 0x00080102
_VALUE_TYPE, _CONCEPT_NAME = 0x0040A040, 0x0040A043
_CODES = (0x00080100, 0x00080119, 0x00080120)
"""CodeValue, LongCodeValue, URNCodeValue."""

_MOST_LEVELS = 2048
"""Levels that are remembered. Real objects have a hundred."""

_GONE = Treated(b"")
_INTO_ITEMS = frozenset((Action.SEQUENCE, Action.KEEP, Action.CLEAN, Action.CLEAN_OR_DUMMY, Action.CODED))


class Walker:
    """Treats the data sets of one case. For one thread at a time.

    Args:
        room: Where equal elements in equal places are remembered, so that they are treated once; None for nowhere.
        record: Is told what became of every element that is no sequence, or goes with all that it holds.
    """

    def __init__(self, case: Case, room: Room | None, *, record: Recorder | None = None) -> None:
        self._case = case
        self._remember = room is not None and record is None
        self._room = room or Room()
        self._record = record
        self._forget()

    def _forget(self) -> None:
        self._tops: dict[tuple[tuple[str, ...], Coding], Level] = {}
        self._levels = 0

    def walk(self, dataset: DataSet) -> tuple[list[Piece], list[Note]]:
        """Treat a data set at its top.

        Returns:
            What is left of its elements, in their order, and what is to be said about it.

        Raises:
            Stopped: An identifier is left where nothing may be removed.
            BadData: A sequence is broken.
        """
        if self._levels > _MOST_LEVELS:
            self._forget()
        place = (dataset.charset, dataset.coding)
        top = self._tops.get(place)
        if top is None:
            top = self._tops[place] = Level((), *place, self._case.rules, self._room)
        notes: list[Note] = []
        return self._pieces(dataset, top, notes), notes

    def _pieces(self, dataset: DataSet, level: Level, notes: list[Note]) -> list[Piece]:
        encoded = dataset.encoded
        pieces: list[Piece] = []
        way_of, memory_of_public = level.way, level.memory
        privates: _Privates | None = None
        for part in dataset.parts:
            tag, vr, at, value, behind, undefined = part
            creator, memory = None, memory_of_public
            if tag & 0x10000:
                privates = privates or _Privates(dataset)
                creator = privates.creator_of(tag)
                memory = level.memory_of(creator)
            way = way_of(tag, vr, creator)
            if way.gone:
                if self._record:
                    self._record((*level.path, tag), way.action, encoded[value:behind], None)
                continue
            raw = encoded[at:behind]
            if (way.verbatim and not undefined) or (way.form and way.form.fullmatch(encoded, value, behind)):
                if self._record:
                    self._record((*level.path, tag), way.action, encoded[value:behind], encoded[value:behind])
                pieces.append((tag, raw))
                continue
            treated = memory.get(raw) if self._remember else None
            if treated is None:
                if way.vr == "SQ" or undefined:
                    treated = self._sequence(dataset, part, level, way, creator)
                else:
                    scheme = dataset.text_of(_SCHEME) if way.action is Action.CODED else ""
                    place = Place(tag, way.vr, creator, level.charset, scheme)
                    treated = self._leaf(dataset, part, level, way, place)
                if self._remember and way.action is not Action.CODED:
                    memory.put(raw, treated)
            if treated.notes:
                notes.extend(treated.notes)
            if treated.encoded:
                pieces.append((tag, treated.encoded))
        return privates.without_empty_blocks(pieces) if privates else pieces

    def _leaf(self, dataset: DataSet, part: Part, level: Level, way: Way, place: Place) -> Treated:
        before = dataset.value(part)
        if way.action is Action.SEQUENCE:
            return self._not_understood(part, level, before, "is no sequence")
        done = replace(before, way.action, place, self._case)
        value, notes = done.value, done.notes
        if value is not None and not done.made:
            kind = self._case.known.hit_in(way.vr, value, level.charset, by_machine=part.tag in MACHINES)
            if kind is not None:
                value, note = self._told(part.tag, level, value, kind)
                notes = (*notes, note)
        if self._record:
            self._record((*level.path, part.tag), way.action, before, value)
        if value is None:
            return Treated(b"", notes)
        if value is before:
            return Treated(dataset.encoded[part.at : part.behind], notes)
        return Treated(element(part.tag, part.vr, value, level.coding, padded_as=way.vr), notes)

    def _told(self, tag: int, level: Level, value: bytes, kind: str) -> tuple[bytes | None, Note]:
        """What is left of a value that tells who is meant: nothing, unless a person released it."""
        path = path_of((*level.path, tag))
        if path in self._case.released:
            return value, Note(What.RELEASED, path, kind)
        if level.rules.may_remove(tag, inside=level.inside):
            return None, Note(What.CLEANED, keyword_of(tag), kind)
        if level.rules.may_empty(tag, inside=level.inside):
            return b"", Note(What.CLEANED, keyword_of(tag), kind)
        raise Stopped(f"identifier left in {path}: {kind}")

    def _not_understood(self, part: Part, level: Level, before: bytes, why: str) -> Treated:
        if not level.rules.may_remove(part.tag, inside=level.inside):
            raise Stopped(f"{path_of((*level.path, part.tag))} {why}")
        if self._record:
            self._record((*level.path, part.tag), Action.REMOVE, before, None)
        return Treated(b"", (Note(What.EMPTIED, keyword_of(part.tag)),))

    def _sequence(self, dataset: DataSet, part: Part, level: Level, way: Way, creator: str | None) -> Treated:
        if way.action not in _INTO_ITEMS:
            return self._without_items(dataset, part, level, way.action)
        if part.undefined and part.vr not in ("", "SQ", "UN"):
            return self._not_understood(part, level, dataset.value(part), "has no length")
        if len(level.path) >= DEEPEST:
            raise BadData("the data set is nested beyond reason")
        notes: list[Note] = []
        encoded: list[bytes] = []
        same = True
        try:
            for item in dataset.items(part):
                treated = self._item(item, part, level, creator, notes)
                same = same and treated == item.encoded[item.start : item.end]
                if treated is not None:
                    encoded.append(treated)
        except BadData:
            if part.vr != "UN":
                raise
            return self._not_understood(part, level, dataset.value(part), "cannot be read")
        if same:
            return Treated(dataset.encoded[part.at : part.behind], tuple(notes))
        if not encoded:
            # All items were left out: a sequence of content items is there with some, or not at all (Type 1C).
            return Treated(b"", tuple(notes))
        return Treated(sequence(part.tag, part.vr, encoded, level.coding), tuple(notes))

    def _item(self, item: DataSet, part: Part, level: Level, creator: str | None, notes: list[Note]) -> bytes | None:
        """What is left of one item of the sequence *part*; None where it is left out."""
        below = self._below(level, part.tag, creator, item)
        if below is None:
            if self._record:
                path = (*level.path, part.tag)
                self._record(path, Action.REMOVE, item.encoded[item.start : item.end], None)
            return None
        return b"".join([piece for _, piece in self._pieces(item, below, notes)])

    def _without_items(self, dataset: DataSet, part: Part, level: Level, action: Action) -> Treated:
        if self._record:
            self._record((*level.path, part.tag), action, dataset.value(part), b"")
        items = [_dummy_code(level.coding)] if action is Action.DUMMY else []
        return Treated(sequence(part.tag, part.vr, items, level.coding))

    def _below(self, level: Level, tag: int, creator: str | None, item: DataSet) -> Level | None:
        """Where *item* of the sequence *tag* stands; None where it is left out."""
        rules = level.rules
        if rules.has_content_items(tag):
            chosen = rules.of_item(item.text_of(_VALUE_TYPE), *_concept_of(item))
            if chosen is None:
                return None
            rules = chosen
        key = (tag, creator, item.charset, item.coding, id(rules))
        below = level.below.get(key)
        if below is None:
            self._levels += 1
            path = (*level.path, tag)
            below = level.below[key] = Level(path, item.charset, item.coding, rules, self._room)
        return below


class _Privates:
    """The private creators of one data set (PS3.5 7.8.1)."""

    def __init__(self, dataset: DataSet) -> None:
        self._creators = {part.tag: dataset.text(part) for part in dataset.parts if _is_creator(part.tag)}

    def creator_of(self, tag: int) -> str | None:
        """Of a private creator element itself its own text; None where the block has none."""
        if _is_creator(tag):
            return self._creators[tag]
        return self._creators.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF))

    def without_empty_blocks(self, pieces: list[Piece]) -> list[Piece]:
        """*pieces* without creators of blocks of which nothing is left."""
        used = {tag & 0xFFFF0000 | (tag >> 8 & 0xFF) for tag, _ in pieces if tag & 0x10000}
        return [piece for piece in pieces if not _is_creator(piece[0]) or piece[0] in used]


def _is_creator(tag: int) -> bool:
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


def _concept_of(item: DataSet) -> tuple[str, str]:
    """Code and coding scheme of the concept name of a content item; empty where it has none."""
    part = item.find(_CONCEPT_NAME)
    for name in item.items(part) if part else ():
        return next((code for tag in _CODES if (code := name.text_of(tag))), ""), name.text_of(_SCHEME)
    return "", ""


def _dummy_code(coding: Coding) -> bytes:
    """The item of a sequence of codes (PS3.3 8.8) that says nothing."""
    tags = ((0x00080100, "SH"), (_SCHEME, "SH"), (0x00080104, "LO"))
    return b"".join(
        element(tag, "" if coding.implicit else vr, text.encode("ascii"), coding, padded_as=vr)
        for (tag, vr), text in zip(tags, DUMMY_CODE, strict=True)
    )
