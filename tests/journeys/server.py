"""The web application of this test process, served to a browser."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.peers.process import HOST


@contextmanager
def served() -> Iterator[str]:
    """Run it on a thread while the block runs; its address."""
    from adit.site.asgi import application  # noqa: PLC0415  not before the settings are read

    with socket.create_server((HOST, 0)) as listening:
        config = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the web server ended"
            assert time.monotonic() < deadline, "the web server does not start"
            time.sleep(0.01)
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(20)
            assert not thread.is_alive()
