"""Mails that wait, were sent or could not be sent, and one to everybody."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from adit.accounts.mails import broadcast, may_broadcast
from adit.accounts.models import Mail
from adit.web.doors.guarding import only
from adit.web.doors.visits import visitor
from adit.web.paging import page_of

SIZE = 25
"""Mails of a page."""


class Broadcast(forms.Form):
    """A mail to everybody."""

    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=150)
    body = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("Every active user gets it; nobody sees who else does. No patient data."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@only(may_broadcast)
def mails(request: HttpRequest) -> HttpResponse:
    form = Broadcast(request.POST or None, auto_id="broadcast-%s", label_suffix="")
    if form.is_valid():
        count = broadcast(form.cleaned_data["subject"], form.cleaned_data["body"], by=visitor(request))
        told = ngettext("%(count)s person gets it.", "%(count)s people get it.", count) % {"count": count}
        messages.success(request, told if settings.ADIT_SENDS_MAILS else _("Nobody gets it: there is no mail server."))
        return redirect("administration-mails")
    page = page_of(Mail.objects.all(), request.GET, size=SIZE, newest_first=True)
    shown = {
        "form": form,
        "mails": page.rows,
        "previous": page.previous,
        "next": page.next,
        "waiting": Mail.objects.waiting().count(),
        "sends": settings.ADIT_SENDS_MAILS,
    }
    return render(request, "administration/mails.html", shown)
