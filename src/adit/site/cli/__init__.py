"""The command line. Each command is a module with a Typer `app`, imported only when it is called.

`running` commands talk to the database: Django is set up and the database has answered before their
module is imported, so they may import models at the top.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from adit import __version__


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `adit`.

    Attributes:
        module: Below `adit.site.cli`; its `app` is the command, or a group that has it.
        summary: One line for `adit --help`; empty hides it.
        running: It needs a running ADIT.
    """

    module: str
    summary: str
    running: bool = False


COMMANDS = {
    "demo": Command("demo", "Show a transfer between demo PACS, from nothing to the ledger."),
    "up": Command("processes", "Start everything on this machine and keep it running."),
    "down": Command("processes", "End what 'up' started; --purge also removes every state."),
    "web": Command("processes", "Run a web server alone."),
    "worker": Command("processes", "Run a worker process alone."),
    "receiver": Command("processes", "Run the receiver for C-MOVE alone."),
    "migrate": Command("processes", "Bring the database up to date; 'up' does it by itself."),
    "doctor": Command("doctor", "Say how ADIT is: database, queue, workers, disk, nodes."),
    "node": Command("nodes", "Add, list, test and change the places studies come from and go to.", running=True),
    "find": Command("find", "Search a node.", running=True),
    "transfer": Command("transfer", "Transfer studies as a job.", running=True),
    "batch": Command("batch", "Check a file, ask for its lines, or send its studies.", running=True),
    "mass": Command("mass", "Transfer everything of a range of dates that meets criteria.", running=True),
    "project": Command(
        "projects", "Say what studies are sent for, by whom, and how; keys and linking lists.", running=True
    ),
    "download": Command("download", "Download a study as a ZIP file, streamed.", running=True),
    "deid": Command("deid", "Pseudonymise files, check files, and say what a profile does."),
    "word": Command("words", "Approve words of descriptions, list them, withdraw them.", running=True),
    "user": Command("users", "Make accounts for people, approve and deactivate them, set a password.", running=True),
    "job": Command("jobs", "List, show, cancel, resume, retry and restart jobs.", running=True),
    "audit": Command("audit", "Write the audit trail into a file, and remove what is too old.", running=True),
    "test": Command("testing", "Install what the tests need, and run them."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `adit` with *arguments*. Returns the exit code: 0 success, 1 anything less, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        print(f"adit {__version__}")
        return 0
    if not words or words[0] in ("--help", "-h", "help"):
        print(_overview())
        return 0
    # Not before: a third of a second of imports.
    from adit.site.cli.output import Misused, guarded  # noqa: PLC0415

    name, *rest = words
    return guarded(lambda: _run(name, rest, Misused), as_json="--json" in rest)


def _run(name: str, arguments: list[str], misused: type[Exception]) -> object:
    command = COMMANDS.get(name)
    if command is None:
        raise misused(f"there is no command '{name}': 'adit --help' lists them")
    if name == "test":
        from adit.site.cli.testing import run  # noqa: PLC0415

        run(arguments)  # Every word after it is pytest's.
    if command.running:
        from adit.site.cli.running import quiet, require_running, start_without_database  # noqa: PLC0415

        if "--help" in arguments:
            start_without_database()
        else:
            require_running()
        quiet()
    from typer.main import get_command  # noqa: PLC0415

    found: Any = get_command(import_module(f"adit.site.cli.{command.module}").app)
    found = getattr(found, "commands", {}).get(name, found)
    return found.main(args=arguments, prog_name=f"adit {name}", standalone_mode=False)


def _overview() -> str:
    lines = [f"  {name:<10}{command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        (
            "Usage: adit COMMAND [OPTIONS] [ARGUMENTS]",
            "",
            "Moves imaging studies completely, and proves it.",
            "",
            *lines,
            "",
            "'adit COMMAND --help' explains one; 'adit --version' says which release this is.",
        )
    )
