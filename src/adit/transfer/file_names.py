"""Where a treated file goes: where the original was, unless its name tells who is meant."""

from __future__ import annotations

import re
from pathlib import PurePath

from adit.deid.keys import Key
from adit.deid.known import Known
from adit.deid.profile import Dates
from adit.dicom.refs import Ref
from adit.dicom.values import read_date

_RUNS = re.compile(r"\d{8}(?!\d)|(?<!\d)\d{6}(?!\d)|\d{1,4}[-._]\d{1,2}[-._]\d{1,4}")

_SUFFIX = ".dcm"


def placed(original: PurePath, *, ref: Ref, new: Ref, known: Known, key: Key, dates: Dates) -> PurePath:
    """The path of a treated file below its folder.

    A part of *original* stays as it is unless it holds something of *known*, a UID of the original, or a date
    where the profile changes dates. The file is named after its new UID then; a folder gets a token of the key,
    so that files of one folder stay together.

    Args:
        original: Below the folder of the originals.
        ref: Of the original; *new* of the treated instance.
    """
    *folders, name = original.parts
    uids = (ref.study, ref.series or "", ref.instance or "")

    def tells(part: str) -> bool:
        return bool(
            known.hit(part) or any(uid and uid in part for uid in uids) or (dates is not Dates.KEEP and _dated(part))
        )

    kept = [key.token("folder", folder) if tells(folder) else folder for folder in folders]
    return PurePath(*kept, f"{new.instance}{_SUFFIX}" if tells(name) else name)


def _dated(text: str) -> bool:
    """Whether *text* holds what may be a date: it would give the shift away."""
    return any("." in run or "-" in run or "_" in run or len(run) == 6 or read_date(run) for run in _RUNS.findall(text))
