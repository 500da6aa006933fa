"""The ASGI application: pages, and the WebSockets that keep them moving."""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adit.site.settings")
pages = get_asgi_application()

# Only now is Django ready for what these import.
from adit.site.urls import websocket_urlpatterns  # noqa: E402
from adit.web.doors.websockets import Doors, nowhere  # noqa: E402

# Django's types know views only.
nothing: Any = nowhere
sockets = Doors(URLRouter([*websocket_urlpatterns, re_path("", nothing)]))

application = ProtocolTypeRouter(
    {
        "http": pages,
        # A page of another site may open a WebSocket here with our cookies; it is turned away.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets)),
    }
)
