"""From a choice to a job: the panel below the results, and the button that sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from adit.accounts.models import User
from adit.accounts.permitting import has_permission
from adit.accounts.verdict import ALLOWED, Denied, Verdict
from adit.deid.gate import Gate
from adit.deid.profile import Profile
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID, BadUID, uid
from adit.jobs.kind_settings import may_make, starts_at_once
from adit.jobs.kinds import KINDS
from adit.jobs.once import SentAlready, pressed_once, require_new
from adit.jobs.submit import BadPlan, submit
from adit.jobs.treating import patient_of
from adit.nodes.finding import UnknownNode
from adit.nodes.models import Node
from adit.projects.finding import UnknownProject
from adit.projects.keys import NoKey, UnreadableKey
from adit.projects.linking import may_link
from adit.projects.models import Project
from adit.projects.proposing import proposals
from adit.transfer.items import TransferStudy
from adit.transfer.pseudonyms import UnfitPseudonym
from adit.web.jobs.twice import FIELD, led_to_first, value_for, value_in
from adit.web.search.chosen import Chosen, Stale, Unknown, chosen_of
from adit.web.search.page import answered, caller_of
from adit.web.search.sendfields import IDENTIFIED, PSEUDONYMISED, remember, remembered
from adit.web.search.sendform import SendForm, made_up
from adit.web.search.sources import Caller, looking_into, refused, require_search, source_of

MOST_CHOSEN = 500
"""Studies of one job."""

REFUSALS = (BadPlan, UnfitPseudonym, Denied, UnknownNode, UnknownProject, NoKey, UnreadableKey)
"""What `submit` says no with, each as a sentence."""


@require_POST
@never_cache
@login_required
async def choose(request: HttpRequest) -> HttpResponse:
    """Ask the server about what was ticked, and show the panel. What was filled in before stays."""
    return await answered(partial(_choose, caller_of(request), request.POST), problem=200)


def _choose(caller: Caller, posted: QueryDict, cancel: Cancellation) -> HttpResponse:
    node = source_of(caller, posted.get("source", ""))
    items = _items(posted)
    if not items:
        return _problem(_("Tick a study, or some of its series, and press Continue again."))
    if len(items) > MOST_CHOSEN:
        return _problem(_("At most %(most)d studies can be sent at once.") % {"most": MOST_CHOSEN})
    try:
        with looking_into(node, caller, cancel=cancel) as source:
            chosen = chosen_of(source, node, items)
    except Unknown as unknown:
        return _problem(
            ngettext(
                "%(node)s does not have %(count)d of these studies any more: search again.",
                "%(node)s does not have %(count)d of these studies any more: search again.",
                unknown.studies,
            )
            % {"node": node.name, "count": unknown.studies}
        )
    return HttpResponse(panel_of(Asked(caller, node, chosen), posted))


def _problem(sentence: str) -> HttpResponse:
    return HttpResponse(render_to_string("search/problem.html", {"sentence": sentence}))


def _items(posted: QueryDict) -> list[TransferStudy]:
    """What was ticked. Raises Http404 for what no page of ours posts."""
    wanted: dict[UID, list[UID] | None] = {}
    try:
        for each in posted.getlist("series"):
            study, series = each.split(" ")
            of_study = wanted.setdefault(uid(study), [])
            if of_study is not None:
                of_study.append(uid(series))
        # The whole study goes before some of its series.
        wanted |= {uid(study): None for study in posted.getlist("study")}
    except (BadUID, ValueError):
        raise Http404 from None
    return [TransferStudy(study, tuple(dict.fromkeys(series or ()))) for study, series in wanted.items()]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a panel is about.

    Attributes:
        source: The node that it comes from.
    """

    caller: Caller
    source: Node
    chosen: Chosen


@require_POST
@never_cache
@login_required
def panel(request: HttpRequest) -> HttpResponse:
    """The panel again, for another project or another way to treat the patients."""
    asked = asked_of(request)
    if isinstance(asked, HttpResponse):
        return asked
    return HttpResponse(panel_of(asked, request.POST))


def asked_of(request: HttpRequest) -> Asked | HttpResponse:
    """What the panel that was posted is about; or what is to be said instead."""
    caller = caller_of(request)
    require_search(caller)
    try:
        chosen = Chosen.from_token(request.POST.get("chosen", ""), caller.user)
    except Stale:
        return _problem(_("This choice is too old: search again."))
    # What he may search is asked again: it may have been withdrawn meanwhile.
    return Asked(caller, source_of(caller, str(chosen.source)), chosen)


@require_POST
@never_cache
@login_required
def send(request: HttpRequest) -> HttpResponse:
    """Submit what the panel says, and go to the job; or the panel again, with what is wrong near its field."""
    asked = asked_of(request)
    if isinstance(asked, HttpResponse):
        return asked
    form = bound_form(asked, request.POST)
    if form.is_valid() and form.plan is not None:
        user = asked.caller.user
        try:
            with transaction.atomic():
                plan = pressed_once(form.plan, value_in(request.POST), by=user)
                require_new(plan)
                job = submit(plan, by=user)
        except SentAlready as sent:
            first = led_to_first(request, sent, page=reverse("search"), again=_("Choose again"))
            return HttpResponse(headers={"HX-Redirect": first})
        except REFUSALS as refusal:
            refused("job.submitted", asked.caller, str(refusal), node=asked.source.name)
            form.add_error(None, str(refusal))
        else:
            remember(user, form.cleaned_data)
            return HttpResponse(headers={"HX-Redirect": reverse("jobs-one", args=[job.pk])})
    return HttpResponse(panel_html(asked, form, request.POST))


