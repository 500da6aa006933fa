"""Finding a project by the name that somebody typed."""

from __future__ import annotations

from adit.nodes.naming import Unknown, find_named
from adit.projects.models import Project, ProjectQuerySet


class UnknownProject(Unknown):
    """No project has this name."""

    what = "project"


def find_project(name: str, among: ProjectQuerySet | None = None) -> Project:
    """The project called *name*, whatever its capitals.

    Args:
        among: Projects that whoever asks may know of; None for all.

    Raises:
        UnknownProject: With names that are near.
    """
    return find_named(name, Project.objects.all() if among is None else among, UnknownProject)
