"""Sweeps against real servers that cut their answers off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.filebase import DicomBytesIO

from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import Root, ServerConfig
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.retrying import Patience
from adit.endpoints.server import Server
from adit.endpoints.spool import Spool
from adit.site.demo.archive import Archive
from adit.site.demo.pacs import Pacs
from adit.transfer.events import Planned, Swept
from adit.transfer.mass.criteria import EVERYTHING, Criteria, Filter
from adit.transfer.mass.partitions import window
from adit.transfer.mass.sweeping import sweep
from tests.peers import orthanc
from tests.peers.data import CT_IMAGE, MR_IMAGE, ct_study
from tests.peers.misbehaving import misbehaving
from tests.peers.process import HOST
from tests.peers.scripts import Script

LIMIT = 10
DAY = date(2020, 1, 6)


def file(number: int, *, time: str, modality: str, patient: str) -> tuple[str, bytes]:
    """A small study of one instance, and its UID."""
    study = ct_study(instances=1, size=128, name=f"swept {number}", patient_id=patient or "x")
    dataset = dcmread(DicomBytesIO(next(iter(study.part10()))), force=True)
    dataset.StudyDate, dataset.StudyTime, dataset.Modality, dataset.PatientID = "20200106", time, modality, patient
    buffer = DicomBytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return study.uid, buffer.getvalue()


def mixed(*, modalities: tuple[str, ...]) -> dict[str, bytes]:
    """40 studies, some without a time, with a broken one, or without PatientID."""
    return dict(
        file(
            n,
            time={0: "", 1: "noon"}.get(n % 8, f"{n % 24:02d}{n:02d}00"),
            modality=modalities[n % len(modalities)],
            patient="" if n % 7 == 1 else f"P{n}",
        )
        for n in range(40)
    )


@contextmanager
def opened(peer, folder: Path) -> Iterator[Rechecked]:
    config = ServerConfig(
        name="Orthanc",
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        calling_ae_title="ADIT",
        finds=(Root.STUDY,),
        gets=(),
        stores=False,
        associations=1,
        connect_timeout=5,
        idle_timeout=20,
    )
    with Budget(1 << 20).share("Orthanc") as share:
        patience = Patience((), chance=lambda: 0.5, cancel=NEVER)
        server = Server(config, cancel=NEVER, spool=Spool(folder, share, NEVER), again=patience)
        with closing(server):
            yield Rechecked(server)


class At(NamedTuple):
    """Where a server is."""

    ae_title: str
    host: str
    port: int


class Few(Archive):
    """The archive of the demo, which gives only so many answers, and stops without a word."""

    def find(self, identifier):
        return islice(super().find(identifier), LIMIT)


class TestThePacsOfTheDemo:
    @pytest.fixture
    def archive(self, tmp_path):
        return Few(tmp_path / "demo")

    def test_that_cuts_its_answers_off_without_a_word_gives_every_study_once(self, archive, tmp_path):
        studies = mixed(modalities=("CT", "MR", "CR", "US", "PT"))
        for uid, content in studies.items():
            dataset = dcmread(BytesIO(content))
            archive.store(uid, dataset.SeriesInstanceUID, dataset.SOPInstanceUID, content)
        pacs = Pacs("DEMO", archive)
        port = pacs.start(0)
        try:
            with opened(At("DEMO", HOST, port), tmp_path) as source:
                *planned, swept = sweep(window(DAY, DAY, EVERYTHING), source=source, most=LIMIT)
        finally:
            pacs.stop()

        assert isinstance(swept, Swept)
        assert swept.missing == ""
        assert sorted(event.item.study for event in planned if isinstance(event, Planned)) == sorted(studies)


class TestAPacsThatRunsOutOfResources:
    def test_gives_every_study_once(self, tmp_path):
        kinds = (CT_IMAGE, MR_IMAGE)
        studies = [
            ct_study(instances=1, size=128, name=f"many {n}", patient_id=f"P{n}", sop_class=kinds[n % 2])
            for n in range(12)
        ]
        with misbehaving(*studies, script=Script(most_results=8)) as pacs, opened(pacs, tmp_path) as source:
            day = date(2024, 2, 29)
            *planned, swept = sweep(window(day, day, EVERYTHING), source=source, most=None)

        assert isinstance(swept, Swept)
        assert swept.missing == ""
        found = [event.item.study for event in planned if isinstance(event, Planned)]
        assert sorted(found) == sorted(study.uid for study in studies)


class TestOrthanc:
    def test_that_cuts_its_answers_off_gives_every_study_once(self, tmp_path):
        studies = mixed(modalities=("CT", "MR", "CR", "US", "PT"))
        with orthanc.orthanc(LimitFindResults=LIMIT) as peer:
            peer.fill(studies.values())
            with opened(peer, tmp_path) as source:
                *planned, swept = sweep(window(DAY, DAY, EVERYTHING), source=source, most=LIMIT)

        assert isinstance(swept, Swept)
        assert swept.missing == ""
        assert sorted(event.item.study for event in planned if isinstance(event, Planned)) == sorted(studies)

    def test_that_has_too_much_of_one_modality_is_not_taken_as_complete(self, tmp_path):
        studies = mixed(modalities=("CT",))
        with orthanc.orthanc(LimitFindResults=LIMIT) as peer:
            peer.fill(studies.values())
            with opened(peer, tmp_path) as source:
                *planned, swept = sweep(window(DAY, DAY, EVERYTHING), source=source, most=LIMIT)

        assert isinstance(swept, Swept)
        assert sorted(event.item.study for event in planned if isinstance(event, Planned)) == sorted(studies)
        assert swept.slight
        assert swept.missing == (
            "it gives at most 10 answers to a query, and may have more of 2020-01-06 (CT): "
            "those that have neither a time of day nor a PatientID of plain letters cannot be asked for in "
            "smaller parts"
        )

    def test_without_a_limit_is_asked_once(self, tmp_path):
        studies = dict(file(n, time="", modality="CT", patient=f"P{n}") for n in range(12))
        with orthanc.orthanc() as peer:
            peer.fill(studies.values())
            with opened(peer, tmp_path) as source:
                criteria = Criteria((Filter("modality", ("ct",)), Filter("series_count", ("1",))))
                *planned, swept = sweep(window(DAY, DAY, criteria), source=source, most=None)

        assert isinstance(swept, Swept)
        assert (swept.found, swept.planned, swept.queries) == (12, 12, 1)
        assert len(planned) == 12
