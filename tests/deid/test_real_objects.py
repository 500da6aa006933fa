"""Real objects of every kind leave treated, readable by others and as valid as they came; or not, for a reason."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from adit.deid.errors import Excluded
from adit.deid.gate import Gate
from adit.deid.known import Known
from adit.deid.treatment import Treatment
from adit.deid.tripwire import search
from adit.dicom.instance import Instance
from adit.dicom.part10 import part10
from adit.dicom.refs import UID
from tests.deid.real import BROKEN, one_of_each, real_objects
from tests.deid.treating import PSEUDONYM, from_file, order
from tests.dicom.files import File
from tests.peers.process import program

_UID = re.compile(r"[0-9]+(\.[0-9]+)+|(?<=InstanceUID )[0-9]+$")


def write(instance: Instance, path: Path) -> Path:
    path.write_bytes(b"".join(bytes(chunk) for chunk in part10(instance)))
    return path


def complaints(path: Path) -> Counter[str]:
    """What dciodvfy calls errors, whatever the UIDs in it."""
    command = [program("dciodvfy", package="dicom3tools"), str(path)]
    said = subprocess.run(command, capture_output=True, check=False).stderr.decode("latin-1")
    return Counter(_UID.sub("UID", line) for line in said.splitlines() if line.startswith("Error"))


def is_dumped(path: Path) -> bool:
    """Whether dcmdump reads it to its end."""
    command = [program("dcmdump", package="dcmtk"), "-q", str(path)]
    return not subprocess.run(command, capture_output=True, check=False).returncode


class Open(Gate):
    """Lets everything pass, so that all kinds of objects are treated."""

    def on_arrival(self, sop_class: UID, said: Callable[[int], str]) -> str | None:
        del sop_class, said
        return None


def leaves(file: File, name: str) -> Instance | None:
    """*file* as treated; None where the profile has no rules for it."""
    try:
        return Treatment(order(name, gate=Open())).apply(from_file(file))
    except Excluded:
        assert file.dataset.Modality == "SR"
        return None


def combinations() -> Iterator[tuple[File, str]]:
    """Every object with the default profile, one of each SOP class with the others."""
    classes = {file.dataset.SOPClassUID: file for file in one_of_each()}
    for file in one_of_each():
        yield file, "research"
    for file in classes.values():
        yield file, "basic"
        yield file, "longitudinal"


@pytest.mark.parametrize(("file", "name"), list(combinations()), ids=lambda value: getattr(value, "name", value))
class TestARealObject:
    def test_is_read_by_others_and_as_valid_as_before(self, file: File, name: str, tmp_path: Path) -> None:
        made = leaves(file, name)
        if made is None:
            return
        before = write(from_file(file), tmp_path / "before.dcm")
        after = write(made, tmp_path / "after.dcm")

        assert is_dumped(after) or not is_dumped(before)
        assert not complaints(after) - complaints(before)
        dataset = pydicom.dcmread(after)
        assert dataset.PatientID == PSEUDONYM
        assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID == made.uid
        assert dataset.get("PixelData") == file.dataset.get("PixelData")

    def test_tells_nothing_of_who_is_meant(self, file: File, name: str) -> None:
        made = leaves(file, name)
        if made is None:
            return
        known = Known.of(file.dataset)

        ours = {0x00100010, 0x00100020, 0x00120040, 0x00120063, 0x00080050, 0x00200010}
        found = list(search(made.head(), known, made=lambda tag, _: int(tag) in ours))

        assert not [finding for finding in found if not finding.path.startswith("(0012,0064)")]


class TestAllRealObjects:
    def test_leave_or_stay_behind_for_a_reason(self) -> None:
        treatment = Treatment(order())
        left = stayed = 0
        for file in real_objects():
            if file.name in BROKEN:
                continue
            try:
                made = treatment.apply(from_file(file))
            except Excluded:
                stayed += 1
            else:
                assert made.head().PatientID == PSEUDONYM
                left += 1

        assert left > 150
        assert stayed > 50
