import os
import subprocess
import sys

import pytest

from tests.web.people import logged_in


def run(code, **environment):
    """What *code* prints in a process of its own, with these variables set."""
    command = [sys.executable, "-c", f"import django; django.setup()\nfrom django.conf import settings\n{code}"]
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "adit.site.settings", **environment}
    return subprocess.run(command, env=variables, check=True, capture_output=True, text=True, timeout=60).stdout


HTTPS = {"ADIT_PUBLIC_URL": "https://adit.example.org"}


class TestASiteWithTls:
    def test_passes_the_checks_of_django_for_deployment(self):
        code = (
            "from django.core.management import call_command\ncall_command('check', deploy=True, fail_level='WARNING')"
        )

        assert "no issues" in run(code, **HTTPS)

    def test_sends_cookies_by_tls_only_and_tells_browsers_so(self):
        code = "print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS)"

        assert run(code, **HTTPS).split() == ["True", "True", "31536000"]
        assert run(code).split() == ["False", "False", "0"]

    def test_turns_plain_requests_away_where_the_proxy_tells_of_them(self):
        code = (
            "from django.test import Client\n"
            "ask = lambda path, **extra: Client().get(path, HTTP_HOST='adit.example.org', **extra).status_code\n"
            "print(ask('/nothing/'), ask('/nothing/', HTTP_X_FORWARDED_PROTO='https'))"
        )

        assert run(code, **HTTPS, ADIT_BEHIND_PROXY="true").split() == ["301", "404"]


@pytest.mark.django_db
class TestEveryPage:
    @pytest.mark.parametrize("path", ["/login/", "/register/", "/password/forgotten/", "/profile/", "/nothing/"])
    def test_lets_only_its_own_scripts_and_styles_in(self, path):
        client, _ = logged_in()

        policy = client.get(path)["Content-Security-Policy"]

        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy

    def test_is_framed_by_nobody_and_leaks_no_address(self):
        client, _ = logged_in()

        answer = client.get("/profile/")

        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"

    def test_keeps_its_session_from_scripts_and_other_sites(self, client):
        from adit.accounts.models import User  # noqa: PLC0415  not before the settings are read

        User.objects.create_user("ann", password="correct horse battery")
        client.post("/login/", {"login": "ann", "password": "correct horse battery"})

        cookie = client.cookies["sessionid"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"

    def test_needs_a_token_for_changes(self):
        from django.test import Client  # noqa: PLC0415  not before the settings are read

        _, ann = logged_in()
        client = Client(enforce_csrf_checks=True)
        client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")

        assert client.post("/profile/", {"email": "eve@example.org"}).status_code == 403


@pytest.mark.django_db
class TestDjangosAdmin:
    def test_shows_tables_to_superusers_without_secrets_and_lets_them_change_nothing(self):
        from tests.nodes.making import server  # noqa: PLC0415

        node = server("PACS", dicomweb_url="https://pacs.example.org", authorization="Bearer secret-of-the-pacs")
        client, chief = logged_in("chief", is_staff=True, is_superuser=True)

        for path in ("", "accounts/user/", f"accounts/user/{chief.pk}/change/", f"nodes/node/{node.pk}/change/"):
            answer = client.get(f"/django-admin/{path}")
            assert answer.status_code == 200
            assert "secret-of-the-pacs" not in answer.content.decode()
        assert client.get("/django-admin/nodes/node/add/").status_code == 403
        assert client.post(f"/django-admin/accounts/user/{chief.pk}/change/", {"username": "x"}).status_code == 403
        assert client.post(f"/django-admin/nodes/node/{node.pk}/delete/", {"post": "yes"}).status_code == 403

    def test_holds_no_table_that_tells_about_patients(self):
        from django.contrib import admin  # noqa: PLC0415

        shown = {model._meta.label for model in admin.site._registry}

        assert not shown & {"jobs.Task", "jobs.Entry", "audit.Event", "projects.Alias", "jobs.IssuedReceipt"}
        assert "accounts.User" in shown

    def test_does_not_exist_for_administrators(self):
        client, _ = logged_in("admin", is_staff=True)

        assert client.get("/django-admin/", follow=True).status_code == 404
        assert client.get("/django-admin/accounts/user/", follow=True).status_code == 404

    def test_has_no_log_in_of_its_own(self, client):
        assert client.get("/django-admin/", follow=True).redirect_chain[-1][0].startswith("/login/")
        assert client.post("/django-admin/login/", {"username": "a", "password": "b"}).status_code in (302, 403)


@pytest.mark.django_db
class TestTheLogInByOneClick:
    def test_is_there_in_the_demo_only_and_for_its_people_only(self, client, settings):
        from adit.accounts.models import User  # noqa: PLC0415
        from adit.audit.models import Event  # noqa: PLC0415
        from adit.site.demo.cast import OFFICER, PEOPLE  # noqa: PLC0415

        User.objects.create_user(OFFICER.username)
        User.objects.create_user("chief", is_superuser=True)
        path = f"/demo/login/{OFFICER.username}/"

        assert client.post(path).status_code == 404
        settings.ADIT_DEMO_PEOPLE = PEOPLE
        assert client.post(path).status_code == 404
        settings.ADIT_DEMO = True
        assert client.post("/demo/login/chief/").status_code == 404
        assert client.get(path).status_code == 405
        assert "Ruth Lindner" in client.get("/login/").content.decode()
        assert client.post(path)["Location"] == "/"
        assert client.get("/profile/").status_code == 200
        assert Event.objects.get(action="account.logged_in").actor == OFFICER.username
