"""Breaking the demo, to watch ADIT heal: only what this ADIT runs itself, and only while it is a demo.

A process is touched only if it is a child of the supervisor of this `ADIT_HOME` and was started as what it is
taken for; nothing else on the machine can be meant.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from adit.accounts.verdict import ALLOWED, Verdict
from adit.site.demo.description import Kind
from adit.site.demo.patients import studies
from adit.site.demo.places import FILLER, LIES, QUOTA, folder_of
from adit.site.demo.processes import DEMO_PACS, archive_of
from adit.site.env import Config
from adit.site.state import read_state
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Plan, Pseudonymising

CLINIC, RESEARCH, _LIAR = DEMO_PACS

_GONE = Verdict.no("The process has just ended by itself; the supervisor is starting it again.")


@dataclass(frozen=True, slots=True)
class Part:
    """Something that can be broken.

    Attributes:
        what: What happens when it is broken.
        heals: What ADIT does about it.
        broken: It is broken now; breaking it once more mends it.
    """

    key: str
    title: str | Promise
    drawing: str
    what: str | Promise
    heals: str | Promise
    broken: bool


class Breaking:
    """The demo of one `ADIT_HOME`, as far as it can be broken."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ways: dict[str, Callable[[], Verdict]] = {
            "worker": self._kill_worker,
            "clinic": lambda: self._unplug(CLINIC.ae_title),
            "research": lambda: self._unplug(RESEARCH.ae_title),
            "lies": lambda: _toggle(self._lies, 0),
            "quota": lambda: _toggle(self._filler, QUOTA),
        }

    def parts(self) -> tuple[Part, ...]:
        """What can be broken, and what is."""
        return (
            Part(
                "worker",
                _("Kill a worker"),
                "skull",
                _("The process that moves studies is gone in the middle of an instance (kill -9)."),
                _("Another worker goes on with what the ledger shows as missing; the supervisor starts a new one."),
                broken=False,
            ),
            Part(
                "clinic",
                _("Unplug the source"),
                "plug-connected-x",
                _("Demo PACS takes connections and answers no more."),
                _("Its tasks run into their time limits, are tried again, and end as soon as it answers."),
                broken=self._is_unplugged(CLINIC.ae_title),
            ),
            Part(
                "research",
                _("Unplug the destination"),
                "plug-connected-x",
                _("Demo Research takes connections and answers no more."),
                _("What it did not confirm is sent again, and nothing twice."),
                broken=self._is_unplugged(RESEARCH.ae_title),
            ),
            Part(
                "lies",
                _("Let the source lie"),
                "mask",
                _("Demo PACS leaves out every twentieth image and says that it sent all."),
                _("The ledger finds them missing: the job ends with a warning and the numbers. Retry it afterwards."),
                broken=self._lies.exists(),
            ),
            Part(
                "quota",
                _("Fill the folder"),
                "database",
                _("Demo Folder has used up its quota."),
                _("Tasks to it wait and say why; they go on when there is room."),
                broken=self._filler.exists(),
            ),
        )

    def break_or_mend(self, key: str) -> Verdict:
        """Break what *key* names, or mend it if it is broken.

        Returns:
            Whether that could be done just now.

        Raises:
            KeyError: There is no such part.
        """
        return self._ways[key]()

    def something_to_send(self) -> Plan:
        """A plan that takes some seconds: a CT of 300 slices, and some more.

        Under a key of its own, so that the destination never has it yet: else ADIT would find it complete there.
        """
        heads = [study for study in studies() if study.series[0].kind is Kind.CT_HEAD]
        large = max(heads, key=lambda study: study.instances)
        others = [study for study in studies() if study.series[-1].kind is Kind.SEGMENTATION]
        items = tuple(TransferStudy(study.uid, patient_id=study.patient.id) for study in (large, *others))
        return Plan("selective", CLINIC.name, RESEARCH.name, items, pseudonymising=Pseudonymising(generate=True))

    @property
    def _lies(self) -> Path:
        return archive_of(CLINIC, self._config.home) / LIES

    @property
    def _filler(self) -> Path:
        return folder_of(self._config.home) / FILLER

    def _kill_worker(self) -> Verdict:
        worker = next(self._started_as("-m", "adit.site", "worker"), None)
        if worker is None:
            return Verdict.no("No worker runs just now; the supervisor is starting one.")
        return self._send(worker, signal.SIGKILL)

    def _unplug(self, ae_title: str) -> Verdict:
        process = self._pacs(ae_title)
        if process is None:
            return Verdict.no(f"{ae_title} does not run just now; the supervisor is starting it.")
        return self._send(process, signal.SIGCONT if _is_stopped(process) else signal.SIGSTOP)

    def _is_unplugged(self, ae_title: str) -> bool:
        process = self._pacs(ae_title)
        return process is not None and _is_stopped(process)

    def _pacs(self, ae_title: str) -> int | None:
        return next(self._started_as("-m", "adit.site.demo.pacs", "--ae-title", ae_title), None)

    def _started_as(self, *words: str) -> Iterator[int]:
        """The children of our supervisor whose command line holds *words*, side by side."""
        state = read_state(self._config)
        for pid in _children_of(state.pid) if state else ():
            said = _words(pid)
            if any(tuple(said[start : start + len(words)]) == words for start in range(len(said))):
                yield pid

    def _send(self, pid: int, number: signal.Signals) -> Verdict:
        """Send a signal to a child of our supervisor, and to no other that may have got its number since."""
        state = read_state(self._config)
        try:
            # The descriptor stands for this very process, whatever becomes of its number.
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return _GONE
        try:
            if state is None or pid not in _children_of(state.pid):
                return _GONE
            signal.pidfd_send_signal(process, number)
        except ProcessLookupError:
            return _GONE
        finally:
            os.close(process)
        return ALLOWED


def _toggle(file: Path, size: int) -> Verdict:
    """Make *file*, of a size that takes no room on the disk, or remove it."""
    if file.exists():
        file.unlink(missing_ok=True)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as made:
            made.truncate(size)
    return ALLOWED


def _children_of(pid: int) -> list[int]:
    children: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        # A thread may end between being listed and being read.
        with suppress(OSError):
            children += map(int, thread.read_text().split())
    return children


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _is_stopped(pid: int) -> bool:
    try:
        # The name, in parentheses, may hold anything; the state follows it (proc(5)).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False
