"""The vocabulary is part of what a profile does: it changes with the profiles' versions only."""

import hashlib
import json
from pathlib import Path

import pytest

from adit.deid import vocabulary
from adit.deid.folding import fold
from adit.deid.profile import PROFILES
from adit.deid.vocabulary import entries, is_imaging, is_term

FOLDER = Path(vocabulary.__file__).parent
STORED = json.loads((Path(__file__).parent / "vocabulary.json").read_text("utf-8"))


def digest() -> str:
    files = sorted(FOLDER.glob("*.txt"))
    words = {file.name: sorted(entries(file.name)) for file in files}
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


class TestTheVocabulary:
    def test_is_that_of_the_versions_of_the_shipped_profiles(self):
        """Where this fails: raise the versions if one of them was released, and write the new values down."""
        assert {
            "words": digest(),
            "profiles": {name: str(one.version) for name, one in sorted(PROFILES.items())},
        } == STORED

    @pytest.mark.parametrize(
        "word", ["Kniegelenk", "Hirnmetastasen", "Thoraxaufnahmen", "axialer", "vertebrae", "kidneys"]
    )
    def test_knows_words_put_together_and_inflected(self, word):
        assert is_imaging(fold(word))

    @pytest.mark.parametrize(
        "name", ["Steiner", "Hauptmann", "Armbruster", "Beinhauer", "Handke", "Kopfmüller", "Hersch"]
    )
    def test_makes_no_names_of_its_words(self, name):
        assert not is_imaging(fold(name))

    def test_has_small_words_that_are_no_words_of_imaging_for_names(self):
        assert is_term("li")
        assert not is_imaging("li")

    def test_is_all_of_it_in_the_package(self):
        assert {file.stem for file in FOLDER.glob("*.txt")} >= {"german", "english", "short", "units", "nobody"}
        assert all(entries(file.name) for file in FOLDER.glob("*.txt"))
