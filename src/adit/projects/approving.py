"""Words that the site approved for descriptions, and profiles as they are on this site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.approving import APPROVABLE, as_approved, newest_of, with_words
from adit.deid.profile import Profile, find_profile
from adit.projects.models import ApprovedWord, Project
from adit.projects.permissions import may_approve_words

MOST = 2000
"""Approved words: every job freezes them with its profile."""

_LONGEST = 64


class CannotApprove(ValueError):
    """These words cannot be approved."""


@transaction.atomic
def approve(words: Iterable[str], *, by: User) -> list[str]:
    """Let *words* pass in every profile that is frozen from now on. What is frozen already stays as it is.

    Returns:
        Those that were not approved before.

    Raises:
        Denied: *by* may not.
        CannotApprove: There is none, one is no word, or there are too many; nothing was approved.
    """
    may_approve_words(by).require()
    wanted = _checked(words)
    name = by.get_username()
    known = {each.word: each for each in ApprovedWord.objects.select_for_update()}
    again = [word for word in wanted if word in known and known[word].withdrawn_at is not None]
    new = [word for word in wanted if word not in known]
    if sum(each.withdrawn_at is None for each in known.values()) + len(again) + len(new) > MOST:
        raise CannotApprove(f"No more than {MOST} words can be approved: withdraw some that are not needed any more.")
    ApprovedWord.objects.filter(word__in=again).update(
        approved_by=name, approved_at=timezone.now(), withdrawn_by="", withdrawn_at=None
    )
    ApprovedWord.objects.bulk_create([ApprovedWord(word=word, approved_by=name) for word in new], ignore_conflicts=True)
    if approved := sorted([*new, *again]):
        record("word.approved", by=by, details={"words": approved})
    return sorted([*new, *again])


@transaction.atomic
def withdraw(words: Iterable[str], *, by: User) -> list[str]:
    """Let *words* be cut again in every profile that is frozen from now on.

    Returns:
        Those that were approved before.

    Raises:
        Denied: *by* may not.
    """
    may_approve_words(by).require()
    wanted = [word.strip().casefold() for word in words]
    rows = ApprovedWord.objects.in_effect().filter(word__in=wanted).select_for_update()
    found = [each.word for each in rows]
    ApprovedWord.objects.filter(word__in=found).update(withdrawn_by=by.get_username(), withdrawn_at=timezone.now())
    if found:
        record("word.withdrawn", by=by, details={"words": found})
    return found


def approved_words() -> frozenset[str]:
    """All that are approved now."""
    return frozenset(ApprovedWord.objects.in_effect().values_list("word", flat=True))


def on_site(profile: Profile) -> Profile:
    """*profile* with the words that the site approved."""
    return with_words(profile, profile.approved | approved_words())


def site_profile(name: str) -> Profile:
    """The shipped profile called *name* with the words that the site approved.

    Raises:
        ValueError: There is none; the message names those there are.
    """
    return on_site(find_profile(name))


def newest_for(project: Project) -> Profile:
    """What the profile of *project* would be today; equal to what it has when nothing changed since.

    Raises:
        ValueError: The profile was written by a newer release.
    """
    withdrawn = frozenset(ApprovedWord.objects.withdrawn().values_list("word", flat=True))
    return newest_of(Profile.from_json(project.profile), approved=approved_words(), withdrawn=withdrawn)


def _checked(words: Iterable[str]) -> Sequence[str]:
    wanted = []
    for word in dict.fromkeys(words):
        plain = as_approved(word)
        if plain is None:
            raise CannotApprove(f"'{word[:_LONGEST]}' is not {APPROVABLE}.")
        if len(plain) > _LONGEST:
            raise CannotApprove(f"'{word[:_LONGEST]}…' is longer than {_LONGEST} characters.")
        wanted.append(plain)
    if not wanted:
        raise CannotApprove("Choose at least one word.")
    return list(dict.fromkeys(wanted))
