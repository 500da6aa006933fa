"""What a destination may do wrong, by every way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adit.jobs.models import Task
from adit.nodes.models import Node
from tests.jobs.a_worker import wait_until
from tests.peers.data import CT_IMAGE, Study, ct_study
from tests.peers.misbehaving import MisbehavingPacs
from tests.peers.misbehaving_web import WebScript
from tests.peers.scripts import Script
from tests.survival.room import DISKS, MIB, WAITS, small_files, waits_because
from tests.survival.stage import (
    MENDED,
    PATIENCE,
    Numbers,
    Stage,
    complete,
    files_in,
    heavy,
    numbers,
    report,
    submitted,
    until,
)
from tests.survival.ways import C_STORE, FOLDER, STOW, Way, every_way

SERVERS = (C_STORE, STOW)
LARGE_DISKS = [disk for disk in DISKS if disk is not small_files]
"""The others would be too small for the spool, too."""


class TestADestination:
    @every_way(into=SERVERS)
    def test_that_refuses_fails_at_once(self, stage: Stage, way: Way, study: Study) -> None:
        way.source(study)
        web = WebScript(statuses={"stow": 403})
        destination = way.destination(web if way.into == STOW else Script(refuses_classes=frozenset({CT_IMAGE})))

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], destination.sent_to) == ("failure", 1, [])
        assert (numbers(told).expected, numbers(told).stored, numbers(told).failed) == (10, 0, 10)
        assert "B" in task["message"]
        assert MENDED in task["message"]

    @every_way(into=SERVERS)
    def test_that_is_out_of_resources_three_times_gets_all(self, stage: Stage, way: Way, study: Study) -> None:
        way.source(study)
        web = WebScript(busy=3, busy_status=503, retry_after="0")
        busy = Script(store_statuses=((1, 0xA700), (2, 0xA700), (3, 0xA700)))
        destination = way.destination(web if way.into == STOW else busy)

        told = stage.run(study)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(10))
        destination.assert_whole(study.files)

    @every_way(into=(STOW,))
    def test_that_is_busy_and_does_not_say_for_how_long_gets_all(self, stage: Stage, way: Way, study: Study) -> None:
        way.source(study)
        destination = way.destination(WebScript(busy=3, busy_status=503, retry_after=""))

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert Counter(destination.sent_to) == Counter(study.instances)

    @every_way(into=SERVERS)
    def test_that_warns_is_a_success_with_a_note(self, stage: Stage, way: Way, study: Study) -> None:
        way.source(study)
        web = WebScript(warns=dict.fromkeys(study.instances, 0xB000))
        destination = way.destination(web if way.into == STOW else Script(store_status=0xB000))

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        (note,) = told["tasks"][0]["entries"][0]["notes"]
        assert "(0xB000)" in note
        destination.assert_whole(study.files)

    @every_way(into=SERVERS)
    def test_that_refuses_one_gets_the_others_once(self, stage: Stage, way: Way, hundred: Study) -> None:
        way.source(hundred)
        bad = hundred.files[41].uid
        web = WebScript(fails={bad: 0xA900})
        destination = way.destination(web if way.into == STOW else Script(status_of=((bad, 0xA900),)))

        told = stage.run(hundred)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"]) == ("warning", 1)
        assert numbers(told) == Numbers(100, 100, 99, 99, 0, 1)
        assert task["message"].startswith("99 of 100 instances stored; 1 failed: B refused: ")
        assert "(0xA900)" in task["message"]
        assert MENDED in task["message"]
        destination.assert_whole([file for file in hundred.files if file.uid != bad])


class TestADestinationThatDies:
    @every_way(into=SERVERS)
    def test_in_mid_study_and_is_back_at_once_gets_the_rest(self, stage: Stage, way: Way, hundred: Study) -> None:
        way.source(hundred)
        dying = WebScript(dies_after=20) if way.into == STOW else Script(dies_after=20)
        destination = way.destination(dying)

        told = stage.run(hundred)

        assert (told["status"], numbers(told)) == ("success", complete(100))
        destination.assert_whole(hundred.files)
        # What a server stored without being able to say so goes again: of STOW-RS one request at most.
        assert len(destination.sent_to) <= (120 if way.into == STOW else 102)

    @every_way(into=SERVERS)
    def test_and_comes_back_later_gets_the_rest(self, stage: Stage, way: Way, hundred: Study) -> None:
        way.source(hundred)
        web = WebScript(dies_after=20, stays_down=True)
        destination = way.destination(web if way.into == STOW else Script(dies_after=20, stays_down=True))
        job = submitted(hundred)

        with stage.crew(waits=(0.05,) * 1000, tries=0):
            wait_until(lambda: Task.objects.filter(failures__gte=1).exists(), seconds=PATIENCE)
            if isinstance(destination.pacs, MisbehavingPacs):
                destination.pacs.revive()
            else:
                destination.pacs.script = WebScript()
            until(job, "success")

        told = report(job)
        assert numbers(told) == complete(100)
        assert told["tasks"][0]["attempts"] > 1
        destination.assert_whole(hundred.files)
        # Asked before the second attempt, it says what it stored.
        assert len(destination.sent_to) <= 102


class TestAFolderWithoutRoom:
    @every_way(into=(FOLDER,))
    def test_by_its_quota_keeps_what_is_stored_and_goes_on_when_there_is_more(self, stage: Stage, way: Way) -> None:
        study = ct_study(series=1, instances=8, size=MIB, name="room")
        source = way.source(study)
        destination = way.destination()
        Node.objects.filter(name="B").update(quota_gb=0.004)
        job = submitted(study)
        with stage.crew(waits=WAITS):
            told = waits_because(job, "B: the quota of 0.004 GB is used up")

            stored, sent = numbers(told).stored, len(source.seen.sent)
            kept = files_in(destination.folder).keys()
            assert stored == len(kept) == 3

            Node.objects.filter(name="B").update(quota_gb=1)

            until(job, "success")
        assert numbers(report(job)) == complete(8)
        assert not kept & set(source.seen.sent[sent:])
        destination.assert_whole(study.files)

    @every_way(into=(FOLDER,))
    @pytest.mark.parametrize("disk", LARGE_DISKS, ids=lambda disk: disk.__name__)
    def test_on_its_disk_keeps_what_is_stored_and_goes_on_when_there_is_room(
        self, stage: Stage, way: Way, disk: Callable[[Path], Any]
    ) -> None:
        study = ct_study(series=1, instances=8, size=MIB, name="room")
        way.source(study)
        destination = way.destination()
        job = submitted(study)
        with disk(destination.folder) as small, stage.crew(waits=WAITS):
            told = waits_because(job, "no space is left on the disk of")
            assert numbers(told).stored == len(files_in(destination.folder)) < 8

            small.grow()

            until(job, "success")
            assert numbers(report(job)) == complete(8)
            destination.assert_whole(study.files)
            assert stage.half_written() == []


class TestASpoolWithoutRoom:
    @every_way(into=SERVERS)
    def test_lets_the_task_wait_and_leaves_no_file(self, stage: Stage, way: Way) -> None:
        study = heavy(ct_study(series=1, instances=2, name="spooled"))
        way.source(study)
        destination = way.destination()
        job = submitted(study)
        with small_files(stage.room, most=10 * MIB) as small, stage.crew(waits=WAITS):
            told = waits_because(job, "there is no room left on the disk that holds the spool")

            assert (told["status"], destination.holds()) == ("pending", frozenset())
            small.grow()

            until(job, "success")
        assert numbers(report(job)) == complete(2)
        destination.assert_whole(study.files)
