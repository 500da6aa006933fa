"""Who is behind a pseudonym: for those who may know it, every look audited; and lists that are taken over."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.deid.keys import Key, Patient
from adit.dicom.refs import UID
from adit.projects.aliases import pseudonym_for
from adit.projects.keeping import destroy
from adit.projects.keys import NoKey, key_of
from adit.projects.linking import PatientLink, patients_of, uids_of
from adit.projects.models import Alias, Project
from adit.projects.tables import BadTable, Imported, as_csv, as_excel, import_pseudonyms
from adit.transfer.sheets.cells import as_it_was
from tests.projects.making import ANNE, BO, administrator, member, project

pytestmark = pytest.mark.django_db

FORMULA = Patient("=1+1", "", "")


@pytest.fixture
def stroke() -> Project:
    made = project()
    for patient, pseudonym in ((BO, "P-02"), (ANNE, "P-01"), (FORMULA, "P-03")):
        pseudonym_for(made, patient, pseudonym, by=administrator())
    return made


class TestALinkingList:
    def test_says_who_is_behind_each_pseudonym(self, stroke):
        assert patients_of(stroke, by=administrator()) == [
            PatientLink("P-01", "4711", "HOSPITAL", "east"),
            PatientLink("P-02", "4712", "HOSPITAL", "east"),
            PatientLink("P-03", "=1+1", "", ""),
        ]

    def test_is_for_members_who_may_link(self, stroke):
        assert len(patients_of(stroke, by=member(stroke, "linda", may_link=True))) == 3
        with pytest.raises(Denied, match="bob may not link in project Stroke"):
            patients_of(stroke, by=member(stroke, "bob"))

    def test_is_not_for_staff_or_members_of_other_projects(self, stroke):
        chief = member(project("Glioma"), "chief", may_link=True)
        chief.is_staff = chief.is_superuser = True
        chief.save()

        with pytest.raises(Denied):
            patients_of(stroke, by=chief)

    def test_leaves_a_trace_with_every_look(self, stroke):
        linda = member(stroke, "linda", may_link=True)
        for _ in range(2):
            patients_of(stroke, by=linda)

        events = Event.objects.filter(action="project.linked", actor="linda")
        assert [event.details for event in events] == [{"project": "Stroke", "patients": 3}] * 2

    def test_tells_what_uids_are_called_in_the_project(self, stroke):
        (link,) = uids_of(stroke, [UID("1.2.3")], by=administrator())

        assert link.new_uid == Key(key_of(stroke)).uid("1.2.3")
        assert Event.objects.get(action="project.linked").details["uids"] == ["1.2.3"]

    def test_is_gone_with_the_key(self, stroke):
        destroy(stroke, by=administrator())

        with pytest.raises(NoKey):
            patients_of(Project.objects.get(), by=administrator())

    def test_is_a_table_of_text_as_csv_and_as_excel(self, stroke):
        links = patients_of(stroke, by=administrator())

        rows = list(csv.reader(io.StringIO(as_csv(PatientLink, links).decode("utf-8-sig"))))
        sheet = openpyxl.load_workbook(io.BytesIO(as_excel(PatientLink, links))).active

        assert rows[0] == ["pseudonym", "patient_id", "issuer", "domain"]
        assert rows[1] == ["P-01", "4711", "HOSPITAL", "east"]
        assert [[cell.value or "" for cell in row] for row in sheet.iter_rows()] == [
            [as_it_was(cell) for cell in row] for row in rows
        ]
        assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}


class TestAnImport:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_takes_pseudonyms_of_patients_and_free_ones(self, encoding, separator):
        stroke = project()
        lines = ["Patient ID,PSEUDONYM,Issuer,Ärztin", "0042,P-17,HOSPITAL,x", "", ",T-1,,", ",T-2,,"]
        content = "\r\n".join(lines).replace(",", separator).encode(encoding)

        assert import_pseudonyms(stroke, content, by=administrator()) == Imported(1, 2)

        assert pseudonym_for(stroke, Patient("0042", "HOSPITAL"), by=administrator()) == "P-17"
        assert pseudonym_for(stroke, ANNE, by=administrator()) == "T-1"

    def test_names_every_line_that_is_wrong_and_takes_nothing(self):
        stroke = project()
        content = b"PatientID,Pseudonym\n1,P-01\n2,P-01\n3,\n4,P^4\n"

        with pytest.raises(BadTable) as refused:
            import_pseudonyms(stroke, content, by=administrator())

        assert [f"line {line}:" in str(refused.value) for line in range(2, 6)] == [False, True, True, True]
        assert not Alias.objects.exists()

    @pytest.mark.parametrize("content", [b"", b"PatientID\n1\n", b"\x81\x8d\x8f\x90\x9d"])
    def test_of_what_is_no_such_table_says_so(self, content):
        with pytest.raises(BadTable):
            import_pseudonyms(project(), content, by=administrator())
