"""What a node is, takes and can be asked. Part of `nodes.models`, from where all is imported."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class Kind(models.TextChoices):
    SERVER = "server"
    FOLDER = "folder"


class Accepts(models.TextChoices):
    """What a node demands of what goes to it."""

    ANYTHING = "anything", "anything"
    PSEUDONYMISED = "pseudonymised", "only pseudonymised"
    MODIFIED_DATES = "modified dates", "only with modified dates"
    IDENTIFIED = "identified", "only identified"


class Ability(StrEnum):
    """What a server can be asked; each is the name of a boolean column of Node."""

    FIND_STUDY = "find_study"
    FIND_PATIENT = "find_patient"
    GET_STUDY = "get_study"
    GET_PATIENT = "get_patient"
    MOVE_STUDY = "move_study"
    MOVE_PATIENT = "move_patient"
    STORE = "store"
    COMMIT = "commit"
    QIDO = "qido"
    WADO = "wado"
    STOW = "stow"


BY_DICOMWEB = frozenset((Ability.QIDO, Ability.WADO, Ability.STOW))
BY_DIMSE = frozenset(Ability) - BY_DICOMWEB
FINDS = frozenset((Ability.FIND_STUDY, Ability.FIND_PATIENT, Ability.QIDO))
MOVES = frozenset((Ability.MOVE_STUDY, Ability.MOVE_PATIENT))
RETRIEVES = MOVES | {Ability.GET_STUDY, Ability.GET_PATIENT, Ability.WADO}
STORES = frozenset((Ability.STORE, Ability.STOW))
