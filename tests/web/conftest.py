"""The web application, served, for what Django's client cannot do; and who looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adit.accounts.models import User
from tests.jobs.fakes import a_user, two_servers
from tests.journeys.conftest import site

__all__ = ["site"]


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who may use two servers, A and B."""
    two_servers()
    return a_user()


@pytest.fixture
def impatient(settings: Any) -> Iterator[None]:
    """Searches ask a server once, and give up."""
    from adit.web.search.sources import opening  # noqa: PLC0415  not before the settings are read

    settings.ADIT_RETRY_WAITS = ()
    opening.cache_clear()
    yield
    opening.cache_clear()
