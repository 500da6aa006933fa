"""The columns of batch files: what they are called, what stands in them, and why."""

from __future__ import annotations

from dataclasses import dataclass

QUERY = "batch_query"
TRANSFER = "batch_transfer"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind of batch file.

    Attributes:
        keyword: Its name in templates and exports; where DICOM has a word for it, that keyword.
        title: As people say it.
        required: When it has to be filled in: "yes", "no", or the condition.
        aliases: What else its header may be, without regard to case, accents, blanks and signs.
        explanation: What it does, in a sentence or two.
        example: A cell that is right, of a study that the demo has.
    """

    keyword: str
    title: str
    required: str
    aliases: tuple[str, ...]
    explanation: str
    example: str


_DATES = "Dates are 2026-01-31, 20260131 or 31.1.2026."

_PATIENT_ID = (
    "Patient No", "Patient Number", "Patient Nr", "Patient Identifier", "Pat ID", "Pat No", "Pat Nr", "PID", "MRN",
    "Medical Record Number", "Patienten ID", "Patientennummer", "Patienten Nr", "Patientenkennung",
)  # fmt: skip
_PATIENT_NAME = ("Patients Name", "Name", "Full Name", "Patientenname", "Name des Patienten", "Name Patient")
_BIRTH_DATE = (
    "Birth Date", "Patients Birth Date", "Date of Birth", "DOB", "Birthday", "Geburtsdatum", "Geburtstag", "Geb Datum",
    "Geb Dat", "Geb", "Geboren", "Geboren am", "Geburtsdatum Patient", "Geburtsdatum des Patienten",
)  # fmt: skip
_PSEUDONYM = (
    "Pseudonyms", "Pseudonyme", "Pseudonym ID", "Patient Pseudonym", "Patientenpseudonym", "Pseudo ID", "Pseudo",
    "Pseudonymized ID", "Pseudonymised ID", "Pseudonymous ID", "Subject ID", "Subject", "Probanden ID",
    "Probandennummer", "Probanden Nr", "Proband",
)  # fmt: skip

_OF_QUERIES = (
    Column(
        "PatientID",
        "Patient ID",
        "unless PatientName and PatientBirthDate, or AccessionNumber, are given",
        _PATIENT_ID,
        "The patient's id in the PACS, with all its leading zeros. It is looked for exactly: no * and ?.",
        "DEMO-1007",
    ),
    Column(
        "PatientName",
        "Patient name",
        "with PatientBirthDate instead of PatientID",
        _PATIENT_NAME,
        "Family name, comma, given name; or with ^ as DICOM has it. * stands for any letters and ? for any one.",
        "Müller, Jürgen",
    ),
    Column(
        "PatientBirthDate",
        "Birth date",
        "with PatientName instead of PatientID",
        _BIRTH_DATE,
        f"The day on which the patient was born. {_DATES}",
        "1963-08-17",
    ),
    Column(
        "AccessionNumber",
        "Accession number",
        "unless PatientID, or PatientName and PatientBirthDate, are given",
        ("Accession No", "Accession Nr", "Accession", "Acc No", "Acc Nr", "Acc Number", "Acc", "Zugangsnummer",
         "Auftragsnummer", "Anforderungsnummer"),
        "The number of the examination in the RIS; it is enough by itself. It is looked for exactly: no * and ?.",
        "ACC70011",
    ),
    Column(
        "From",
        "From",
        "no",
        ("From Date", "Date From", "Study Date From", "Start", "Start Date", "Begin", "Since", "Earliest", "Von", "Ab",
         "Von Datum", "Datum Von", "Beginn", "Studiendatum Von", "Untersuchungsdatum Von"),
        f"Only studies of this day and of later ones. {_DATES}",
        "2026-09-01",
    ),
    Column(
        "Until",
        "Until",
        "no",
        ("To", "Till", "Until Date", "To Date", "Date To", "Date Until", "Study Date To", "Study Date Until", "End",
         "End Date", "Latest", "Bis", "Bis Datum", "Datum Bis", "Ende", "Studiendatum Bis", "Untersuchungsdatum Bis"),
        f"Only studies of this day and of earlier ones. {_DATES}",
        "2026-09-30",
    ),
    Column(
        "Modality",
        "Modality",
        "no",
        ("Modalities", "Modalities in Study", "Mod", "Modalität", "Modalitaet", "Modalitäten", "Modalitaeten"),
        "Codes of DICOM, such as CT or MR; several are parted by comma, and any of them is wanted.",
        "CT",
    ),
    Column(
        "StudyDescription",
        "Study description",
        "no",
        ("Study Desc", "Studienbeschreibung", "Untersuchungsbeschreibung", "Untersuchung"),
        "What the study is called. * stands for any letters and ? for any one: CT* finds all that begins with CT.",
        "CT*",
    ),
    Column(
        "SeriesDescription",
        "Series description",
        "no",
        ("Series Desc", "Serienbeschreibung"),
        "What the series is called, with * and ?. Where it is filled in, series are looked for, not studies.",
        "Thorax*",
    ),
    Column(
        "SeriesNumber",
        "Series number",
        "no",
        ("Series Numbers", "Series No", "Series Nr", "Seriennummer", "Seriennummern", "Serien Nr"),
        "Whole numbers; several are parted by comma. Where it is filled in, series are looked for, not studies.",
        "2",
    ),
    Column(
        "Pseudonym",
        "Pseudonym",
        "no",
        _PSEUDONYM,
        "What the patient shall be called in a later transfer. It is handed through to the result.",
        "P-001",
    ),
)  # fmt: skip

_OF_TRANSFERS = (
    Column(
        "PatientID",
        "Patient ID",
        "yes",
        _PATIENT_ID,
        "The patient's id in the PACS, with all its leading zeros. A study that belongs to somebody else is not sent.",
        "DEMO-1007",
    ),
    Column(
        "StudyInstanceUID",
        "Study UID",
        "yes",
        ("Study UID", "Study Instance UIDs", "Studien UID", "Studieninstanz UID", "Studien Instanz UID"),
        "The study that is sent. Lines of one study become one task.",
        "2.25.93031169957758879548368805660446540",
    ),
    Column(
        "SeriesInstanceUID",
        "Series UID",
        "no",
        ("Series UID", "Series UIDs", "Series Instance UIDs", "Serien UID", "Serien UIDs", "Serieninstanz UID",
         "Serien Instanz UID"),
        "Only this series of the study; several are parted by comma, or stand in lines of their own. "
        "Empty: all that the study has.",
        "2.25.39634948888185316504653947900586652",
    ),
    Column(
        "Pseudonym",
        "Pseudonym",
        "unless the project makes them, or you may send without",
        _PSEUDONYM,
        "What the patient is called at the destination: one for each patient, and nothing that tells who it is.",
        "P-001",
    ),
    Column(
        "PatientName",
        "Patient name",
        "no",
        _PATIENT_NAME,
        "Family name, comma, given name. It is not looked for; the pseudonym must not hold a part of it.",
        "Müller, Jürgen",
    ),
    Column(
        "PatientBirthDate",
        "Birth date",
        "no",
        _BIRTH_DATE,
        f"It is not looked for. {_DATES}",
        "1963-08-17",
    ),
)  # fmt: skip

COLUMNS_OF: dict[str, tuple[Column, ...]] = {QUERY: _OF_QUERIES, TRANSFER: _OF_TRANSFERS}
"""The columns of each kind, in the order that templates have."""

NAME_OF = {QUERY: "batch query", TRANSFER: "batch transfer"}
"""What people call each kind."""
