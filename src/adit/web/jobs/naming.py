"""What a task that is not about one study is called."""

from __future__ import annotations

from django.utils.translation import gettext as _

from adit.jobs.models import Task
from adit.transfer.items import BadItem, FindStudies, LookUpStudies, SweepWindow
from adit.web.templatetags.ui import runs


def name_of(task: Task) -> str:
    """For a heading or a row; empty for a task that its study names."""
    match task.work:
        case FindStudies.work:
            return _("Look for lines %(lines)s") % {"lines": runs(task.lines)}
        case LookUpStudies.work:
            return _("Check lines %(lines)s") % {"lines": runs(task.lines)}
        case SweepWindow.work:
            return _window(task)
    return ""


def _window(task: Task) -> str:
    try:
        window = SweepWindow.from_json(task.item)
    except BadItem:
        return _("Some days")
    first, last = window.first.date(), window.last.date()
    if first == last:
        return f"{first}"
    return _("%(first)s to %(last)s") % {"first": first, "last": last}
