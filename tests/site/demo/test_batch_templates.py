"""The templates of batch files ask for what the demo PACS has."""

from collections.abc import Iterator

import pytest

from adit.dicom.query import date_range
from adit.site.demo.archive import Archive
from adit.site.demo.pacs import HOST, Pacs
from adit.site.demo.patients import studies
from adit.transfer.batches.columns import QUERY, TRANSFER
from adit.transfer.batches.rows import QueryRow
from adit.transfer.batches.templates import EXAMPLES, template
from adit.transfer.batches.validating import Pseudonyms, check_queries, check_transfers
from adit.transfer.sheets.reading import read_sheet
from tests.peers.callers import find
from tests.peers.process import Peer


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    archive = Archive(tmp_path_factory.mktemp("demo"))
    for study in studies():
        archive.describe(study)
    pacs = Pacs("DEMO", archive)
    port = pacs.start(0)
    try:
        yield Peer("DEMO", HOST, port)
    finally:
        pacs.stop()


def studies_of(demo: Peer, row: QueryRow) -> list[str]:
    keys = {
        "PatientID": row.patient_id,
        "PatientName": row.patient_name,
        "PatientBirthDate": row.birth_date.strftime("%Y%m%d") if row.birth_date else "",
        "AccessionNumber": row.accession_number,
        "StudyDate": date_range(row.first, row.last),
        "ModalitiesInStudy": "\\".join(row.modalities),
        "StudyDescription": row.study_description,
    }
    return [str(answer.StudyInstanceUID) for answer in find(demo, "STUDY", StudyInstanceUID="", **keys).answers]


class TestTheTemplateOfABatchQuery:
    def test_finds_something_in_every_line(self, demo: Peer) -> None:
        rows = check_queries(read_sheet(template(QUERY, "csv"), "query.csv")).good

        found = [studies_of(demo, row) for row in rows]

        assert len(found) == len(EXAMPLES[QUERY])
        assert all(found)
        for row, uids in zip(rows, found, strict=True):
            if row.of_series:
                keys = {"StudyInstanceUID": uids[0], "SeriesDescription": row.series_description}
                numbers = {int(answer.SeriesNumber) for answer in find(demo, "SERIES", SeriesNumber="", **keys).answers}
                assert set(map(int, row.series_numbers)) == numbers


class TestTheTemplateOfABatchTransfer:
    def test_names_studies_and_series_that_belong_to_their_patients(self, demo: Peer) -> None:
        content = read_sheet(template(TRANSFER, "xlsx"), "transfer.xlsx")

        rows = check_transfers(content, pseudonyms=Pseudonyms.REQUIRED).good

        assert len(rows) == len(EXAMPLES[TRANSFER])
        for row in rows:
            (answer,) = find(demo, "STUDY", StudyInstanceUID=row.study, PatientID="", PatientBirthDate="").answers
            series = find(demo, "SERIES", StudyInstanceUID=row.study, SeriesInstanceUID="").answers
            assert answer.PatientID == row.patient_id
            assert row.birth_date is None or answer.PatientBirthDate == row.birth_date.strftime("%Y%m%d")
            assert set(row.series) <= {str(one.SeriesInstanceUID) for one in series}
