"""What servers do wrong that speak DICOMweb, through queue, runner and ledger."""

from __future__ import annotations

from collections import Counter

import pytest

from adit.endpoints import answers
from adit.nodes.models import Node
from tests.peers.data import Study
from tests.peers.web_scripts import WebScript
from tests.survival.stage import MENDED, Numbers, Stage, assert_whole, complete, numbers, reasons


class TestASourceByWado:
    def test_that_drops_every_answer_in_mid_part_gives_all_in_the_end(self, stage: Stage, study: Study) -> None:
        size = len(study.files[0].encoded)
        stage.misbehaving_web("A", study, script=WebScript(drops_after=5 * size))
        folder = stage.folder("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("success", complete(10))
        assert_whole(folder, study.files)

    def test_that_leaves_out_the_type_parameter_is_understood(self, stage: Stage, study: Study) -> None:
        stage.misbehaving_web("A", study, script=WebScript(content_type="multipart/related; boundary=its boundary"))
        folder = stage.folder("B")

        told = stage.run(study)

        assert (told["status"], told["tasks"][0]["attempts"], numbers(told)) == ("success", 1, complete(10))
        assert_whole(folder, study.files)

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            (WebScript(boundary="another"), "the multipart answer does not hold its boundary"),
            (WebScript(html=frozenset(("wado",))), "answers a retrieval with text/html instead of instances"),
        ],
        ids=["wrong boundary", "web page"],
    )
    def test_whose_answer_holds_no_instances_fails_at_once(
        self, stage: Stage, study: Study, script: WebScript, words: str
    ) -> None:
        stage.misbehaving_web("A", study, script=script)
        folder = stage.folder("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"]) == ("failure", 1)
        assert (numbers(told).expected, numbers(told).received, numbers(told).stored) == (10, 0, 0)
        assert task["message"].startswith("A: ")
        assert words in task["message"]
        assert list(folder.rglob("*.dcm")) == []

    def test_that_gives_a_part_only_is_not_believed(self, stage: Stage, study: Study) -> None:
        stage.misbehaving_web("A", study, script=WebScript(partial=True))
        folder = stage.folder("B")

        told = stage.run(study)

        assert (told["status"], numbers(told)) == ("warning", Numbers(10, 9, 9, 9, 0, 1))
        assert reasons(told) == {"did not arrive from the source": 1}
        assert_whole(folder, study.files[:9])

    def test_that_sends_us_on_to_another_host_learns_nothing_there(self, stage: Stage, study: Study) -> None:
        other = stage.misbehaving_web("C", study)
        source = stage.misbehaving_web("A", study, script=WebScript(redirects_to=other.url))
        Node.objects.filter(name="A").update(authorization="Bearer secret")
        folder = stage.folder("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], task["attempts"], task["entries"]) == ("failure", 1, [])
        assert f"redirects to http://127.0.0.1:{other.port}" in task["message"]
        assert {asked.headers["Authorization"] for asked in source.requests} == {"Bearer secret"}
        assert other.requests == []
        assert list(folder.iterdir()) == []

    def test_that_packs_beyond_reason_costs_no_more_than_that_instance(self, stage: Stage, study: Study) -> None:
        stage.misbehaving_web("A", study, script=WebScript(bomb=answers.INFLATED * 2))
        folder = stage.folder("B")

        told = stage.run(study)

        (task,) = told["tasks"]
        assert (told["status"], numbers(told)) == ("warning", Numbers(10, 9, 9, None, 0, 1))
        assert "A: the answer is packed beyond reason" in task["message"]
        assert_whole(folder, study.files[:9])


class TestADestinationByStow:
    def test_that_takes_some_gets_the_others_only_as_often_as_that_may_help(self, stage: Stage, study: Study) -> None:
        """202, with what became of each."""
        busy, bad, warned = (file.uid for file in study.files[:3])
        stage.misbehaving("A", study)
        script = WebScript(fails={busy: 0xA700, bad: 0xA900}, warns={warned: 0xB000})
        destination = stage.misbehaving_web("B", script=script)

        told = stage.run(study)

        (task,) = told["tasks"]
        assert told["status"] == "warning"
        assert numbers(told) == Numbers(10, 10, 8, 8, 0, 2)
        assert "8 of 10 instances stored; 2 failed: " in task["message"]
        assert "(0xA900)" in task["message"]
        assert "(0xA700)" in task["message"]
        assert any("(0xB000)" in note for note in task["entries"][0]["notes"])
        assert destination.kept.keys() == study.instances - {busy, bad}
        assert Counter(destination.seen.received).keys() == study.instances - {busy, bad}

    @pytest.mark.parametrize("script", ["none", "nothing said", "web page"])
    def test_that_takes_none_or_does_not_say_so_is_a_failure(self, stage: Stage, study: Study, script: str) -> None:
        """409; 200 with nothing in it; 200 with a page."""
        scripts = {
            "none": WebScript(fails=dict.fromkeys(study.instances, 0xA900)),
            "nothing said": WebScript(silent=True, fails={}),
            "web page": WebScript(html=frozenset(("stow",))),
        }
        stage.misbehaving("A", study)
        stage.misbehaving_web("B", script=scripts[script], qido=False)

        told = stage.run(study)

        (task,) = told["tasks"]
        assert told["status"] == "failure"
        assert (numbers(told).expected, numbers(told).stored, numbers(told).failed) == (10, 0, 10)
        assert task["message"].startswith(("B: ", "0 of 10 instances stored; 10 failed: B "))
        assert MENDED in task["message"]
