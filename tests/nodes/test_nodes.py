import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from adit.nodes.finding import UnknownNode, find_node
from adit.nodes.models import Ability, Kind, Node
from tests.nodes.making import folder, server, unsaved

pytestmark = pytest.mark.django_db


class TestAServer:
    def test_is_fine_with_ae_title_host_and_port(self):
        node = Node(**unsaved())

        node.full_clean()
        node.save()

        assert find_node(node.name) == node

    @pytest.mark.parametrize("url", ["https://pacs.example.org/dicom-web", "http://pacs:8042/web", "http://[::1]:80"])
    def test_is_fine_with_a_dicomweb_url_alone(self, url):
        node = Node(name="web", kind=Kind.SERVER, dicomweb_url=url, qido=True)

        node.full_clean()
        node.save()

        assert find_node("web").abilities == {Ability.QIDO}

    def test_says_what_it_can_do(self):
        node = Node(**unsaved())
        node.abilities = frozenset((Ability.FIND_PATIENT, Ability.STORE))

        assert node.abilities == {Ability.FIND_PATIENT, Ability.STORE}
        assert node.find_patient
        assert not node.find_study

    @pytest.mark.parametrize(
        ("values", "field", "sentence"),
        [
            ({"name": ""}, "name", "blank"),
            ({"name": "a/b"}, "name", "no slash"),
            ({"ae_title": ""}, "ae_title", "together"),
            ({"host": ""}, "host", "need AE title"),
            ({"port": None}, "port", "together"),
            ({"port": 0}, "port", "1 to 65535"),
            ({"port": 65536}, "port", "1 to 65535"),
            ({"ae_title": "A" * 17}, "ae_title", "16 characters"),
            ({"ae_title": "A\\B"}, "ae_title", "no backslash"),
            ({"ae_title": "A\x07"}, "ae_title", "no control"),
            ({"ae_title": "Ä"}, "ae_title", "plain letters"),
            ({"ae_title": " A"}, "ae_title", "space"),
            ({"calling_ae_title": "A\\B"}, "calling_ae_title", "no backslash"),
            ({"host": "http://pacs"}, "host", "without http"),
            ({"wado": True}, "dicomweb_url", "need a DICOMweb URL"),
            ({"authorization": "Basic YTpi"}, "dicomweb_url", "needs a URL"),
            ({"stow_prefix": "stowrs"}, "dicomweb_url", "needs a URL"),
            ({"dicomweb_url": "https://pacs.example.org", "qido_prefix": "a?b"}, "qido_prefix", "a path such as"),
            ({"dicomweb_url": "https://a:b@pacs.example.org"}, "dicomweb_url", "nor a password"),
            ({"dicomweb_url": "pacs.example.org/dicom-web"}, "dicomweb_url", "begins with http"),
            ({"dicomweb_url": "https://"}, "dicomweb_url", "begins with http"),
            ({"dicomweb_url": "http://pacs:80 42/"}, "dicomweb_url", "begins with http"),
            ({"dicomweb_url": "http://pacs:70000/"}, "dicomweb_url", "begins with http"),
            ({"dicomweb_url": "https://pacs.example.org", "dicomweb_ca": "x"}, "dicomweb_ca", "no certificate"),
            ({"tls": True, "tls_ca": "x"}, "tls_ca", "no certificate"),
            ({"tls": True, "tls_certificate": "x"}, "tls_certificate", "private key without a password"),
            (
                {"tls": True, "host": "", "ae_title": "", "port": None, "dicomweb_url": "https://pacs.example.org"},
                "tls",
                "needs AE title, host and port",
            ),
            ({"max_associations": 0}, "max_associations", "between 1 and 256"),
            ({"idle_timeout": 0}, "idle_timeout", "more than 0"),
            ({"path": "/data"}, "path", "belong to a folder"),
            ({"windows": {"zone": "Europe/Berlin", "open": []}}, "windows", "never open"),
            ({"suspended_at": timezone.now()}, "suspended_reason", "Say why"),
        ],
    )
    def test_that_does_not_fit_together_is_refused_with_a_sentence(self, values, field, sentence):
        with pytest.raises(ValidationError) as refused:
            Node(**unsaved(**values)).full_clean()

        assert sentence in " ".join(refused.value.message_dict[field])

    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"name": ""}, "node_has_a_name"),
            ({"port": None}, "server_has_an_address"),
            (
                {"ae_title": "", "host": "", "port": None, "find_study": False, "get_study": False, "store": False},
                "server_has_an_address",
            ),
            (
                {"ae_title": "", "host": "", "port": None, "dicomweb_url": "https://pacs.example.org"},
                "dimse_abilities_need_a_host",
            ),
            ({"qido": True}, "dicomweb_abilities_need_a_url"),
            ({"authorization": "x"}, "dicomweb_settings_need_a_url"),
            (
                {
                    **dict.fromkeys(("find_study", "get_study", "store"), False),
                    "ae_title": "",
                    "host": "",
                    "port": None,
                    "dicomweb_url": "https://pacs.example.org",
                    "tls": True,
                },
                "tls_needs_a_host",
            ),
            ({"port": 70000}, "port_is_a_port"),
            ({"max_associations": 0}, "node_limits_are_positive"),
            ({"result_limit": 0}, "result_limit_is_positive"),
            ({"path": "/data"}, "node_is_server_or_folder"),
            ({"kind": Kind.FOLDER, "path": "/data"}, "node_is_server_or_folder"),
            ({"suspended_at": timezone.now()}, "suspended_with_a_reason"),
            ({"suspended_reason": "moving"}, "suspended_with_a_reason"),
            ({"accepts": "everything"}, "node_accepts_is_known"),
        ],
    )
    def test_that_does_not_fit_together_is_refused_by_the_database(self, values, constraint):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            server(**values)


