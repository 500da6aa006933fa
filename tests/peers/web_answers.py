"""How the misbehaving DICOMweb server answers QIDO-RS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.peers.answers import attributes_of
from tests.peers.data import File
from tests.peers.web_scripts import WebScript

_COUNTS = {"StudyInstanceUID": "00201208", "SeriesInstanceUID": "00201209"}


def found_by(
    query: Mapping[str, Sequence[str]], files: Sequence[File], level: str, script: WebScript
) -> list[dict[str, Any]]:
    """What of *files* matches *query*, an answer for each value of the attribute *level*."""
    asked = {key: values[0] for key, values in query.items() if key[0].isupper()}
    found: dict[str, dict[str, Any]] = {}
    counts: dict[str, int] = {}
    for file in files:
        data = attributes_of(file)
        if not script.also.ignores_filters and any(str(data.get(key, "")) != value for key, value in asked.items()):
            continue
        name = str(data[level].value)
        if name not in found:
            found[name] = data.to_json_dict()
        counts[name] = counts.get(name, 0) + 1
    counted = level in _COUNTS and not script.also.leaves_out_counts
    answers = [
        model | ({_COUNTS[level]: {"vr": "IS", "Value": [counts[name]]}} if counted else {})
        for name, model in found.items()
    ]
    if script.ignores_paging:
        return answers
    offset = int(query.get("offset", ["0"])[0])
    most = int(query.get("limit", ["1000000"])[0])
    return answers[offset : offset + min(most, script.largest_page or most)]
