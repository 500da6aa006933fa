"""Seconds that somebody waits who brings a file for a batch: `python -m benchmarks.batches --lines 3000`.

Each step of a batch query and of a batch transfer of so many new patients, one study each, as a person does one after
the other: bring the file, look at it, check it against the source, submit it, look at the job, take the result. A
database of its own; nothing is moved, tasks are ended by SQL. Requests come from Django's test client: no network.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.pages import started

if TYPE_CHECKING:
    from adit.jobs.models import BatchFile

_ENDED = """
UPDATE jobs_task SET status = 'success', message = '100 of 100 instances stored', started_at = now(), ended_at = now(),
  seconds = 3 WHERE job_id = %s
"""

_JOB_ENDED = "UPDATE jobs_job SET status = 'success', verified_at = now(), ended_at = now() WHERE id = %s"

_ENTRIES = """
INSERT INTO jobs_entry (task_id, study_uid, series_uid, new_study_uid, new_series_uid, expected, received, stored,
  confirmed, excluded, failed, size, notes, reasons, stored_instances, excluded_instances)
SELECT t.id, t.study_uid, t.study_uid || '.' || n, '2.25.1' || t.id, '2.25.2' || t.id || n, 100, 100, 100, 100, 0, 0,
  52000000, '[]', '{}', NULL, NULL
FROM jobs_task t, generate_series(1, 2) n WHERE t.job_id = %s
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batches", description=__doc__)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--only", choices=("queries", "transfers"))
    parser.add_argument("--profile", default="", help="A step that is profiled.")
    arguments = parser.parse_args()
    with started(ADIT_BATCH_FILE_BYTES=str(100 * 2**20)):
        person = _Person(arguments.lines, arguments.profile)
        if arguments.only != "transfers":
            person.queries()
        if arguments.only != "queries":
            person.transfers()


class _Person:
    """Who brings files of so many lines."""

    def __init__(self, lines: int, profiled: str) -> None:
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        from adit.deid.profile import PROFILES  # noqa: PLC0415
        from adit.projects.models import Member, Project  # noqa: PLC0415
        from tests.web.batching import Batcher  # noqa: PLC0415

        shelf = tempfile.mkdtemp(dir=os.environ["ADIT_HOME"])
        self._dora = Batcher(shelf)
        self._dora.client.defaults["HTTP_HOST"] = "localhost"
        self._lines, self._profiled = lines, profiled
        self._project = Project.objects.create(name="Stroke", profile=PROFILES["research"].to_json(), generates=True)
        Member.objects.create(project=self._project, user=self._dora.user, may_send=True, may_link=True)

    def transfers(self) -> None:
        """All steps of a batch transfer."""
        from django.db import connection  # noqa: PLC0415

        from adit.jobs.models import BatchFile, Job  # noqa: PLC0415
        from adit.transfer.sheets.returning import new_table  # noqa: PLC0415

        rows = ((f"P{n:06}", f"1.2.276.0.7230010.3.1.2.{n}") for n in range(self._lines))
        content = new_table(("PatientID", "StudyInstanceUID"), rows, form="xlsx")
        get, order = self._get, self._dora.order
        with self._step("bring the file"):
            assert self._dora.upload(content, "list.xlsx").status_code == 302
        file = BatchFile.objects.latest("pk")
        get("look at it", f"/batch/transfer/{file.pk}/")
        get("look again", f"/batch/transfer/{file.pk}/")
        chosen = {"project": self._project.pk, "mail": ""}
        with self._step("check it against the source"):
            assert order(file, do="check", **chosen).status_code == 302
        with self._step("submit it, all patients new"):
            assert order(file, **chosen).status_code == 302
        job = Job.objects.latest("pk").pk
        file = self._brought_again(content)
        with self._step("submit it again, all known"):
            assert order(file, **chosen).status_code == 302
        self._with_a_list(self._brought_again(content))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            get("look at the job", f"/jobs/{job}/")
            cursor.execute(_ENDED, [job])
            cursor.execute(_ENTRIES, [job])
            cursor.execute(
                "UPDATE jobs_job SET status = 'success', verified_at = now(), ended_at = now() WHERE id = %s", [job]
            )
            cursor.execute("VACUUM ANALYZE")
        get("look at it, ended", f"/jobs/{job}/")
        get("take the result", f"/batch/transfer/jobs/{job}/result/")

    def _brought_again(self, content: bytes) -> BatchFile:
        from adit.jobs.models import BatchFile  # noqa: PLC0415

        self._dora.upload(content, "list.xlsx")
        return BatchFile.objects.latest("pk")

    def queries(self) -> None:
        """All steps of a batch query."""
        from django.db import connection  # noqa: PLC0415

        from adit.jobs.models import BatchFile, Job  # noqa: PLC0415
        from adit.transfer.sheets.returning import new_table  # noqa: PLC0415
        from benchmarks.results import FOUND  # noqa: PLC0415

        rows = ((f"P{n:06}",) for n in range(self._lines))
        content = new_table(("PatientID",), rows, form="xlsx")
        with self._step("query: bring the file"):
            assert self._dora.upload(content, "list.xlsx", kind="query").status_code == 302
        file = BatchFile.objects.latest("pk")
        self._get("query: look at it", f"/batch/query/{file.pk}/")
        with self._step("query: submit it"):
            assert self._dora.order(file).status_code == 302
        job = Job.objects.latest("pk").pk
        with connection.cursor() as cursor:
            cursor.execute("UPDATE jobs_line SET outcome = 'found' WHERE job_id = %s", [job])
            cursor.execute(FOUND)
            cursor.execute("VACUUM ANALYZE")
        self._get("query: look at the job", f"/jobs/{job}/")
        self._get("query: look at the results", f"/batch/query/jobs/{job}/?sort=name")
        self._get("query: take them as a workbook", f"/batch/query/jobs/{job}/results.xlsx")

    def _with_a_list(self, file: BatchFile) -> None:
        from adit.projects.aliases import add_free  # noqa: PLC0415
        from adit.projects.models import Member, Project  # noqa: PLC0415

        project = Project.objects.create(name="Trial", profile_name="trial")
        Member.objects.create(project=project, user=self._dora.user, may_send=True)
        add_free(project, (f"S{number:06}X" for number in range(self._lines)), by=self._dora.user)
        with self._step("submit it, pseudonyms of a list"):
            assert self._dora.order(file, project=project.pk, mail="").status_code == 302

    def _get(self, step: str, path: str) -> None:
        with self._step(step):
            answer = self._dora.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """Time what happens in the block, and print it."""
        from django.db import connection  # noqa: PLC0415
        from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

        profile = cProfile.Profile() if name == self._profiled else None
        with CaptureQueriesContext(connection) as queries:
            began, worked = time.perf_counter(), time.process_time()
            if profile:
                profile.enable()
            yield
            took, worked = time.perf_counter() - began, time.process_time() - worked
        if profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        print(f"{took:8.2f} s, {worked:7.2f} s of processor time, {len(queries):6d} queries  {name}", flush=True)


if __name__ == "__main__":
    main()
