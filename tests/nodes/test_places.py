"""A place at a node for somebody who waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from adit.dicom.errors import Canceled, NotFound
from adit.endpoints.cancel import NEVER, CancelToken
from adit.nodes import slots
from adit.nodes.models import Slot
from adit.nodes.places import Busy, at, place
from tests.nodes.making import folder, server

pytestmark = pytest.mark.django_db


def held() -> int:
    return Slot.objects.exclude(holder="").count()


class TestAPlace:
    def test_is_taken_while_the_block_runs(self):
        with place(server(max_associations=2), cancel=NEVER):
            assert held() == 1
        assert held() == 0

    def test_is_given_back_when_the_block_fails(self):
        with pytest.raises(ZeroDivisionError), place(server(), cancel=NEVER):
            raise ZeroDivisionError

        assert held() == 0

    def test_of_a_server_that_is_full_is_not_to_be_had(self):
        node = server(max_associations=1)
        slots.take(node, 1, holder="other", until=Now() + timedelta(hours=1), interactive=True)

        with pytest.raises(Busy, match="all 1 places are taken"), place(node, cancel=NEVER, patience=0):
            pass

    def test_is_not_waited_for_any_longer_when_it_is_canceled(self):
        node, cancel = server(max_associations=1), CancelToken()
        slots.take(node, 1, holder="other", until=Now() + timedelta(hours=1), interactive=True)
        cancel.set("enough")

        with pytest.raises(Canceled, match="enough"), place(node, cancel=cancel):
            pass

    def test_in_a_folder_is_always_there(self, tmp_path):
        with place(folder("Shelf", tmp_path), cancel=NEVER):
            assert held() == 0


class TestWhatGoesWrongAtANode:
    def test_says_so_unless_it_was_elsewhere(self):
        with pytest.raises(NotFound, match=r"^Archive: nothing"), at(server("Archive")):
            raise NotFound("nothing")
        with pytest.raises(NotFound, match=r"^Elsewhere: nothing"), at(server("Archive 2", ae_title="TWO")):
            raise NotFound("nothing").on("Elsewhere")
