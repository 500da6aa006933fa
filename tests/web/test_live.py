"""WebSockets that keep pages up to date: what they push, to whom, and after what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from adit.accounts.models import User
from adit.jobs.actions import perform
from adit.jobs.models import Job
from adit.jobs.states import Action
from tests.jobs.fakes import study_uid, submitted
from tests.web.people import client_of
from tests.web.sockets import PATIENCE, Socket

pytestmark = pytest.mark.django_db(transaction=True)


async def says(socket: Socket, wanted: str) -> dict[str, str]:
    """Wait until a fragment holds *wanted*; all fragments of that push."""
    async with asyncio.timeout(PATIENCE):
        while True:
            told = json.loads(await socket.receive())
            if any(wanted in html for html in told.get("fragments", {}).values()):
                return dict(told["fragments"])


async def taken_away(socket: Socket) -> int:
    """Give all jobs to somebody else while one is looked at; the code with which the socket is closed then."""
    await says(socket, "pending")
    stranger = await database_sync_to_async(User.objects.create, thread_sensitive=False)(username="eve")
    await database_sync_to_async(Job.objects.update, thread_sensitive=False)(owner=stranger)
    return await socket.closed_at_last()


def visiting(path: str, user: User | None, what: Callable[[Socket], Awaitable[Any]]) -> Any:
    from adit.site.asgi import application  # noqa: PLC0415  not before the settings are read

    client = client_of(user) if user else Client()

    async def visit() -> Any:
        async with Socket(application, path, client=client) as socket:
            return await what(socket)

    return asyncio.run(visit())


@pytest.fixture
def job(owner):
    return submitted(2, by=owner)


class TestThePageOfAJob:
    def test_gets_all_at_once_and_later_only_what_changed(self, job, owner):
        async def look(socket):
            first = await says(socket, "pending")
            await database_sync_to_async(perform, thread_sensitive=False)(Action.CANCEL, job, by=owner)
            return first, await says(socket, "canceled")

        first, then = visiting(f"/live/jobs/{job.pk}/", owner, look)

        assert set(first) == {"job-head", "job-actions", "job-tasks", "job-facts"}
        job.refresh_from_db()
        assert job.ended_at.isoformat(timespec="seconds") in then["job-facts"]
        assert first["job-head"].strip().startswith('<div class="card" id="job-head">')
        assert "job-head" in then

    def test_hears_nothing_of_another_job(self, job, owner):
        other = submitted([study_uid(8)], by=owner)

        async def look(socket):
            await says(socket, "pending")
            await database_sync_to_async(perform, thread_sensitive=False)(Action.CANCEL, other, by=owner)
            await database_sync_to_async(perform, thread_sensitive=False)(Action.CANCEL, job, by=owner)
            return await says(socket, "canceled")

        assert f"job/{other.pk}" not in str(visiting(f"/live/jobs/{job.pk}/", owner, look))

    def test_is_not_there_for_others(self, job):
        stranger = User.objects.create(username="eve")

        assert visiting(f"/live/jobs/{job.pk}/", stranger, lambda socket: socket.closed_at_last()) == 4404

    def test_ends_when_the_job_is_not_theirs_any_more(self, job, owner):
        assert visiting(f"/live/jobs/{job.pk}/", owner, taken_away) == 4404

    def test_ends_when_the_session_is_gone(self, job, owner):
        async def look(socket):
            await says(socket, "pending")
            await database_sync_to_async(Session.objects.all().delete, thread_sensitive=False)()
            return await socket.closed_at_last()

        assert visiting(f"/live/jobs/{job.pk}/", owner, look) == 4401

    def test_is_not_for_who_is_not_logged_in(self, job):
        assert visiting(f"/live/jobs/{job.pk}/", None, lambda socket: socket.closed_at_last()) == 4401

    def test_goes_on_when_the_database_cut_the_connections(self, job, owner):
        def cut() -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE 'LISTEN%'"
                )
            connection.close()

        async def look(socket):
            await says(socket, "pending")
            await database_sync_to_async(cut, thread_sensitive=False)()
            await database_sync_to_async(perform, thread_sensitive=False)(Action.CANCEL, job, by=owner)
            return await says(socket, "canceled")

        assert visiting(f"/live/jobs/{job.pk}/", owner, look)


class TestOtherPages:
    @pytest.mark.parametrize(
        ("path", "parts"),
        [
            ("/live/", {"home-jobs", "home-queue", "home-places"}),
            ("/live/jobs/", {"jobs"}),
            ("/live/jobs/?status=pending", {"jobs"}),
        ],
    )
    def test_move_when_any_job_does(self, job, owner, path, parts):
        async def look(socket):
            first = await says(socket, "pending")
            made = await database_sync_to_async(submitted, thread_sensitive=False)([study_uid(9)], by=owner)
            await says(socket, f"/jobs/{made.pk}/")
            return first

        assert set(visiting(path, owner, look)) == parts

    def test_show_a_task_of_its_own_job_only(self, job, owner):
        task = job.tasks.first()
        path = f"/live/jobs/{job.pk}/tasks/{task.pk}/"

        assert visiting(path, owner, lambda socket: says(socket, "pending"))
        wrong = f"/live/jobs/{job.pk + 1}/tasks/{task.pk}/"
        assert visiting(wrong, owner, lambda socket: socket.closed_at_last()) == 4404

    def test_keep_the_queue_for_staff(self, owner):
        assert visiting("/live/jobs/queue/", owner, lambda socket: socket.closed_at_last()) == 4404
