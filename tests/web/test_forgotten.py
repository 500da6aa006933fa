"""Whoever has forgotten a password gets a mail; and nobody learns in that way who has an account."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.core import mail as delivered
from django.test import Client

from adit.accounts.mails import send_waiting
from adit.accounts.models import Mail, User

pytestmark = pytest.mark.django_db

PAGE = "/password/forgotten/"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _mail_server(settings):
    settings.ADIT_SENDS_MAILS = True


@pytest.fixture
def ann():
    return User.objects.create_user("ann", "ann@example.org", "old-and-forgotten")


class TestAForgottenPassword:
    def test_is_replaced_by_way_of_a_mail(self, client, ann):
        client.post(PAGE, {"email": "ann@example.org"})
        assert delivered.outbox == []
        send_waiting(lambda: LATER)

        [sent] = delivered.outbox
        assert (sent.to, sent.subject) == (["ann@example.org"], "ADIT: Password Reset Email")
        [link] = re.findall(r"http://testserver(/password/forgotten/\S+)", sent.body)
        new = "a-newly-chosen-one-7"
        form = client.get(link, follow=True)
        client.post(form.request["PATH_INFO"], {"password1": new, "password2": new})

        assert Client().login(username="ann", password=new)

    def test_is_answered_alike_whether_there_is_an_account_or_not(self, client, ann):
        answers = [client.post(PAGE, {"email": email}) for email in ("ann@example.org", "nobody@example.org")]

        assert [(each.status_code, each["Location"]) for each in answers] == [(302, f"{PAGE}sent/")] * 2
        # A mail is written for both, so that one answer takes as long as the other; the sending is done elsewhere.
        waiting = {tuple(mail.recipients) for mail in Mail.objects.waiting()}
        assert waiting == {("ann@example.org",), ("nobody@example.org",)}
        assert "reset" not in Mail.objects.get(recipients=["nobody@example.org"]).body.lower()

    def test_leaves_no_link_behind(self, client, ann):
        client.post(PAGE, {"email": "ann@example.org"})
        send_waiting(lambda: LATER)

        assert Mail.objects.get().body == ""
