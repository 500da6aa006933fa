"""How a folder is tried."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from adit.dicom.errors import Full
from adit.endpoints.quota import Quota
from adit.nodes.findings import ADMINISTRATOR, Finding, Outcome, in_vain
from adit.nodes.models import Node

SCARCE = 10**9
"""Bytes that a disk should have left."""


def examine_folder(node: Node) -> Iterator[Finding]:
    """Test the folder *node*: that it is there, can be written, and has room."""
    path = Path(node.path)
    if not path.is_dir():
        what = "is no folder" if path.exists() else "does not exist"
        yield Finding("Folder", Outcome.FAILED, f"{path} {what}: create it or correct the path.", ADMINISTRATOR)
        for name in ("Writing", "Room", "Quota"):
            yield in_vain(name)
        return
    yield Finding("Folder", Outcome.OK, f"{path} exists.")
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".adit-test-") as file:
            file.write(b"\0")
    except OSError as error:
        sentence = f"ADIT cannot write into {path} ({error.strerror}): give its account the right to."
        yield Finding("Writing", Outcome.FAILED, sentence, "whoever looks after the folder")
    else:
        yield Finding("Writing", Outcome.OK, f"ADIT can write into {path}.")
    free = shutil.disk_usage(path).free
    room = f"{free / 1e9:.1f} GB are free on its disk"
    if free < SCARCE:
        yield Finding("Room", Outcome.FAILED, f"Only {room}: make room.", "whoever looks after the folder")
    else:
        yield Finding("Room", Outcome.OK, f"{room}.")
    yield _quota(node, path)


def _quota(node: Node, path: Path) -> Finding:
    if node.quota_gb is None:
        return Finding("Quota", Outcome.SKIPPED, "No quota is set.")
    try:
        Quota(path, int(node.quota_gb * 1e9), name=node.name).take(1)
    except Full as full:
        return Finding("Quota", Outcome.FAILED, f"{full}: make room or raise the quota.", full.mended_by)
    except OSError as error:
        sentence = f"What lies below {path} cannot be counted ({error.strerror})."
        return Finding("Quota", Outcome.FAILED, sentence, "whoever looks after the folder")
    return Finding("Quota", Outcome.OK, f"The quota of {node.quota_gb:g} GB is not used up.")
