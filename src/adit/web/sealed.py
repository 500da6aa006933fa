"""What names a patient does not stand in addresses, which browsers and proxies keep: it is sealed there."""

from __future__ import annotations

import json
from collections.abc import Mapping

from adit.accounts.models import User
from adit.nodes.secrets import Secret, WrongKey

HELD = "who"
"""Parameter of addresses that holds what is sealed."""


def seal(values: Mapping[str, str], *, to: User) -> str:
    """*values* as a text for an address, which only *to* can use."""
    return Secret.seal(json.dumps({"user": to.pk, "values": dict(values)})).token


def unseal(token: str, *, by: User) -> dict[str, str]:
    """What was sealed to *by*; nothing for anything else."""
    try:
        held = json.loads(Secret(token).reveal())
    except (WrongKey, ValueError):
        return {}
    return held["values"] if held["user"] == by.pk else {}
