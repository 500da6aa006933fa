import time
from contextlib import ExitStack, closing
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread

from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.errors import BadData, Canceled, DicomError, NotFound, Unreachable
from adit.dicom.protocols import Outcome
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dimse.errors import CertificateRefused, NotTrusted
from adit.endpoints import answers
from adit.endpoints.answers import HttpRefused
from adit.endpoints.budget import Budget
from adit.endpoints.by_stow import NOTE
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.rechecked import Rechecked
from adit.endpoints.retrying import Patience
from tests.endpoints.conformance import instance
from tests.endpoints.servers import Opener, once, web_config
from tests.endpoints.test_conformance import Reader, given, taken
from tests.pace import within
from tests.peers.certificates import certified, serving
from tests.peers.data import ct_study
from tests.peers.misbehaving_web import WebScript, misbehaving_web
from tests.peers.orthanc import orthanc

STUDY = ct_study(series=2, instances=3, name="over the web")
STUDY_BYTES = {file.uid: file.encoded for file in STUDY.files}
ROOT = Ref(UID(STUDY.uid))


@pytest.fixture
def opened(tmp_path):
    """Opens a server that misbehaves; gives our side and the other."""
    with ExitStack() as exits:

        def open_it(script=None, *, studies=(STUDY,), cancel=NEVER, again=once, web=None, tls=None, **values):
            pacs = exits.enter_context(misbehaving_web(*studies, script=script, tls=tls))
            found = web_config("WEB", pacs.url, web=web, **values)
            own = exits.enter_context(ExitStack())
            return Opener(found, own, tmp_path / "spool", Budget(64 << 20), again)(cancel), pacs

        yield open_it


def spooled(tmp_path):
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def series_of(server):
    return list(server.find(Query.of(Level.SERIES, StudyInstanceUID=STUDY.uid)))


class TestFinding:
    def test_asks_page_by_page_even_where_pages_are_shorter_than_asked_for(self, opened):
        studies = [ct_study(instances=1, name=f"study {number}") for number in range(7)]
        server, pacs = opened(WebScript(largest_page=3), studies=studies)

        found = [match.ref.study for match in server.find(Query.of(Level.STUDY))]

        assert sorted(found) == sorted(study.uid for study in studies)
        assert [asked.query.get("offset") for asked in pacs.requests] == [None, ["3"], ["6"], ["7"]]

    @pytest.mark.parametrize("name", ["Müller^Änne", "müller*", "O'N* S*", "ler^"])
    def test_finds_by_names_that_stand_encoded_in_the_address(self, tmp_path, name):
        asked = Query.of(Level.STUDY, PatientName=name)
        with ExitStack() as exits:
            pacs = exits.enter_context(orthanc(dicomweb=True))
            irish = ct_study(instances=1, name="Irish", patient_name="O'Neill Senior")
            pacs.fill([*STUDY.part10(), *irish.part10()])
            found = web_config("WEB", pacs.dicomweb_url)
            server = Opener(found, exits, tmp_path / "spool", Budget(64 << 20), once)(NEVER)

            named = [match.ref.study for match in Rechecked(server).find(asked)]

        assert named == {"O'N* S*": [irish.uid], "ler^": []}.get(name, [STUDY.uid])

    def test_ends_where_paging_is_ignored(self, opened):
        server, pacs = opened(WebScript(ignores_paging=True), studies=[ct_study(name="a"), ct_study(name="b")])

        assert len(list(server.find(Query.of(Level.STUDY)))) == 2
        assert len(pacs.requests) == 2

    def test_asks_for_each_of_a_list_of_values_and_gives_each_answer_once(self, opened):
        server, pacs = opened()

        found = list(server.find(Query.of(Level.STUDY, PatientID=f"{STUDY.patient_id}\\{STUDY.patient_id}\\other")))

        assert [match.ref for match in found] == [ROOT]
        assert {asked.query["PatientID"][0] for asked in pacs.requests} == {STUDY.patient_id, "other"}

    def test_finds_no_series_of_a_study_that_answers_404(self, opened):
        server, _ = opened(WebScript(statuses={"wado": 404}))

        assert list(server.find(Query.of(Level.SERIES, StudyInstanceUID="1.2.3"))) == []

    def test_says_when_it_is_no_dicomweb_at_all(self, opened):
        server, _ = opened(WebScript(statuses={"qido": 404}))

        with pytest.raises(HttpRefused, match=r"^WEB: there is nothing under that address \(HTTP 404\)$"):
            series_of(server)

    def test_says_when_a_web_page_comes(self, opened):
        server, _ = opened(WebScript(html=frozenset(("qido",))))

        with pytest.raises(HttpRefused, match=r"^WEB: it answers a query with text/html that is no JSON$") as caught:
            series_of(server)
        assert not caught.value.transient

    def test_uses_the_path_prefix_of_each_service(self, opened):
        server, pacs = opened(web={"find_prefix": "qidors", "retrieve_prefix": "wadors"})
        series_of(server)
        taken(server, ROOT)

        assert [asked.path.split("/studies")[0] for asked in pacs.requests[:1]] == ["/web/qidors"]
        assert any(asked.path == f"/web/wadors/studies/{STUDY.uid}" for asked in pacs.requests)


