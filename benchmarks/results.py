"""Server time of the result table of a large batch query: `python -m benchmarks.results --rows 100000`.

A database of its own, thrown away afterwards, with one job of so many found rows, and a hundred small ones beside it.
Milliseconds of a request are measured as in `benchmarks.pages`.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from benchmarks.pages import Page, asked, started

WANTED = 50
"""Milliseconds."""

_SMALL = 100

_TASKS = """
INSERT INTO jobs_task (job_id, owner_id, source_id, work, part, study_uid, patient_id, accession_number, item, lines,
  status, message, notes, priority, interactive, held, waits_because, claim, attempts, failures, worker, started_at,
  ended_at, seconds, accepted_reason, accepted_by)
SELECT j.id, j.owner_id, {source}, 'find_studies', 'line ' || (b * 25 + 2), '', '', '',
  jsonb_build_object('version', 1, 'rows', (SELECT jsonb_agg(jsonb_build_object('lines', jsonb_build_array(n),
    'patient_id', 'P' || n, 'patient_name', '', 'birth_date', NULL, 'accession_number', '', 'first', NULL,
    'last', NULL, 'modalities', '[]'::jsonb, 'study_description', '', 'series_description', '',
    'series_numbers', '[]'::jsonb, 'pseudonym', '')) FROM generate_series(b * 25 + 2, b * 25 + 26) n)),
  '{{}}', 'success', '', '[]', 30, false, false, '', 1, 1, 0, '', now(), now(), 1, '', ''
FROM jobs_job j, generate_series(0, {rows} / 25 - 1) b WHERE j.id {which}
"""

_LINES = """
INSERT INTO jobs_line (job_id, task_id, number, also, outcome, reason, details)
SELECT t.job_id, t.id, n, '{}', CASE WHEN n % 50 = 7 THEN 'not found' WHEN n % 50 = 9 THEN 'ambiguous' ELSE 'found' END,
  CASE WHEN n % 50 = 9 THEN 'two patients are called so' ELSE '' END, '{}'
FROM jobs_task t, generate_series(substr(t.part, 6)::int, substr(t.part, 6)::int + 24) n ORDER BY t.id, n
"""

FOUND = """
INSERT INTO jobs_found (line_id, job_id, number, outcome, words, position, study_uid, series_uid, patient_id, issuer,
  patient_name, birth_date, study_date, study_time, modalities, accession_number, study_description, series_description,
  series_number, series_count, instances)
SELECT l.id, l.job_id, l.number, l.outcome, '', p, '1.2.276.0.7230010.3.1.2.' || l.id || '.' || p, '',
  'P' || l.number, 'HOSPITAL',
  initcap(translate(md5((l.number % 9000)::text), '0123456789', 'ghijklmnop')) || '^' ||
    (ARRAY['Anna', 'Karl', 'Maria', 'Jo'])[l.number % 4 + 1],
  date '1930-01-01' + l.number % 30000, date '2004-01-01' + (l.number * 7919 % 8000), '101500',
  ARRAY[(ARRAY['CT', 'MR', 'US', 'CR'])[l.number % 4 + 1], 'SR'], 'A' || 10000000 + l.id,
  (ARRAY['CT Thorax', 'MRT Kopf nativ', 'Sono Abdomen', 'Thorax p.a.'])[l.number % 4 + 1] || ' ' || l.number % 70,
  '', '', 1 + l.number % 9, 10 + l.number * 31 % 900
FROM jobs_line l, generate_series(1, CASE WHEN l.outcome = 'ambiguous' THEN 2 ELSE 1 END) p
WHERE l.outcome <> 'not found' ORDER BY l.id, p
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--slow", type=float, default=10, help="Print queries that take longer, in ms.")
    arguments = parser.parse_args()
    with started():
        user, job = filled(arguments.rows)
        for question in _QUESTIONS:
            took, worked, queries = asked(Page(user, f"/batch/query/jobs/{job}/{question}"))
            print(
                f"{statistics.median(took):7.1f} ms {min(took):7.1f} ms at least {worked:7.1f} ms of processor time"
                f" {len(queries):4d} queries  {question}", flush=True,
            )  # fmt: skip
            for query in queries:
                if float(query["time"]) * 1000 > arguments.slow:
                    print(f"    {float(query['time']) * 1000:.0f} ms  {query['sql'][:1500]}")


_WORDS = """
UPDATE jobs_found SET words = lower(concat_ws(E'\\n', patient_id, patient_name, accession_number, study_description))
"""

_QUESTIONS = (
    "", "?order=down", "?after=50001.1", "?before=50001.1", "?outcome=found", "?outcome=ambiguous",
    *(
        f"?sort={sort}{more}"
        for sort in ("status", "name", "date", "modality", "study", "instances")
        for more in ("", "&order=down")
    ),
    "?sort=name&outcome=ambiguous", "?sort=date&after=50001.1", "?sort=name&order=down&before=50001.1",
    "?sort=modality&after=50001.1",
    "?q=thorax", "?q=nobody", "?q=P77", "?q=1.2.3.4", "?q=77", "?q=thorax&sort=name", "?q=nobody&sort=date",
    "?q=thorax&outcome=ambiguous&sort=study&order=down",
)  # fmt: skip
"""Of the table: as it is, sorted, filtered, in the middle."""


def filled(rows: int) -> tuple[Any, int]:
    """Fill the database. Who looks, and the large job."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from adit.accounts.models import User  # noqa: PLC0415
    from adit.jobs.models import Job  # noqa: PLC0415
    from adit.nodes.models import Node  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    source = Node.objects.create(
        name="A", kind="server", ae_title="A", host="127.0.0.1", port=104, find_study=True, get_study=True, store=True
    ).pk
    owner, now = User.objects.create(username="ann"), timezone.now()
    Job.objects.bulk_create(
        Job(kind="batch_query", owner=owner, source_name="A", verified_at=now, status="success", ended_at=now)
        for _ in range(_SMALL + 1)
    )
    large = Job.objects.latest("pk").pk
    with connection.cursor() as cursor:
        cursor.execute(_TASKS.format(source=source, rows=100, which=f"< {large}"))
        cursor.execute(_TASKS.format(source=source, rows=rows, which=f"= {large}"))
        cursor.execute(_LINES)
        cursor.execute(FOUND)
        cursor.execute(_WORDS)
        # As if they had been written so.
        cursor.execute("VACUUM FULL jobs_found")
        cursor.execute("VACUUM ANALYZE")
    return owner, large


if __name__ == "__main__":
    main()
