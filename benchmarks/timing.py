"""Medians, and the machine's own limits to hold them against."""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

REPEATS = 5


def seconds_of(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def median_of(action: Callable[[], float], repeats: int = REPEATS) -> float:
    """The median of what *action* returns."""
    return statistics.median(action() for _ in range(repeats))


def medians_of(*actions: Callable[[], float], repeats: int = REPEATS) -> list[float]:
    """The median of what each of *actions* returns. They take turns: whatever else runs concerns all of them."""
    rounds = [[action() for action in actions] for _ in range(repeats)]
    return [statistics.median(of_one) for of_one in zip(*rounds, strict=True)]


def loopback_copy(size: int) -> float:
    """Seconds for *size* bytes through a socket of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        block = memoryview(bytearray(1 << 18))

        def send() -> None:
            with socket.create_connection(server.getsockname()) as connection:
                for _ in range(size // len(block)):
                    connection.sendall(block)

        sender = threading.Thread(target=send)
        began = time.perf_counter()
        sender.start()
        connection, _ = server.accept()
        with connection:
            while connection.recv_into(block):
                pass
        sender.join()
        return time.perf_counter() - began


def disk_write(folder: Path, files: int, size: int, *, synced: bool) -> float:
    """Seconds for writing *files* of *size* bytes, synced one after the other in the end or not."""
    block = os.urandom(size)
    folder.mkdir()
    began = time.perf_counter()
    handles = []
    for number in range(files):
        handle = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT)
        os.write(handle, block)
        handles.append(handle)
    for handle in handles:
        if synced:
            os.fdatasync(handle)
        os.close(handle)
    return time.perf_counter() - began
