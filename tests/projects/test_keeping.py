"""The key of a project: backed up, brought back, destroyed."""

from __future__ import annotations

import json

import pytest
from cryptography.fernet import Fernet

from adit.audit.models import Event
from adit.projects.aliases import pseudonym_for
from adit.projects.keeping import BadBackup, CannotKeep, backup, destroy, restore
from adit.projects.keys import NoKey, UnreadableKey, key_of
from adit.projects.models import Alias, Project
from tests.projects.making import ANNE, administrator, project

pytestmark = pytest.mark.django_db

PASSPHRASE = "correct horse battery"


def kept(stroke: Project) -> str:
    return backup(stroke, PASSPHRASE, by=administrator())


class TestABackup:
    def test_brings_the_key_back_when_it_cannot_be_read_any_more(self, settings):
        stroke = project()
        key, text = key_of(stroke), kept(stroke)
        pseudonym = pseudonym_for(stroke, ANNE, by=administrator(), generate=True)
        settings.ADIT_SECRET_KEYS = (Fernet.generate_key().decode(),)
        with pytest.raises(UnreadableKey):
            key_of(Project.objects.get())

        restore(stroke, text, PASSPHRASE, by=administrator())

        again = Project.objects.get()
        assert key_of(again) == key
        assert pseudonym_for(again, ANNE, by=administrator()) == pseudonym

    def test_makes_a_new_project_pseudonymise_as_the_old_one(self):
        old, new = project("Old"), project("New")

        restore(new, kept(old), PASSPHRASE, by=administrator())

        assert key_of(Project.objects.get(name="New")) == key_of(old)

    def test_shows_neither_key_nor_passphrase(self):
        stroke = project()

        text = kept(stroke)

        assert key_of(stroke).hex() not in text
        assert PASSPHRASE not in text
        assert kept(stroke) != text

    def test_is_audited_like_its_return(self):
        stroke = project()

        restore(stroke, kept(stroke), PASSPHRASE, by=administrator())

        actions = list(Event.objects.order_by("pk").values_list("action", flat=True))
        assert actions[-2:] == ["project.key_backed_up", "project.key_restored"]

    def test_opens_with_its_passphrase_only(self):
        stroke = project()

        with pytest.raises(BadBackup, match="passphrase does not open"):
            restore(stroke, kept(stroke), "something else", by=administrator())

    @pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"adit": 1, "version": 1, "project": "x"}'])
    def test_that_is_none_is_refused(self, damage):
        with pytest.raises(BadBackup):
            restore(project(), damage, PASSPHRASE, by=administrator())

    def test_that_was_changed_is_refused(self):
        stroke = project()
        told = json.loads(kept(stroke)) | {"project": "Other"}

        with pytest.raises(BadBackup, match="damaged"):
            restore(stroke, json.dumps(told), PASSPHRASE, by=administrator())

    def test_of_another_key_does_not_replace_one_that_is_in_use(self):
        old, new = project("Old"), project("New")
        pseudonym_for(new, ANNE, "P-01", by=administrator())

        with pytest.raises(CannotKeep, match="another key"):
            restore(new, kept(old), PASSPHRASE, by=administrator())

    def test_of_another_key_does_not_replace_one_that_cannot_be_read(self, settings):
        old, new = project("Old"), project("New")
        text = kept(old)
        settings.ADIT_SECRET_KEYS = (Fernet.generate_key().decode(),)

        with pytest.raises(CannotKeep, match="another key"):
            restore(new, text, PASSPHRASE, by=administrator())

    def test_wants_a_passphrase_worth_the_name(self):
        with pytest.raises(CannotKeep, match="at least 8"):
            backup(project(), "short", by=administrator())


class TestAKeyThatIsDestroyed:
    def test_is_gone_with_whoever_was_behind_its_pseudonyms(self):
        stroke = project()
        pseudonym_for(stroke, ANNE, "P-01", by=administrator())

        assert destroy(stroke, by=administrator()) == 1

        gone = Project.objects.get()
        with pytest.raises(NoKey, match="was destroyed"):
            key_of(gone)
        assert not Alias.objects.exists()
        assert Event.objects.filter(action="project.key_destroyed").count() == 1

    def test_does_not_come_back(self):
        stroke = project()
        text = kept(stroke)
        destroy(stroke, by=administrator())

        with pytest.raises(CannotKeep, match="cannot be taken back"):
            restore(stroke, text, PASSPHRASE, by=administrator())
        with pytest.raises(CannotKeep, match="destroyed before"):
            destroy(stroke, by=administrator())
        with pytest.raises(NoKey):
            pseudonym_for(Project.objects.get(), ANNE, "P-01", by=administrator())
