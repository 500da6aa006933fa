"""`adit download`: a study as a ZIP file, streamed to the disk or to standard output."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from adit.endpoints.cancel import NEVER
from adit.jobs.downloading import prepare
from adit.jobs.zipping import Way, zip_study
from adit.nodes.finding import find_node
from adit.nodes.permissions import answers_now, can_send, may_use
from adit.nodes.places import place
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.looking_up import looked_up
from adit.site.cli.option_groups import with_groups
from adit.site.cli.output import Failed, Misused, print_json
from adit.site.cli.pseudonymising import Generate, Pseudonym, Treated
from adit.site.cli.reading import uid_of
from adit.site.cli.sending import OnlySeries
from adit.site.env import config
from adit.site.working import opening_of
from adit.transfer.items import TransferStudy
from adit.transfer.manifest import manifest_of
from adit.transfer.plan import Plan

app = typer.Typer(add_completion=False, rich_markup_mode=None)

STDOUT = "-"


@app.command()
@with_groups
def download(
    *,
    node: Annotated[str, typer.Argument(help="Where the study is.")],
    study: Annotated[str, typer.Option(help="Study Instance UID.", metavar="UID")],
    to: Annotated[
        str,
        typer.Option(
            "--to", help="The ZIP file, which only its owner can read; - for standard output.", metavar="FILE"
        ),
    ],
    series: OnlySeries = None,
    pseudonym: Pseudonym = None,
    generate: Generate = False,
    treated: Treated,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Download one study, or some of its series, as a ZIP file whose last entry is MANIFEST.json."""
    pseudonymising, trial = treated.pseudonymising(pseudonym, generate=generate), treated.trial()
    only = tuple(dict.fromkeys(uid_of("--series", each) for each in series or []))
    item = TransferStudy(uid_of("--study", study), only, pseudonym=pseudonym or "")
    if to == STDOUT and as_json:
        raise Misused("--json and '--to -' both want the standard output.")
    with explained():
        found, user = find_node(node), me()
        may_use(found, user=user, group=user.active_group, as_source=True).require()
        can_send(found).require()
        answers_now(found).require()
        if pseudonymising is not None:
            (item,) = looked_up(found, (item,), pseudonymising)
        plan = Plan("download", found.name, "", (item,), pseudonymising=pseudonymising, trial=trial)
        way = Way(found, *prepare(plan, found, by=user, group=user.active_group))
        opening = opening_of(config())
        with _ended_cleanly(), _written(to) as file, place(found, cancel=NEVER) as keep:
            ledger = zip_study(way, file.write, opening=opening, keep=keep, cancel=NEVER, by=user)
    if as_json:
        print_json(manifest_of(item.study, ledger, way.treats.new_uid))
    else:
        verdict = ledger.verdict()
        print(f"{_where(to)}: {verdict.message}.", file=sys.stderr if to == STDOUT else sys.stdout)


@contextmanager
def _written(to: str) -> Iterator[BinaryIO]:
    """What to write into: a file of its owner's, which has its name only when the block ended without an error.

    Raises:
        Failed: It cannot be written.
    """
    if to == STDOUT:
        if sys.stdout.isatty():
            raise Misused("A ZIP file is nothing for a terminal: send the standard output elsewhere.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(to)
    if path.is_dir():
        raise Misused(f"{path} is a folder; name a file.")
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _nameless(path.parent) or open(hidden, "xb", opener=_for_its_owner) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not hidden.exists():
                # Only with a folder's descriptor, which is of no matter here, does os.link follow the link.
                os.link(f"/proc/self/fd/{file.fileno()}", hidden, src_dir_fd=file.fileno())
        hidden.replace(path)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _nameless(folder: Path) -> BinaryIO | None:
    """A file in *folder* without a name, which is gone with the process; None where the disk has no such files."""
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "wb")
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            return None
        raise


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """While the block runs, SIGTERM ends it as Ctrl-C does, so that nothing is left behind."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _where(to: str) -> str:
    return "standard output" if to == STDOUT else to
