"""Words that a site approves, and the version of a profile that has them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adit.deid.approving import as_approved, newest_of, with_words
from adit.deid.descriptors import Words
from adit.deid.profile import PROFILES
from adit.deid.site_rules import with_site_rules

RESEARCH = PROFILES["research"]
NONE: frozenset[str] = frozenset()


class TestAWord:
    @pytest.mark.parametrize(("typed", "held"), [("Kolibri", "kolibri"), (" M4711 ", "m4711"), ("Große", "grosse")])
    def test_is_held_in_small_letters(self, typed, held):
        assert as_approved(typed) == held

    @pytest.mark.parametrize("typed", ["", " ", "x", "4711", "two words", "a\x07b", "12.3.1954"])
    def test_is_one_with_a_letter_or_none(self, typed):
        assert as_approved(typed) is None


class TestAProfileWithWords:
    def test_is_another_version_that_lets_them_pass(self):
        changed = with_words(RESEARCH, {"kolibri"})

        assert changed.version.startswith(f"{RESEARCH.version}+")
        assert Words(changed.approved).clean("T1 Kolibri Mueller", None).text == "T1 Kolibri"
        assert Words(RESEARCH.approved).clean("T1 Kolibri Mueller", None).text == "T1"

    def test_is_the_same_however_they_came_in(self):
        by_file = with_site_rules(RESEARCH, "approved words: [Kolibri, Falke]")

        assert with_words(with_words(RESEARCH, {"falke"}), {"falke", "kolibri"}) == by_file

    def test_is_what_was_shipped_again_without_them(self):
        assert with_words(with_words(RESEARCH, {"kolibri"}), NONE) == RESEARCH
        assert with_words(RESEARCH, NONE) is RESEARCH


class TestTheNewestVersion:
    def test_has_the_words_approved_since_and_not_those_withdrawn(self):
        old = with_words(RESEARCH, {"falke", "uhu"})

        newest = newest_of(old, approved=frozenset({"kolibri"}), withdrawn=frozenset({"uhu"}))

        assert newest == with_words(RESEARCH, {"falke", "kolibri"})

    def test_of_one_as_it_was_shipped_is_what_is_shipped_now(self):
        old = replace(RESEARCH, version="0", rules=())

        assert newest_of(old, approved=NONE, withdrawn=NONE) == RESEARCH
        assert newest_of(old, approved=frozenset({"uhu"}), withdrawn=NONE) == with_words(RESEARCH, {"uhu"})

    def test_keeps_the_rules_of_the_site(self):
        old = with_site_rules(RESEARCH, "keep: [ImageComments]")

        newest = newest_of(old, approved=frozenset({"uhu"}), withdrawn=NONE)

        assert newest.rules == old.rules
        assert newest.approved == {"uhu"}
        assert newest.version != old.version
        assert newest_of(old, approved=NONE, withdrawn=frozenset({"uhu"})) == old

    def test_of_one_that_is_not_shipped_is_itself(self):
        own = replace(RESEARCH, name="own")

        assert newest_of(own, approved=NONE, withdrawn=NONE) == own
