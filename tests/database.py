"""A pytest plugin (`-p tests.database`): one embedded PostgreSQL for the whole test session.

It runs before pytest-django reads the settings, is shared by the workers of pytest-xdist (they
inherit the environment), and ends with the session: by PDEATHSIG when that is killed.
Everything lies in a directory of its own, which the next session removes if this one cannot.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from adit.site.children import bind_to_parent
from adit.site.database import Cluster

_ROOM = Path(tempfile.gettempdir()) / f"adit-tests-{os.geteuid()}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    if "ADIT_TEST_HOME" not in os.environ:
        home = _fresh_home()
        # Tests decide what they need; nothing of the person who runs them gets in.
        for name in [name for name in os.environ if name.startswith("ADIT_")]:
            del os.environ[name]
        os.environ |= {"ADIT_TEST_HOME": str(home), "ADIT_HOME": str(home)}
        server = _start(home)
        early_config.add_cleanup(lambda: _stop(server, home))
    yield


def _fresh_home() -> Path:
    _ROOM.mkdir(mode=0o711, exist_ok=True)
    for old in _ROOM.iterdir():
        if not Path(f"/proc/{old.name}").exists():
            shutil.rmtree(old, ignore_errors=True)
    home = _ROOM / str(os.getpid())
    # pytest's own temporary directories are 0700: a server that root runs as somebody else could not get in.
    home.mkdir(mode=0o711)
    return home


def _start(home: Path) -> subprocess.Popen[bytes]:
    cluster = Cluster(home, durable=False)
    cluster.prepare()
    log = (home / "postgres.log").open("wb")
    server = subprocess.Popen(
        cluster.command(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=cluster.data,
        start_new_session=True,
        preexec_fn=bind_to_parent(signal.SIGINT),  # noqa: PLW1509 - see there
        **cluster.account.demotion(),
    )
    deadline = time.monotonic() + 30
    while not cluster.answers():
        if server.poll() is not None or time.monotonic() > deadline:
            raise pytest.UsageError(f"the test database does not start: {(home / 'postgres.log').read_text()}")
        time.sleep(0.02)
    os.environ["DATABASE_URL"] = cluster.url
    return server


def _stop(server: subprocess.Popen[bytes], home: Path) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(home, ignore_errors=True)