class TestAFolder:
    def test_lies_below_a_configured_root(self, tmp_path, settings):
        settings.ADIT_FOLDER_ROOTS = (tmp_path,)

        Node(name="in", kind=Kind.FOLDER, path=str(tmp_path / "studies")).full_clean()
        with pytest.raises(ValidationError, match="ADIT_FOLDER_ROOTS"):
            Node(name="out", kind=Kind.FOLDER, path=str(tmp_path / ".." / "elsewhere")).full_clean()

    def test_does_not_leave_its_root_by_a_link(self, tmp_path, settings):
        settings.ADIT_FOLDER_ROOTS = (tmp_path,)
        (tmp_path / "link").symlink_to("/")

        with pytest.raises(ValidationError, match="ADIT_FOLDER_ROOTS"):
            Node(name="out", kind=Kind.FOLDER, path=str(tmp_path / "link" / "etc")).full_clean()

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"path": "data"}, "path"),
            ({"path": "/data\0"}, "path"),
            ({"ae_title": "PACS"}, "kind"),
            ({"store": True}, "kind"),
            ({"quota_gb": 0}, "quota_gb"),
            ({"quota_gb": 10, "warning_gb": 11}, "warning_gb"),
        ],
    )
    def test_that_does_not_fit_together_is_refused_with_a_sentence(self, values, field):
        with pytest.raises(ValidationError) as refused:
            Node(**{"name": "disk", "kind": Kind.FOLDER, "path": "/data", **values}).full_clean()

        assert field in refused.value.message_dict

    @pytest.mark.parametrize("values", [{"quota_gb": -1}, {"quota_gb": 5, "warning_gb": 6}])
    def test_with_a_quota_that_makes_no_sense_is_refused_by_the_database(self, values):
        with pytest.raises(IntegrityError, match="quota_is_positive"), transaction.atomic():
            folder("disk", "/data", **values)


class TestNames:
    def test_are_unique_whatever_their_capitals(self):
        server("Archive", ae_title="ONE")

        with pytest.raises(ValidationError, match="other capitals"):
            Node(**unsaved("ARCHIVE", ae_title="TWO")).full_clean()
        with pytest.raises(IntegrityError, match="node_name_is_unique"), transaction.atomic():
            server("ARCHIVE", ae_title="TWO")

    def test_of_application_entities_are_unique_too_but_differ_by_capitals(self):
        server("one", ae_title="PACS")
        server("two", ae_title="pacs")

        with pytest.raises(IntegrityError, match="node_ae_title_is_unique"), transaction.atomic():
            server("three", ae_title="PACS")

    def test_are_missing_where_there_is_no_application_entity(self):
        folder("one", "/data/one")
        folder("two", "/data/two")

        assert Node.objects.filter(ae_title="").count() == 2

    def test_are_found_whatever_their_capitals(self):
        node = server("Main Archive")

        assert find_node(" main  archive ") == node

    def test_that_are_unknown_bring_those_that_are_near(self):
        server("orthanc")
        server("research")

        with pytest.raises(UnknownNode, match=r"There is no node 'ortanc'; did you mean orthanc\?"):
            find_node("ortanc")
        with pytest.raises(UnknownNode, match=r"There is no node 'xyz'\.$"):
            find_node("xyz")

    def test_are_not_suggested_to_those_who_may_not_know_them(self):
        server("orthanc")

        with pytest.raises(UnknownNode) as unknown:
            find_node("orthanc", Node.objects.none())
        assert unknown.value.near == []
