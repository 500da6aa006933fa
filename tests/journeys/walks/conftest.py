"""The demo, as far as its people walk through it: their accounts, real PACS that hold its studies, and a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from adit.accounts.models import local_administrator
from adit.nodes.models import BY_DICOMWEB, Ability, Node
from adit.site.demo.archive import Archive
from adit.site.demo.cast import PEOPLE, Person
from adit.site.demo.description import DemoStudy, Kind
from adit.site.demo.objects import instances
from adit.site.demo.pacs import HOST, Pacs, withheld_of
from adit.site.demo.patients import miscounted_study, studies
from adit.site.demo.people import let_them_work
from adit.site.demo.places import FOLDER
from adit.site.demo.processes import DEMO_PACS
from tests.journeys.walks.acting import BRAIN, CHEST
from tests.nodes.making import server
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.process import Entity, Peer
from tests.survival.stage import Stage
from tests.survival.workers import several_workers

BY_DIMSE = frozenset((Ability.FIND_STUDY, Ability.FIND_PATIENT, Ability.GET_STUDY, Ability.STORE))
"""How the PACS of the demo are used here, unless a walk says otherwise."""

BRAINS = 4
"""So many of the demo's the clinic holds, and of other large studies none: to store all would take many seconds."""


@dataclass(frozen=True)
class House:
    """The PACS behind the nodes of the demo.

    Attributes:
        clinic: Holds a dozen of the demo's studies.
        research: Empty when a walk begins.
        liar: The demo's own, since no Orthanc says that it has sent what it has not.
    """

    clinic: Orthanc
    research: Orthanc
    liar: Peer


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For all walks of this process."""
    clinic, research, liar = DEMO_PACS
    with ExitStack() as exits:
        house = House(
            exits.enter_context(orthanc(ae_title=clinic.ae_title, dicomweb=True)),
            exits.enter_context(orthanc(ae_title=research.ae_title, dicomweb=True)),
            _lying(liar.ae_title, liar.lies, tmp_path_factory.mktemp("liar"), exits),
        )
        others = [*_with(Kind.ULTRASOUND), *_with(Kind.MR_T1)[:BRAINS]]
        house.clinic.fill(part10_files(BRAIN, CHEST, *others))
        yield house


def _with(kind: Kind) -> list[DemoStudy]:
    return [study for study in studies() if any(series.kind is kind for series in study.series)]


def part10_files(*chosen: DemoStudy) -> list[bytes]:
    # All of them before the first is sent: Orthanc does not wait for long until the next comes over a connection.
    return [each.part10() for study in chosen for each in instances(study)]


def _lying(ae_title: str, lies: int, folder: Path, exits: ExitStack) -> Peer:
    archive = Archive(folder)
    archive.describe(miscounted_study())
    pacs = Pacs(ae_title, archive, withheld=withheld_of(lies))
    port = pacs.start(0)
    exits.callback(pacs.stop)
    return Peer(ae_title, HOST, port)


@pytest.fixture
def house(running: House) -> House:
    running.research.clear()
    return running


@pytest.fixture
def demo(house: House, stage: Stage, settings) -> None:
    """Its nodes, people, groups and projects; log-in by one click."""
    peers: tuple[Entity, ...] = (house.clinic, house.research, house.liar)
    for one, peer in zip(DEMO_PACS, peers, strict=True):
        node = server(one.name, ae_title=peer.ae_title, host=peer.host, port=peer.port)
        node.abilities = BY_DIMSE
        node.save()
    stage.folder(FOLDER)
    let_them_work(by=local_administrator("tester"))
    settings.ADIT_DEMO, settings.ADIT_DEMO_PEOPLE = True, PEOPLE


@pytest.fixture
def only_dicomweb(demo: None, house: House) -> None:
    """Clinic and research PACS speak nothing else."""
    for peer in (house.clinic, house.research):
        node = Node.objects.get(ae_title=peer.ae_title)
        node.ae_title, node.host, node.port = "", "", None
        node.dicomweb_url = peer.dicomweb_url
        node.abilities = BY_DICOMWEB
        node.save()


@pytest.fixture
def worker(demo: None, stage: Stage) -> Iterator[None]:
    """A worker process as ADIT starts it."""
    with several_workers(stage) as start:
        start(ADIT_LEASE="45", ADIT_FOLDER_ROOTS="/")
        yield


@pytest.fixture
def enter(visit: Callable[..., Page], demo: None) -> Callable[[Person], Page]:
    """Log in as one of the demo's people, by one click; the page that comes then."""

    def entering(person: Person) -> Page:
        page = visit(path="/")
        page.get_by_role("button", name=person.name).click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        return page

    return entering
