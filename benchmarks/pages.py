"""Server time of the pages, with many tasks in the database.

    python -m benchmarks.pages --tasks 100000

A database of its own, thrown away afterwards. Half of the tasks belong to one job. Milliseconds of a request are from
Django's test client: views, queries, templates, middleware; no network.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adit.site.children import bind_to_parent
from adit.site.database import Cluster

ROUNDS = 9

_TASKS = """
INSERT INTO jobs_task (job_id, owner_id, source_id, destination_id, work, study_uid, patient_id, item, lines, status,
  message, notes, priority, interactive, held, waits_because, claim, attempts, failures, worker, started_at, ended_at,
  seconds, accepted_reason, accepted_by)
SELECT j.id, j.owner_id, {source}, {destination}, 'transfer_study', '1.2.' || j.id || '.' || n, 'P' || n,
  '{{"version": 1}}', '{{}}', s.status, '100 of 100 instances stored', '[]', 40, true, false, '', 1, 1, 0, '',
  now() - interval '1 hour',
  CASE WHEN s.status = 'pending' THEN NULL ELSE now() - random() * interval '20 hours' END, 3.2, '', ''
FROM jobs_job j, generate_series(1, {count}) n,
  LATERAL (SELECT CASE WHEN {pending} AND n % 2 = 0 THEN 'pending' WHEN n % 50 = 0 THEN 'failure'
    ELSE 'success' END AS status) s
WHERE j.id {which}
"""

_ENTRIES = """
INSERT INTO jobs_entry (task_id, study_uid, series_uid, new_study_uid, new_series_uid, expected, received, stored,
  confirmed, excluded, failed, size, notes, reasons, stored_instances, excluded_instances)
SELECT t.id, t.study_uid, t.study_uid || '.' || n, '', '', 100, 100, 100, 100, 0, 0, 52000000, '[]', '{}', NULL, NULL
FROM jobs_task t, generate_series(1, 2) n WHERE t.status <> 'pending'
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--slow", type=float, default=20, help="Print queries that take longer, in ms.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adit-benchmark-") as folder, database(Path(folder)) as url:
        os.environ |= {"DATABASE_URL": url, "ADIT_HOME": folder, "DJANGO_SETTINGS_MODULE": "adit.site.settings"}
        import django  # noqa: PLC0415  not before the settings can be read

        django.setup()
        pages = filled(arguments.tasks)
        print(f"{arguments.tasks} tasks")
        for user, path in pages:
            took, worked, queries = asked(user, path)
            print(
                f"{statistics.median(took):7.1f} ms {min(took):7.1f} ms at least {worked:7.1f} ms of processor time"
                f" {len(queries):4d} queries  {path}"
            )
            for query in queries:
                if float(query["time"]) * 1000 > arguments.slow:
                    print(f"    {float(query['time']) * 1000:.0f} ms  {query['sql'][:400]}")


@contextmanager
def database(home: Path) -> Iterator[str]:
    """An embedded PostgreSQL while the block runs; its address."""
    # PostgreSQL does not run as root, and has to come by.
    home.chmod(0o711)
    cluster = Cluster(home)
    cluster.prepare()
    server = subprocess.Popen(
        cluster.command(), cwd=cluster.data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=bind_to_parent(signal.SIGINT), **cluster.account.demotion(),  # noqa: PLW1509 - see there
    )  # fmt: skip
    try:
        while not cluster.answers():
            time.sleep(0.05)
        yield cluster.url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


def filled(tasks: int) -> list[tuple[object, str]]:
    """Fill the database; the pages to look at, each with whoever looks."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from adit.accounts.models import User  # noqa: PLC0415
    from adit.jobs.models import Job  # noqa: PLC0415
    from adit.nodes.models import Node  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    source, destination = (
        Node.objects.create(name=name, kind="server", ae_title=name, host="127.0.0.1", port=104, find_study=True,
                            get_study=True, store=True).pk
        for name in "AB"
    )  # fmt: skip
    owner = User.objects.create(username="ann")
    boss = User.objects.create(username="boss", is_staff=True)
    now = timezone.now()
    Job.objects.bulk_create(
        Job(
            kind="selective", owner=owner, source_name="A", destination_name="B", verified_at=now,
            status="in progress" if number == tasks // 20 else "success",
            ended_at=None if number == tasks // 20 else now, started_at=now,
        )
        for number in range(tasks // 20 + 1)
    )  # fmt: skip
    large = Job.objects.latest("pk").pk
    with connection.cursor() as cursor:
        nodes = {"source": source, "destination": destination}
        cursor.execute(_TASKS.format(**nodes, count=10, pending="false", which=f"< {large}"))
        cursor.execute(_TASKS.format(**nodes, count=tasks // 2, pending="true", which=f"= {large}"))
        cursor.execute(_ENTRIES)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT min(id) FROM jobs_task WHERE job_id = %s", [large])
        (task,) = cursor.fetchone()
    return [
        (owner, "/"),
        (boss, "/"),
        (owner, "/jobs/"),
        (boss, "/jobs/"),
        (boss, f"/jobs/?after={large // 2}"),
        (boss, "/jobs/?status=failure"),
        (boss, "/jobs/?q=1.2.77.3"),
        (boss, "/jobs/?q=nowhere"),
        (boss, "/jobs/?since=2020-01-01&until=2020-02-01"),
        (owner, "/jobs/1/"),
        (owner, f"/jobs/{large}/"),
        (owner, f"/jobs/{large}/?status=failure"),
        (owner, f"/jobs/{large}/?after={task + tasks // 4}"),
        (owner, f"/jobs/tasks/{task}/"),
        (owner, f"/jobs/{large}/report/"),
        (boss, "/jobs/queue/"),
        (owner, "/throughput.json"),
    ]


def asked(user: object, path: str) -> tuple[list[float], float, list[dict[str, str]]]:
    """Milliseconds of several requests after a first one, of this process in each of them, and the queries of one.

    On a machine that does other things too, the fastest and the processor time tell more than the median.
    """
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    assert client.get(path).status_code == 200, path
    took, worked = [], time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(path)
        took.append((time.perf_counter() - began) * 1000)
    worked = (time.process_time() - worked) * 1000 / ROUNDS
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return took, worked, list(queries)


if __name__ == "__main__":
    main()
