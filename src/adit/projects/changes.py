"""Verbs that change projects and who takes part; each leaves its audit event in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.profile import Profile
from adit.nodes.models import Node
from adit.projects.approving import newest_for, on_site
from adit.projects.models import Member, Project
from adit.projects.permissions import may_manage_projects

_SECRETS = frozenset(("secret", "fingerprint"))


class CannotTake(ValueError):
    """The project cannot have the newest version of its profile."""


@transaction.atomic
def add(project: Project, *, by: User, profile: Profile, destinations: Iterable[Node] = ()) -> Project:
    """Check the new *project* and store it. It has a key from now on.

    Args:
        profile: It takes the words that the site approved, and is frozen with them.
        destinations: Nodes that its jobs may send to; none means any.

    Raises:
        ValidationError: With a sentence per field.
    """
    _freeze(project, profile)
    project.full_clean()
    project.save()
    project.destinations.set(destinations)
    record("project.added", by=by, nodes=_destinations(project), details=_readable(project))
    return project


@transaction.atomic
def edit(
    project: Project,
    *,
    by: User,
    profile: Profile | None = None,
    destinations: Iterable[Node] | None = None,
    **values: Any,
) -> Project:
    """Give fields of *project* new values; what is None stays. Jobs keep the profile with which they were made.

    Raises:
        ValidationError: With a sentence per field.
    """
    stored = Project.objects.select_for_update().get(pk=project.pk)
    before = _readable(stored) | {"destinations": _destinations(stored)}
    for name, value in values.items():
        if not hasattr(stored, name):
            raise TypeError(f"a project has no {name}")
        setattr(stored, name, value)
    if profile is not None:
        _freeze(stored, profile)
    stored.full_clean()
    stored.save()
    if destinations is not None:
        stored.destinations.set(destinations)
    after = _readable(stored) | {"destinations": _destinations(stored)}
    changed = {name: [before[name], value] for name, value in after.items() if value != before[name]}
    record("project.changed", by=by, details={"project": stored.name, "changed": changed})
    return stored


@transaction.atomic
def take_newest(project: Project, *, by: User) -> Project:
    """Give *project* the newest version of its profile. Its jobs keep the one with which they were made.

    Raises:
        Denied: *by* may not change projects.
        CannotTake: It has it already, or what becomes of dates would change in the middle of a project.
    """
    may_manage_projects(by).require()
    locked = Project.objects.select_for_update().get(pk=project.pk)
    now = Profile.from_json(locked.profile)
    newest = newest_for(locked)
    if newest == now:
        raise CannotTake(f"Project {locked.name} has the newest version of its profile: {now.name} {now.version}.")
    if newest.dates is not now.dates:
        raise CannotTake(
            f"The newest version of {now.name} does something else to dates, and the two must not be mixed in one "
            f"project: make a project of its own for it."
        )
    return edit(locked, by=by, profile=newest)


@transaction.atomic
def let_take_part(project: Project, user: User, *, by: User, may_send: bool, may_link: bool) -> Member:
    """Make *user* a member of *project*, or change what the member may."""
    rights = {"may_send": may_send, "may_link": may_link}
    member, _ = Member.objects.update_or_create(project=project, user=user, defaults=rights)
    details = {"project": project.name, "user": user.get_username(), **rights}
    record("project.member_changed", by=by, details=details)
    return member


@transaction.atomic
def take_out(project: Project, user: User, *, by: User) -> None:
    """Let *user* be no member of *project* any more."""
    Member.objects.filter(project=project, user=user).delete()
    record("project.member_removed", by=by, details={"project": project.name, "user": user.get_username()})


def _freeze(project: Project, profile: Profile) -> None:
    """With the words that the site approved until now."""
    project.profile, project.profile_name = on_site(profile).to_json(), profile.name


def _destinations(project: Project) -> list[str]:
    return sorted(project.destinations.values_list("name", flat=True))


def _readable(project: Project) -> dict[str, Any]:
    """All fields but secrets, as JSON; of the profile its name and version."""
    fields = (field.name for field in Project._meta.concrete_fields if field.name not in _SECRETS | {"id", "created"})
    values = {name: getattr(project, name) for name in fields}
    values["profile"] = [project.profile.get("name"), project.profile.get("version")]
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
