"""The same object, profile and key give the same bytes: in any process, on any machine, on any day."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from adit.deid.errors import Excluded
from adit.deid.treatment import Treatment
from tests.deid.real import one_of_each
from tests.deid.treating import content, from_file, order

_ELSEWHERE = """
import sys, time_machine
from tests.deid.test_same_bytes import digest
with time_machine.travel(sys.argv[2]):
    print(digest(sys.argv[1]))
"""


def digest(name: str, *, backwards: bool = False) -> str:
    """Of all that comes out of one treatment, in the order of the SOP Instance UIDs."""
    treatment = Treatment(order(name))
    found = {}
    files = one_of_each()
    for file in reversed(files) if backwards else files:
        try:
            made = treatment.apply(from_file(file))
        except Excluded:
            continue
        found[made.uid, file.name] = content(made)
    return hashlib.sha256(b"".join(found[key] for key in sorted(found))).hexdigest()


@pytest.mark.parametrize("name", ["research", "longitudinal"])
class TestTheBytes:
    @pytest.mark.parametrize(("seed", "day"), [("1", "2019-02-03 04:05:06"), ("99", "2031-12-31 23:59:59")])
    def test_are_the_same_in_another_process_on_another_day(self, name: str, seed: str, day: str) -> None:
        elsewhere = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _ELSEWHERE, name, day],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LANG": "C"},
            capture_output=True,
            text=True,
            check=True,
        )

        assert elsewhere.stdout.strip() == digest(name)

    def test_are_the_same_in_another_order(self, name: str) -> None:
        assert digest(name) == digest(name, backwards=True)
