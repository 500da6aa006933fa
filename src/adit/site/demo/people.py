"""Lets the five people of the demo work: groups, access, projects, each with what the work needs and no more."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction

from adit.accounts.groups import add_group, edit_group
from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.profile import PROFILES
from adit.nodes.changes import give_access
from adit.nodes.models import Node
from adit.projects import changes as projects
from adit.projects.models import Project
from adit.site.demo.cast import ADMINISTRATOR, ENGINEER, OFFICER, PEOPLE, RADIOLOGIST, STUDENT, Person
from adit.site.demo.places import FOLDER
from adit.site.demo.processes import DEMO_PACS


@dataclass(frozen=True, slots=True)
class Work:
    """What a group is for.

    Attributes:
        sources, destinations: Names of nodes.
    """

    group: str
    people: tuple[Person, ...]
    features: frozenset[str]
    sources: frozenset[str]
    destinations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Study:
    """What a project is for, and who takes part: may send, or may look up who is behind a pseudonym, too."""

    name: str
    profile: str
    senders: tuple[Person, ...]
    linkers: tuple[Person, ...]


_CLINIC, _RESEARCH, _LIAR = (pacs.name for pacs in DEMO_PACS)

WORK = (
    Work(
        "Doctoral students",
        (STUDENT,),
        frozenset({"jobs.can_transfer_selectively", "jobs.can_query_in_batches", "jobs.can_transfer_in_batches"}),
        frozenset({_CLINIC}),
        frozenset({_RESEARCH}),
    ),
    Work(
        "Radiology",
        (RADIOLOGIST,),
        frozenset(
            {
                "jobs.can_transfer_selectively",
                "jobs.can_explore",
                "jobs.can_download_study",
                "jobs.can_transfer_urgently",
                "jobs.can_transfer_unpseudonymized",
                "jobs.can_send_unchecked_pixels",
                "jobs.can_release_tripwire",
            }
        ),
        frozenset({_CLINIC, _RESEARCH}),
        frozenset({_CLINIC, _RESEARCH, FOLDER}),
    ),
    Work(
        "Research engineering",
        (ENGINEER,),
        frozenset(
            {
                "jobs.can_transfer_selectively",
                "jobs.can_query_in_batches",
                "jobs.can_transfer_in_batches",
                "jobs.can_transfer_in_mass",
                "jobs.can_upload",
                "jobs.can_download_study",
                "accounts.can_query",
                "accounts.can_retrieve",
                "accounts.can_store",
                "accounts.can_have_tokens",
            }
        ),
        frozenset({_CLINIC, _LIAR}),
        frozenset({_RESEARCH}),
    ),
    Work(
        "PACS administration",
        (ADMINISTRATOR,),
        frozenset(
            {
                "jobs.can_transfer_selectively",
                "jobs.can_explore",
                "jobs.can_transfer_urgently",
                "jobs.can_transfer_unpseudonymized",
            }
        ),
        frozenset({_CLINIC, _RESEARCH, _LIAR}),
        frozenset({_CLINIC, _RESEARCH, FOLDER}),
    ),
    Work(
        "Data protection",
        (OFFICER,),
        frozenset({"audit.can_view_audit", "audit.can_search_patients"}),
        frozenset(),
        frozenset(),
    ),
)

STUDIES = (
    Study("Stroke outcome", "research", senders=(STUDENT, RADIOLOGIST), linkers=(RADIOLOGIST,)),
    Study("Scanner quality", "longitudinal", senders=(ENGINEER,), linkers=()),
)


@transaction.atomic
def let_them_work(*, by: User) -> None:
    """Make who and what is missing; what somebody has changed since stays. The nodes are there already."""
    users = {person.username: _user(person, by) for person in PEOPLE}
    for work in WORK:
        if not Group.objects.filter(name=work.group).exists():
            _make_group(work, users, by)
    for study in STUDIES:
        if not Project.objects.filter(name=study.name).exists():
            _make_project(study, users, by)


def _user(person: Person, by: User) -> User:
    """The account; nobody logs in with a password there."""
    user, made = User.objects.get_or_create(
        username=person.username,
        defaults={
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": f"{person.username}@example.org",
            "is_staff": person.staff,
            "password": make_password(None),
        },
    )
    if made:
        record("account.added", by=by, details={"user": user.get_username(), "demo": True})
    return user


def _make_group(work: Work, users: dict[str, User], by: User) -> None:
    group = add_group(work.group, by=by)
    members = [users[person.username] for person in work.people]
    edit_group(group, by=by, name=work.group, features=work.features, members=members)
    for node in Node.objects.filter(name__in=work.sources | work.destinations):
        give_access(
            node, by=by, group=group, source=node.name in work.sources, destination=node.name in work.destinations
        )


def _make_project(study: Study, users: dict[str, User], by: User) -> None:
    made = projects.add(
        Project(name=study.name, generates=True),
        by=by,
        profile=PROFILES[study.profile],
        destinations=Node.objects.filter(name=_RESEARCH),
    )
    for person in {*study.senders, *study.linkers}:
        projects.let_take_part(
            made, users[person.username], by=by, may_send=person in study.senders, may_link=person in study.linkers
        )
