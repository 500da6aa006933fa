"""The web application, served, for what Django's client cannot do."""

from tests.journeys.conftest import site

__all__ = ["site"]
