"""Projects for tests, with somebody in them."""

from __future__ import annotations

from adit.accounts.models import User, local_administrator
from adit.deid.keys import Patient
from adit.projects.models import Member, Project

ANNE, BO = Patient("4711", "HOSPITAL", "east"), Patient("4712", "HOSPITAL", "east")


def administrator() -> User:
    return local_administrator("tester")


def project(name: str = "Stroke", **values: object) -> Project:
    return Project.objects.create(name=name, purpose="Research", **values)


def member(project: Project, name: str = "anna", *, may_send: bool = True, may_link: bool = False) -> User:
    user = User.objects.create_user(name)
    Member.objects.create(project=project, user=user, may_send=may_send, may_link=may_link)
    return user
