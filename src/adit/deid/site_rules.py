"""The site's own rules on top of a shipped profile, from one YAML file.

    keep: [ImageComments]
    empty: [ContrastBolusAgent]
    remove: [SoftwareVersions, "(0019,xx0C) SIEMENS MR HEADER"]
    replace:
      InstitutionName: University Hospital
    approved words: [fastview, kolibri]
    without patient id: by study
    newborns: true

An attribute is a keyword of PS3.6, a tag, or a private element with its block left open and its creator behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import yaml

from adit.deid.approving import APPROVABLE, as_approved
from adit.deid.profile import Profile, Rule, WithoutPatientID
from adit.deid.rules.actions import Action
from adit.deid.site_attributes import Named, find_attribute, why_not
from adit.dicom.errors import DicomError

_MOST_CHARACTERS = 1 << 20

_ACTIONS = {"keep": Action.KEEP, "empty": Action.EMPTY, "remove": Action.REMOVE}

_REPLACE, _WORDS, _WITHOUT_ID, _NEWBORNS = "replace", "approved words", "without patient id", "newborns"

_KEYS = (*_ACTIONS, _REPLACE, _WORDS, _WITHOUT_ID, _NEWBORNS)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong in one line (counted from 1) of a file of site rules."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class BadSiteRules(DicomError):
    """The file of site rules cannot be used; *problems* has everything that is wrong with it."""

    mended_by = "whoever wrote the site rules"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def with_site_rules(profile: Profile, text: str) -> Profile:
    """*profile* with the rules that *text* (YAML) adds; its version tells what they are.

    Raises:
        BadSiteRules: Everything that is wrong, at once, each with its line.
    """
    reading = _Reading(profile)
    reading.read(text)
    if reading.problems:
        raise BadSiteRules(tuple(sorted(reading.problems)))
    changed = reading.result()
    if changed == profile:
        return profile
    return replace(changed, version=f"{profile.version}+{changed.digest[:8]}")


class _Reading:
    """One pass over a file; goes on behind what is wrong."""

    def __init__(self, profile: Profile) -> None:
        self.problems: list[Problem] = []
        self._profile = profile
        self._rules: dict[tuple[int, str], tuple[int, Rule]] = {}
        self._words: set[str] = set()
        self._without = profile.without_patient_id
        self._newborns = profile.newborns

    def result(self) -> Profile:
        added = sorted(rule for _, rule in self._rules.values())
        ours = {(rule.tag, rule.creator) for rule in added}
        kept = tuple(rule for rule in self._profile.rules if (rule.tag, rule.creator) not in ours)
        return replace(
            self._profile,
            rules=(*kept, *added),
            approved=self._profile.approved | self._words,
            without_patient_id=self._without,
            newborns=self._newborns,
        )

    def read(self, text: str) -> None:
        if len(text) > _MOST_CHARACTERS:
            self.problems.append(Problem(1, "the file is too large to be site rules"))
            return
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except RecursionError:
            self.problems.append(Problem(1, "this is nested too deeply to be site rules"))
            return
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or "it cannot be read"
            self.problems.append(Problem(mark.line + 1 if mark else 1, f"this is no YAML: {reason}"))
            return
        readers: dict[str, Callable[[yaml.Node], None]] = {
            _REPLACE: self._replacements,
            _WORDS: self._approved,
            _WITHOUT_ID: self._without_patient_id,
            _NEWBORNS: self._ages,
        }
        seen: set[str] = set()
        for key, value in self._pairs(root, "the file") if root is not None else ():
            name = " ".join(key.value.replace("_", " ").lower().split())
            if name in seen:
                self._wrong(key, f"'{name}' stands here a second time")
            elif name in _ACTIONS:
                self._actions(value, name)
            elif name in readers:
                readers[name](value)
            else:
                self._wrong(key, f"'{key.value}' is no key; there are {', '.join(_KEYS)}")
            seen.add(name)

    def _actions(self, node: yaml.Node, name: str) -> None:
        for item in self._items(node, name):
            self._rule(item, _ACTIONS[name])

    def _replacements(self, node: yaml.Node) -> None:
        for key, value in self._pairs(node, f"'{_REPLACE}'"):
            if isinstance(value, yaml.ScalarNode):
                self._rule(key, Action.REPLACE, value.value)
            else:
                self._wrong(value, f"'{key.value}' is replaced by one text")

    def _rule(self, node: yaml.ScalarNode, action: Action, value: str = "") -> None:
        found = find_attribute(node.value)
        if not isinstance(found, Named):
            self._wrong(node, found)
            return
        if reason := why_not(found, action, value, self._profile):
            self._wrong(node, f"{node.value}: {reason}")
            return
        place = (found.tag, found.creator)
        if place in self._rules:
            self._wrong(node, f"{node.value} has a rule already, in line {self._rules[place][0]}")
            return
        self._rules[place] = (node.start_mark.line + 1, Rule(found.tag, action, found.creator, value))

    def _approved(self, node: yaml.Node) -> None:
        for item in self._items(node, _WORDS):
            word = as_approved(item.value)
            if word is None:
                self._wrong(item, f"'{item.value}' is not {APPROVABLE}")
            else:
                self._words.add(word)

    def _without_patient_id(self, node: yaml.Node) -> None:
        try:
            self._without = WithoutPatientID(str(node.value).strip().lower())
        except ValueError:
            self._wrong(node, f"'{_WITHOUT_ID}' is one of {', '.join(WithoutPatientID)}")

    def _ages(self, node: yaml.Node) -> None:
        answers = {"true": True, "yes": True, "false": False, "no": False}
        answer = answers.get(str(node.value).lower())
        if answer is None:
            self._wrong(node, f"'{_NEWBORNS}' is true or false")
        else:
            self._newborns = answer

    def _pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what} holds names with a colon and a value")
            return
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key, value
            else:
                self._wrong(key, f"{what} has a key that is no name")

    def _items(self, node: yaml.Node, what: str) -> Iterator[yaml.ScalarNode]:
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, f"'{what}' is a list")
            return
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                yield item
            else:
                self._wrong(item, f"'{what}' is a list of names")

    def _wrong(self, node: yaml.Node, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, message))
