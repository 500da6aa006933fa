"""Users of the tests, logged in."""

from __future__ import annotations

from django.test import Client

from adit.accounts.models import User


def logged_in(name: str = "ann", **values: object) -> tuple[Client, User]:
    """A client in which a new user is logged in."""
    user = User.objects.create_user(name, f"{name}@example.org", **values)
    return client_of(user), user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
