"""Words that the site approves: who may, and which profiles have them."""

from __future__ import annotations

import pytest

from adit.accounts.models import User
from adit.accounts.verdict import Denied
from adit.audit.models import Event
from adit.deid.profile import Profile, find_profile
from adit.projects import changes
from adit.projects.approving import MOST, CannotApprove, approve, approved_words, newest_for, site_profile, withdraw
from adit.projects.models import ApprovedWord, Project
from tests.projects.making import administrator, member

pytestmark = pytest.mark.django_db


def added(name: str = "Stroke", profile: str = "research") -> Project:
    return changes.add(Project(name=name), by=administrator(), profile=find_profile(profile))


class TestApproving:
    def test_is_for_administrators_and_leaves_a_trace(self):
        stroke = added()
        with pytest.raises(Denied, match="Only an administrator may approve words"):
            approve(["kolibri"], by=member(stroke, may_link=True))

        assert approve(["Kolibri", "falke", "KOLIBRI"], by=User.objects.create_user("root", is_staff=True)) == [
            "falke",
            "kolibri",
        ]

        assert approved_words() == {"falke", "kolibri"}
        assert set(ApprovedWord.objects.values_list("approved_by", flat=True)) == {"root"}
        assert Event.objects.get(action="word.approved").details == {"words": ["falke", "kolibri"]}

    def test_of_what_is_approved_changes_nothing(self):
        approve(["kolibri"], by=administrator())

        assert approve(["Kolibri"], by=administrator()) == []
        assert Event.objects.filter(action="word.approved").count() == 1

    @pytest.mark.parametrize(
        ("words", "why"),
        [([], "at least one"), (["ok", "4711"], "'4711' is not one word"), (["a" * 65], "longer than")],
    )
    def test_is_refused_as_a_whole(self, words, why):
        with pytest.raises(CannotApprove, match=why):
            approve(words, by=administrator())

        assert not ApprovedWord.objects.exists()

    def test_has_an_end(self):
        ApprovedWord.objects.bulk_create(ApprovedWord(word=f"word{n}", approved_by="x") for n in range(MOST))

        with pytest.raises(CannotApprove, match="No more than"):
            approve(["kolibri"], by=administrator())

    def test_can_be_taken_back_and_given_again(self):
        approve(["kolibri", "falke"], by=administrator())

        assert withdraw(["Kolibri", "never"], by=administrator()) == ["kolibri"]
        assert approved_words() == {"falke"}
        assert Event.objects.get(action="word.withdrawn").details == {"words": ["kolibri"]}
        assert approve(["kolibri"], by=administrator()) == ["kolibri"]
        assert approved_words() == {"falke", "kolibri"}


class TestProfiles:
    def test_of_the_site_have_the_words(self):
        assert site_profile("basic") == find_profile("basic")
        approve(["kolibri"], by=administrator())

        assert site_profile("basic").approved == {"kolibri"}
        with pytest.raises(ValueError, match="there is no profile 'nonsense'"):
            site_profile("nonsense")

    def test_of_projects_that_are_made_or_given_one_later_have_them(self):
        before = added("Before")
        approve(["kolibri"], by=administrator())

        assert Profile.from_json(added("After").profile).approved == {"kolibri"}
        assert Profile.from_json(Project.objects.get(name="Before").profile).approved == frozenset()
        changed = changes.edit(before, by=administrator(), profile=find_profile("basic"))
        assert Profile.from_json(changed.profile).approved == {"kolibri"}


class TestTheNewestVersion:
    def test_is_taken_by_a_project_when_somebody_says_so(self):
        stroke = added()
        assert newest_for(stroke) == Profile.from_json(stroke.profile)
        approve(["kolibri", "falke"], by=administrator())

        changed = changes.take_newest(stroke, by=administrator())
        withdraw(["falke"], by=administrator())
        again = changes.take_newest(stroke, by=administrator())

        assert Profile.from_json(changed.profile).approved == {"kolibri", "falke"}
        assert Profile.from_json(again.profile).approved == {"kolibri"}
        details = Event.objects.filter(action="project.changed").earliest("pk").details
        assert details["changed"] == {"profile": [["research", "1"], ["research", changed.profile["version"]]]}

    def test_is_not_taken_where_there_is_none(self):
        with pytest.raises(changes.CannotTake, match="has the newest version"):
            changes.take_newest(added(), by=administrator())

    def test_is_for_those_who_may_change_projects(self):
        stroke = added()
        approve(["kolibri"], by=administrator())

        with pytest.raises(Denied):
            changes.take_newest(stroke, by=member(stroke))

    def test_that_does_something_else_to_dates_is_refused(self):
        stroke = added()
        # As an earlier release may have shipped it.
        earlier = find_profile("longitudinal").to_json() | {"name": "research", "version": "0"}
        Project.objects.update(profile=earlier)

        with pytest.raises(changes.CannotTake, match="dates"):
            changes.take_newest(stroke, by=administrator())

        assert Project.objects.get().profile == earlier
