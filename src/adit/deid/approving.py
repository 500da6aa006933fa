"""Words that a site knows to be harmless in descriptions, and the version of a profile that lets them pass."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from adit.deid.profile import PROFILES, Profile

APPROVABLE = "one word of two characters or more with a letter in it"

_LEAST = 2


def as_approved(word: str) -> str | None:
    """*word* in the form in which profiles hold it; None where it is not `APPROVABLE`."""
    plain = word.strip().casefold()
    if len(plain) < _LEAST or len(plain.split()) != 1 or not any(map(str.isalpha, plain)):
        return None
    return plain if plain.isprintable() else None


def with_words(profile: Profile, approved: Set[str]) -> Profile:
    """*profile* that lets the words *approved* pass and no others beside the vocabulary; its version says so.

    The same content has the same version, however it came about.
    """
    if profile.approved == approved:
        return profile
    changed = replace(profile, approved=frozenset(approved))
    base = profile.version.partition("+")[0]
    shipped = PROFILES.get(profile.name)
    if shipped is not None and shipped.version == base and shipped.digest == changed.digest:
        return shipped
    return replace(changed, version=f"{base}+{changed.digest[:8]}")


def newest_of(profile: Profile, *, approved: Set[str], withdrawn: Set[str]) -> Profile:
    """The version of *profile* for this day: with the words *approved* since, without those *withdrawn*.

    One that is as it was shipped becomes what this release ships under its name. Rules of a site stay as they are, and
    with them the version they were written for: nobody knows any more which of the rules are the site's.
    """
    shipped = PROFILES.get(profile.name)
    untouched = shipped is not None and "+" not in profile.version
    base = shipped if shipped is not None and untouched else profile
    return with_words(base, (profile.approved - withdrawn) | approved)
