"""Every address of the web application."""

from typing import Any

from allauth.account import views as account
from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from adit.web.health import health
from adit.web.home import home

_accounts = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("register/", account.signup, name="account_signup"),
    path("waiting/", account.account_inactive, name="account_inactive"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/forgotten/", account.password_reset, name="account_reset_password"),
    path("password/forgotten/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/forgotten/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/forgotten/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("health/", health, name="health"),
    *_accounts,
    path("django-admin/", admin.site.urls),
]

websocket_urlpatterns: list[Any] = []
