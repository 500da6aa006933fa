from datetime import UTC, datetime, timedelta

import pytest
from django.core import serializers
from django.db import IntegrityError, transaction

from adit.accounts.models import User, local_administrator
from adit.nodes.secrets import rotate
from adit.projects.keys import key_of
from adit.projects.models import Member, Project
from tests.nodes.making import folder

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def project(name="Stroke", **values):
    return Project.objects.create(name=name, purpose="Research", **values)


class TestAProject:
    def test_gets_a_key_of_its_own_of_32_bytes(self):
        stroke, glioma = project("Stroke"), project("Glioma")

        assert len(key_of(stroke)) == 32
        assert key_of(stroke) != key_of(glioma)

    def test_keeps_its_key_when_saved_and_when_keys_are_rotated(self):
        key = key_of(project())
        stroke = Project.objects.get()
        stroke.purpose = "Trial"
        stroke.save()
        rotate()

        assert key_of(Project.objects.get()) == key

    def test_cannot_lose_its_key(self):
        with pytest.raises(IntegrityError, match="project_has_a_key"), transaction.atomic():
            Project.objects.filter(pk=project().pk).update(secret=None)

    def test_never_shows_its_key(self):
        stroke = project()

        shown = f"{stroke!r}{stroke}{vars(stroke)}{serializers.serialize('json', [stroke])}"

        assert key_of(stroke).hex() not in shown
        assert stroke.secret.token not in shown

    def test_has_a_name_that_is_unique_whatever_its_capitals(self):
        project("Stroke")

        with pytest.raises(IntegrityError, match="project_name_is_unique"), transaction.atomic():
            project("STROKE")

    def test_sends_anywhere_until_destinations_are_named(self):
        stroke, here, there = project(), folder("here", "/data/here"), folder("there", "/data/there")
        assert stroke.allows(here)

        stroke.destinations.add(there)

        assert stroke.allows(there)
        assert not stroke.allows(here)


class TestProjects:
    def test_are_current_until_they_expire(self):
        project("open")
        project("later", expires_at=NOW + timedelta(days=1))
        project("over", expires_at=NOW)

        assert {p.name for p in Project.objects.current(NOW)} == {"open", "later"}

    def test_are_seen_by_their_members_and_by_staff(self):
        stroke = project("Stroke")
        project("Glioma")
        anna = User.objects.create_user("anna")
        Member.objects.create(project=stroke, user=anna, may_send=False)

        assert [p.name for p in Project.objects.visible_to(anna)] == ["Stroke"]
        assert Project.objects.visible_to(User.objects.create_user("chief", is_staff=True)).count() == 2

    def test_are_sent_for_by_members_who_may(self):
        stroke, glioma, over = project("Stroke"), project("Glioma"), project("Over", expires_at=NOW)
        anna = User.objects.create_user("anna")
        for each, may_send in ((stroke, True), (glioma, False), (over, True)):
            Member.objects.create(project=each, user=anna, may_send=may_send)

        assert [p.name for p in Project.objects.sendable_by(anna, NOW)] == ["Stroke"]
        assert Project.objects.sendable_by(local_administrator("root"), NOW).count() == 2
        anna.is_active = False
        assert not Project.objects.sendable_by(anna, NOW).exists()

    def test_have_each_member_once(self):
        stroke, anna = project(), User.objects.create_user("anna")
        Member.objects.create(project=stroke, user=anna)

        with pytest.raises(IntegrityError, match="one_membership_per_project"), transaction.atomic():
            Member.objects.create(project=stroke, user=anna)
