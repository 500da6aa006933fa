"""Child processes that cannot outlive their parent (Linux)."""

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def bind_to_parent(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` after which the kernel sends *number* to the child when its parent dies.

    The kernel watches the parent's *thread*: call `Popen` from one that lives as long as the child may.
    Safe beside other threads, although `preexec_fn` is not in general: it imports and locks nothing.
    """
    parent = os.getpid()

    def bind() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        # It may have died between fork and prctl, and then no signal ever comes.
        if os.getppid() != parent:
            os._exit(1)

    return bind


def is_running(pid: int) -> bool:
    """Whether there is a process *pid* that has not ended; one that only waits to be reaped has."""
    try:
        # The name, in parentheses, may hold anything; the state follows it (proc(5)).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
