"""Studies that a PACS is asked for which misbehaves as it is told."""

import dataclasses
import random
import struct

from adit.dicom.refs import UID, Ref
from tests.peers.data import ct_study

STUDY = ct_study(instances=12, size=128, name="got")
OTHER = ct_study(instances=2, size=128, name="not got")
ALL = [Ref(UID(STUDY.uid))]


def enlarged(file, size):
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size) + random.Random(size).randbytes(size)
    return dataclasses.replace(file, encoded=file.encoded[: file.encoded.rindex(b"\xe0\x7f\x10\0OW")] + pixels)


def with_files(study, *files):
    return dataclasses.replace(study, files=files)
