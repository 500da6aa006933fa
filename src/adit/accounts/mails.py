"""Mails: written into a table together with what they tell of, and sent by a worker when a mail server takes them."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from adit.accounts.models import Mail, User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.audit.record import record

logger = logging.getLogger(__name__)

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""Before a mail is tried again; the last one again and again."""

LONGEST = timedelta(days=3)
"""After which a mail is given up."""

SENDING = timedelta(minutes=5)
"""After which whoever took a mail to send it is taken for dead; more than the mail server's time limits together."""

KEPT = timedelta(days=7)
"""For which sent mails, and those given up, can be looked up."""


def write_mail(
    recipients: Iterable[str], *, subject: str, body: str, about: str = "", hidden: bool = False
) -> Mail | None:
    """Put a mail into the outbox, in the current transaction.

    Without a mail server, or anybody with an address, there is none.

    Args:
        subject, body: Without patient data: mails are read by many machines.
        about: See `told_of`.
        hidden: Recipients do not learn of one another.
    """
    addresses = sorted({address for address in recipients if address})
    if not addresses or not settings.ADIT_SENDS_MAILS:
        return None
    return Mail.objects.create(
        recipients=addresses, subject=" ".join(subject.split())[:200], body=body, about=about, hidden=hidden
    )


def told_of(about: str, *, since: datetime) -> bool:
    """Whether a mail about *about* was written since then."""
    return Mail.objects.filter(about=about, created_at__gte=since).exists()


def administrators() -> list[str]:
    """Addresses of those who look after ADIT: the ones that are configured, else of all active staff."""
    configured: list[str] = list(settings.ADIT_ADMIN_EMAILS)
    return configured or list(
        User.objects.filter(is_active=True, is_staff=True).exclude(email="").values_list("email", flat=True)
    )


def address(path: str) -> str:
    """Where a page is found; empty where nobody said under which address people reach ADIT."""
    return f"{settings.ADIT_PUBLIC_URL}{path}" if settings.ADIT_PUBLIC_URL else ""


def tell_of_registration(user: User) -> None:
    """Ask the administrators to look at the registration of *user*."""
    write_mail(
        administrators(),
        subject=_("ADIT: a registration waits for you"),
        body=_(
            "%(name)s has registered and cannot log in before an administrator approves it:\n%(where)s\n"
        ) % {"name": user.get_username(), "where": address("/administration/")},
    )  # fmt: skip


def tell_of_approval(user: User) -> None:
    """Tell *user* that the log-in works now."""
    write_mail(
        [user.email],
        subject=_("ADIT: your account is approved"),
        body=_("The account %(name)s is approved. You can log in now:\n%(where)s\n")
        % {"name": user.get_username(), "where": address("/")},
    )


def may_broadcast(by: User) -> Verdict:
    """Whether *by* may write to everybody."""
    if by.is_active and by.is_staff:
        return ALLOWED
    return Verdict.no("Only an administrator may write to everybody.")


@transaction.atomic
def broadcast(subject: str, body: str, *, by: User) -> int:
    """Write to every active user, none of whom learns of the others.

    Returns:
        How many have an address.

    Raises:
        Denied: *by* may not.
    """
    may_broadcast(by).require()
    addresses = set(User.objects.filter(is_active=True).exclude(email="").values_list("email", flat=True))
    write_mail(addresses, subject=subject, body=body, hidden=True)
    record("mail.broadcast", by=by, details={"subject": subject, "recipients": len(addresses)})
    return len(addresses)


def send_waiting(now: Callable[[], datetime]) -> int:
    """Send every mail whose time has come, outside of any transaction.

    What a mail server does not take waits for longer and longer. A mail may arrive twice when a process dies
    between sending it and noting that.

    Returns:
        How many were sent.
    """
    sent = 0
    while (mail := _take(now())) is not None:
        sent += _send(mail, now())
    return sent


def forget_old(now: datetime) -> None:
    """Remove mails whose fate nobody needs to know any more."""
    Mail.objects.filter(Q(sent_at__lt=now - KEPT) | Q(given_up_at__lt=now - 4 * KEPT)).delete()


@transaction.atomic
def _take(now: datetime) -> Mail | None:
    due = Mail.objects.waiting().filter(not_before__lte=now).order_by("not_before", "pk")
    mail = due.select_for_update(skip_locked=True).first()
    if mail is not None:
        mail.not_before = now + SENDING
        mail.attempts += 1
        mail.save(update_fields=["not_before", "attempts"])
    return mail


def _send(mail: Mail, now: datetime) -> bool:
    to, bcc = ([], mail.recipients) if mail.hidden else (mail.recipients, [])
    # Always the same, so that what arrives twice can be told from two mails.
    headers = {"Message-ID": f"<adit-{mail.pk}-{mail.created_at:%Y%m%d%H%M%S}@{_domain()}>"}
    try:
        EmailMessage(mail.subject, mail.body, to=to, bcc=bcc, headers=headers).send()
    except (OSError, smtplib.SMTPException) as error:
        _put_back(mail, error, now)
        return False
    # Nobody reads it here any more, and it may hold a link that opens an account.
    Mail.objects.filter(pk=mail.pk).update(sent_at=now, error="", body="")
    return True


def _put_back(mail: Mail, error: Exception, now: datetime) -> None:
    logger.warning("Mail %s was not taken, attempt %s: %s", mail.pk, mail.attempts, type(error).__name__)
    over = _hopeless(error) or now - mail.created_at >= LONGEST
    wait = WAITS[min(mail.attempts, len(WAITS)) - 1]
    Mail.objects.filter(pk=mail.pk).update(
        error=f"{type(error).__name__}: {error}"[:500],
        not_before=now + wait,
        given_up_at=now if over else None,
    )


def _hopeless(error: Exception) -> bool:
    """Whether the mail server will never take it: no recipient that it knows."""
    return isinstance(error, smtplib.SMTPRecipientsRefused) and all(
        code >= 500 for code, _reason in error.recipients.values()
    )


def _domain() -> str:
    sender: str = settings.DEFAULT_FROM_EMAIL
    return sender.rpartition("@")[2].strip("<> ") or "localhost"
