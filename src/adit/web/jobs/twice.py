"""What a second press of a button is answered that makes a job: the way to what the first one made."""

from __future__ import annotations

import secrets

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from adit.jobs.models import Job
from adit.jobs.once import SentAlready
from adit.web.doors.visits import visitor

FIELD = "once"
"""The hidden field of a form that makes a job: a value that no other form holds."""

_LONGEST = 64


def value_in(posted: QueryDict) -> str:
    """The value of the form that was posted; empty for none of ours."""
    value = posted.get(FIELD, "")
    return value if value.isascii() and value.isalnum() and len(value) <= _LONGEST else ""


def value_for(posted: QueryDict) -> str:
    """The value of the form that is shown next: the same for as long as its page stands, else a new one."""
    return value_in(posted) or secrets.token_hex(16)


def pressed(text: str) -> tuple[str, int]:
    """What a button does, and the number of the last job that its page knew of: of `send 31`; 0 for none."""
    does, _blank, number = text.partition(" ")
    return does, int(number) if number.isascii() and number.isdigit() and len(number) < 18 else 0


def led_to_first(request: HttpRequest, sent: SentAlready, *, page: str, again: str) -> str:
    """Where whoever pressed twice is led, to be told there what became of the first press.

    Args:
        page: Where it can be sent once more; instead of the job for whoever may not see that one.
        again: On the link to *page*.
    """
    said = _("This was sent already, as job %(number)d.") % {"number": sent.job.pk}
    if not Job.objects.visible_to(visitor(request)).filter(pk=sent.job.pk).exists():
        messages.info(request, said)
        return page
    messages.info(request, format_html('{} <a class="text-decoration-underline" href="{}">{}</a>', said, page, again))
    return reverse("jobs-one", args=[sent.job.pk])
