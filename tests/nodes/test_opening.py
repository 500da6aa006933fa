import socketserver
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from adit.accounts.verdict import Denied
from adit.dicom.errors import Full, NotFound, Unreachable
from adit.dicom.protocols import Outcome
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.dimse.tls import Credentials
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER
from adit.endpoints.dialling import Root, WebConfig
from adit.nodes.models import Ability, Kind, Node
from adit.nodes.opening import Opening, server_config
from adit.transfer.items import Layout
from tests.nodes.making import unsaved
from tests.peers.certificates import certified
from tests.peers.data import ct_study
from tests.peers.fixtures import orthanc, storescp  # noqa: F401
from tests.peers.misbehaving import misbehaving
from tests.peers.misbehaving_web import misbehaving_web
from tests.peers.scripts import UNKNOWN_CALLING, Script

LAYOUT = Layout("adit_selective_1_20261124_anna", "TEST-1", "20200101-120000-CT")


@pytest.fixture
def opening(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    return Opening(spool=spool, budget=Budget(64 << 20), calling_ae_title="ADIT", waits=())


@pytest.fixture
def study():
    return ct_study(series=2, instances=3)


@pytest.fixture
def source_node(orthanc, study):  # noqa: F811
    orthanc.fill(study.part10())
    return node_of(orthanc)


def node_of(peer):
    return Node(**unsaved(peer.ae_title, host=peer.host, port=peer.port, ae_title=peer.ae_title))


def move(opening, source_node, sink_node, study, layout=None):
    """Everything of *study*; the receipts."""
    with (
        opening.source(source_node, cancel=NEVER, associations=2) as source,
        opening.sink(sink_node, cancel=NEVER, associations=2, layout=layout) as sink,
        sink,
        closing(source.retrieve([Ref(UID(study.uid))])) as instances,
    ):
        return list(sink.store(instances))


@contextmanager
def listening():
    """A port that hangs up on every caller, and the callers."""
    calls = []

    class HangUp(socketserver.BaseRequestHandler):
        def handle(self):
            calls.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), HangUp) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield server.server_address[1], calls
        finally:
            server.shutdown()
            thread.join()


class TestOpeningAServer:
    def test_finds_what_it_holds(self, opening, source_node, study):
        with opening.source(source_node, cancel=NEVER, associations=1) as source:
            (match,) = source.find(Query.of(Level.STUDY, StudyInstanceUID=study.uid))

        assert match.ref == Ref(UID(study.uid))

    def test_tells_what_it_does_not_hold(self, opening, source_node):
        with (
            opening.source(source_node, cancel=NEVER, associations=1) as source,
            pytest.raises(NotFound, match=r"^ORTHANC: "),
        ):
            list(source.retrieve([Ref(UID("1.2.3"))]))

    def test_moves_a_study_to_another_server(self, opening, source_node, storescp, study):  # noqa: F811
        receipts = move(opening, source_node, node_of(storescp), study)

        assert {receipt.outcome for receipt in receipts} == {Outcome.STORED}
        assert storescp.holds() == study.instances

    @pytest.mark.parametrize("commits", [True, False])
    def test_asks_for_commitment_where_the_node_gives_it(self, opening, commits):
        node = Node(**unsaved("pacs", commit=commits))
        with opening.sink(node, cancel=NEVER, associations=1, layout=None) as sink:
            assert (sink.capabilities.commits is not None) == commits

    def test_leaves_nothing_in_memory_or_spool(self, opening, source_node, storescp, study):  # noqa: F811
        move(opening, source_node, node_of(storescp), study)

        assert opening.budget.held == 0
        assert not [path for path in opening.spool.rglob("*") if path.is_file() and path.stat().st_size]

    def test_names_the_node_that_does_not_answer(self, opening):
        node = Node(**unsaved("gone", host="127.0.0.1", port=1))

        with (
            opening.source(node, cancel=NEVER, associations=1) as source,
            pytest.raises(Unreachable, match=r"^gone: "),
        ):
            list(source.find(Query.of(Level.STUDY, StudyInstanceUID="1.2.3")))

    def test_asks_again_as_often_as_it_waits_and_no_more(self, opening):
        with listening() as (port, calls):
            node = Node(**unsaved("busy", host="127.0.0.1", port=port))
            patient = replace(opening, waits=(0, 0, 0))

            with (
                patient.source(node, cancel=NEVER, associations=1) as source,
                pytest.raises(Unreachable, match=r"^busy: "),
            ):
                list(source.find(Query.of(Level.STUDY, StudyInstanceUID="1.2.3")))

        # The fifth is a look whether it wants TLS, which is taken once.
        assert len(calls) == 5

    def test_without_the_ability_is_refused_with_a_sentence(self, opening):
        node = Node(**unsaved("deaf", find_study=False, get_study=False, store=False))

        with pytest.raises(Denied, match="cannot be searched"):
            opening.source(node, cancel=NEVER, associations=1).__enter__()
        with pytest.raises(Denied, match="nothing can be stored"):
            opening.sink(node, cancel=NEVER, associations=1, layout=None).__enter__()


