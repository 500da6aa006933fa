"""Names of people, found again in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import permutations

from adit.deid.carried import Kind
from adit.deid.folding import LETTERS, UNSPACED, Folded, merged, plain
from adit.deid.vocabulary import entries, is_imaging

LEAST_ALONE = 3
"""Letters of a name's part that is looked for by itself."""

LEAST_TOGETHER = 4
"""Letters of two parts that are looked for as one word, `LiWei`, and of one that is looked for with an `s` too."""

LEAST_INSIDE = 6
"""Letters of a name that is looked for within longer words too."""

NOBODY = frozenset(map(merged, entries("nobody.txt")))
"""What stands in the fields of names and names nobody."""

_MOST_PARTS = 8
"""Parts of a name that are put side by side."""


class Names:
    """Parts count as whole words, long ones within longer words too, short ones side by side.

    Names in Han, kana and Hangul count within any text: whole, and each part of two characters and more.
    """

    __slots__ = ("_glued", "_inside", "_pairs", "_words")

    def __init__(self) -> None:
        self._words: dict[str, Kind] = {}
        self._pairs: dict[tuple[str, str], Kind] = {}
        self._inside: dict[str, Kind] = {}
        self._glued: dict[str, Kind] = {}

    def learn(self, kind: Kind, name: str) -> None:
        """Look for *name* (PN, PS3.5 6.2.1: groups parted by `=`, components by `^`; or however else) from now on."""
        for group in name.split("="):
            components = [LETTERS.findall(plain(component)) for component in re.split(r"[\^,]", group)]
            joined = ["".join(words) for words in components if words]
            if any(UNSPACED.search(one) for one in joined):
                self._learn_glued(kind, joined)
                components = [[word for word in words if not UNSPACED.search(word)] for words in components]
                joined = ["".join(words) for words in components if words]
            self._learn_spaced(kind, [word for words in components for word in words], joined)

    def _learn_glued(self, kind: Kind, components: list[str]) -> None:
        pairs = ("".join(pair) for pair in permutations(components[:2], 2))
        for one in (*components, *pairs):
            # A short word of letters that are written with spaces would be found inside of others.
            if len(one) >= 2 and UNSPACED.search(one):
                self._glued.setdefault(merged(one), kind)

    def _learn_spaced(self, kind: Kind, words: list[str], components: list[str]) -> None:
        words = [word for word in words if merged(word) not in NOBODY]
        parts = list(dict.fromkeys((*components[:2], *words)))
        self._learn_words(kind, (*words, *components), LEAST_ALONE)
        self._learn_words(kind, ["".join(pair) for pair in permutations(parts[:4], 2)], LEAST_TOGETHER)
        for one, other in permutations(words[:_MOST_PARTS], 2):
            if min(len(one), len(other)) < LEAST_ALONE and len(one + other) > LEAST_ALONE:
                self._pairs.setdefault((merged(one), merged(other)), kind)

    def _learn_words(self, kind: Kind, words: Iterable[str], least: int) -> None:
        for word in words:
            folded = merged(word)
            # Names of others are looked for to be on the safe side; a word of imaging is not.
            if folded in NOBODY or (kind is Kind.PERSON and is_imaging(folded)):
                continue
            if len(word) >= least:
                self._words.setdefault(folded, kind)
            if len(word) >= LEAST_INSIDE:
                self._inside.setdefault(folded, kind)

    def found_in(self, text: Folded, *, coded: bool, least: int) -> Kind | None:
        """Whose name stands in *text*.

        Args:
            coded: *text* is one of a list of terms: a word of imaging in it is that word.
            least: Letters that a name must have to count.
        """
        for word in text.words:
            kind = self._words.get(word)
            if kind is None and len(word) > LEAST_TOGETHER and word.endswith("s"):
                kind = self._words.get(word[:-1])
            if kind and len(word) >= least and not (coded and is_imaging(word)):
                return kind
        for part, kind in self._inside.items():
            if part in text.letters and any(part in word and not is_imaging(word) for word in text.words):
                return kind
        for part, kind in self._glued.items():
            if part in text.letters:
                return kind
        for pair in zip(text.words, text.words[1:], strict=False) if self._pairs and least <= LEAST_ALONE else ():
            if pair in self._pairs:
                return self._pairs[pair]
        return None
