"""Every address of the web application."""

from django.urls import path

from adit.web.health import health
from adit.web.home import home

urlpatterns = [
    path("", home, name="home"),
    path("health/", health, name="health"),
]
