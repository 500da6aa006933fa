"""What a server can do, in the words of the command line."""

from __future__ import annotations

from enum import StrEnum

from adit.nodes.doctor import abilities_found
from adit.nodes.models import Ability, Node
from adit.nodes.places import at
from adit.site.cli.output import Failed, Misused


class Root(StrEnum):
    """An information model of PS3.4 C.6."""

    STUDY = "study"
    PATIENT = "patient"


_BY_WORD = {
    "find": {Root.STUDY: Ability.FIND_STUDY, Root.PATIENT: Ability.FIND_PATIENT},
    "get": {Root.STUDY: Ability.GET_STUDY, Root.PATIENT: Ability.GET_PATIENT},
    "move": {Root.STUDY: Ability.MOVE_STUDY, Root.PATIENT: Ability.MOVE_PATIENT},
    "store": dict.fromkeys(Root, Ability.STORE),
    "commit": dict.fromkeys(Root, Ability.COMMIT),
    "qido": dict.fromkeys(Root, Ability.QIDO),
    "wado": dict.fromkeys(Root, Ability.WADO),
    "stow": dict.fromkeys(Root, Ability.STOW),
}


def abilities_of(words: str, root: Root | None) -> frozenset[Ability]:
    """What *words*, by comma, stand for; of the study root where *root* is not said.

    Raises:
        Misused: One is nothing that a server can do, or there are none.
    """
    found = set()
    for word in filter(None, (part.strip().lower() for part in words.split(","))):
        if word not in _BY_WORD:
            raise Misused(f"--can: '{word}' is nothing a server can do: choose from {', '.join(_BY_WORD)}.")
        found.add(_BY_WORD[word][root or Root.STUDY])
    if not found:
        raise Misused(f"--can is empty: choose from {', '.join(_BY_WORD)}.")
    return frozenset(found)


def words_of(abilities: frozenset[Ability]) -> list[str]:
    return [word for word, by_root in _BY_WORD.items() if abilities & set(by_root.values())]


def find_out(server: Node, root: Root | None) -> frozenset[Ability]:
    """What the test finds, of the model that was asked for.

    Raises:
        Failed: Nothing.
        DicomError: It does not answer; with its name.
    """
    other = {Root.PATIENT: Root.STUDY, Root.STUDY: Root.PATIENT}
    with at(server):
        found = abilities_found(server)
    if root is not None:
        found -= {by_root[other[root]] for by_root in _BY_WORD.values() if by_root[other[root]] != by_root[root]}
    if not found:
        raise Failed(f"{server.name} can do nothing that ADIT could use; if that is wrong, say with --can what it can.")
    return found
