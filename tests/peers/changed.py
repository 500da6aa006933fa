"""Studies of `data.py` with other values in some of their instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread, dcmwrite

from tests.peers.data import File, Study


def with_elements(study: Study, changes: Mapping[int, Mapping[str, Any]]) -> Study:
    """*study* with elements, by keyword, in the instances with these numbers, from 0 on."""
    files = tuple(_changed(file, changes.get(number, {})) for number, file in enumerate(study.files))
    return replace(study, files=files)


def of_modality(study: Study, series: str, modality: str) -> Study:
    """*study* with another Modality in one of its series."""
    numbers = [number for number, file in enumerate(study.files) if file.series == series]
    return with_elements(study, {number: {"Modality": modality} for number in numbers})


def data_of(file: File) -> Dataset:
    return dcmread(BytesIO(file.part10()))


def _changed(file: File, values: Mapping[str, Any]) -> File:
    if not values:
        return file
    data = data_of(file)
    for keyword, value in values.items():
        setattr(data, keyword, value)
    written = BytesIO()
    dcmwrite(written, data, enforce_file_format=True)
    encoded = written.getvalue()
    # Preamble, "DICM", and a group of file meta information that begins with its length (PS3.10 7.1).
    behind = 144 + int.from_bytes(encoded[140:144], "little")
    return replace(
        file,
        encoded=encoded[behind:],
        **{name: str(data[keyword].value) for name, keyword in _NAMED.items() if keyword in values},
    )


_NAMED = {"sop_class": "SOPClassUID", "uid": "SOPInstanceUID", "series": "SeriesInstanceUID"}
