"""Rendering a part of a page for whoever looks, as the page itself would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string


def fragment(request: HttpRequest, template: str, context: Mapping[str, Any]) -> str:
    """*template*, such as `jobs/one.html#head`, rendered without what stands around a page."""
    token = request.META.get("CSRF_TOKEN_SHOWN") or get_token(request)
    return render_to_string(template, {**context, "request": request, "user": request.user, "csrf_token": token})
