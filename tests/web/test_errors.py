import pytest
from django.template.loader import render_to_string
from django.test import Client

from tests.web.people import logged_in


class TestAnErrorPage:
    @pytest.mark.django_db
    def test_for_what_does_not_exist_leads_back(self):
        client, _ = logged_in()

        answer = client.get("/nothing/")

        assert answer.status_code == 404
        assert "There is nothing here for you" in answer.content.decode()
        assert 'href="/profile/"' in answer.content.decode()

    @pytest.mark.django_db
    def test_for_strangers_tells_no_more(self):
        answer = Client().get("/nothing/")

        assert answer.status_code == 404
        assert 'href="/profile/"' not in answer.content.decode()

    @pytest.mark.django_db
    def test_for_a_form_that_is_too_old_says_what_to_do(self):
        _, ann = logged_in()
        client = Client(enforce_csrf_checks=True)
        client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")

        answer = client.post("/profile/")

        assert answer.status_code == 403
        assert "Load it again" in answer.content.decode()

    @pytest.mark.django_db
    def test_says_that_something_was_tried_too_often(self):
        for number in range(21):
            answer = Client().post("/register/", {"username": f"u{number}"})

        assert answer.status_code == 429
        assert "Wait a few minutes." in answer.content.decode()

    @pytest.mark.parametrize("name", ["400", "500"])
    def test_needs_no_database_when_all_goes_wrong(self, name):
        assert "To the dashboard" in render_to_string(f"{name}.html")
