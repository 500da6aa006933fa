from adit.accounts.models import User
from tests.journeys.screens import look_at


class TestTheDoor:
    def test_lets_in_with_the_right_password_only(self, visit):
        User.objects.create_user("ada", "ada@example.org", "correct horse battery")
        page = visit()
        look_at(page, "log in")

        page.get_by_label("User name or mail address").fill("ada")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        assert "not correct" in page.get_by_role("alert").inner_text()
        look_at(page, "log in refused")

        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        look_at(page, "dashboard")

    def test_lets_nobody_in_who_is_not_approved(self, visit):
        page = visit(path="/register/")
        look_at(page, "register")
        page.get_by_label("Username").fill("bob")
        page.get_by_label("Email").fill("bob@example.org")
        page.get_by_label("Password", exact=True).fill("correct horse battery")
        page.get_by_label("Password (again)").fill("correct horse battery")
        page.get_by_role("button", name="Register").click()
        page.get_by_role("heading", name="Not approved yet").wait_for()

        assert not User.objects.get(username="bob").is_active
