"""Servers and folders: what they are, how they stand, and who may use them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from adit.jobs.models import Task
from adit.jobs.suspending import resume
from adit.nodes import changes
from adit.nodes.accessforms import AccessTable
from adit.nodes.entry import entry_at
from adit.nodes.forms import form_for
from adit.nodes.models import Kind, Node
from adit.nodes.overview import overview, visible_to
from adit.nodes.permissions import may_manage
from adit.web.doors.guarding import only
from adit.web.doors.visits import visitor

manages = only(may_manage)
"""For administrators of nodes; the page does not exist for others."""


@require_safe
@never_cache
@login_required
def nodes(request: HttpRequest) -> HttpResponse:
    """All that the visitor may know of."""
    user = visitor(request)
    known = visible_to(user, user.active_group)
    found = overview(known, user=user, group=user.active_group, now=timezone.now())
    return render(request, "nodes/list.html", {"found": found, "managing": may_manage(user)})


@require_safe
@never_cache
@login_required
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One node; its address, settings and access only for administrators."""
    return _page(request, pk)


@require_safe
@manages
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """What to enter at the PACS, as a fragment: it asks the DNS, for which no page waits."""
    node = get_object_or_404(Node.objects.servers().exclude(host=""), pk=pk)
    return render(request, "nodes/entry.html", {"entry": entry_at(node), "node": node})


@require_http_methods(["GET", "POST"])
@manages
def add(request: HttpRequest, kind: str) -> HttpResponse:
    """A new server or folder."""
    if kind not in Kind.values:
        raise Http404
    form = form_for(Kind(kind))(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = changes.add(form.as_node(), by=visitor(request))
        except ValidationError as error:
            form.take(error)
        else:
            messages.success(request, _("%(name)s is added. Say now who may use it.") % {"name": added})
            return redirect("nodes-one", pk=added.pk)
    return render(request, f"nodes/edit_{kind}.html", {"form": form, "kind": kind}, status=_status(request))


@require_http_methods(["GET", "POST"])
@manages
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a node; secrets stay where nothing is typed."""
    node = get_object_or_404(Node, pk=pk)
    form = form_for(Kind(node.kind))(request.POST or None, node=node)
    if request.method == "POST" and form.is_valid():
        try:
            changes.edit(node, by=visitor(request), **form.values())
        except ValidationError as error:
            form.take(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("nodes-one", pk=pk)
    context = {"form": form, "node": node, "kind": node.kind}
    return render(request, f"nodes/edit_{node.kind}.html", context, status=_status(request))


@require_POST
@manages
def access(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which groups and users may use a node, and for what."""
    node = get_object_or_404(Node, pk=pk)
    table = AccessTable(node, request.POST)
    if table.is_valid():
        table.save(by=visitor(request))
        messages.success(request, _("Saved."))
        return redirect("nodes-one", pk=pk)
    return _page(request, pk, table)


@require_POST
@manages
def suspend(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the tasks of a node wait, after the running ones or now."""
    node = get_object_or_404(Node, pk=pk)
    try:
        changes.suspend(
            node,
            by=visitor(request),
            # The database takes no NUL.
            reason=request.POST.get("reason", "").replace("\0", "")[:500],
            now=timezone.now(),
            running_too=request.POST.get("when") == "now",
        )
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("nodes-one", pk=pk)


@require_POST
@manages
def end_suspension(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the tasks of a node go on."""
    resume(get_object_or_404(Node, pk=pk), by=visitor(request))
    return redirect("nodes-one", pk=pk)


@require_POST
@manages
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a node; what it holds, and the jobs that used it, stay."""
    node = get_object_or_404(Node, pk=pk)
    try:
        with transaction.atomic():
            changes.remove(node, by=visitor(request))
    except (ProtectedError, IntegrityError):
        why = _("%(name)s cannot be removed: a job that has not ended uses it. Cancel it or wait, then try again.")
        messages.error(request, why % {"name": node})
        return redirect("nodes-one", pk=pk)
    messages.success(request, _("%(name)s is removed.") % {"name": node})
    return redirect("nodes")


def _page(request: HttpRequest, pk: int, access: AccessTable | None = None) -> HttpResponse:
    user = visitor(request)
    known = visible_to(user, user.active_group).filter(pk=pk)
    found = overview(known, user=user, group=user.active_group, now=timezone.now())
    if not found:
        raise Http404
    node = found[0].node
    context = {"each": found[0], "node": node, "kind": node.kind, "managing": may_manage(user)}
    if context["managing"]:
        running = Task.objects.in_progress()
        context["running"] = running.filter(source=pk).union(running.filter(destination=pk)).count()
        context["access"] = access or AccessTable(node)
    return render(request, "nodes/one.html", context, status=_status(request))


def _status(request: HttpRequest) -> int:
    """Of a page with a form: what was sent and cannot be taken is said in the status too."""
    return 422 if request.method == "POST" else 200
