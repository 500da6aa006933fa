"""A folder of ugly spreadsheets, each with its expected reading: `readings/NAME.txt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from adit.transfer.sheets.reading import BadSheet, read_sheet
from tests.transfer.sheets import by_hand, with_openpyxl

_FOLDER = Path(__file__).with_name("sheets")

_FILES = {
    **by_hand.FILES,
    **with_openpyxl.FILES,
    **{f"libreoffice-{path.name}": path.read_bytes() for path in _FOLDER.joinpath("libreoffice").iterdir()},
}


class TestAnUglySpreadsheet:
    @pytest.mark.parametrize("name", sorted(_FILES))
    def test_is_read_or_explained_as_written_down(self, name):
        assert _spoken(name) == _FOLDER.joinpath("readings", f"{name}.txt").read_text(encoding="utf-8")

    def test_has_a_reading_and_every_reading_a_spreadsheet(self):
        assert {path.name.removesuffix(".txt") for path in _FOLDER.joinpath("readings").iterdir()} == set(_FILES)

    @pytest.mark.parametrize("name", sorted(_FILES))
    def test_is_explained_in_one_sentence_where_it_is_not_read(self, name):
        reading = _spoken(name).removeprefix("not read: ").strip()

        assert not _spoken(name).startswith("not read: ") or (
            reading.endswith(".") and ". " not in reading and len(reading) < 200
        )


def _spoken(name: str) -> str:
    """The reading of the file *name*: cells with what cannot be seen in them, then doubts, then notices."""
    try:
        sheet = read_sheet(_FILES[name], name)
    except BadSheet as bad:
        return f"not read: {bad}\n"
    lines = [sheet.how, *(["worksheets: " + ", ".join(sheet.worksheets)] if sheet.worksheets else [])]
    for line, cells, doubts in [
        (sheet.header, sheet.columns, {}),
        *((row.line, row.cells, row.doubts) for row in sheet.rows),
    ]:
        lines.append(f"{line:3} | " + " | ".join(repr(cell)[1:-1] for cell in cells))
        lines += [f"      doubt about {sheet.columns[index]!r}: {why}" for index, why in sorted(doubts.items())]
    return "\n".join([*lines, *(f"notice: {notice}" for notice in sheet.notices), ""])