class TestRetrieving:
    def test_brings_everything_bit_for_bit(self, opened):
        server, pacs = opened()

        assert taken(server, ROOT) == given(STUDY)
        accepted = pacs.requests[0].headers["Accept"]
        assert accepted == 'multipart/related; type="application/dicom"; transfer-syntax=*'

    @pytest.mark.parametrize(
        "kind", ["multipart/related; boundary=its boundary", 'Multipart/Related;boundary="its boundary";start=x']
    )
    def test_does_without_the_type_parameter(self, opened, kind):
        server, _ = opened(WebScript(content_type=kind))

        assert taken(server, ROOT) == given(STUDY)

    def test_unpacks_what_is_packed_all_the_same(self, opened):
        server, _ = opened(WebScript(packs=True))

        assert taken(server, ROOT) == given(STUDY)

    def test_gives_what_came_before_the_connection_dropped_then_the_error(self, opened, tmp_path):
        server, _ = opened(WebScript(drops_after=20_000))
        came = []

        def take():
            with closing(server.retrieve([ROOT])) as instances:
                for each in instances:
                    came.append(each.uid)
                    each.close()

        with pytest.raises(Unreachable, match="broke") as caught:
            take()

        assert caught.value.transient
        assert 0 < len(came) < 6
        assert spooled(tmp_path) == []

    def test_gives_what_comes_with_206(self, opened):
        server, _ = opened(WebScript(partial=True))

        assert len(taken(server, ROOT)) == 5

    def test_of_a_boundary_that_is_not_there_is_refused(self, opened):
        server, _ = opened(WebScript(boundary="another"))

        with pytest.raises(HttpRefused, match=r"^WEB: the multipart answer does not hold its boundary$"):
            taken(server, ROOT)

    def test_without_a_boundary_is_refused(self, opened):
        server, _ = opened(WebScript(content_type="multipart/related; type=application/dicom"))

        with pytest.raises(HttpRefused, match="without saying its boundary"):
            taken(server, ROOT)

    def test_of_a_web_page_is_refused(self, opened):
        server, _ = opened(WebScript(html=frozenset(("wado",))))

        with pytest.raises(HttpRefused, match="answers a retrieval with text/html instead of instances"):
            taken(server, ROOT)

    def test_of_what_is_not_there_says_so(self, opened):
        server, _ = opened()

        with pytest.raises(NotFound, match=r"^WEB: "):
            taken(server, Ref(UID("1.2.3")))

    def test_of_some_that_are_there_brings_those(self, opened):
        server, _ = opened()
        known = Ref(UID(STUDY.uid), UID(STUDY.series[0]))

        assert len(taken(server, known, Ref(UID(STUDY.uid), UID("1.2.3")))) == 3

    def test_of_a_bomb_ends(self, opened, tmp_path):
        server, _ = opened(WebScript(bomb=answers.INFLATED * 2))

        with pytest.raises(BadData, match=r"^WEB: the answer is packed beyond reason$"):
            taken(server, ROOT)
        assert spooled(tmp_path) == []

    def test_wakes_when_canceled_while_nothing_comes(self, opened):
        token = CancelToken()
        server, pacs = opened(WebScript(stalls=True), cancel=token)
        reader = Reader(server, ROOT)
        assert pacs.stalled.wait(10)
        began = time.monotonic()
        token.set("by the user")

        assert isinstance(reader.result(), Canceled)
        assert time.monotonic() - began < within(1)

    def test_gives_a_silent_server_up(self, opened):
        server, _ = opened(WebScript(stalls=True), idle_timeout=0.1)

        with pytest.raises(DicomError, match=r"silent for 0\.1 s") as caught:
            taken(server, ROOT)
        assert caught.value.transient


