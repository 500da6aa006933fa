"""What of a check can be sent: exactly what was found, or more, or less, each with its numbers and why it may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import F, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from adit.accounts.models import User
from adit.accounts.verdict import ALLOWED, Verdict
from adit.jobs.batchmodels import Line, Outcome
from adit.jobs.check_totals import Totals
from adit.jobs.kind_settings import may_make, starts_at_once
from adit.jobs.kinds.batch import BATCH_TRANSFER
from adit.jobs.models import Job
from adit.jobs.options import Options
from adit.jobs.permissions import may_send
from adit.jobs.states import JOB_ENDED
from adit.nodes.models import Node
from adit.web.templatetags.ui import size

FOUND, UNCHECKED, CHECKED, EVERY = "found", "unchecked", "checked", "every"


@dataclass(frozen=True, slots=True)
class Sending:
    """One button.

    Attributes:
        name: One of the words above.
        title: On the button, with how much it is.
        tells: What else one should know before pressing it.
        unchecked_pixels: As `plan_of_check` takes it.
        verdict: Whether it can be pressed.
        at_once: It starts without an administrator having looked at it.
    """

    name: str
    title: str
    tells: Sequence[str]
    verdict: Verdict
    at_once: bool
    unchecked_pixels: bool | None = None

    @property
    def every(self) -> bool:
        """Whether all studies of the file go, whatever was found."""
        return self.name == EVERY


def sendings_of(check: Job, sums: Totals, user: User) -> list[Sending]:
    """The buttons of *check*, which has found *sums*; the first is exactly what was checked."""
    whole, studies = sum(sums.outcomes.values()), sums.outcomes.get(Outcome.FOUND, 0)
    lines = _lines_by_outcome(check)
    found_at_once = starts_at_once(BATCH_TRANSFER, lines.get(Outcome.FOUND, 0), user)
    allowed = _allowed(check, user)
    found = ngettext(
        "Send exactly the %(n)d study that was found", "Send exactly the %(n)d studies that were found", studies
    ) % {"n": studies}
    some = Verdict.no(_("Nothing was found that could be sent."))
    sendings = [Sending(FOUND, found, _as_checked(sums), allowed and (ALLOWED if studies else some), found_at_once)]
    if check.status not in JOB_ENDED:
        # What else there will be shows in the end.
        return sendings
    if (other := _with_or_without_unchecked(check, sums, user, studies)) is not None:
        sendings.append(replace(other, verdict=allowed and other.verdict, at_once=found_at_once))
    if whole > studies:
        title = ngettext(
            "Send the %(n)d study of the file, whatever was found",
            "Send all %(n)d studies of the file, whatever was found",
            whole,
        )
        at_once = starts_at_once(BATCH_TRANSFER, sum(lines.values()), user)
        sendings.append(Sending(EVERY, title % {"n": whole}, _of_others(sums), allowed, at_once))
    return sendings


def _allowed(check: Job, user: User) -> Verdict:
    """Whether *user* may send what was checked, as it was checked."""
    if check.owner_id != user.pk:
        # Staff see the check of somebody; what is sent is sent by whoever brought the file.
        return Verdict.no(_("Only %(owner)s, who brought the file, can send it.") % {"owner": check.owner})
    if check.status not in JOB_ENDED:
        return Verdict.no(_("The check has not ended yet."))
    return may_make(BATCH_TRANSFER, user=user, group=user.active_group) and _may_send(check, user)


def _may_send(check: Job, user: User, *, unchecked_pixels: bool | None = None) -> Verdict:
    treating = Options.of(check).treating
    if treating is not None and unchecked_pixels is not None:
        treating = replace(treating, unchecked_pixels=unchecked_pixels)
    destination = Node.objects.filter(name=check.destination_name).first()
    if destination is None:
        return Verdict.no(_("%(node)s does not exist any more.") % {"node": check.destination_name})
    return may_send(treating, user=user, group=user.active_group, project=check.project, destination=destination)


def _with_or_without_unchecked(check: Job, sums: Totals, user: User, studies: int) -> Sending | None:
    """The same with the series whose pixels nobody checked, or without them, whichever was not checked."""
    treating, some = Options.of(check).treating, sums.unchecked
    if treating is None or not some.series:
        return None
    numbers = {"n": studies, "m": some.studies, "series": some.series}
    where = ngettext("It is in %(m)d of them.", "They are in %(m)d of them.", some.series) % numbers
    if treating.unchecked_pixels:
        title = _("Send the %(n)d, but not the %(series)d series that may show names") % numbers
        return Sending(CHECKED, title, [where], ALLOWED, at_once=True, unchecked_pixels=False)
    title = _("Send the %(n)d, and also the %(series)d series that may show names") % numbers
    tells = [where, _("Nobody has checked the pixels: look into the pictures before they are given on.")]
    if some.size:
        tells.append(_("About %(size)s more.") % {"size": size(some.size)})
    verdict = _may_send(check, user, unchecked_pixels=True)
    return Sending(UNCHECKED, title, tells, verdict, at_once=True, unchecked_pixels=True)


def _as_checked(sums: Totals) -> list[str]:
    """What goes and what stays behind, apart."""
    tells = [ngettext("%(n)d series goes.", "%(n)d series go.", sums.series) % {"n": sums.series}]
    if sums.left:
        tells.append(ngettext("%(n)d stays behind.", "%(n)d stay behind.", sums.left) % {"n": sums.left})
    if sums.empty:
        tells.append(
            ngettext("Of %(n)d study everything stays behind.", "Of %(n)d studies everything stays behind.", sums.empty)
            % {"n": sums.empty}
        )
    return tells


def _of_others(sums: Totals) -> list[str]:
    others = [
        f"{sums.outcomes[each]} {each.value}" for each in Outcome if each is not Outcome.FOUND and each in sums.outcomes
    ]
    return [
        _("With %(others)s.") % {"others": ", ".join(others)},
        _("They are asked for once more; what is not there then, or belongs to somebody else, ends as failed."),
    ]


def _lines_by_outcome(check: Job) -> dict[str, int]:
    """How many lines of the file have which outcome, as limits count them."""
    counted = Line.objects.filter(job=check).order_by().values_list("outcome")
    return dict(counted.annotate(lines=Sum(F("also__len") + 1)))
