"""The keys that secrets are encrypted with: from the environment, else a file that only we can read."""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from adit.site.database import create_once, make_private
from adit.site.env import Config


def secret_keys(config: Config) -> tuple[str, ...]:
    """Fernet keys, the one to encrypt with first.

    Without `ADIT_SECRET_KEYS` it is the key in `keys/secret.key`, made at first need (0600).
    """
    if config.secret_keys:
        return config.secret_keys
    make_private(config.keys)
    return (create_once(key_file(config), base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),)


def key_file(config: Config) -> Path:
    """Where the key lies when the environment does not give one."""
    return config.keys / "secret.key"


def derive(key: str, purpose: str) -> str:
    """A key for another *purpose*, from which *key* cannot be had back."""
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).hexdigest()
