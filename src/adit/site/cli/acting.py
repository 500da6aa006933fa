"""As whom the command line acts."""

from __future__ import annotations

import getpass
import os

from adit.accounts.models import User, local_administrator


def me() -> User:
    """The local administrator of the operating-system user who runs the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that no account has.
        name = str(os.getuid())
    return local_administrator(name)
