from datetime import timedelta

import pytest
from django.utils import timezone

from adit.nodes.contact import Contact, contact_of, note_answered, note_silent
from adit.nodes.models import Node
from tests.nodes.making import server

pytestmark = pytest.mark.django_db


class TestWhatIsKnownOfANode:
    def test_is_nothing_at_first(self):
        assert contact_of(server()) is Contact.UNKNOWN

    def test_is_that_it_answers_once_it_did(self):
        node = server()

        note_answered([node.pk])

        node.refresh_from_db()
        assert contact_of(node) is Contact.ANSWERS
        assert timezone.now() - node.answered_at < timedelta(seconds=5)

    def test_is_since_when_it_is_silent_and_what_happened_last(self):
        node = server()
        note_silent(node.pk, "no connection")
        first = Node.objects.get().silent_since

        note_silent(node.pk, "the name is unknown")

        node.refresh_from_db()
        assert contact_of(node) is Contact.SILENT
        assert (node.silent_since, node.silent_because) == (first, "the name is unknown")

    def test_is_that_it_answers_again(self):
        node = server()
        note_silent(node.pk, "no connection")

        note_answered([node.pk])

        node.refresh_from_db()
        assert (contact_of(node), node.silent_because) == (Contact.ANSWERS, "")

    def test_is_not_written_again_within_seconds(self):
        node = server()
        note_answered([node.pk])
        first = Node.objects.get().answered_at

        note_answered([node.pk])

        assert Node.objects.get().answered_at == first
