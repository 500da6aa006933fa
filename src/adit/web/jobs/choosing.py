"""Which jobs a list shows: what somebody searches for, and the filters above it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from adit.accounts.models import User
from adit.jobs.kinds import KINDS
from adit.jobs.models import Entry, Job, JobQuerySet, Task
from adit.jobs.states import JobStatus
from adit.nodes.models import Node
from adit.projects.models import Project

_UID = re.compile(r"[0-9]+(\.[0-9]+){3,}")

_LONGEST = 18
"""Digits of a number that is looked for; more is no job."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The filters of a list of jobs; empty ones let everything through.

    Attributes:
        words: A job's number, the UID of a study or series, or part of the name of a node or a project.
        owner: Part of the owner's name; counts for staff only.
        project: Id.
        since, until: Days on which it was made, as the reader's clock has them.
        wrong: What could not be understood, for the person who wrote it.
    """

    words: str = ""
    status: str = ""
    kind: str = ""
    owner: str = ""
    project: int | None = None
    since: date | None = None
    until: date | None = None
    wrong: tuple[str, ...] = ()

    @classmethod
    def of(cls, asked: QueryDict) -> Choice:
        """Read the query of an address; what is unknown there is passed over."""
        status, kind, project = asked.get("status", ""), asked.get("kind", ""), asked.get("project", "")
        since, until = _day(asked.get("since", "")), _day(asked.get("until", ""))
        wrong = tuple(
            asked.get(name, "") for name, day in (("since", since), ("until", until)) if asked.get(name) and day is None
        )
        return cls(
            words=" ".join(_printable(asked.get("q", "")).split())[:128],
            status=status if status in set(JobStatus) else "",
            kind=kind if kind in KINDS else "",
            owner=_printable(asked.get("owner", "")).strip()[:150],
            project=int(project) if project.isascii() and project.isdigit() and len(project) <= _LONGEST else None,
            since=since,
            until=until,
            wrong=wrong,
        )

    @property
    def empty(self) -> bool:
        """Whether everything is let through."""
        return self == Choice()


def chosen(user: User, choice: Choice) -> JobQuerySet:
    """The jobs that *user* may see and *choice* lets through.

    No text is searched for in the table of jobs itself: names are looked up where there are few of them.
    """
    jobs = Job.objects.visible_to(user).select_related("owner", "project")
    if choice.words:
        jobs = jobs.filter(_about(choice.words))
    if choice.status:
        jobs = jobs.filter(status=choice.status)
    if choice.kind:
        jobs = jobs.filter(kind=choice.kind)
    if choice.owner and user.is_staff:
        jobs = jobs.filter(owner__in=User.objects.filter(username__icontains=choice.owner))
    if choice.project is not None:
        jobs = jobs.filter(project=choice.project)
    if choice.since is not None:
        jobs = jobs.filter(created_at__gte=_midnight(choice.since))
    if choice.until is not None and choice.until < date.max:
        jobs = jobs.filter(created_at__lt=_midnight(choice.until + timedelta(days=1)))
    return jobs


def projects_for(user: User) -> list[Project]:
    """The projects that *user* can choose from."""
    return list(Project.objects.visible_to(user).defer("profile")[:200])


def _about(words: str) -> Q:
    if words.lstrip("#").isdigit() and len(words) <= _LONGEST:
        return Q(pk=int(words.lstrip("#")))
    if _UID.fullmatch(words):
        series = Entry.objects.filter(series_uid=words).values("task__job")
        return Q(pk__in=Task.objects.filter(study_uid=words).values("job")) | Q(pk__in=series)
    nodes = list(Node.objects.filter(name__icontains=words).values_list("name", flat=True))
    projects = list(Project.objects.filter(name__icontains=words).values_list("pk", flat=True))
    names = [*nodes, words]
    return Q(source_name__in=names) | Q(destination_name__in=names) | Q(project__in=projects)


def _printable(text: str) -> str:
    # No database looks for NUL.
    return text.replace("\0", "")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
