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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adit.site.children import bind_to_parent
from adit.site.database import Cluster

ROUNDS = 9

_TASKS = """
INSERT INTO jobs_task (job_id, owner_id, source_id, destination_id, work, part, study_uid, patient_id, accession_number,
  item, lines, status, message, notes, priority, interactive, held, waits_because, claim, attempts, failures, worker,
  started_at, ended_at, seconds, accepted_reason, accepted_by)
SELECT j.id, j.owner_id, {source}, {destination}, 'transfer_study', '', '1.2.' || j.id || '.' || n, 'P' || n,
  'ACC' || j.id || '-' || n, '{{"version": 1}}', '{{}}', s.status, '100 of 100 instances stored', '[]', 40, true, false,
  '', 1, 1, 0, '', now() - interval '1 hour',
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

_EVENTS = """
INSERT INTO audit_event (time, actor, actor_id, "group", action, outcome, patient_id, study_uid, nodes, job, details)
SELECT now() - random() * interval '20 days', 'ann', t.owner_id, '', 'study.transferred', 'done', t.patient_id,
  t.study_uid, '{A,B}', t.job_id, '{"stored": 100}'
FROM jobs_task t
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--slow", type=float, default=20, help="Print queries that take longer, in ms.")
    arguments = parser.parse_args()
    with started():
        pages = filled(arguments.tasks)
        print(f"{arguments.tasks} tasks")
        for page in pages:
            took, worked, queries = asked(page)
            print(
                f"{statistics.median(took):7.1f} ms {min(took):7.1f} ms at least {worked:7.1f} ms of processor time"
                f" {len(queries):4d} queries  {page}"
            )
            for query in queries:
                if float(query["time"]) * 1000 > arguments.slow:
                    print(f"    {float(query['time']) * 1000:.0f} ms  {query['sql'][:400]}")


@contextmanager
def started(**environment: str) -> Iterator[None]:
    """Django with an empty database of its own, not migrated, while the block runs."""
    with tempfile.TemporaryDirectory(prefix="adit-benchmark-") as folder, database(Path(folder)) as url:
        settings = {"DATABASE_URL": url, "ADIT_HOME": folder, "DJANGO_SETTINGS_MODULE": "adit.site.settings"}
        os.environ |= settings | environment
        import django  # noqa: PLC0415  not before the settings can be read

        django.setup()
        yield


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


@dataclass(frozen=True, slots=True)
class Page:
    """One page, and who looks at it; nobody who is logged in, where that is None.

    Attributes:
        posted: What is filled in there; without it the page is only opened.
    """

    user: Any
    path: str
    posted: dict[str, str] | None = None

    def __str__(self) -> str:
        filled_in = " ".join(f"{name}={value}" for name, value in (self.posted or {}).items())
        return f"{self.path} {filled_in}".rstrip()


def filled(tasks: int) -> list[Page]:
    """Fill the database; the pages to look at: every one that a person comes by, but those that wait for a PACS."""
    from django.contrib.auth.models import Group  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from adit.accounts.models import User  # noqa: PLC0415
    from adit.deid.profile import PROFILES  # noqa: PLC0415
    from adit.jobs.models import Job  # noqa: PLC0415
    from adit.nodes.models import Access, Node  # noqa: PLC0415
    from adit.projects.models import Member, Project  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    source, destination = (
        Node.objects.create(name=name, kind="server", ae_title=name, host="127.0.0.1", port=104, find_study=True,
                            get_study=True, store=True).pk
        for name in "AB"
    )  # fmt: skip
    owner = User.objects.create(username="ann")
    boss = User.objects.create(username="boss", is_staff=True, is_superuser=True)
    group = Group.objects.create(name="Radiology")
    owner.groups.add(group)
    User.objects.filter(pk=owner.pk).update(active_group=group)
    Access.objects.create(node_id=source, group=group, source=True)
    project = Project.objects.create(name="Stroke", profile=PROFILES["research"].to_json())
    Member.objects.create(project=project, user=owner, may_send=True)
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
        cursor.execute(_EVENTS)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT min(id) FROM jobs_task WHERE job_id = %s", [large])
        (task,) = cursor.fetchone()
    paths: dict[User | None, str] = {
        None: "/login/ /register/ /password/forgotten/ /receipts/verify/",
        owner: f"""/ /jobs/ /jobs/1/ /jobs/{large}/ /jobs/{large}/?status=failure
            /jobs/{large}/?after={task + tasks // 4} /jobs/tasks/{task}/ /jobs/{large}/report/ /throughput.json
            /projects/ /projects/{project.pk}/ /projects/{project.pk}/profile/ /nodes/ /nodes/{source}/
            /profile/ /profile/access/ /profile/sessions/ /whereabouts/""",
        boss: f"""/ /jobs/ /jobs/?after={large // 2} /jobs/?status=failure /jobs/?q=1.2.77.3 /jobs/?q=nowhere
            /jobs/?since=2020-01-01&until=2020-02-01 /jobs/queue/ /search/ /nodes/ /nodes/{source}/
            /nodes/{source}/edit/ /nodes/add/server/ /projects/ /audit/ /audit/?actor=ann&job={large}
            /administration/ /administration/users/ /administration/users/{owner.pk}/ /administration/groups/
            /administration/groups/{group.pk}/ /administration/kinds/ /administration/notices/
            /administration/mails/""",
    }
    asked_for = ("P77", "1.2.77.3", "ACC77-3", "nowhere")
    return [
        *(Page(user, path) for user, those in paths.items() for path in those.split()),
        *(Page(boss, "/whereabouts/", {"wanted": wanted}) for wanted in asked_for),
        Page(boss, "/audit/", {"patient": "P77"}),
    ]


def asked(page: Page) -> tuple[list[float], float, list[dict[str, str]]]:
    """Milliseconds of several requests after a first one, of this process in each of them, and the queries of one.

    On a machine that does other things too, the fastest and the processor time tell more than the median.
    """
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client = Client(headers={"host": "localhost"})
    if page.user is not None:
        client.force_login(page.user, backend="django.contrib.auth.backends.ModelBackend")

    def ask() -> int:
        if page.posted is None:
            return client.get(page.path).status_code
        return client.post(page.path, page.posted, follow=True).status_code

    assert ask() == 200, page
    took, worked = [], time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    worked = (time.process_time() - worked) * 1000 / ROUNDS
    with CaptureQueriesContext(connection) as queries:
        ask()
    return took, worked, list(queries)


if __name__ == "__main__":
    main()
