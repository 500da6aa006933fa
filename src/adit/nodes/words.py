"""What a node can do, in words."""

from __future__ import annotations

from adit.nodes.models import Ability, Node

ABILITY_WORDS = {
    Ability.FIND_STUDY: "C-FIND, study root",
    Ability.FIND_PATIENT: "C-FIND, patient root",
    Ability.GET_STUDY: "C-GET, study root",
    Ability.GET_PATIENT: "C-GET, patient root",
    Ability.MOVE_STUDY: "C-MOVE, study root",
    Ability.MOVE_PATIENT: "C-MOVE, patient root",
    Ability.STORE: "C-STORE",
    Ability.COMMIT: "Storage commitment",
    Ability.QIDO: "QIDO-RS",
    Ability.WADO: "WADO-RS",
    Ability.STOW: "STOW-RS",
}

_USES = {
    "search": (Ability.FIND_STUDY, Ability.FIND_PATIENT, Ability.QIDO),
    "retrieve": (
        Ability.WADO,
        Ability.GET_STUDY,
        Ability.GET_PATIENT,
        Ability.MOVE_STUDY,
        Ability.MOVE_PATIENT,
    ),
    "store": (Ability.STORE, Ability.STOW),
    "confirm": (Ability.COMMIT,),
}


def uses(node: Node) -> dict[str, str]:
    """What *node* is good for: `search`, `retrieve`, `store`, `confirm` → by what, such as "C-GET, C-MOVE".

    What it cannot do is left out. A folder can do all but confirm.
    """
    if node.is_folder:
        return dict.fromkeys(("search", "retrieve", "store"), "files")
    can = node.abilities
    found = {use: [ABILITY_WORDS[each].split(",")[0] for each in by if each in can] for use, by in _USES.items()}
    return {use: ", ".join(dict.fromkeys(by)) for use, by in found.items() if by}
