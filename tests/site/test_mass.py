"""`adit mass`, against an ADIT that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .pseudonymous import MIXED, OTHER, STUDY, Site, pseudonymous

DAYS = ("--first", "2024-02-01", "--last", "2024-03-10")
FROM, TO = ("--from", "Source"), ("--to", "Target")


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with pseudonymous() as one:
        one.json("project", "add", "Stroke", "--purpose", "Research")
        yield one


class TestPlanning:
    def test_says_how_much_there_is_and_how_it_is_ordered_again(self, site: Site) -> None:
        told = site.json("mass", "plan", *FROM, *DAYS, "--modality", "CT")

        assert told["sweep"]["filters"] == [{"on": "modality", "values": ["CT"]}]
        assert (told["estimate"]["studies"], told["estimate"]["partitions"]) == (3, 6)
        assert told["estimate"]["exact"]
        assert told["estimate"]["instances"] == len((*STUDY.files, *OTHER.files, *MIXED.files))

    def test_reads_what_it_printed(self, site: Site) -> None:
        told = site.json("mass", "plan", *FROM, *DAYS, "--series-count", "2-", "--exclude-modality", "US")

        again = site.json("mass", "plan", *FROM, "--criteria", site.file("again.json", json.dumps(told)))

        assert again["sweep"] == told["sweep"]
        assert again["estimate"]["studies"] == told["estimate"]["studies"] == 1

    def test_is_a_table_for_people(self, site: Site) -> None:
        told = site("mass", "plan", *FROM, *DAYS).stdout

        assert "Exactly: from all 6 partitions (39 of 39 days), by queries only" in told
        assert json.loads(told.splitlines()[-1])["first"] == "2024-02-01"


class TestTransferring:
    def test_moves_what_is_found_under_the_pseudonyms_of_the_project(self, site: Site) -> None:
        told = site.json(
            "mass", "transfer", *FROM, *TO, *DAYS, "--project", "Stroke", "--partition", "weekly",
            "--modality", "CT", "--series-modality", "CT", "--exclude-instances", "-2", "--wait",
        )  # fmt: skip

        assert told["status"] == "success"
        assert [task["status"] for task in told["tasks"] if task["work"] == "sweep_window"] == ["success"] * 6
        moved = {task["study"] for task in told["tasks"] if task["work"] == "transfer_study"}
        assert moved == {STUDY.uid, MIXED.uid}
        arrived = site.arrived()
        assert len(arrived) == len(STUDY.files) + len(MIXED.of(MIXED.series[0]))
        assert {str(each.PatientID) for each in arrived}.isdisjoint({STUDY.patient_id, MIXED.patient_id})

    def test_says_first_how_much_it_is(self, site: Site) -> None:
        told = site("mass", "transfer", *FROM, *TO, *DAYS, "--estimate", "--wait").stdout

        assert "by queries only" in told
        assert "6 of 6 partitions searched; 3 of 3 studies complete" in told
        assert "2024-02-01 to 2024-02-04: success" in told

    def test_is_never_urgent(self, site: Site) -> None:
        assert "never urgent" in site.refused("mass", "transfer", *FROM, *TO, *DAYS, "--urgent", code=2)

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            ((), 2, "--first is missing"),
            (("--first", "1.2.2024", "--last", "2024-03-01"), 2, "'1.2.2024' is no date"),
            (("--first", "2024-03-01", "--last", "2024-02-01"), 2, "before it starts"),
            ((*DAYS, "--age", "old"), 2, "'old' is no age"),
            ((*DAYS, "--project", "Nobody"), 1, "Nobody"),
            ((*DAYS, "--profile", "research"), 2, "--profile needs --project"),
            ((*DAYS, "--criteria", "/nowhere.json"), 2, "cannot be read"),
        ],
    )
    def test_says_what_is_wrong(self, site: Site, arguments: tuple[str, ...], code: int, words: str) -> None:
        assert words in site.refused("mass", "transfer", *FROM, *TO, *arguments, code=code)
        assert site.arrived() == []

    def test_says_what_is_wrong_with_a_file(self, site: Site) -> None:
        for content, words in (("no", "holds no JSON"), ("[]", "no JSON object"), ('{"filter": 1}', "not known")):
            file = site.file("wrong.json", content)
            assert words in site.refused("mass", "plan", *FROM, *DAYS, "--criteria", file, code=2)
