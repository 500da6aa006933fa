"""Thousands of rows written at once, in the columns of the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError

from adit.accounts.models import User
from adit.audit.many import AT_ONCE, insert_all, update_all
from adit.audit.models import Event
from adit.audit.record import event

pytestmark = pytest.mark.django_db


def events(count: int) -> list[Event]:
    details = {"näme": 'O\'Neill\\^\n"x"', "none": None, "deep": {"list": [1, 2.5, True]}}
    return [
        event("study.transferred", by="ann", nodes=["A", "B,{}"], job=number, address="10.0.0.1", details=details)
        for number in range(count)
    ]


class TestInserting:
    def test_writes_what_a_row_alone_would(self):
        together, alone = events(1)[0], events(1)[0]
        insert_all([together])
        alone.save(force_insert=True)

        read = Event.objects.in_bulk()
        names = [field.attname for field in Event._meta.concrete_fields if field.attname not in ("id", "time")]
        assert [getattr(read[together.pk], name) for name in names] == [getattr(read[alone.pk], name) for name in names]

    def test_gives_ids_in_order_across_statements(self):
        rows = events(AT_ONCE + 1)
        insert_all(iter(rows))

        assert [row.pk for row in rows] == sorted(row.pk for row in rows)
        assert list(Event.objects.order_by("pk").values_list("job", flat=True)) == list(range(AT_ONCE + 1))

    def test_does_nothing_with_nothing(self):
        insert_all([])
        update_all([], ["action"])

        assert not Event.objects.exists()

    def test_keeps_times_to_the_microsecond(self):
        at = datetime(2026, 11, 24, 18, 0, 0, 123456, tzinfo=UTC)
        insert_all([User(username="ann", last_login=at)])

        assert User.objects.get().last_login == at

    def test_writes_all_or_none(self):
        with pytest.raises(IntegrityError):
            insert_all([User(username="ann"), User(username="ann")])

    def test_leaves_out_what_is_there(self):
        insert_all([User(username="ann")])
        insert_all([User(username="ann", first_name="other"), User(username="bob")], ignore_conflicts=True)

        assert sorted(User.objects.values_list("username", "first_name")) == [("ann", ""), ("bob", "")]


class TestUpdating:
    def test_writes_the_named_fields_of_each(self):
        insert_all([User(username="ann"), User(username="bob")])
        ann, bob = User.objects.order_by("username")
        ann.first_name, ann.last_name, bob.first_name = "Ann", "left out", "Bob"

        update_all([ann, bob], ["first_name"])

        assert sorted(User.objects.values_list("first_name", "last_name")) == [("Ann", ""), ("Bob", "")]
