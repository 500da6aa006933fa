"""The page of mails."""

from __future__ import annotations

import pytest

from adit.accounts.mails import write_mail
from adit.accounts.models import Mail, User
from tests.web.people import client_of

pytestmark = pytest.mark.django_db

PAGE = "/administration/mails/"


@pytest.fixture(autouse=True)
def _mail_server(settings):
    settings.ADIT_SENDS_MAILS = True


@pytest.fixture
def staff():
    return client_of(User.objects.create_user("root", "root@example.org", is_staff=True))


class TestThePageOfMails:
    def test_is_for_administrators(self):
        assert client_of(User.objects.create_user("bob")).get(PAGE).status_code == 404

    def test_shows_what_waits_and_why(self, staff):
        write_mail(["ann@example.org"], subject="Hello", body="There.")
        Mail.objects.update(error="ConnectionRefusedError")

        shown = staff.get(PAGE).content.decode()

        assert "1 mail waits" in shown
        assert "Hello" in shown
        assert "ConnectionRefusedError" in shown

    def test_writes_to_everybody(self, staff):
        User.objects.create_user("ann", "ann@example.org")

        response = staff.post(PAGE, {"subject": "Tonight", "body": "ADIT stands still."}, follow=True)

        assert "2 people get it." in response.content.decode()
        mail = Mail.objects.get()
        assert (mail.recipients, mail.hidden) == (["ann@example.org", "root@example.org"], True)

    def test_says_when_nobody_is_told_anything(self, staff, settings):
        settings.ADIT_SENDS_MAILS = False

        assert "no mail server" in staff.get(PAGE).content.decode()

    def test_keeps_what_was_written_when_something_is_missing(self, staff):
        response = staff.post(PAGE, {"subject": "", "body": "ADIT stands still."})

        assert "ADIT stands still." in response.content.decode()
        assert not Mail.objects.exists()