class TestOpeningAServerOfDicomweb:
    def test_moves_a_study_from_one_to_another(self, opening, study):
        with misbehaving_web(study) as here, misbehaving_web() as there:
            nodes = [web_node("here", here.url, authorization="Bearer abc"), web_node("there", there.url)]
            receipts = move(opening, *nodes, study)

            assert {receipt.outcome for receipt in receipts} == {Outcome.STORED}
            assert there.kept.keys() == study.instances
            assert {asked.headers["Authorization"] for asked in here.requests} == {"Bearer abc"}
            assert {asked.headers.get("Authorization") for asked in there.requests} == {None}
        assert opening.budget.held == 0

    def test_remembers_for_the_next_task_what_was_refused(self, opening, study):
        with misbehaving(study, script=Script(rejects_always=UNKNOWN_CALLING)) as pacs, misbehaving_web(study) as web:
            node = Node(**unsaved("both", host=pacs.host, port=pacs.port, dicomweb_url=web.url, qido=True))
            for _ in range(3):
                with opening.source(node, cancel=NEVER, associations=1) as source:
                    assert len(list(source.find(Query.of(Level.STUDY, StudyInstanceUID=study.uid)))) == 1

            assert pacs.seen.total == 1


def web_node(name, url, **values):
    return Node(name=name, kind=Kind.SERVER, dicomweb_url=url, qido=True, wado=True, stow=True, **values)


class TestOpeningAFolder:
    def test_moves_a_study_to_where_its_layout_says(self, opening, source_node, study, tmp_path):
        target = tmp_path / "target"
        target.mkdir()

        move(opening, source_node, Node(name="disk", kind=Kind.FOLDER, path=str(target)), study, LAYOUT)

        files = list((target / LAYOUT.job / LAYOUT.patient / LAYOUT.study).rglob("*.dcm"))
        assert {path.stem for path in files} == study.instances

    def test_keeps_to_its_quota(self, opening, source_node, study, tmp_path):
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path), quota_gb=1e-6)

        with pytest.raises(Full, match="disk: the quota"):
            move(opening, source_node, node, study, LAYOUT)
        assert not list(tmp_path.rglob("*.dcm"))

    def test_as_a_source_finds_and_retrieves_what_lies_there(self, opening, study, tmp_path):
        study.write(tmp_path / "anywhere")
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path))

        with opening.source(node, cancel=NEVER, associations=0) as source:
            (found,) = source.find(Query.of(Level.STUDY, PatientID=study.patient_id))
            retrieved = {instance.uid for instance in source.retrieve([Ref(UID(study.uid))])}

        assert found.instances == len(study.files)
        assert retrieved == study.instances

    def test_notes_what_was_searched_for(self, opening, study, tmp_path):
        study.write(tmp_path / "anywhere")
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path))
        query, noted = Query.of(Level.SERIES, StudyInstanceUID=study.uid), []

        with opening.source(node, cancel=NEVER, associations=0, note=lambda *told: noted.append(told)) as source:
            list(source.find(query))

        assert noted == [(query, 2)]

    def test_needs_to_know_where_the_study_lies(self, opening, tmp_path):
        node = Node(name="disk", kind=Kind.FOLDER, path=str(tmp_path))

        with pytest.raises(ValueError, match="layout"):
            opening.sink(node, cancel=NEVER, associations=1, layout=None).__enter__()


class TestTheConfigurationOfAServer:
    def test_asks_the_study_root_before_the_patient_root(self):
        node = Node(**unsaved())
        node.abilities = frozenset(Ability)

        config = server_config(node, calling_ae_title="ADIT", associations=3)

        assert (config.finds, config.gets) == ((Root.STUDY, Root.PATIENT), (Root.STUDY, Root.PATIENT))
        assert (config.associations, config.stores) == (3, True)

    def test_has_all_of_dicomweb_or_none_of_it(self):
        certificate, key = certified("localhost")
        node = web_node(
            "web",
            "https://pacs.example.org/rs",
            wado_prefix="wadors",
            authorization="Basic abc",
            dicomweb_ca=certificate,
            dicomweb_certificate=certificate + key,
        )

        web = server_config(node, calling_ae_title="ADIT", associations=1).web

        assert web == WebConfig(
            "https://pacs.example.org/rs",
            finds=True,
            retrieves=True,
            stores=True,
            retrieve_prefix="wadors",
            authorization="Basic abc",
            ca_bundle=certificate,
            client_certificate=certificate + key,
        )
        assert "abc" not in repr(web)
        assert key not in repr(web)
        assert server_config(Node(**unsaved()), calling_ae_title="ADIT", associations=1).web is None

    def test_has_all_of_tls_or_none_of_it(self):
        certificate, key = certified("localhost")
        node = Node(**unsaved(tls=True, tls_ca=certificate, tls_certificate=certificate + key, tls_check_name=False))

        config = server_config(node, calling_ae_title="ADIT", associations=1)

        assert config.tls == Credentials(trusted=certificate, shown=certificate + key, checks_name=False)
        assert key not in repr(config)
        node.tls = False
        assert server_config(node, calling_ae_title="ADIT", associations=1).tls is None

    def test_says_whether_storage_is_committed_to_and_what_may_be_decompressed(self):
        usual = server_config(Node(**unsaved()), calling_ae_title="ADIT", associations=1)
        other = server_config(Node(**unsaved(commit=True, decompress=False)), calling_ae_title="ADIT", associations=1)

        assert (usual.commits, usual.decompress) == (False, True)
        assert (other.commits, other.decompress) == (True, False)

    def test_calls_itself_what_the_node_wants(self):
        plain, special = Node(**unsaved()), Node(**unsaved(calling_ae_title="OTHER"))

        assert server_config(plain, calling_ae_title="ADIT", associations=1).calling_ae_title == "ADIT"
        assert server_config(special, calling_ae_title="ADIT", associations=1).calling_ae_title == "OTHER"
