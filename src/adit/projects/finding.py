"""Finding a project by the name that somebody typed."""

from __future__ import annotations

from difflib import get_close_matches

from adit.projects.models import Project, ProjectQuerySet


class UnknownProject(LookupError):
    """No project has this name.

    Attributes:
        name: What was asked for.
        near: Names of projects that may have been meant, the nearest first.
    """

    def __init__(self, name: str, near: list[str]) -> None:
        self.name = name
        self.near = near
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        super().__init__(f"There is no project '{name}'{hint}")


def find_project(name: str, among: ProjectQuerySet | None = None) -> Project:
    """The project called *name*, whatever its capitals.

    Args:
        among: Projects that whoever asks may know of; None for all. Others are neither found nor suggested.

    Raises:
        UnknownProject: With names that are near.
    """
    projects = Project.objects.all() if among is None else among
    name = " ".join(name.split())
    found = projects.filter(name__iexact=name).first()
    if found is not None:
        return found
    names = {known.casefold(): known for known in projects.values_list("name", flat=True)}
    near = get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    raise UnknownProject(name, [names[known] for known in near])