def bound_form(asked: Asked, posted: QueryDict, *, download: bool = False) -> SendForm:
    """The form with what was posted."""
    return SendForm(asked.chosen, asked.source, posted, user=asked.caller.user, proposed={}, download=download)


def panel_of(asked: Asked, posted: QueryDict) -> str:
    """The panel with what was filled in before, else with what was chosen last time. Nothing is found wrong yet."""
    user = asked.caller.user
    initial = remembered(user)
    if "chosen" in posted:
        # A box that is not ticked is not posted.
        initial |= dict.fromkeys(("nifti", "mail", "urgent", "unchecked_pixels"), False)
        initial |= {name: posted[name] for name in posted if name not in ("chosen", "csrfmiddlewaretoken", FIELD)}
    form = SendForm(asked.chosen, asked.source, user=user, proposed={}, initial=initial)
    if initial["identity"] == IDENTIFIED and not form.verdicts["identity"]:
        initial["identity"] = PSEUDONYMISED
    project = project_in(initial, user)
    filled = {name: value for name, value in initial.items() if not name.startswith("pseudonym-") or value}
    if posted.get("proposed-for", "") != (str(project.pk) if project else ""):
        # What another project proposed is none of this one's business.
        filled = {name: value for name, value in filled.items() if not name.startswith("pseudonym-")}
    proposed = _proposed(asked, project, str(initial.get("profile", "")))
    form = SendForm(asked.chosen, asked.source, user=user, proposed=proposed, initial=filled)
    return panel_html(asked, form, posted)


def _proposed(asked: Asked, project: Project | None, profile_name: str) -> Mapping[str, str]:
    """A pseudonym for every patient: the project's, for those who may know it; else a new one."""
    people = asked.chosen.people
    if project is None:
        return {person.key: made_up(person) for person in people}
    if not may_link(project, asked.caller.user):
        return {}
    try:
        profile = Profile.from_json(project.profile)
        domain = asked.source.id_domain
        patients = {person.key: patient_of(person.studies[0].item(), domain, profile) for person in people}
        made = not profile.pseudonyms_from_list and not profile_name.startswith("trial")
        found = proposals(project, patients.values(), by=asked.caller.user, made=made)
    except (ValueError, KeyError, NoKey, UnreadableKey):
        # Sending says what is wrong.
        return {}
    return {key: found[patient] for key, patient in patients.items() if patient in found}


def panel_html(asked: Asked, form: SendForm, posted: QueryDict) -> str:
    """The panel with *form*, bound or not."""
    user, chosen = asked.caller.user, asked.chosen
    project = project_in({"project": form["project"].value()}, user)
    pseudonymised = form["identity"].value() != IDENTIFIED
    excluded = frozenset(settings.ADIT_EXCLUDED_MODALITIES)
    behind = chosen.behind(Gate(bool(form["unchecked_pixels"].value()), excluded)) if pseudonymised else []
    stays = {each.series.uid("SeriesInstanceUID") for each in behind}
    kind = KINDS["selective"]
    return render_to_string(
        "search/panel.html",
        {
            "form": form,
            "lines": form.lines(),
            "chosen": chosen,
            "token": chosen.to_token(user),
            "once": value_for(posted),
            "source": asked.source,
            "project": project,
            "links": project is None or bool(may_link(project, user)),
            "pseudonymised": pseudonymised,
            "behind": behind,
            "excluded": sorted(excluded),
            "series_count": sum(len(study.series or ()) for study in chosen.studies),
            "previews": [
                {"study": study.match, "series": series, "uids": f"{study.match.text('StudyInstanceUID')} {uid}"}
                for study in chosen.studies
                for series in study.matches
                if (uid := series.uid("SeriesInstanceUID")) and uid not in stays
            ],
            "verdict": may_make(kind, user=user, group=user.active_group),
            "at_once": starts_at_once(kind, len(chosen.studies), user),
            "download": may_download(asked),
        },
    )


def may_download(asked: Asked) -> Verdict:
    """Whether the choice may go to the user's own disk."""
    permitted = download_permitted(asked.caller.user)
    if permitted and len(asked.chosen.studies) != 1:
        return Verdict.no(_("One study at a time can be downloaded."))
    return permitted


def download_permitted(user: User) -> Verdict:
    """Whether *user* may download at all."""
    if has_permission(user, user.active_group, "jobs.can_download_study"):
        return ALLOWED
    return Verdict.no(_("You may not download studies; an administrator can permit it."))


def project_in(values: Mapping[str, Any], user: User) -> Project | None:
    """The project that a form names, if *user* may send for it."""
    pk = _number(values.get("project"))
    return None if pk is None else Project.objects.sendable_by(user, timezone.now()).filter(pk=pk).first()


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 10 else None
