"""Texts that are encrypted at rest and never shown again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models, transaction
from django.db.models.query_utils import DeferredAttribute

if TYPE_CHECKING:
    _SecretColumn = models.TextField["Secret | str | None", "Secret | None"]
else:
    _SecretColumn = models.TextField


class WrongKey(Exception):
    """A secret cannot be decrypted: none of ADIT_SECRET_KEYS is the one it was encrypted with."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class Secret:
    """A text that shows itself only when told to: not in repr, logs, pages or JSON.

    It is decrypted when it is revealed, so that a lost key takes away the secrets and no more.
    """

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token
        """Fernet token, the form in which it is stored."""

    @classmethod
    def seal(cls, text: str) -> Self:
        """Encrypt *text* with the first of ADIT_SECRET_KEYS."""
        return cls(_fernet().encrypt(text.encode()).decode())

    def reveal(self) -> str:
        """The text.

        Raises:
            WrongKey: No key fits.
        """
        try:
            return _fernet().decrypt(self.token.encode()).decode()
        except InvalidToken as error:
            raise WrongKey from error

    def __repr__(self) -> str:
        return "Secret(…)"


class _Sealing(DeferredAttribute):
    """Seals a plain text in the moment in which it is assigned."""

    def __set__(self, instance: models.Model, value: Secret | str | None) -> None:
        instance.__dict__[self.field.attname] = _sealed(value)


class EncryptedTextField(_SecretColumn):
    """A column of secrets: takes a text or a Secret, gives a Secret, or None where nothing is stored.

    It cannot be searched, only asked for null.
    """

    descriptor_class = _Sealing

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["null"] = kwargs["blank"] = True
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, *_: object) -> Secret | None:
        return None if value is None else Secret(value)

    def to_python(self, value: Any) -> Secret | None:
        return _sealed(value)

    def get_prep_value(self, value: Any) -> str | None:
        secret = self.to_python(value)
        return None if secret is None else secret.token

    def value_to_string(self, obj: models.Model) -> str:  # noqa: ARG002  the signature is Django's
        """An empty text: whatever serialises rows leaves secrets out."""
        return ""

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError("a secret can only be asked for null")
        return super().get_lookup(lookup_name)


@transaction.atomic
def rotate() -> int:
    """Encrypt every stored secret anew with the first of ADIT_SECRET_KEYS; the older keys may go afterwards.

    Returns:
        How many there were.

    Raises:
        WrongKey: No key fits one of them; then none was changed.
    """
    count = 0
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                filled = model._base_manager.filter(**{f"{field.name}__isnull": False})
                for row in filled.select_for_update().order_by("pk"):
                    setattr(row, field.attname, _rotated(getattr(row, field.attname)))
                    row.save(update_fields=[field.name])
                    count += 1
    return count


def _sealed(value: Secret | str | None) -> Secret | None:
    return Secret.seal(value) if isinstance(value, str) and value else value or None


def _rotated(secret: Secret) -> Secret:
    try:
        return Secret(_fernet().rotate(secret.token.encode()).decode())
    except InvalidToken as error:
        raise WrongKey from error


def _fernet() -> MultiFernet:
    return _fernet_of(tuple(settings.ADIT_SECRET_KEYS))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
