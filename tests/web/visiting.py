"""Whoever visits the pages in tests."""

from django.test import Client

from adit.accounts.models import User


def logged_in(user: User) -> Client:
    """A browser in which *user* is logged in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
