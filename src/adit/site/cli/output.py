"""What a person or a script gets to see: JSON or tables, one sentence for an error, the exit code."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Annotated, Any

import typer

from adit.dicom.errors import DicomError
from adit.dicom.refs import BadUID
from adit.site.cli.usage import misuse
from adit.site.database import DatabaseError
from adit.site.env import Misconfigured, config
from adit.site.errors import StartFailed

log = logging.getLogger(__name__)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Failed(Exception):
    """It did not work; the message is the sentence that a person reads. Exit code 1."""


class Misused(Failed):
    """It was called in a way that cannot work. Exit code 2."""


def guarded(run: Callable[[], object], *, as_json: bool) -> int:
    """Call *run* and return the exit code. Whatever goes wrong becomes one sentence on stderr.

    With *as_json* the sentence is on stdout too, as `{"error": …}`.
    """
    try:
        code = run()
    except (Misused, BadUID, Misconfigured) as error:
        return _say(str(error), 2, as_json=as_json)
    except (Failed, DatabaseError, StartFailed) as error:
        return _say(str(error), 1, as_json=as_json)
    except DicomError as error:
        return _say(error.explained(), 1, as_json=as_json)
    except typer.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", 1, as_json=as_json)
    except BrokenPipeError:
        # Whoever reads has seen enough (`adit job list | head`).
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the last line before the person
        if hasattr(error, "format_message"):
            # Typer's, whatever it exports of them.
            return _say(misuse(error), 2, as_json=as_json)
        return _say(_unexpected(error), 1, as_json=as_json)
    return code if isinstance(code, int) else 0


def counted(number: int, what: str, several: str = "") -> str:
    """*number* with the word for it: "1 line", "2 lines", "3 studies"."""
    return f"{number} {what if number == 1 else several or f'{what}s'}"


def print_json(value: Any) -> None:
    """Print *value* as JSON; what JSON does not know (times, paths, UIDs) as text."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def shown_path(path: PurePath) -> str:
    """*path* as it can be printed: bytes that are no UTF-8 are question marks."""
    return str(path).encode("utf-8", "replace").decode("utf-8")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print *rows* below *columns*. None is a dash; numbers stand on the right."""
    from rich.console import Console  # noqa: PLC0415 - a script that wants JSON does not pay for it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    cells = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[number], int | float | None) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        # As Text, because names and descriptions may hold what rich would take for markup.
        table.add_row(*(Text("–" if cell is None else _printable(str(cell))) for cell in row))
    wide = sys.stdout.isatty()
    Console(width=None if wide else 200, highlight=False, soft_wrap=not wide).print(table)


def _printable(text: str) -> str:
    """*text* without what a terminal would obey: a PACS may send anything."""
    return "".join(character if character.isprintable() else "·" for character in text)


def _say(sentence: str, code: int, *, as_json: bool) -> int:
    sentence = " ".join(sentence.split()) or "it did not work, and gave no reason"
    if as_json:
        print_json({"error": sentence})
    print(f"adit: {sentence}", file=sys.stderr)
    return code


def _unexpected(error: Exception) -> str:
    from adit.site.wiring import log_to_file  # noqa: PLC0415 - only when there is something to write

    if type(error).__module__.startswith(("django.db", "psycopg")) and "OperationalError" in type(error).__name__:
        where = "in DATABASE_URL" if config().database_url else f"with '{config().launcher} doctor'"
        return f"the database does not answer: look {where}"
    path = log_to_file(config(), "command")
    log.error("unexpected", exc_info=error)
    return f"something unexpected happened ({type(error).__name__}); the details are in {path}"
