import copy
import json
import logging

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection

from adit.accounts.models import local_administrator
from adit.audit.models import Event
from adit.nodes.changes import add, edit
from adit.nodes.models import Node
from adit.nodes.secrets import Secret, WrongKey, rotate
from tests.nodes.making import server, unsaved

pytestmark = pytest.mark.django_db

URL = "https://pacs.example.org/dicom-web"


@pytest.fixture
def keys(settings):
    settings.ADIT_SECRET_KEYS = (Fernet.generate_key().decode(),)
    return settings


def stored():
    with connection.cursor() as cursor:
        cursor.execute('SELECT "authorization" FROM nodes_node')
        return cursor.fetchone()[0]


class TestASecret:
    def test_is_encrypted_in_the_database(self):
        server(dicomweb_url=URL, authorization="Bearer hush")

        assert "hush" not in stored()
        assert Node.objects.get().authorization.reveal() == "Bearer hush"

    def test_is_sealed_as_soon_as_it_is_assigned(self):
        node = Node(**unsaved(dicomweb_url=URL, authorization="Bearer hush"))

        assert isinstance(node.authorization, Secret)
        assert "hush" not in str(vars(node))

    def test_shows_itself_nowhere(self, caplog):
        node = server(dicomweb_url=URL, authorization="Bearer hush")
        caplog.set_level(logging.DEBUG)

        logging.getLogger("test").warning("%s %r %s", node.authorization, node.authorization, vars(node))

        assert "hush" not in caplog.text
        assert node.authorization.token not in caplog.text
        assert "hush" not in f"{node.authorization}{[node.authorization]}"
        assert node.authorization.token not in serializers.serialize("json", [node])
        with pytest.raises(TypeError):
            json.dumps(node.authorization)

    def test_is_not_in_the_audit_trail(self):
        root = local_administrator("root")

        node = add(Node(**unsaved(dicomweb_url=URL, authorization="Bearer hush")), by=root)
        edit(node, by=root, authorization="Bearer other", max_associations=2)

        added, changed = Event.objects.filter(nodes=["PACS"], actor_id=root.pk).order_by("id")
        assert "authorization" not in added.details
        assert changed.details == {"authorization": ["…", "…"], "max_associations": [4, 2]}

    def test_is_not_encrypted_anew_by_every_save(self):
        server(dicomweb_url=URL, authorization="Bearer hush")
        before = stored()

        Node.objects.get().save()

        assert stored() == before

    def test_may_be_missing(self):
        assert server().authorization is None
        assert Node.objects.filter(authorization__isnull=True).exists()

    def test_that_is_emptied_is_gone(self):
        node = server(dicomweb_url=URL, authorization="Bearer hush")
        node.authorization = ""
        node.save()

        assert stored() is None

    def test_cannot_be_searched(self):
        with pytest.raises(FieldError, match="only be asked for null"):
            Node.objects.filter(authorization="Bearer hush").exists()

    def test_can_be_copied_with_its_row(self):
        node = server(dicomweb_url=URL, authorization="Bearer hush")

        assert copy.deepcopy(node).authorization.reveal() == "Bearer hush"

    def test_without_its_key_takes_nothing_else_away(self, keys):
        server(dicomweb_url=URL, authorization="Bearer hush")
        keys.ADIT_SECRET_KEYS = (Fernet.generate_key().decode(),)

        node = Node.objects.get()

        assert node.name == "PACS"
        with pytest.raises(WrongKey, match="ADIT_SECRET_KEYS"):
            node.authorization.reveal()


class TestRotating:
    def test_lets_the_old_key_go(self, keys):
        server(dicomweb_url=URL, authorization="Bearer hush")
        (old,) = keys.ADIT_SECRET_KEYS
        new = Fernet.generate_key().decode()
        keys.ADIT_SECRET_KEYS = (new, old)

        assert rotate() == 1

        keys.ADIT_SECRET_KEYS = (new,)
        assert Node.objects.get().authorization.reveal() == "Bearer hush"

    def test_changes_nothing_when_one_secret_cannot_be_read(self, keys):
        server("one", dicomweb_url=URL, authorization="Bearer hush")
        old = keys.ADIT_SECRET_KEYS
        keys.ADIT_SECRET_KEYS = (Fernet.generate_key().decode(),)
        server("two", dicomweb_url=URL, authorization="Bearer other")

        with pytest.raises(WrongKey):
            rotate()

        keys.ADIT_SECRET_KEYS = old
        assert Node.objects.get(name="one").authorization.reveal() == "Bearer hush"
