"""Projects that are made and changed, with their traces."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from adit.accounts.models import User
from adit.audit.models import Event
from adit.deid.profile import Profile, find_profile
from adit.projects import changes
from adit.projects.keys import key_of
from adit.projects.models import Member, Project
from tests.nodes.making import folder
from tests.projects.making import administrator

pytestmark = pytest.mark.django_db


def added(name: str = "Stroke", profile: str = "research", **values: object) -> Project:
    return changes.add(Project(name=name, **values), by=administrator(), profile=find_profile(profile))


class TestAProject:
    def test_freezes_its_profile(self):
        made = added(profile="longitudinal")

        assert Profile.from_json(made.profile) == find_profile("longitudinal")
        assert made.profile_name == "longitudinal"

    def test_of_a_name_that_is_taken_is_refused_with_a_sentence(self):
        added()

        with pytest.raises(ValidationError, match="There is a project of this name already"):
            added("STROKE")

    def test_keeps_what_is_not_changed_its_key_above_all(self):
        made = added(purpose="Research")
        key = key_of(made)

        changed = changes.edit(made, by=administrator(), ethics_number="EK 1", destinations=[folder("B", "/data")])

        assert (changed.purpose, changed.ethics_number, key_of(changed)) == ("Research", "EK 1", key)
        assert [node.name for node in changed.destinations.all()] == ["B"]

    def test_leaves_a_trace_of_what_was_changed_but_not_of_its_key(self):
        made = added()
        changes.edit(made, by=administrator(), profile=find_profile("basic"), generates=True)

        event = Event.objects.get(action="project.changed")
        assert set(event.details["changed"]) == {"profile", "profile_name", "generates"}
        assert not any(made.secret.token in str(each.details) for each in Event.objects.all())


class TestMembers:
    def test_come_change_and_go_with_a_trace(self):
        made, anna = added(), User.objects.create_user("anna")

        changes.let_take_part(made, anna, by=administrator(), may_send=True, may_link=False)
        changes.let_take_part(made, anna, by=administrator(), may_send=False, may_link=True)
        assert Member.objects.values_list("may_send", "may_link").get() == (False, True)
        changes.take_out(made, anna, by=administrator())

        assert not Member.objects.exists()
        actions = Event.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions) == ["project.added", *["project.member_changed"] * 2, "project.member_removed"]
