"""`adit deid` on files, as a person calls it: no database, no PACS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from adit.dicom.part10 import preamble_and_meta
from adit.dicom.refs import UID
from adit.site.cli import main
from tests.deid.treating import content, ct, instance

EXPLICIT = UID("1.2.840.10008.1.2.1")


def image(number: int = 1, **attributes: object) -> Dataset:
    dataset = ct(**attributes)
    dataset.SOPInstanceUID = f"1.2.276.0.7.{number}"
    return dataset


def write(path: Path, dataset: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = preamble_and_meta(UID(dataset.SOPClassUID), UID(dataset.SOPInstanceUID), EXPLICIT)
    path.write_bytes(head + content(instance(dataset)))
    return path


class Calling:
    """Calls `adit deid` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> tuple[int, str]:
        """The exit code, and what is said on standard output."""
        code = main(["deid", *map(str, words)])
        return code, self._capsys.readouterr().out

    def json(self, *words: object, code: int = 0) -> Any:
        found, said = self(*words, "--json")
        assert found == code, said
        return json.loads(said)


@pytest.fixture
def deid(capsys: pytest.CaptureFixture[str]) -> Calling:
    return Calling(capsys)


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "originals"
    write(folder / "a" / "one.dcm", image(1))
    write(folder / "b" / "two.dcm", image(2, SeriesDescription="T1 Mustermann"))
    return folder


