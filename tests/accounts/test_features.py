import pytest
from django.apps import apps
from django.contrib.auth.models import Permission

from adit.accounts.features import FEATURES

OURS = ("audit", "accounts", "nodes", "projects", "jobs")


@pytest.mark.django_db
class TestTheListOfFeatures:
    def test_holds_every_permission_that_a_model_declares(self):
        declared = {
            f"{label}.{codename}"
            for label in OURS
            for model in apps.get_app_config(label).get_models()
            for codename, _ in model._meta.permissions
        }

        assert declared == FEATURES.keys()

    def test_holds_nothing_that_cannot_be_given(self):
        rows = Permission.objects.values_list("content_type__app_label", "codename")

        assert FEATURES.keys() <= {f"{app}.{codename}" for app, codename in rows}

    def test_says_a_whole_sentence_of_each(self):
        for feature in FEATURES.values():
            assert str(feature.sentence)[0].isupper()
            assert str(feature.sentence).endswith(".")