class TestAsking:
    def test_waits_as_long_as_a_busy_server_wants(self, opened):
        server, pacs = opened(WebScript(busy=2, retry_after="0"))

        assert len(series_of(server)) == 2
        # Two pages, the second of them empty.
        assert len(pacs.requests) == 2 + 2

    def test_does_not_wait_longer_than_a_minute(self, opened):
        server, pacs = opened(WebScript(busy=1, retry_after="3600"))

        with pytest.raises(HttpRefused, match="asked too often") as caught:
            series_of(server)
        assert caught.value.transient
        assert len(pacs.requests) == 1

    def test_tries_again_what_fails_for_the_moment(self, opened):
        patience = Patience((0, 0), chance=lambda: 0.5, cancel=NEVER)
        server, pacs = opened(WebScript(statuses={"wado": 502}), again=patience)

        with pytest.raises(HttpRefused, match="HTTP 502"):
            taken(server, ROOT)
        assert len(pacs.requests) == 3

    def test_sends_the_authorization(self, opened):
        server, pacs = opened(web={"authorization": "Bearer abc"})
        series_of(server)

        assert {asked.headers["Authorization"] for asked in pacs.requests} == {"Bearer abc"}

    def test_shows_no_credentials_to_another_host(self, opened):
        _, other = opened()
        server, _ = opened(WebScript(redirects_to=other.url), web={"authorization": "Bearer abc"})

        with pytest.raises(HttpRefused, match=rf"redirects to http://127.0.0.1:{other.port}: if that is right"):
            series_of(server)
        assert other.requests == []

    def test_follows_the_same_host(self, opened):
        server, pacs = opened(WebScript(redirects_to="/web/other"))

        with pytest.raises(HttpRefused, match="in circles"):
            series_of(server)
        assert pacs.requests[1].path == "/web/other"

    def test_says_when_nobody_is_there(self, opened):
        server, pacs = opened()
        pacs.close()

        with pytest.raises(Unreachable, match=r"^WEB: no connection") as caught:
            series_of(server)
        assert caught.value.transient


class TestAskingOverTls:
    def test_trusts_the_certificates_of_the_node(self, opened):
        certificate, key = certified("127.0.0.1")
        server, pacs = opened(tls=serving(certificate, key), web={"ca_bundle": certificate})

        assert pacs.url.startswith("https:")
        assert taken(server, ROOT) == given(STUDY)

    @pytest.mark.parametrize(
        ("name", "until", "words"),
        [
            ("127.0.0.1", 2020, "is expired since 2020-01-01"),
            ("pacs.example.org", 2100, "is not for 127.0.0.1, but for pacs.example.org"),
        ],
    )
    def test_explains_what_is_wrong_with_a_certificate(self, opened, name, until, words):
        certificate, key = certified(name, until=until)
        server, _ = opened(tls=serving(certificate, key), web={"ca_bundle": certificate})

        with pytest.raises(NotTrusted, match=f"^WEB: the certificate of 127.0.0.1 {words}") as caught:
            series_of(server)
        assert not caught.value.transient

    def test_does_not_trust_what_it_does_not_know(self, opened):
        server, _ = opened(tls=serving(*certified("127.0.0.1")))

        with pytest.raises(NotTrusted, match="is signed by itself"):
            series_of(server)

    def test_shows_the_client_certificate_of_the_node(self, opened):
        certificate, key = certified("127.0.0.1")
        ours, secret = certified("adit")
        server, _ = opened(
            tls=serving(certificate, key, demands=ours),
            web={"ca_bundle": certificate, "client_certificate": ours + secret},
        )

        assert len(series_of(server)) == 2

    def test_without_the_certificate_that_is_demanded_fails(self, opened):
        certificate, key = certified("127.0.0.1")
        server, _ = opened(tls=serving(certificate, key, demands=certified("adit")[0]), web={"ca_bundle": certificate})

        with pytest.raises(CertificateRefused, match=r"^WEB: 127.0.0.1 wants a certificate of ours") as caught:
            series_of(server)
        assert not caught.value.transient

    def test_wakes_when_canceled(self, opened):
        certificate, key = certified("127.0.0.1")
        token = CancelToken()
        server, pacs = opened(
            WebScript(stalls=True), tls=serving(certificate, key), web={"ca_bundle": certificate}, cancel=token
        )
        reader = Reader(server, ROOT)
        assert pacs.stalled.wait(10)
        token.set("by the user")

        assert isinstance(reader.result(), Canceled)


