from itertools import product

import pytest
from django.contrib.auth.models import Group

from adit.accounts.effective import effective_features
from adit.accounts.features import FEATURES
from adit.accounts.granting import give
from adit.accounts.models import User
from adit.accounts.permitting import has_permission

pytestmark = pytest.mark.django_db

SEND = "jobs.can_transfer_selectively"


def answer(user, group, name=SEND):
    found = [each for _, answers in effective_features(user, group) for each in answers if each.feature.name == name]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def anna():
    return User.objects.create_user("anna")


@pytest.fixture
def neuro(anna):
    group = Group.objects.create(name="neuro")
    anna.groups.add(group)
    return group


class TestEffectiveAccess:
    def test_says_why_somebody_may(self, anna, neuro):
        give(neuro.permissions, [SEND])
        assert answer(anna, neuro).why == "The active group neuro has the permission."
        give(anna.user_permissions, [SEND])
        assert answer(anna, neuro).why == "The account itself has the permission."
        anna.is_superuser = True
        assert answer(anna, neuro).why == "A superuser may do everything."

    def test_says_why_somebody_may_not(self, anna, neuro):
        assert answer(anna, neuro).why == "Neither the account nor the group neuro has the permission."
        assert answer(anna, None).why == "The account does not have the permission, and no group is active."
        give(neuro.permissions, [SEND])
        assert answer(anna, None).why == "Only in the name of another group: neuro."
        anna.is_active = False
        assert answer(anna, neuro).why == "The account is not active."

    def test_is_what_the_rule_says_in_every_case(self, neuro):
        other = Group.objects.create(name="other")
        for number, (own, by_group, by_other, group, member) in enumerate(
            product((True, False), (True, False), (True, False), range(3), (True, False))
        ):
            user = User.objects.create(username=f"u{number}", is_active=number != 1, is_superuser=number == 2)
            user.groups.set([neuro, other] if member else [other])
            give(user.user_permissions, [SEND] if own else [])
            give(neuro.permissions, [SEND] if by_group else [])
            give(other.permissions, [SEND] if by_other else [])
            acting = (neuro, other, None)[group]

            assert answer(user, acting).allowed == has_permission(user, acting, SEND), (number, acting)

    def test_covers_every_feature(self, anna):
        names = [each.feature.name for _, answers in effective_features(anna, None) for each in answers]

        assert sorted(names) == sorted(FEATURES)
