from datetime import UTC, datetime, timedelta

import pytest

from adit.audit.models import Event
from adit.jobs.files import forget_unused, keep_file, read_file
from adit.jobs.models import BatchFile
from adit.transfer.sheets.reading import BadSheet
from tests.jobs.asking import asked, rows_of
from tests.jobs.fakes import administrator, two_servers

pytestmark = pytest.mark.django_db

CONTENT = b"PatientID;From\n007;2026-01-31\n"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def kept(name: str = "list.csv", content: bytes = CONTENT) -> BatchFile:
    return keep_file(content, name, kind="batch_query", by=administrator(), group=None)


class TestAFile:
    def test_is_kept_as_it_came_and_read_again(self):
        file = BatchFile.objects.get(pk=kept().pk)

        assert bytes(file.content) == CONTENT
        assert [row.cells for row in read_file(file).rows] == [("007", "2026-01-31")]
        assert Event.objects.get(action="file.kept").details == {
            "file": file.pk, "name": "list.csv", "kind": "batch_query", "size": len(CONTENT),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("written", "shown"),
        [(r"C:\Users\ann\list.xlsx", "list.xlsx"), ("../../etc/list.csv", "list.csv"), ("\x07\n", "file")],
    )
    def test_loses_the_path_before_its_name(self, written, shown):
        assert kept(written).name == shown

    def test_that_is_too_large_is_refused_with_how_large_it_may_be(self, settings):
        settings.ADIT_BATCH_FILE_BYTES = 1024 * 1024

        with pytest.raises(BadSheet, match=r"The file has 1\.5 MiB, and 1 MiB are allowed here"):
            kept(content=b" " * (3 * 512 * 1024))

        assert not BatchFile.objects.exists()
        assert not Event.objects.exists()


class TestForgetting:
    def test_removes_files_of_which_no_job_was_made_after_a_week(self):
        two_servers()
        used, old, young = (kept(name) for name in ("used", "old", "young"))
        asked(rows_of("P1"), file=used)
        BatchFile.objects.filter(pk__in=(used.pk, old.pk)).update(created_at=NOW - timedelta(days=8))
        BatchFile.objects.filter(pk=young.pk).update(created_at=NOW - timedelta(days=6))

        assert forget_unused(NOW) == 1

        assert {file.name for file in BatchFile.objects.all()} == {"used", "young"}
