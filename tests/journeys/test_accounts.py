from django.contrib.auth.models import Group

from adit.accounts.models import User, local_administrator
from adit.nodes.models import Access
from adit.site.demo.cast import PEOPLE
from adit.site.demo.people import let_them_work
from adit.site.demo.processes import DEMO_PACS
from tests.journeys.screens import look_at
from tests.nodes.making import folder, server

PASSWORD = "correct horse battery"


def boss():
    return User.objects.create_user("boss", "boss@example.org", PASSWORD, is_staff=True, is_superuser=True)


class TestANewColleague:
    def test_registers_is_approved_and_put_into_a_group(self, visit):
        page = visit(path="/register/")
        page.get_by_label("Username").fill("bob")
        page.get_by_label("Email").fill("bob@example.org")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password (again)").fill(PASSWORD)
        page.get_by_role("button", name="Register").click()
        page.get_by_role("heading", name="Not approved yet").wait_for()

        office = visit(boss(), "/administration/groups/")
        look_at(office, "groups empty")
        office.get_by_label("Name of a new group").fill("Neuroradiology")
        office.get_by_role("button", name="Make a group").click()
        office.get_by_label("Search and send").check()
        office.get_by_label("bob").check()
        office.get_by_role("button", name="Save").click()
        assert "Saved." in office.get_by_role("alert").inner_text()
        look_at(office, "group")

        office.goto("/administration/")
        look_at(office, "administration")
        office.get_by_role("link", name="bob").click()
        look_at(office, "user waiting")
        office.get_by_role("button", name="Approve").click()
        office.get_by_role("button", name="Deactivate").wait_for()

        page.goto("/login/")
        page.get_by_label("User name or mail address").fill("bob")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        assert page.get_by_role("button", name="bob · Neuroradiology").is_visible()

        office.on("dialog", lambda dialog: dialog.accept())
        office.get_by_role("button", name="Deactivate").click()
        office.get_by_text("cannot log in any more").wait_for()
        look_at(office, "user deactivated")
        office.get_by_role("link", name="Users").click()
        look_at(office, "users")
        page.reload()
        page.get_by_role("heading", name="Log in").wait_for()


class TestOneself:
    def test_sees_what_one_may_do_and_why_and_changes_the_active_group(self, visit):
        ann = User.objects.create_user("ann", "ann@example.org", PASSWORD, first_name="Ann")
        for name in ("Cardiology", "Neuroradiology"):
            ann.groups.add(Group.objects.create(name=name))
        ann.active_group = ann.groups.get(name="Cardiology")
        ann.save()
        Access.objects.create(node=server("PACS"), group=ann.active_group, source=True)
        Access.objects.create(node=folder("Share", "/data"), user=ann, destination=True)
        page = visit(ann, "/profile/")
        look_at(page, "profile")
        page.get_by_label("Time zone").select_option("Europe/Berlin")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()

        page.get_by_role("button", name="Act in the group Neuroradiology").click()
        page.get_by_text("You act in the group Neuroradiology now.").wait_for()
        page.get_by_role("link", name="What I may do, and why").click()
        page.get_by_text("Only in the name of another group: Cardiology.").wait_for()
        look_at(page, "effective access")
        ann.refresh_from_db()
        assert ann.time_zone == "Europe/Berlin"

    def test_logs_out_everywhere(self, visit):
        ann = User.objects.create_user("ann", "ann@example.org", PASSWORD)
        elsewhere, here = visit(ann, "/"), visit(ann, "/profile/sessions/")
        assert here.get_by_role("button", name="Log out at").count() == 1
        look_at(here, "sessions")

        here.get_by_role("button", name="Log out everywhere").click()

        here.get_by_text("You are logged out everywhere.").wait_for()
        elsewhere.reload()
        elsewhere.get_by_role("heading", name="Log in").wait_for()


class TestAdministrators:
    def test_lock_kinds_announce_and_maintain(self, visit):
        office = visit(boss(), "/administration/kinds/")
        selective = office.locator("form.card").filter(has_text="Selective transfer")
        selective.get_by_label("Suspended, because").fill("The archive moves house")
        selective.get_by_role("button", name="Save").click()
        office.get_by_text("Saved.").wait_for()
        look_at(office, "kinds")

        office.goto("/administration/notices/")
        office.get_by_label("Announcement").fill("On Friday the research PACS moves.")
        office.get_by_role("button", name="Save").click()
        office.get_by_role("status").get_by_text("On Friday the research PACS moves.").wait_for()
        office.get_by_label("Why").fill("New disks")
        office.get_by_label("Expected to end").fill("2030-01-01T18:00")
        look_at(office, "notices")
        office.get_by_role("button", name="Begin maintenance").click()
        office.get_by_text("Only administrators work now.").wait_for()
        look_at(office, "maintenance begun")

        page = visit(User.objects.create_user("ann", "ann@example.org", PASSWORD))
        page.get_by_role("heading", name="ADIT is being maintained").wait_for()
        assert "2030-01-01 18:00" in page.inner_text("main")
        look_at(page, "maintenance")

        office.get_by_role("button", name="Let everybody work again").click()
        page.goto("/")
        page.get_by_role("heading", name="Dashboard").wait_for()


class TestTheDemo:
    def test_lets_one_be_somebody_by_one_click(self, visit, settings):
        for pacs in DEMO_PACS:
            server(pacs.name, ae_title=pacs.ae_title)
        let_them_work(by=local_administrator("tester"))
        settings.ADIT_DEMO, settings.ADIT_DEMO_PEOPLE = True, PEOPLE
        page = visit(path="/login/")
        look_at(page, "log in of the demo")

        page.get_by_role("button", name="Mira Sommer").click()
        page.get_by_role("heading", name="Dashboard").wait_for()
        page.get_by_role("button", name="mira · Doctoral students").click()
        page.get_by_role("link", name="What I may do").click()
        page.get_by_text("Access as source was given to the group Doctoral students.").wait_for()
        look_at(page, "effective access of a student")


class TestAPageThatDoesNotExist:
    def test_leads_back(self, visit):
        page = visit(User.objects.create_user("ann"), "/nothing/")
        look_at(page, "not found")

        page.get_by_role("link", name="To the dashboard").click()
        page.get_by_role("heading", name="Dashboard").wait_for()