class TestStoring:
    def store(self, server, *files):
        with server:
            return {each.ref.instance: each for each in server.store(instance(file) for file in files)}

    def test_sends_many_in_one_request(self, opened):
        server, pacs = opened(studies=())
        receipts = self.store(server, *STUDY.files)

        assert {each.outcome for each in receipts.values()} == {Outcome.STORED}
        assert len(pacs.requests) == 1
        assert {uid: part.endswith(STUDY_BYTES[uid]) for uid, part in pacs.kept.items()} == dict.fromkeys(
            STUDY.instances, True
        )

    def test_reads_what_became_of_each(self, opened):
        one, other, third = (file.uid for file in STUDY.files[:3])
        script = WebScript(fails={one: 0xA700, other: 0x0122}, warns={third: 0xB000})
        server, _ = opened(script, studies=())
        receipts = self.store(server, *STUDY.files)

        assert (receipts[one].outcome, receipts[one].transient) == (Outcome.REFUSED, True)
        assert (receipts[other].outcome, receipts[other].transient) == (Outcome.REFUSED, False)
        assert "WEB refused: the peer does not support this SOP class (0x0122)" in receipts[other].reason
        assert receipts[third].outcome is Outcome.WARNED
        assert "coerced" in receipts[third].reason
        assert [each.outcome for each in receipts.values()].count(Outcome.STORED) == 3

    def test_of_which_all_fail_is_read_too(self, opened):
        server, _ = opened(WebScript(fails=dict.fromkeys(STUDY.instances, 0xA900)), studies=())
        receipts = self.store(server, *STUDY.files)

        assert {each.outcome for each in receipts.values()} == {Outcome.REFUSED}

    def test_does_not_take_silence_for_success(self, opened):
        server, _ = opened(WebScript(silent=True), studies=())
        receipts = self.store(server, *STUDY.files)

        assert {each.outcome for each in receipts.values()} == {Outcome.REFUSED}
        assert all("says nothing about this instance" in each.reason for each in receipts.values())

    def test_sends_one_by_one_what_was_refused_as_a_whole(self, opened):
        spoiling = STUDY.files[2].uid
        server, pacs = opened(WebScript(spoilt_by=spoiling), studies=())
        receipts = self.store(server, *STUDY.files)

        assert {uid for uid, each in receipts.items() if each.outcome is Outcome.REFUSED} == {spoiling}
        assert "HTTP 400" in receipts[spoiling].reason
        assert pacs.kept.keys() == STUDY.instances - {spoiling}

    def test_sends_again_when_a_busy_server_is_ready(self, opened):
        server, pacs = opened(WebScript(busy=1, retry_after="0"), studies=())
        receipts = self.store(server, *STUDY.files)

        assert {each.outcome for each in receipts.values()} == {Outcome.STORED}
        assert pacs.kept.keys() == STUDY.instances

    @pytest.mark.parametrize(("status", "transient"), [(401, False), (405, False), (503, True)])
    def test_of_which_the_server_knows_nothing_raises(self, opened, status, transient):
        server, _ = opened(WebScript(statuses={"stow": status}), studies=())

        with pytest.raises(HttpRefused, match=f"^WEB: .*HTTP {status}") as caught:
            self.store(server, *STUDY.files)
        assert caught.value.transient is transient

    def test_is_not_mistaken_about_a_web_page(self, opened):
        server, _ = opened(WebScript(html=frozenset(("stow",))), studies=())

        with pytest.raises(HttpRefused, match="with text/html instead of saying so for each instance"):
            self.store(server, *STUDY.files)

    def test_sends_implicit_vr_as_explicit_and_notes_it(self, opened):
        study = ct_study(instances=2, name="implicit", transfer_syntax=IMPLICIT)
        server, pacs = opened(studies=())
        receipts = self.store(server, *study.files)

        assert {(each.outcome, each.reason) for each in receipts.values()} == {(Outcome.STORED, NOTE)}
        assert {dcmread(BytesIO(part)).file_meta.TransferSyntaxUID for part in pacs.kept.values()} == {EXPLICIT}

    def test_leaves_out_what_cannot_be_made_explicit(self, opened):
        bad, good = ct_study(instances=2, name="one is bad", transfer_syntax=IMPLICIT).files
        broken = replace(bad, encoded=bad.encoded[:-10])
        server, pacs = opened(studies=())
        receipts = self.store(server, broken, good)

        assert receipts[bad.uid].outcome is Outcome.REFUSED
        assert receipts[bad.uid].reason == (
            "WEB was not sent this: the pixel data are broken off (can be mended by whoever runs the sending system)"
        )
        assert pacs.kept.keys() == {good.uid}

    def test_ends_a_request_when_the_next_instance_is_late(self, opened):
        """Whoever brings it may be waiting for the memory of those that were sent."""
        server, pacs = opened(studies=())
        first, *others = (instance(file) for file in STUDY.files)

        def following():
            yield first
            # Comes only when the first is closed, which is when its request was answered.
            while first.body.size:
                NEVER.wait(0.005)
            yield from others

        with server:
            receipts = list(server.store(following()))

        assert len(receipts) == 6
        assert len(pacs.requests) == 2

    def test_stops_with_what_its_instances_raise(self, opened):
        server, pacs = opened(studies=())

        def breaking():
            yield instance(STUDY.files[0])
            raise NotFound("gone")

        with pytest.raises(NotFound, match="gone"), server:
            list(server.store(breaking()))
        assert pacs.kept.keys() <= STUDY.instances
