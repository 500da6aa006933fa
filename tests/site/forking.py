"""A process that has imported what every command imports, and forks itself for each command.

Starting an interpreter and importing is nine tenths of what a command costs. Each command still is
a process of its own, with an environment, standard streams and an end of its own, in which nothing
is set up: what is imported here reads neither the environment nor settings.

`run()` is the tests' side of it; started as a script, this file is the other one.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import NoReturn

IMPORTED = (
    *("adit.site.cli.output", "adit.site.supervise", "adit.deid", "adit.endpoints.server", "adit.endpoints.folder"),
    *("adit.endpoints.retrying", "adit.endpoints.web", "adit.transfer.runners", "adit.transfer.events"),
    *("django.apps", "django.conf", "django.core.management", "django.db", "django.db.backends.postgresql.base"),
    *("django.contrib.auth.hashers", "django.contrib.auth.password_validation", "django.contrib.messages.api"),
    *("django.contrib.postgres.fields", "django.contrib.postgres.indexes", "django.contrib.sessions.backends.base"),
    *("django.core.mail", "django.core.signing", "django.db.migrations.executor", "django.forms", "django.http"),
    *("django.middleware.csrf", "django.shortcuts", "django.template", "django.test.signals", "django.urls"),
    *("django.utils.translation", "django.views.decorators.csrf", "django.views.i18n"),
    *("allauth", "channels", "cryptography.fernet", "cryptography.hazmat.primitives.ciphers.aead"),
    *("cryptography.hazmat.primitives.kdf.hkdf", "cryptography.hazmat.primitives.kdf.scrypt", "dateutil.rrule"),
    *("dcm2niix", "dj_email_url", "django_htmx", "httpx", "openpyxl", "procrastinate", "psycopg_pool"),
    *("rich.console", "rich.table", "sqlparse", "structlog", "tenacity", "typer._adapters", "typer.main", "yaml"),
)


def run(arguments: Sequence[str], environment: dict[str, str], *, limit: float) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run` of `python -P -m adit.site` with *arguments* would return.

    Raises:
        TimeoutExpired: After *limit* seconds. The command is killed.
    """
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection,
    ):
        connection.settimeout(limit)
        connection.connect(_forks())
        request = json.dumps([list(arguments), environment]).encode()
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], [out.fileno(), err.fileno()])
        connection.sendall(request)
        with connection.makefile() as answers:
            pid = int(answers.readline())
            try:
                code = int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), limit) from None
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(list(arguments), code, *said)


@cache
def _forks() -> bytes:
    """The address of this test process's own. It ends when this process does, because its standard input then does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind("")  # A free one of the abstract names, unix(7).
        listening.listen()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ADIT_", "DJANGO_"))}
        _started.append(
            subprocess.Popen(
                [sys.executable, "-P", __file__, str(listening.fileno())],
                stdin=subprocess.PIPE,
                env=environment,
                pass_fds=[listening.fileno()],
            )
        )
        return bytes(listening.getsockname())


_started: list[subprocess.Popen[bytes]] = []


def _serve(listening: socket.socket) -> NoReturn:
    """Fork for each connection, until standard input ends."""
    for module in IMPORTED:
        import_module(module)
    if _settings_were_read():
        sys.exit("an imported module has read the environment or the settings, which are those of nobody here")
    gc.collect()
    gc.freeze()
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            sys.exit()
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(connection)
        connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _settings_were_read() -> bool:
    return (
        bool(import_module("adit.site.env").config.cache_info().currsize)
        or import_module("django.conf").settings.configured
    )


def _answer(connection: socket.socket) -> NoReturn:
    """Run what is asked for in a child, and say how it ended."""
    length, streams, _, _ = socket.recv_fds(connection, 4, 2)
    with connection.makefile("rb") as requests:
        arguments, environment = json.loads(requests.read(int.from_bytes(length, "big")))
    if child := os.fork():
        connection.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    connection.close()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((nothing, *streams)):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    main: Callable[[list[str]], int] = import_module("adit.site.cli").main
    sys.exit(main(arguments))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
