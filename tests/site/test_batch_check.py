"""`adit batch check`: what is wrong with a file, on the terminal, in the file, and as JSON."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import typer

from adit.site.cli.batch_check import check
from adit.site.cli.output import Failed, Misused
from adit.transfer.batches.columns import QUERY, TRANSFER
from adit.transfer.batches.templates import template
from adit.transfer.sheets.reading import read_sheet

WRONG = "Patienten-ID;von;bis\r\n0042;1.2.2020;1.1.2020\r\n0043;;\r\n"


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8", newline="")
    return file


class TestChecking:
    @pytest.mark.parametrize(("kind", "called"), [(QUERY, "batch query"), (TRANSFER, "batch transfer")])
    def test_finds_out_the_kind_and_has_nothing_to_say_of_a_template(self, kind, called, tmp_path, capsys):
        file = tmp_path / "list.xlsx"
        file.write_bytes(template(kind, "xlsx"))

        check(file)

        told = capsys.readouterr().out
        assert f"read as a {called}" in told
        assert "lines are right." in told

    def test_says_what_is_wrong_and_fails(self, tmp_path, capsys):
        with pytest.raises(typer.Exit) as left:
            check(written(tmp_path / "list.csv", WRONG))

        told = capsys.readouterr().out
        assert left.value.exit_code == 1
        assert "The last day is before the first one." in told
        assert "1 of 2 lines are right." in told

    def test_is_json(self, tmp_path, capsys):
        with pytest.raises(typer.Exit):
            check(written(tmp_path / "list.csv", WRONG), as_json=True)

        told = json.loads(capsys.readouterr().out)
        assert (told["kind"], told["lines"], told["good"]) == (QUERY, 2, 1)
        assert told["columns"][0] == {"written": "Patienten-ID", "taken_for": "PatientID"}
        assert told["faults"] == [
            {"lines": [2], "column": "bis", "value": "1.1.2020", "reason": "The last day is before the first one."}
        ]

    def test_gives_the_file_back_with_a_column_that_only_its_owner_can_read(self, tmp_path, capsys):
        out = tmp_path / "out.csv"

        with pytest.raises(typer.Exit):
            check(written(tmp_path / "list.csv", WRONG), out=out)

        back = read_sheet(out.read_bytes(), "out.csv")
        assert back.columns == ("Patienten-ID", "von", "bis", "Errors")
        assert [row.cells[-1] for row in back.rows] == ["bis '1.1.2020': The last day is before the first one.", ""]
        assert stat.S_IMODE(out.stat().st_mode) == 0o600

    def test_of_what_was_given_back_says_the_same(self, tmp_path, capsys):
        out = tmp_path / "out.csv"
        with pytest.raises(typer.Exit):
            check(written(tmp_path / "list.csv", WRONG), out=out)
        capsys.readouterr()

        with pytest.raises(typer.Exit):
            check(out, as_json=True)

        assert [fault["lines"] for fault in json.loads(capsys.readouterr().out)["faults"]] == [[2]]

    def test_can_want_a_pseudonym_in_every_line(self, tmp_path, capsys):
        file = written(tmp_path / "list.csv", "PatientID,Study UID\n1,1.2.3\n")
        check(file)

        with pytest.raises(typer.Exit):
            check(file, pseudonyms_required=True)

    def test_takes_the_kind_and_the_worksheet_that_are_named(self, tmp_path, capsys):
        file = tmp_path / "list.xlsx"
        file.write_bytes(template(TRANSFER, "xlsx"))

        check(file, kind="query", as_json=True)
        told = json.loads(capsys.readouterr().out)
        with pytest.raises(typer.Exit):
            check(file, worksheet="Columns")

        assert told["kind"] == QUERY

    def test_explains_what_cannot_be_read(self, tmp_path):
        with pytest.raises(Failed, match="empty"):
            check(written(tmp_path / "list.csv", ""))
        with pytest.raises(Misused, match="cannot be read"):
            check(tmp_path / "none.csv")
        with pytest.raises(Misused, match="--kind"):
            check(tmp_path / "none.csv", kind="mass")

    def test_asks_a_project_only_where_the_file_comes_from_somewhere(self, tmp_path):
        with pytest.raises(Misused, match="--project and --from belong together"):
            check(written(tmp_path / "list.csv", WRONG), project="Stroke")
