"""`adit doctor`: how ADIT is."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from adit.endpoints.quarantine import held, quarantine
from adit.endpoints.receiver import listening
from adit.site.certificates import expiry
from adit.site.cli.output import AsJson, print_json, print_table
from adit.site.cli.running import NotRunning, quiet, require_running
from adit.site.env import Config, config
from adit.site.keys import key_file
from adit.site.probe import health
from adit.site.state import read_state

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_LATE = timedelta(minutes=30)
"""After which a mail that still waits is worth a warning."""

_SOON = timedelta(days=30)
"""In which a certificate has to be renewed."""


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say how ADIT is. Exit code 0 when all that must run does."""
    told = examine(config())
    if as_json:
        print_json(told)
    else:
        _print(told)
    raise typer.Exit(0 if told["ok"] else 1)


def examine(config: Config) -> dict[str, Any]:
    """What runs and what does not; `ok` when database, queue, a worker, and web server and receiver of `adit up` do.

    Without a database the rest is told all the same.
    """
    told: dict[str, Any]
    try:
        require_running()
        quiet()
        from adit.web.health import facts  # noqa: PLC0415 - needs Django

        told = {**facts(), "nodes": _nodes(), "mails": _mails(), "stranded": _stranded()}
    except NotRunning as reason:
        told = {
            "ok": False,
            "error": str(reason),
            "database": {"ok": False},
            "queue": {"ok": False, "pending": None, "running": None},
            "workers": {"ok": False, "running": 0},
            "nodes": [],
            "mails": None,
            "stranded": None,
        }
    told["receiver"] = _receiver(config)
    told["web"] = _web(config)
    told["disk"] = _disk(config)
    told["quarantine"] = _quarantine(config)
    told["warnings"] = _warnings(config, told)
    told["ok"] = (
        told["ok"]
        and (told["web"]["ok"] or not told["web"]["required"])
        and (told["receiver"]["running"] or not told["receiver"]["required"])
    )
    return told


def _receiver(config: Config) -> dict[str, Any]:
    found = listening(config.spool)
    state = read_state(config)
    return {
        "ae_title": config.ae_title,
        "port": found.port if found else None,
        "tls_port": found.tls_port if found else None,
        "running": found is not None,
        "required": state is not None and "receiver" in state.ports,
    }


def _web(config: Config) -> dict[str, Any]:
    # Without a supervisor on this machine the web server may run on any other: it is not looked for.
    state = read_state(config)
    if state is None:
        return {"ok": False, "url": None, "required": False}
    return {"ok": asyncio.run(health(state.web_url)) is not None, "url": state.web_url, "required": True}


def _disk(config: Config) -> dict[str, Any]:
    place = next(path for path in (config.spool, *config.spool.parents) if path.exists())
    usage = shutil.disk_usage(place)
    return {"ok": usage.free > config.disk_reserve, "path": str(place), "free": usage.free, "total": usage.total}


def _nodes() -> list[dict[str, Any]]:
    from adit.nodes.models import Node  # noqa: PLC0415 - needs Django

    return [
        {"name": node.name, "kind": node.kind, "enabled": node.enabled, "suspended": node.suspended_reason or None}
        for node in Node.objects.order_by("name")
    ]


def _stranded() -> dict[str, Any] | None:
    """What only a worker beside a receiver could do, where there is none; else None."""
    from adit.jobs.receivers import stranded  # noqa: PLC0415 - needs Django

    found = stranded()
    return {"sources": list(found.sources), "waiting": found.waiting} if found else None


def _quarantine(config: Config) -> dict[str, Any]:
    found = held(config.spool)
    return {
        "count": found.count,
        "bytes": found.size,
        "oldest": found.oldest.isoformat() if found.oldest else None,
    }


