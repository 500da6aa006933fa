"""`adit find`: search a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from adit.dicom.match import Match
from adit.dicom.protocols import Source
from adit.dicom.query import BadQuery, Query, narrows, parse_key
from adit.dicom.refs import Level
from adit.nodes.finding import find_node
from adit.site.cli.acting import me
from adit.site.cli.explaining import explained
from adit.site.cli.output import Misused, print_json, print_table
from adit.site.cli.searching import searching

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class At(StrEnum):
    """A level as people call it."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


_LEVELS = {At.PATIENT: Level.PATIENT, At.STUDY: Level.STUDY, At.SERIES: Level.SERIES, At.INSTANCE: Level.INSTANCE}

_COLUMNS = {
    Level.PATIENT: ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    Level.STUDY: (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "StudyDate",
        "StudyTime",
        "ModalitiesInStudy",
        "StudyDescription",
        "AccessionNumber",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "StudyInstanceUID",
    ),
    Level.SERIES: (
        "SeriesNumber",
        "Modality",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
        "SeriesInstanceUID",
        "StudyInstanceUID",
    ),
    Level.INSTANCE: ("InstanceNumber", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"),
}

_TITLES = {
    "NumberOfStudyRelatedSeries": "series",
    "NumberOfStudyRelatedInstances": "instances",
    "NumberOfSeriesRelatedInstances": "instances",
    "ModalitiesInStudy": "modalities",
    "PatientBirthDate": "born",
}


_OPTIONS = {
    "PatientID": "--patient-id",
    "PatientName": "--patient-name",
    "StudyDate": "--study-date",
    "ModalitiesInStudy": "--modality",
    "Modality": "--modality",
    "AccessionNumber": "--accession",
    "StudyInstanceUID": "--study",
    "SeriesInstanceUID": "--series",
}


@app.command()
def find(
    node: Annotated[str, typer.Argument(help="Where to search.")],
    level: Annotated[At, typer.Option(help="What to search for.")] = At.STUDY,
    patient_id: Annotated[str, typer.Option(help="Wildcards * and ? are allowed here and below.")] = "",
    patient_name: Annotated[str, typer.Option(help="'Doe, John' or 'Doe^John'.")] = "",
    study_date: Annotated[str, typer.Option(help="A day, or from and until.", metavar="YYYYMMDD-YYYYMMDD")] = "",
    modality: Annotated[str, typer.Option(help="CT, MR, …; several by comma.")] = "",
    accession: Annotated[str, typer.Option(help="Accession number.")] = "",
    study: Annotated[str, typer.Option(help="Study Instance UID.", metavar="UID")] = "",
    series: Annotated[str, typer.Option(help="Series Instance UID.", metavar="UID")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of attributes by keyword.")] = False,
) -> None:
    """Search a node for patients, studies, series or instances."""
    at = _LEVELS[level]
    if at in (Level.SERIES, Level.INSTANCE) and not study:
        raise Misused(f"To search for {'series' if at is Level.SERIES else 'instances'}, name their --study.")
    modality_key = "ModalitiesInStudy" if at is Level.STUDY else "Modality"
    given = {
        "PatientID": patient_id,
        "PatientName": patient_name,
        "StudyDate": study_date,
        modality_key: "\\".join(part.strip().upper() for part in modality.split(",") if part.strip()),
        "AccessionNumber": accession,
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
    }
    with explained():
        keys = tuple(_key(keyword, value) for keyword, value in given.items() if value)
        query = Query(at, keys, wanted=_COLUMNS[at], limit=limit)
        with searching(find_node(node), by=me()) as source:
            matches = list(islice(_found(source, query), limit))
    columns = _COLUMNS[at]
    if as_json:
        print_json([{column: match.text(column) for column in columns} for match in matches])
        return
    if matches:
        rows = ([_shown(match, column) for column in columns] for match in matches)
        print_table([_TITLES.get(column, column) for column in columns], rows)
    print(f"{len(matches)} found.")


def _key(keyword: str, value: str) -> tuple[str, str]:
    """What is searched for.

    Raises:
        Misused: It cannot be, or fits everything; under the option by which it was given.
    """
    try:
        key = parse_key(keyword, value)
    except BadQuery as error:
        raise Misused(f"{_OPTIONS[keyword]}: {str(error).removeprefix(f'{keyword}: ')}.") from error
    if not narrows(*key):
        raise Misused(f"{_OPTIONS[keyword]}: '{value}' fits everything; to list everything, leave the option out.")
    return key


def _shown(match: Match, keyword: str) -> str:
    return match.patient_name if keyword == "PatientName" else match.text(keyword)


def _found(source: Source, query: Query) -> Iterator[Match]:
    """The matches; instances of a whole study series by series, as PS3.4 C.4.1.2.2 wants it."""
    if query.level is not Level.INSTANCE or query.value("SeriesInstanceUID"):
        yield from source.find(query)
        return
    parents = Query.of(Level.SERIES, StudyInstanceUID=query.value("StudyInstanceUID"))
    for parent in list(source.find(parents)):
        if (of := parent.uid("SeriesInstanceUID")) is not None:
            yield from source.find(replace(query, keys=(*query.keys, ("SeriesInstanceUID", of))))
