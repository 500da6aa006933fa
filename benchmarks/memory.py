"""What processes hold in memory (proc(5))."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def peak_of(pid: int) -> int:
    """The most bytes of resident memory that process *pid* ever held, or since `Above` began."""
    return _status(pid, "VmHWM")


class Above:
    """How far processes rise above what they hold now."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._idle = {pid: _status(pid, "VmRSS") for pid in pids}
        for pid in pids:
            # Their peak begins anew.
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Bytes by which the one that rose most did."""
        return max(peak_of(pid) - idle for pid, idle in self._idle.items())


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"process {pid} does not tell its memory")