class TestRun:
    def test_mirrors_the_folder(self, deid, originals, tmp_path):
        told = deid.json("run", originals, tmp_path / "out")

        treated = dcmread(tmp_path / "out" / "a" / "one.dcm")
        assert (told["treated"], told["refused"]) == (2, [])
        assert treated.PatientID not in ("", "12345678")
        assert treated.file_meta.MediaStorageSOPInstanceUID == treated.SOPInstanceUID != "1.2.276.0.7.1"
        assert dcmread(tmp_path / "out" / "b" / "two.dcm").SeriesDescription == "T1"

    def test_takes_a_single_file(self, deid, originals, tmp_path):
        assert deid.json("run", originals / "a" / "one.dcm", tmp_path / "out")["treated"] == 1
        assert (tmp_path / "out" / "one.dcm").is_file()

    def test_makes_a_key_that_makes_the_same_again(self, deid, originals, tmp_path):
        key = Path(deid.json("run", originals, tmp_path / "out")["key_file"])
        first = (tmp_path / "out" / "a" / "one.dcm").read_bytes()

        deid.json("run", originals, tmp_path / "out")
        assert (tmp_path / "out" / "a" / "one.dcm").read_bytes() == first
        deid.json("run", originals, tmp_path / "other", "--key-file", key)
        assert (tmp_path / "other" / "a" / "one.dcm").read_bytes() == first
        assert key == tmp_path / "out.key"
        assert key.stat().st_mode & 0o777 == 0o600

    def test_names_what_it_refuses_and_writes_the_rest(self, deid, originals, tmp_path):
        (originals / "notes.txt").write_text("nothing of DICOM")
        write(originals / "capture.dcm", image(3, SOPClassUID="1.2.840.10008.5.1.4.1.1.7"))

        told = deid.json("run", originals, tmp_path / "out", code=1)

        refused = {entry["file"]: entry["reason"] for entry in told["refused"]}
        assert told["treated"] == 2
        assert "no DICOM file" in refused["notes.txt"]
        assert "secondary capture" in refused["capture.dcm"]
        assert not (tmp_path / "out" / "capture.dcm").exists()
        assert not list((tmp_path / "out").rglob("*.part"))

    def test_gives_files_other_names_when_theirs_tell_who_it_is(self, deid, tmp_path):
        for number, name in enumerate(("Mustermann_Erika/1.dcm", "x/1.2.276.0.7.2", "y/12345678-2.dcm", "z/3.dcm"), 1):
            write(tmp_path / "in" / name, image(number))

        deid.json("run", tmp_path / "in", tmp_path / "out")

        files = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()]
        assert len(files) == 4
        assert Path("z/3.dcm") in files
        assert not any("Mustermann" in str(file) or "1.2.276" in str(file) or "12345678" in str(file) for file in files)
        assert all(
            file.name in ("1.dcm", "3.dcm") or file.stem == dcmread(tmp_path / "out" / file).SOPInstanceUID
            for file in files
        )

    def test_has_no_dates_in_names_where_the_profile_changes_them(self, deid, tmp_path):
        write(tmp_path / "in" / "20200310-CT" / "1.dcm", image(1))

        deid.json("run", tmp_path / "in", tmp_path / "kept")
        deid.json("run", tmp_path / "in", tmp_path / "shifted", "--profile", "longitudinal")

        assert (tmp_path / "kept" / "20200310-CT").is_dir()
        assert "2020" not in next((tmp_path / "shifted").iterdir()).name

    def test_takes_one_pseudonym_for_one_patient(self, deid, originals, tmp_path):
        write(originals / "c" / "three.dcm", image(3, PatientID="87654321"))

        told = deid.json("run", originals, tmp_path / "out", "--pseudonym", "P-1", code=1)

        assert dcmread(tmp_path / "out" / "a" / "one.dcm").PatientName == "P-1"
        assert told["refused"] == [
            {
                "file": "c/three.dcm",
                "reason": "it is of another patient than the files before it, and there is one pseudonym",
            }
        ]

    def test_refuses_a_pseudonym_that_tells_who_it_is(self, deid, originals, tmp_path):
        told = deid.json("run", originals, tmp_path / "out", "--pseudonym", "Mustermann-1", code=1)

        assert told["treated"] == 0
        assert "holds a part of the patient's name" in told["refused"][0]["reason"]

    def test_takes_names_that_are_no_text(self, deid, tmp_path):
        write(tmp_path / "in" / os.fsdecode(b"\xff\xfe.dcm"), image(1))
        (tmp_path / "in" / os.fsdecode(b"\xfd.txt")).write_text("x")

        told = deid.json("run", tmp_path / "in", tmp_path / "out", "--report", tmp_path / "report.json", code=1)

        assert (told["treated"], told["refused"][0]["file"]) == (1, "?.txt")
        assert len(json.loads((tmp_path / "report.json").read_text())["files"]) == 2

    def test_gives_each_patient_a_pseudonym(self, deid, tmp_path):
        for number in range(1, 21):
            write(tmp_path / "in" / f"{number}.dcm", image(number, PatientID=f"8765432{number % 10}-{number}"))

        assert deid.json("run", tmp_path / "in", tmp_path / "out")["treated"] == 20
        assert len({dcmread(path).PatientID for path in (tmp_path / "out").iterdir()}) == 20

    def test_reports_every_element_without_its_value(self, deid, originals, tmp_path):
        deid.json("run", originals, tmp_path / "out", "--report", tmp_path / "report.json")

        written = (tmp_path / "report.json").read_text()
        report = json.loads(written)
        lines = {line["path"]: line for line in report["files"][1]["elements"]}
        assert report["profile"]["name"] == "research"
        assert lines["(0010,0030)"]["action"] == "empty"
        assert lines["(0008,0020)"]["before"] == lines["(0008,0020)"]["after"]
        assert lines["(0010,0020)"]["before"] != lines["(0010,0020)"]["after"]
        assert report["cut"] == {"Mustermann": 1}
        assert "12345678" not in written
        assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o600

    def test_follows_the_rules_of_the_site(self, deid, originals, tmp_path):
        (tmp_path / "site.yaml").write_text("replace: {StationName: CT-7}\nremove: [StudyTime]\n")
        write(originals / "a" / "one.dcm", image(1, StationName="CTSECRET"))

        told = deid.json("run", originals, tmp_path / "out", "--site-rules", tmp_path / "site.yaml")

        assert dcmread(tmp_path / "out" / "a" / "one.dcm").StationName == "CT-7"
        assert told["version"].startswith("1+")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--profile", "trail"], "there is no profile 'trail'"),
            (["--profile", "trial"], "give one with --pseudonym"),
            (["--pseudonym", "a\\b"], "cannot be a pseudonym"),
            (["--site-rules", "nowhere.yaml"], "cannot be read"),
        ],
    )
    def test_says_what_is_wrong_with_its_words(self, deid, originals, tmp_path, words, said):
        assert said in deid.json("run", originals, tmp_path / "out", *words, code=2)["error"]
        assert not (tmp_path / "out").exists()

    def test_never_writes_among_the_originals(self, deid, originals):
        for into in (originals, originals / "out", originals.parent):
            assert "must not lie in each other" in deid.json("run", originals, into, code=2)["error"]

    def test_wants_a_key_that_others_cannot_read(self, deid, originals, tmp_path):
        key = tmp_path / "key"
        key.write_text("ab" * 32)
        key.chmod(0o644)
        assert "others may read" in deid.json("run", originals, tmp_path / "out", "--key-file", key, code=1)["error"]
        key.chmod(0o600)
        assert deid.json("run", originals, tmp_path / "out", "--key-file", key)["treated"] == 2
        key.write_text("short")
        assert "no key file" in deid.json("run", originals, tmp_path / "out", "--key-file", key, code=1)["error"]


