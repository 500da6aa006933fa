"""Who asks for nodes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from adit.accounts.models import User


@pytest.fixture
def group(db: None) -> Group:
    return Group.objects.create(name="neuro")


@pytest.fixture
def anna(group: Group) -> User:
    """A member of *group*."""
    user = User.objects.create_user("anna")
    user.groups.add(group)
    return user