def _mails() -> dict[str, int]:
    from adit.accounts.models import Mail  # noqa: PLC0415 - needs Django

    now = datetime.now(UTC)
    return {
        "waiting": Mail.objects.waiting().count(),
        "late": Mail.objects.waiting().filter(created_at__lt=now - _LATE).count(),
        "given_up": Mail.objects.filter(given_up_at__isnull=False).count(),
    }


def _warnings(config: Config, told: dict[str, Any]) -> list[str]:
    warnings = []
    if not config.secret_keys:
        warnings.append(
            f"the key that secrets are encrypted with is the file {key_file(config)}: "
            "give it in ADIT_SECRET_KEYS, and keep a copy apart from the backup of the database"
        )
    if stranded := told["stranded"]:
        warnings.append(
            f"nothing can be retrieved from {', '.join(stranded['sources'])}, for which {stranded['waiting']} tasks "
            "wait: it is sent to a receiver, and no worker runs beside one; start 'adit receiver' on a machine with "
            "workers"
        )
    if (quarantined := told["quarantine"])["count"]:
        warnings.append(_in_quarantine(config, quarantined))
    if (file := config.receiver_tls_certificate) is not None:
        ends = expiry(file)
        if ends is not None and ends < datetime.now(UTC) + _SOON:
            warnings.append(f"the certificate of the receiver, {file}, is valid until {ends:%Y-%m-%d}: have it renewed")
    if (mails := told["mails"]) and (mails["late"] or mails["given_up"]):
        warnings.append(
            f"{mails['late']} mails wait for more than {_LATE.seconds // 60} minutes and {mails['given_up']} were "
            "given up: look at them in the administration, and at ADIT_EMAIL_URL"
        )
    if not told["disk"]["ok"]:
        warnings.append(f"less than {config.disk_reserve >> 20} MB are free on {told['disk']['path']}: make room")
    return warnings


def _in_quarantine(config: Config, told: dict[str, Any]) -> str:
    kept = config.receiver_quarantine_kept
    goes = "nothing removes them by itself" if kept is None else f"each is removed after {kept.days} days"
    return (
        f"{told['count']} instances that nobody asked for ({told['bytes'] / 1e6:.1f} MB, the first came on "
        f"{told['oldest'][:10]}) lie in {quarantine(config.spool)}: find out why they came, and remove them; {goes}"
    )


def _print(told: dict[str, Any]) -> None:
    queue, web, disk, receiver = told["queue"], told["web"], told["disk"], told["receiver"]
    rows = [
        ("database", _word(told["database"]["ok"]), told.get("error", "")),
        ("queue", _word(queue["ok"]), f"{queue['running']} running, {queue['pending']} waiting" if queue["ok"] else ""),
        ("workers", _word(told["workers"]["ok"]), f"{told['workers']['running']} at work"),
        (
            "receiver",
            _word(receiver["running"]) if receiver["required"] or receiver["running"] else "–",
            _where(receiver),
        ),
        ("web", _word(web["ok"]) if web["required"] else "–", web["url"] or "not started on this machine"),
        ("disk", _word(disk["ok"]), f"{disk['free'] / 1e9:.1f} of {disk['total'] / 1e9:.1f} GB free at {disk['path']}"),
        ("nodes", "–", _names(told["nodes"]) if told["database"]["ok"] else "not known"),
    ]
    print_table(("what", "how", ""), rows)
    for warning in told["warnings"]:
        print(f"warning: {warning}")


def _names(nodes: list[dict[str, Any]]) -> str:
    return ", ".join(node["name"] for node in nodes) or "none yet"


def _where(receiver: dict[str, Any]) -> str:
    if not receiver["running"]:
        return "not running on this machine: nothing can be retrieved by C-MOVE"
    ports = [f"port {receiver['port']}"] if receiver["port"] else []
    ports += [f"port {receiver['tls_port']} with TLS"] if receiver["tls_port"] else []
    return f"{receiver['ae_title']}, {' and '.join(ports)}"


def _word(ok: bool) -> str:
    return "ok" if ok else "NOT OK"
