"""Which processes of this machine are still there."""

from __future__ import annotations

from pathlib import Path


def here() -> str:
    """The machine since its last start, and the namespace of our process ids; empty where that cannot be told.

    Two processes that agree in it can see one another: containers may share a host name, but not this.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def runs(pid: int) -> bool:
    """Whether a process of this number runs here, and is no zombie that only waits to be reaped."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # The name in parentheses may hold anything; the state follows the last one.
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")
