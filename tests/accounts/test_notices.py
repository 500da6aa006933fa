from datetime import UTC, datetime

import pytest

from adit.accounts.models import User
from adit.accounts.notices import announce, begin_maintenance, end_maintenance, may_work, notice
from adit.audit.models import Event

pytestmark = pytest.mark.django_db

UNTIL = datetime(2030, 1, 1, 18, tzinfo=UTC)


@pytest.fixture
def admin():
    return User.objects.create_user("admin", is_staff=True)


class TestAnAnnouncement:
    def test_stands_until_it_is_emptied(self, admin):
        assert notice().announcement == ""
        announce(" Tomorrow cake. ", by=admin)
        assert notice().announcement == "Tomorrow cake."
        announce("", by=admin)
        assert notice().announcement == ""
        assert Event.objects.filter(action="announcement.changed").count() == 2


class TestMaintenance:
    def test_lets_administrators_work_and_says_to_others_why_and_until_when(self, admin):
        anna = User.objects.create_user("anna")
        announce("Cake.", by=admin)
        begin_maintenance("New disks.", by=admin, until=UNTIL)

        assert may_work(admin, notice())
        assert may_work(anna, notice()).reason == "ADIT is being maintained until 2030-01-01 18:00 UTC: New disks."

        end_maintenance(by=admin)
        assert may_work(anna, notice())
        assert notice().announcement == "Cake."
        assert Event.objects.filter(action__startswith="maintenance.").count() == 2

    def test_has_a_reason(self, admin):
        with pytest.raises(ValueError, match="reason"):
            begin_maintenance(" ", by=admin)
