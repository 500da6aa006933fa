from django.apps import AppConfig
from django.contrib.admin import apps as admin


class WebConfig(AppConfig):
    default = True
    name = "adit.web"

    def ready(self) -> None:
        # Connects itself: who comes and goes is recorded from now on.
        from adit.web.people import comings  # noqa: F401, PLC0415  its models are there only now


class BrowsingConfig(admin.AdminConfig):
    """Django's admin with the doors of `browsing`."""

    default = False
    default_site = "adit.web.browsing.Browsing"
