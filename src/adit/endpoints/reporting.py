"""What this machine waits for to be reported: folders that its workers and its receiver share.

    spool/commitments/<Transaction UID>/   a storage commitment that was asked for
        report.json                        what the receiver was told

As with expectations (see `expecting.py`) there is no database, and what nobody waits for any more is swept.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from adit.dicom.commitment import Report
from adit.dicom.refs import UID
from adit.endpoints.standing import names_in, standing, stands, sweep_standing
from adit.endpoints.syncing import sync_folder

_REPORT = "report.json"


class Awaited:
    """Reports that somebody waits for.

    Attributes:
        left: Transactions that were not reported on yet.
    """

    def __init__(self, folders: dict[UID, Path]) -> None:
        self._folders = folders
        self.left = set(folders)

    def take(self) -> Iterator[Report]:
        """Yield what has come since, each report once."""
        for transaction in tuple(self.left):
            report = _read(transaction, self._folders[transaction] / _REPORT)
            if report is not None:
                self.left.discard(transaction)
                yield report


@contextmanager
def awaited(spool: Path, transactions: Sequence[UID]) -> Iterator[Awaited]:
    """Let the receiver know of *transactions* while the block runs; it is on the disk when the block begins."""
    with ExitStack() as exits:
        yield Awaited({each: exits.enter_context(standing(_place(spool), each)) for each in transactions})


def deliver(spool: Path, report: Report) -> bool:
    """Hand *report* over, durably. A second one on the same transaction changes nothing.

    Returns:
        Whether somebody waits for it.

    Raises:
        OSError: It could not be written.
    """
    place = _place(spool)
    # Looked for, not joined: it is a stranger who says what it is.
    if report.transaction not in names_in(place) or not stands(folder := place / report.transaction):
        return False
    written = folder / f".{secrets.token_hex(8)}"
    try:
        with written.open("x") as file:
            json.dump({"committed": sorted(report.committed), "failed": report.failed}, file)
            file.flush()
            os.fsync(file.fileno())
        # Unlike renaming this leaves alone what came before.
        os.link(written, folder / _REPORT)
        sync_folder(folder)
    except FileExistsError:
        return True
    except FileNotFoundError:
        # Whoever waited has just given up.
        return False
    finally:
        written.unlink(missing_ok=True)
    return True


def sweep_reports(spool: Path) -> int:
    """Remove what processes that died were waiting for. Returns how many transactions there were."""
    return sweep_standing(_place(spool))


def _place(spool: Path) -> Path:
    return spool / "commitments"


def _read(transaction: UID, path: Path) -> Report | None:
    try:
        told = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    committed = frozenset(map(UID, told["committed"]))
    return Report(transaction, committed, tuple((UID(instance), reason) for instance, reason in told["failed"]))
