"""The outbox. Mails of these tests lie in memory; where they are not taken, nobody listens."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as delivered

from adit.accounts import changes, mails
from adit.accounts.models import Mail, User
from adit.accounts.verdict import Denied
from adit.audit.models import Event

pytestmark = pytest.mark.django_db

NOON = datetime(2100, 11, 24, 12, tzinfo=UTC)
"""Later than whatever the database writes."""


@pytest.fixture(autouse=True)
def _mail_server(settings):
    settings.ADIT_SENDS_MAILS = True
    settings.ADIT_ADMIN_EMAILS = ()
    settings.ADIT_PUBLIC_URL = "https://adit.example.org"


@pytest.fixture
def nobody_listens(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    with socket.socket() as reserved:
        # Bound and not listening: whoever calls is refused.
        reserved.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = reserved.getsockname()[1]
        yield


def send(now: datetime = NOON) -> int:
    return mails.send_waiting(lambda: now)


class TestTheOutbox:
    def test_keeps_a_mail_until_it_is_sent(self):
        mails.write_mail(["ann@example.org"], subject="Hello", body="There.")
        assert delivered.outbox == []

        assert send() == 1

        [sent] = delivered.outbox
        assert (sent.to, sent.bcc, sent.subject, sent.body) == (["ann@example.org"], [], "Hello", "There.")
        assert Mail.objects.get().sent_at == NOON

    def test_sends_nothing_twice(self):
        mails.write_mail(["ann@example.org"], subject="Hello", body="There.")
        send()

        assert send(NOON + timedelta(days=1)) == 0

    def test_gives_every_mail_a_name_of_its_own_that_stays(self):
        mails.write_mail(["ann@example.org"], subject="Hello", body="There.")
        send()
        Mail.objects.update(sent_at=None)
        send(NOON + timedelta(hours=1))

        first, again = (each.message()["Message-ID"] for each in delivered.outbox)
        assert first == again

    def test_takes_no_mail_that_nobody_gets(self, settings):
        assert mails.write_mail(["", ""], subject="Hello", body="There.") is None
        settings.ADIT_SENDS_MAILS = False
        assert mails.write_mail(["ann@example.org"], subject="Hello", body="There.") is None

    def test_lets_nobody_write_headers_by_a_subject(self):
        mails.write_mail(["ann@example.org"], subject="Hello\r\nBcc: eve@example.org", body="There.")

        send()

        assert delivered.outbox[0].recipients() == ["ann@example.org"]

    def test_tries_again_what_was_not_taken_with_growing_waits(self, nobody_listens):
        mails.write_mail(["ann@example.org"], subject="Hello", body="There.")
        Mail.objects.update(created_at=NOON)
        now, waited = NOON, []
        for _ in range(6):
            assert send(now) == 0
            then = Mail.objects.get().not_before
            waited.append(then - now)
            assert send(then - timedelta(seconds=1)) == 0
            assert Mail.objects.get().not_before == then
            now = then

        assert waited == [*mails.WAITS, mails.WAITS[-1]]
        stored = Mail.objects.get()
        assert (stored.attempts, stored.sent_at) == (6, None)
        assert "ConnectionRefusedError" in stored.error

    def test_gives_up_after_days(self, nobody_listens):
        mails.write_mail(["ann@example.org"], subject="Hello", body="There.")
        Mail.objects.update(created_at=NOON - mails.LONGEST)

        send()

        assert Mail.objects.get().given_up_at == NOON
        assert not Mail.objects.waiting().exists()

    def test_sends_the_others_when_one_is_not_taken(self, settings, nobody_listens):
        mails.write_mail(["ann@example.org"], subject="First", body="There.")
        send()
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        mails.write_mail(["bob@example.org"], subject="Second", body="There.")

        assert send(NOON + timedelta(seconds=1)) == 1
        assert [each.subject for each in delivered.outbox] == ["Second"]

    def test_forgets_what_was_sent_long_ago(self):
        for subject in ("Old", "New"):
            mails.write_mail(["ann@example.org"], subject=subject, body="There.")
        Mail.objects.filter(subject="Old").update(sent_at=NOON - timedelta(days=8))
        Mail.objects.filter(subject="New").update(sent_at=NOON - timedelta(days=6))

        mails.forget_old(NOON)

        assert Mail.objects.get().subject == "New"


class TestAMail:
    @pytest.fixture
    def root(self) -> User:
        return User.objects.create_user("root", "root@example.org", is_staff=True)

    def test_asks_administrators_to_look_at_a_registration(self, root, client, settings):
        User.objects.create_user("gone", "gone@example.org", is_staff=True, is_active=False)

        client.post(
            "/register/",
            {
                "username": "bob",
                "email": "bob@example.org",
                "password1": "correct horse battery",
                "password2": "correct horse battery",
            },
        )

        [mail] = Mail.objects.all()
        assert mail.recipients == ["root@example.org"]
        assert "bob" in mail.body

    def test_goes_to_the_configured_administrators_where_there_are_some(self, root, settings):
        settings.ADIT_ADMIN_EMAILS = ("desk@example.org",)

        assert mails.administrators() == ["desk@example.org"]

    def test_tells_whoever_is_approved(self, root):
        bob = User.objects.create_user("bob", "bob@example.org", is_active=False)

        changes.approve(bob, by=root)

        [mail] = Mail.objects.all()
        assert mail.recipients == ["bob@example.org"]
        assert "https://adit.example.org/" in mail.body

    def test_to_everybody_hides_who_they_are(self, root):
        User.objects.create_user("bob", "bob@example.org")
        User.objects.create_user("silent")
        User.objects.create_user("gone", "gone@example.org", is_active=False)

        assert mails.broadcast("Tonight", "ADIT stands still.", by=root) == 2
        send()

        [sent] = delivered.outbox
        assert (sent.to, sorted(sent.bcc)) == ([], ["bob@example.org", "root@example.org"])
        assert Event.objects.get(action="mail.broadcast").details == {"subject": "Tonight", "recipients": 2}

    def test_to_everybody_is_for_administrators(self):
        with pytest.raises(Denied):
            mails.broadcast("Tonight", "Party.", by=User.objects.create_user("bob"))
