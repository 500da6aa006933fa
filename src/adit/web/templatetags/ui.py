"""The small parts that pages are made of. Available in every template without loading."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from adit.dicom.values import person_name
from adit.jobs.states import JobStatus

register = template.Library()

_STATUSES = {
    JobStatus.UNVERIFIED.value: ("purple", "rubber-stamp"),
    JobStatus.PENDING.value: ("azure", "clock"),
    JobStatus.IN_PROGRESS.value: ("blue", "loader-2"),
    JobStatus.CANCELING.value: ("orange", "loader-2"),
    JobStatus.CANCELED.value: ("secondary", "ban"),
    JobStatus.SUCCESS.value: ("green", "circle-check"),
    JobStatus.WARNING.value: ("yellow", "alert-triangle"),
    JobStatus.FAILURE.value: ("red", "circle-x"),
}


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """An icon of the sprite; decoration only, so a text beside it says what is meant."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        classes,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def status(value: str) -> SafeString:
    """A job's or task's status: never by colour alone."""
    colour, drawing = _STATUSES.get(str(value), ("secondary", "circle-dashed"))
    return format_html(
        '<span class="badge bg-{}-lt status-badge">{}{}</span>', colour, icon(drawing), _(str(value).replace("_", " "))
    )


@register.filter
def size(value: int | float | None) -> str:
    """Bytes as people read them."""
    if value is None:
        return "–"
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


@register.filter
def duration(value: float | None) -> str:
    """Seconds as people read them."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


@register.filter
def person(name: str) -> str:
    """A name of DICOM as people read it: `Doe, John`."""
    return person_name(name)


@register.filter
def runs(numbers: Iterable[int]) -> str:
    """Numbers, those that follow each other as one: `2–5, 9`."""
    written: list[list[int]] = []
    for number in sorted(set(numbers)):
        if written and written[-1][-1] == number - 1:
            written[-1] = [written[-1][0], number]
        else:
            written.append([number])
    return ", ".join("–".join(map(str, run)) for run in written)


@register.simple_tag
def when(value: datetime | str | None, *, full: bool = False) -> SafeString | str:
    """A time in the reader's zone; the machine-readable form goes along.

    Args:
        full: With its day and zone, for what is printed.
    """
    if value is None or value == "":
        return "–"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = timezone.localtime(moment)
    if full:
        shown = f"{local:%Y-%m-%d %H:%M %Z}"
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(timespec="seconds"), shown)
    shown = f"{local:%H:%M}" if local.date() == timezone.localdate() else f"{local:%Y-%m-%d %H:%M}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        shown,
    )


@register.simple_tag
def yes_or_no(value: bool) -> SafeString:
    """Whether something is so: never by the drawing alone."""
    drawing, colour, word = ("check", "green", _("yes")) if value else ("minus", "secondary", _("no"))
    return format_html('{}<span class="visually-hidden">{}</span>', icon(drawing, f"text-{colour}"), word)


@register.filter
def browser(user_agent: str) -> str:
    """What people call the program that says this of itself."""
    # Most say that they are others too: the first that fits is meant.
    names = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS"}
    systems["Linux"] = "Linux"
    name = next((name for mark, name in names.items() if mark in user_agent), "")
    system = next((system for mark, system in systems.items() if mark in user_agent), "")
    return ", ".join(part for part in (name, system) if part) or user_agent[:40] or _("unknown")


@register.inclusion_tag("ui/empty.html")
def empty(
    title: str, sentence: str = "", *, drawing: str = "search", url: str = "", action: str = ""
) -> dict[str, Any]:
    """What stands where nothing is yet: says what to do."""
    return {"title": title, "sentence": sentence, "drawing": drawing, "url": url, "action": action}


@register.inclusion_tag("ui/progress.html")
def progress(done: int, total: int | None, *, label: str) -> dict[str, Any]:
    """A bar; without a total it only says that something moves."""
    return {"done": done, "total": total, "label": label}


@register.inclusion_tag("ui/field.html")
def field(bound: Any, *, autofocus: bool = False) -> dict[str, Any]:
    """One field of a form: label, input, help, and its errors right below."""
    widget = bound.field.widget
    classes = {"checkbox": "form-check-input", "select": "form-select"}.get(
        getattr(widget, "input_type", ""), "form-control"
    )
    if bound.errors:
        classes += " is-invalid"
    attributes = {"class": classes}
    described = [
        f"{bound.auto_id}-{part}" for part, there in (("help", bound.help_text), ("error", bound.errors)) if there
    ]
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if autofocus:
        attributes["autofocus"] = "autofocus"
    return {"field": bound, "rendered": bound.as_widget(attrs=attributes), "check": "form-check-input" in classes}


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The query of this page with some parameters changed; None takes one out."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value is not None:
            parameters[name] = value
    return f"?{parameters.urlencode()}" if parameters else "?"
