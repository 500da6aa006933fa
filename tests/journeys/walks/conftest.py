"""The demo, as far as its people walk through it: their accounts, three PACS that hold studies, and a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page

from adit.accounts.models import local_administrator
from adit.nodes.models import Ability
from adit.site.demo.archive import Archive
from adit.site.demo.cast import PEOPLE, Person
from adit.site.demo.pacs import HOST, Pacs, withheld_of
from adit.site.demo.patients import miscounted_study, studies
from adit.site.demo.people import let_them_work
from adit.site.demo.places import FOLDER
from adit.site.demo.processes import DEMO_PACS
from tests.jobs.a_worker import database_url
from tests.nodes.making import folder, server

CAN = frozenset((Ability.FIND_STUDY, Ability.FIND_PATIENT, Ability.GET_STUDY, Ability.STORE))
"""What the demo PACS do here; C-MOVE would need a receiver."""

HELD = {"demo": studies, "miscounted": lambda: (miscounted_study(),), "nothing": tuple}


@pytest.fixture(scope="package")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Where each PACS of the demo listens, by the name of its node; for all walks of this process."""
    with ExitStack() as running:
        found = {}
        for one in DEMO_PACS:
            archive = Archive(tmp_path_factory.mktemp(one.ae_title))
            for study in HELD[one.holds]():
                archive.describe(study)
            withheld = withheld_of(one.lies) if one.lies else frozenset()
            pacs = Pacs(one.ae_title, archive, withheld=withheld)
            found[one.name] = pacs.start(0)
            running.callback(pacs.stop)
        yield found


@pytest.fixture
def demo(ports: dict[str, int], transactional_db: None, settings, tmp_path: Path) -> None:
    """Its nodes, people, groups and projects; log-in by one click."""
    for one in DEMO_PACS:
        node = server(one.name, ae_title=one.ae_title, host=HOST, port=ports[one.name])
        node.abilities = CAN
        node.save()
    folder(FOLDER, tmp_path)
    let_them_work(by=local_administrator("tester"))
    settings.ADIT_DEMO, settings.ADIT_DEMO_PEOPLE = True, PEOPLE


@pytest.fixture
def worker(demo: None, tmp_path: Path) -> Iterator[None]:
    """A worker process as ADIT starts it."""
    environment = {
        "DATABASE_URL": database_url(),
        "ADIT_HEARTBEAT": "1",
        "ADIT_TASK_RETRY_WAITS": "0.1,0.1,0.1",
        "ADIT_FOLDER_ROOTS": "/",
    }
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adit.site", "worker"],
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        yield
        assert process.poll() is None, (tmp_path / "worker.log").read_text()
        process.terminate()
        process.wait(20)


@pytest.fixture
def enter(visit: Callable[..., Page], demo: None) -> Callable[[Person], Page]:
    """Log in as one of the demo's people, by one click; the page that comes then."""

    def entering(person: Person) -> Page:
        page = visit(path="/")
        page.get_by_role("button", name=person.name).click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        return page

    return entering
