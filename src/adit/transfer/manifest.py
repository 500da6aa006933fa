"""The ledger as it goes along with what was moved: MANIFEST.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adit.dicom.refs import UID
from adit.transfer.ledger import Ledger

VERSION = 1
"""Of the form. Raise it when a field changes its meaning."""


def manifest_of(study: UID, ledger: Ledger, new_uid: Callable[[UID], UID] = lambda uid: uid) -> dict[str, Any]:
    """What was expected of each series, what was stored of it and what was excluded, as JSON.

    Numbers are of instances; `expected` is null where the source cannot say.

    Args:
        new_uid: What study and series are called where the manifest goes.
    """
    return {
        "version": VERSION,
        "study": new_uid(study),
        "series": [
            {
                "series": new_uid(tally.series),
                "expected": tally.expected,
                "stored": len(tally.stored),
                "excluded": tally.excluded_count,
                "reasons": tally.reasons(),
                "notes": list(tally.notes),
            }
            for tally in ledger.series.values()
        ],
        "notes": list(ledger.notes),
    }
