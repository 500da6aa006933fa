"""What somebody may do in the end, feature by feature, and why: the rule of `permitting`, read back as sentences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.auth.models import Group

from adit.accounts.features import SECTIONS, Feature, Section
from adit.accounts.granting import names_of
from adit.accounts.models import User


@dataclass(frozen=True, slots=True)
class Answer:
    """One feature.

    Attributes:
        why: From where it comes, or why it is missing; a sentence either way.
    """

    feature: Feature
    allowed: bool
    why: str


def effective_features(user: User, group: Group | None) -> list[tuple[Section, list[Answer]]]:
    """What *user* may do while *group* is the active one, section by section."""
    own = names_of(user.user_permissions)
    by_group: dict[str, list[Group]] = defaultdict(list)
    for each in user.groups.order_by("name"):
        for name in names_of(each.permissions):
            by_group[name].append(each)
    return [
        (section, [Answer(each, *_answer(each, user, group, own, by_group[each.name])) for each in section.features])
        for section in SECTIONS
    ]


def _answer(feature: Feature, user: User, group: Group | None, own: set[str], groups: list[Group]) -> tuple[bool, str]:
    if not user.is_active:
        return False, "The account is not active."
    if user.is_superuser:
        return True, "A superuser may do everything."
    if feature.name in own:
        return True, "The account itself has the permission."
    if group is not None and group in groups:
        return True, f"The active group {group.name} has the permission."
    if groups:
        names = ", ".join(each.name for each in groups)
        return False, f"Only in the name of another group: {names}."
    if group is None:
        return False, "The account does not have the permission, and no group is active."
    return False, f"Neither the account nor the group {group.name} has the permission."
