"""Profiles as values: what is shipped, how they are written down, and what they say of themselves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from adit.deid.describing import as_page, as_table, in_words
from adit.deid.profile import DEFAULT, PROFILES, Dates, Profile, Rule, WithoutPatientID, find_profile
from adit.deid.rules.actions import Action
from adit.deid.rules.beyond import BEYOND, OTHER_DATES
from adit.deid.rules.tables import private_elements

from .expecting import OPTIONS, ROWS

PAGE = Path(__file__).parents[2] / "docs" / "user" / "profile-research.md"

STORED = json.loads((Path(__file__).parent / "profiles.json").read_text())


def rules_of(profile: Profile) -> str:
    """A hash of what it does to every attribute that any table names."""
    beyond = sorted((f"{tag:08X}", action.value) for tag, action in BEYOND.items())
    private = [
        [creator, f"{tag:08X}", one.holds] for creator, of in private_elements().items() for tag, one in of.items()
    ]
    lines = [[line.tag, line.does] for line in as_table(profile)]
    return hashlib.sha256(json.dumps([lines, beyond, private, sorted(OTHER_DATES)]).encode()).hexdigest()


class TestAShippedProfile:
    def test_has_the_options_that_its_description_names(self):
        assert {name: set(profile.options) for name, profile in PROFILES.items()} == OPTIONS

    def test_has_dates_all_of_one_kind(self):
        assert {name: profile.dates for name, profile in PROFILES.items()} == {
            "basic": Dates.REMOVE,
            "research": Dates.KEEP,
            "longitudinal": Dates.SHIFT,
            "trial": Dates.KEEP,
        }

    def test_is_research_unless_another_is_asked_for(self):
        assert DEFAULT == "research"

    def test_is_another_version_when_it_does_something_else(self):
        """When this fails: count the version of the profile up, and store here what it says now."""
        assert {
            name: [profile.version, profile.digest, rules_of(profile)] for name, profile in PROFILES.items()
        } == STORED

    def test_says_first_that_it_is_the_basic_profile(self):
        assert PROFILES["longitudinal"].codes == ("113100", "113104", "113105", "113107", "113108", "113111")

    def test_makes_no_pseudonyms_for_a_trial(self):
        assert [name for name, profile in PROFILES.items() if profile.pseudonyms_from_list] == ["trial"]

    def test_is_found_by_its_name(self):
        assert find_profile("trial") is PROFILES["trial"]
        with pytest.raises(ValueError, match="there are basic, research, longitudinal, trial"):
            find_profile("trail")


class TestAProfile:
    def made(self, **changes: object) -> Profile:
        profile = Profile(
            "own", "7", "", frozenset(("113111",)), (Rule(0x0019000C, Action.KEEP, "MAKER"),), frozenset(("word",))
        )
        return replace(profile, **changes)  # type: ignore[arg-type]

    def test_comes_back_from_json_as_it_was(self):
        made = self.made(without_patient_id=WithoutPatientID.BY_STUDY, newborns=True)

        assert Profile.from_json(json.loads(json.dumps(made.to_json()))) == made

    def test_is_refused_when_it_needs_other_tables(self):
        with pytest.raises(ValueError, match="needs tables of edition 2030a"):
            Profile.from_json({**self.made().to_json(), "tables": "2030a"})

    def test_never_keeps_and_shifts_dates(self):
        with pytest.raises(ValueError, match="never both"):
            self.made(options=frozenset(("113106", "113107")))

    def test_has_no_option_that_nobody_knows(self):
        with pytest.raises(ValueError, match="999999"):
            self.made(options=frozenset(("999999",)))

    @pytest.mark.parametrize(
        "changes",
        [
            {"options": frozenset()},
            {"rules": ()},
            {"approved": frozenset()},
            {"newborns": True},
            {"without_patient_id": WithoutPatientID.BY_STUDY},
        ],
    )
    def test_has_another_digest_with_another_content(self, changes):
        assert self.made(**changes).digest != self.made().digest

    def test_has_the_same_digest_whatever_its_version_is_called(self):
        assert self.made(version="8", summary="Something.").digest == self.made().digest


class TestTheDescription:
    @pytest.mark.parametrize("name", sorted(PROFILES))
    def test_has_a_line_for_every_attribute_of_the_standard(self, name):
        lines = list(as_table(PROFILES[name]))

        assert len(lines) == len(ROWS)
        assert [line.tag for line in lines] == sorted(line.tag for line in lines)
        assert all(line.does for line in lines)

    def test_says_what_the_type_decides(self):
        lines = {line.tag: line for line in as_table(PROFILES["basic"])}

        assert lines["(0008,0021)"].does == "removed or replaced by a dummy"
        assert lines["(60xx,3000)"].does == "removed"

    def test_shows_the_rules_of_the_site(self):
        own = (Rule(0x0019000C, Action.KEEP, "MAKER"), Rule(0x00080080, Action.REPLACE, value="Here"))
        lines = {line.tag: line for line in as_table(replace(PROFILES["basic"], rules=own))}

        assert (lines["(0019,xx0C)"].name, lines["(0019,xx0C)"].does) == ("MAKER", "kept")
        assert lines["(0008,0080)"].does == "replaced by the site's text: Here"

    def test_names_every_option_in_words(self):
        words = " ".join(in_words(PROFILES["longitudinal"]))

        assert all(code in words for code in OPTIONS["longitudinal"])
        assert "62 to 729" in words
        assert "2,443" in words
        assert "Structured reports stay behind" in " ".join(in_words(PROFILES["basic"]))

    def test_is_the_page_in_the_documentation(self):
        """When this fails: `adit deid profile show research --markdown > docs/user/profile-research.md`."""
        assert PAGE.read_text() == as_page(PROFILES["research"])