class TestCheck:
    @pytest.fixture
    def identifiers(self, tmp_path: Path) -> Path:
        path = tmp_path / "who.csv"
        path.write_text("Patient ID;PatientName;Patient_Birth_Date;Ward\n12345678;Mustermann^Erika;15.06.1970;7\n")
        return path

    def test_finds_them_in_files_and_names(self, deid, originals, identifiers):
        write(originals / "12345678" / "x.dcm", image(3))

        found = deid.json("check", originals, "--identifiers", identifiers, code=1)["found"]

        assert {(one["file"], one["attribute"] or one["where"]) for one in found} >= {
            ("a/one.dcm", "PatientID"),
            ("a/one.dcm", "PatientName"),
            ("b/two.dcm", "SeriesDescription"),
            ("12345678/x.dcm", "file name"),
        }
        assert "Mustermann" not in json.dumps(found)

    def test_finds_none_in_what_was_treated(self, deid, originals, identifiers, tmp_path):
        deid.json("run", originals, tmp_path / "out")

        told = deid.json("check", tmp_path / "out", "--identifiers", identifiers)

        assert told == {"files": 2, "identifiers": 3, "found": []}

    def test_takes_a_plain_list(self, deid, originals, tmp_path):
        (tmp_path / "list.txt").write_text("Erika Mustermann\n12345678\n1970-06-15\n")

        told = deid.json("check", originals, "--identifiers", tmp_path / "list.txt", code=1)

        assert told["identifiers"] == 3
        assert {one["what"] for one in told["found"]} >= {"the patient's name", "the patient's id"}

    def test_names_what_it_cannot_read(self, deid, originals, identifiers):
        (originals / "broken.dcm").write_bytes(b"no DICOM at all")

        told = deid.json("check", originals, "--identifiers", identifiers, code=1)

        assert [one["what"] for one in told["found"] if one["file"] == "broken.dcm"] != []

    def test_wants_something_to_look_for(self, deid, originals, tmp_path):
        (tmp_path / "empty.csv").write_text("PatientID\n")

        assert (
            "names no identifiers"
            in deid.json("check", originals, "--identifiers", tmp_path / "empty.csv", code=2)["error"]
        )


class TestProfile:
    def test_lists_them(self, deid):
        assert {one["name"]: one["default"] for one in deid.json("profile", "list")} == {
            "basic": False,
            "research": True,
            "longitudinal": False,
            "trial": False,
        }

    def test_shows_one_in_words_and_as_a_table(self, deid):
        code, said = deid("profile", "show", "longitudinal", "--table")

        assert code == 0
        assert "moved back by one number of whole days" in said
        assert "(0008,103E)" in said
        assert "cleaned by word" in said

    def test_shows_the_rules_of_the_site(self, deid, tmp_path):
        (tmp_path / "site.yaml").write_text("keep: [ImageComments, Nothing]\nremove: [KVP]\nfoo: 1\n")

        error = deid.json("profile", "show", "basic", "--site-rules", tmp_path / "site.yaml", code=2)["error"]

        assert f"--site-rules: {tmp_path / 'site.yaml'}: line 1: there is no attribute 'Nothing'" in error
        assert "line 3: 'foo' is no key" in error


def test_needs_no_django():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, adit.site.cli.deid; sys.exit('django' in sys.modules)"], check=False
    )

    assert done.returncode == 0
