"""One instance as a file: written, or taken over where it is one already, with its digest.

xxHash has to find a broken disk, not an attacker.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import xxhash

from adit.dicom.instance import Instance, WholeFile
from adit.dicom.part10 import part10
from adit.endpoints.quota import Quota
from adit.endpoints.syncing import begin_sync

_BUFFERS = 64
_BLOCK = 1 << 20


def write(instance: Instance, path: str, quota: Quota | None) -> bytes:
    """Make *instance* the file *path*, which is not durable yet. Returns its digest.

    What was written before an error is left behind.

    Raises:
        Full: It does not fit into *quota*.
        OSError: It cannot be written.
        DicomError: What broke the arrival of the instance off.
    """
    with quota.writing() if quota is not None else nullcontext(lambda _: None) as take:
        return _written(instance, path, take)


def _written(instance: Instance, path: str, take: Callable[[int], None]) -> bytes:
    if instance.file is not None and _take_over(instance.file, path):
        size = os.fstat(instance.file.descriptor).st_size
        take(size)
        begin_sync(instance.file.descriptor, size)
        return instance.file.digest
    digest = xxhash.xxh3_128()
    buffers: list[bytes | memoryview] = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        for chunk in part10(instance):
            digest.update(chunk)
            buffers.append(chunk)
            take(len(chunk))
            if len(buffers) == _BUFFERS or not _lasts(chunk):
                _write_all(file, buffers)
                buffers = []
        _write_all(file, buffers)
        begin_sync(file, instance.body.size or 0)
    finally:
        os.close(file)
    return digest.digest()


def digest_of_instance(instance: Instance) -> bytes:
    """What `write` would return."""
    digest = xxhash.xxh3_128()
    for chunk in part10(instance):
        digest.update(chunk)
    return digest.digest()


def digest_of_file(path: str) -> bytes:
    """What `write` returned when it wrote *path*, if that is as it was."""
    digest = xxhash.xxh3_128()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def _take_over(file: WholeFile, path: str) -> bool:
    """Give *file* the name *path*: writing is what takes most of the time."""
    try:
        os.chmod(file.path, 0o666 & ~_umask())
        os.rename(file.path, path)
    except OSError:
        # On another file system, most likely; or another user's, or gone: the body can still be read.
        return False
    return True


@cache
def _umask() -> int:
    """Of the process, which can be asked for only by changing it, or here."""
    found = re.search(r"^Umask:\s*([0-7]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1], 8) if found else 0o022


def _lasts(chunk: bytes | memoryview) -> bool:
    """Whether *chunk* stays as it is when the next one is asked for: what cannot change does."""
    return isinstance(chunk if isinstance(chunk, bytes) else chunk.obj, bytes)


def _write_all(descriptor: int, buffers: list[bytes | memoryview]) -> None:
    rest = [memoryview(each) for each in buffers]
    while rest:
        written = os.writev(descriptor, rest)
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
