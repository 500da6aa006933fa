"""From the rows of a batch transfer to its items: the rows of one study become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adit.dicom.refs import UID
from adit.transfer.batches.faults import of_lines
from adit.transfer.batches.rows import TransferRow
from adit.transfer.items import LookUpStudies, TransferStudy

STUDIES_PER_CHECK = 25
"""Studies that one task of a check looks up over one association."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows by study.

    Attributes:
        items: In the order of their first lines.
        notices: What was done that somebody may not expect, as sentences.
    """

    items: tuple[TransferStudy, ...]
    notices: tuple[str, ...]


def transfers_of(rows: Iterable[TransferRow]) -> Grouped:
    """The studies of *rows*, which are checked: rows of one study agree on patient and pseudonym.

    Series of several rows go together. A row without series wants the whole study, whatever others say.
    """
    by_study: dict[UID, list[TransferRow]] = {}
    for row in rows:
        by_study.setdefault(row.study, []).append(row)
    items, notices = [], []
    for study, same in by_study.items():
        item = _item(study, same)
        items.append(item)
        if not item.series and any(row.series for row in same):
            notices.append(_whole(same))
    items.sort(key=lambda item: item.lines[:1])
    return Grouped(tuple(items), tuple(notices))


def checks_of(items: Sequence[TransferStudy]) -> tuple[LookUpStudies, ...]:
    """*items* in portions that one task looks up."""
    starts = range(0, len(items), STUDIES_PER_CHECK)
    return tuple(LookUpStudies(tuple(items[start : start + STUDIES_PER_CHECK])) for start in starts)


def lines_say(lines: Sequence[int]) -> str:
    """`line 17 says`, `lines 17 and 18 say`; what was asked for without a file, `was asked for`."""
    if not lines:
        return "was asked for"
    return f"{of_lines(lines)} {'says' if len(lines) == 1 else 'say'}"


def _item(study: UID, rows: Sequence[TransferRow]) -> TransferStudy:
    whole = any(not row.series for row in rows)
    series = () if whole else tuple(dict.fromkeys(series for row in rows for series in row.series))
    born = next((row.birth_date for row in rows if row.birth_date), None)
    return TransferStudy(
        study,
        series,
        patient_id=rows[0].patient_id,
        pseudonym=next((row.pseudonym for row in rows if row.pseudonym), ""),
        lines=tuple(sorted(line for row in rows for line in row.lines)),
        patient_name=next((row.patient_name for row in rows if row.patient_name), ""),
        birth_date=f"{born:%Y%m%d}" if born else "",
    )


def _whole(rows: Sequence[TransferRow]) -> str:
    whole = sorted(line for row in rows if not row.series for line in row.lines)
    parts = sorted(line for row in rows if row.series for line in row.lines)
    want, name = "wants" if len(whole) == 1 else "want", "names" if len(parts) == 1 else "name"
    return (
        f"{_sentence(of_lines(whole))} {want} the whole study of which {of_lines(parts)} {name} series: all of it goes."
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
