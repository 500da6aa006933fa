"""One sentence for a fault of the command line, in our words, under the option as it was typed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .pseudonymous import OTHER, Site

SERVER = ("add", "N", "--ae-title", "N", "--host", "h", "--port", "104", "--can", "find")
DATES = ("--from", "Source", "--first", "2026-01-01", "--last", "2026-01-02")


class TestAWrongValue:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("job", "show", "abc"), "NUMBER: 'abc' is no whole number."),
            (("job", "list", "--limit", "0"), "--limit: '0' is too small: 1 is the least."),
            (("up", "--workers", "0"), "--workers: '0' is too small: 1 is the least."),
            (("mass", "plan", *DATES, "--seconds", "nan"), "--seconds: 'nan' is no number."),
            (
                ("find", "Source", "--level", "x"),
                "--level: 'x' is not one of 'patient', 'study', 'series', 'instance'.",
            ),
            (("find", "Source", "--study", "1.x"), "--study: '1.x' is no UID: a UID is 1 to 64 digits and dots."),
            (
                ("find", "Source", "--patient-name", "*^"),
                "--patient-name: '*^' fits everything; to list everything, leave the option out.",
            ),
            (
                ("find", "Source", "--study-date", "20260102-20260101"),
                "--study-date: the range of dates ends on 2026-01-01, before it starts on 2026-01-02.",
            ),
            (
                ("mass", "plan", *DATES, "--exclude-age", "x"),
                "--exclude-age: 'x' is no age such as 18Y, 6M, 30D or 18Y-65Y, 18Y-, -30D.",
            ),
            (("node", *SERVER, "--ae-title", "A" * 21), "--ae-title: An AE title has at most 16 characters."),
            (
                ("node", *SERVER, "--quota", "3"),
                "--quota: Path, quota and warning belong to a folder, not to a server.",
            ),
            (("node", *SERVER, "--can", ""), "--can is empty: choose from"),
            (
                ("node", "add", "N", "--ae-title", "N", "--can", "find"),
                "--port: A server is reached by AE title, host and port together, or by a DICOMweb URL.",
            ),
            (("node", *SERVER, "--id-domain", "x" * 65), "--id-domain has more than 64 characters."),
            (
                ("node", *SERVER, "--dicomweb", "x"),
                "--dicomweb: A DICOMweb URL begins with http:// or https:// and a host",
            ),
            (("node", "edit", "Source", "--quota", "-1"), "--quota: A size is more than 0 GB"),
            (("node", "edit", "Source", "--can", "find"), "A folder has a path and neither AE title"),
            (("node", "edit", "Source", "--root", "study"), "--root is for what can be searched"),
            (("node", "edit", "Source", "--name", ""), "The name is empty."),
            (("job", "linking", "1", "--to", "x.pdf"), "x.pdf is neither .csv nor .xlsx."),
            (("mass", "transfer", *DATES, "--to", "Target", "--profile", "x"), "--profile needs --project; nothing"),
        ],
        ids=lambda value: None,
    )
    def test_is_named_once_with_its_option(self, site: Site, arguments: Sequence[str], sentence: str) -> None:
        told = site.refused(*arguments, code=2)

        assert sentence in told
        assert "Ensure" not in told
        assert "Constraint" not in told
        assert told.count(": ") <= sentence.count(": ") + 1

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("job",), "A command is missing; adit job has list, show, cancel,"),
            (("job", "nonsense"), "There is no command 'nonsense'; adit job has list,"),
            (("job", "show"), "NUMBER is missing: 'adit job show --help' says more."),
            (("job", "show", "1", "2", "3"), "'2 3' is too much: 'adit job show --help' says more."),
            (("find", "Source", "--levl", "x"), "There is no option --levl; did you mean --level?"),
            (("find", "Source", "--nonsense"), "There is no option --nonsense: 'adit find --help' says more."),
            (("find", "Source", "--json=x"), "--json takes no value."),
            (("job", "list", "--limit"), "--limit needs a value."),
            (("web", "--port", "70000"), "--port: '70000' is too large: 65535 is the most."),
            (("transfer", "--from", "Source"), "--to is missing: 'adit transfer --help' says more."),
        ],
        ids=lambda value: None,
    )
    def test_is_told_from_a_command_that_is_none(self, site: Site, arguments: Sequence[str], sentence: str) -> None:
        done = site(*arguments)

        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert done.stderr.startswith(f"adit: {sentence}")

    def test_in_a_long_list_is_told_for_the_first_lines(self, site: Site) -> None:
        file = site.file("list.txt", "x\n" * 9)

        told = site.refused("transfer", "--from", "Source", "--to", "Target", "--studies", file, code=2)

        assert told.count("is no UID") == 5
        assert told.endswith("; and 4 more")


class TestAnUnknownGroup:
    def test_is_refused_with_the_names_that_there_are_and_made_when_it_is_wanted(self, site: Site) -> None:
        give = ("node", "access", "Source", "--source", "--group")

        assert site.refused(*give, "nope") == "There is no group 'nope'. There are none yet; --new-group makes it."
        made = site.json(*give, "Radiology", "--new-group")
        assert (made["group"], made["source"]) == ("Radiology", True)
        assert site.json(*give, "radiology", "--new-group")["group"] == "Radiology"
        told = site.refused(*give, "Radiologi")
        assert told == (
            "There is no group 'Radiologi'; did you mean Radiology? There are: Radiology; --new-group makes it."
        )


class TestAnAccount:
    def test_is_told_as_json(self, site: Site) -> None:
        file = site.file("password.txt", "correct horse battery staple\n")

        made = site.json("user", "add", "ada", "--mail", "ada@example.org", "--password-file", file)

        assert made == {"name": "ada", "state": "active", "changed": True}
        assert site.json("user", "approve", "ada")["changed"] is False
        assert site.json("user", "password", "ada", "--password-file", file)["changed"] is True
        assert site.json("user", "deactivate", "ada") == {"name": "ada", "state": "deactivated", "changed": True}
        assert site.refused("user", "approve", "nobody") == "There is no user 'nobody'."


class TestAList:
    def test_of_jobs_counts_their_tasks_in_words(self, site: Site) -> None:
        site.json(*site.transfer(OTHER, "--wait"))

        lines = site("job", "list").stdout.splitlines()

        assert lines[1].rstrip().endswith("1 success")

    def test_of_what_was_done_is_json_when_that_is_asked_for(self, site: Site) -> None:
        assert site.json("audit", "export", "--since", "2999-01-01") == []


class TestADownload:
    def test_is_for_its_owner_alone(self, site: Site) -> None:
        into = site.room / "download.zip"

        site.json("download", "Source", "--study", OTHER.uid, "--to", str(into))

        assert into.stat().st_mode & 0o777 == 0o600
