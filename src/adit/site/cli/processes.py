"""`adit up`, `down`, `web`, `worker`, `receiver`, `migrate`: what runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Annotated

import typer

from adit.site.children import is_running
from adit.site.cli.output import AsJson, Failed, print_json
from adit.site.cli.running import require_running
from adit.site.database import Cluster, DatabaseError, make_private
from adit.site.env import config
from adit.site.errors import RunsAlready, StartFailed
from adit.site.lock import supervisor_pid
from adit.site.state import read_state
from adit.site.supervise import Supervisor
from adit.site.wiring import configure_logging

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_END_LIMIT = 15.0
"""Seconds that `adit down` gives the supervisor, which itself takes 10 at most."""


@app.command()
def up(
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes (ADIT_WORKERS).")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Tasks at a time in each of them (ADIT_CONCURRENCY).")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start database, web server, workers and receiver on this machine, and keep them running until Ctrl-C."""
    if detach:
        _detach(workers, concurrency)
        _announce(as_json=as_json, ending=f"'{config().launcher} down' ends it")
        return
    configure_logging(config())
    supervisor = Supervisor(config(), workers=workers, concurrency=concurrency)
    asyncio.run(_serve(supervisor, as_json=as_json))


async def _serve(supervisor: Supervisor, *, as_json: bool) -> None:
    """Keep *supervisor* running until SIGINT or SIGTERM; while it ends, more of them change nothing."""
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    starting = asyncio.ensure_future(supervisor.__aenter__())
    asked = asyncio.ensure_future(ending.wait())
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        raise Failed("told to end before everything was ready")
    starting.result()
    try:
        _announce(as_json=as_json, ending="Ctrl-C ends it")
        await asked
    finally:
        await supervisor.__aexit__()


def _announce(*, as_json: bool, ending: str) -> None:
    state = read_state(config())
    if state is None:
        raise StartFailed("ADIT ended right after its start: look into " + str(config().logs))
    if as_json:
        print_json({"pid": state.pid, "web_url": state.web_url, "home": str(config().home)})
    else:
        print(f"ADIT runs at {state.web_url} ({ending}).", flush=True)


def _detach(workers: int | None, concurrency: int | None) -> None:
    """Start `adit up` in a session of its own and wait until it is ready.

    Raises:
        StartFailed: It ended instead; the message is its own.
    """
    if supervisor_pid(config()) is not None:
        state = read_state(config())
        raise RunsAlready(
            f"ADIT runs already{f' at {state.web_url}' if state else ''}: '{config().launcher} down' ends it"
        )
    make_private(config().logs)
    path = config().logs / "adit.log"
    options = ["--workers", str(workers)] if workers else []
    options += ["--concurrency", str(concurrency)] if concurrency else []
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
        before = path.stat().st_size
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "adit.site", "up", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, "ADIT_HOME": str(config().home)},
            start_new_session=True,
        )
    while not ((state := read_state(config())) and state.pid == child.pid):
        if child.poll() is not None:
            said = path.read_bytes()[before:].decode(errors="replace").strip().splitlines()
            raise StartFailed(said[-1].removeprefix("adit: ") if said else f"it ended; look into {path}")
        time.sleep(0.02)


@app.command()
def down(
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove every state too: database, spool, keys, logs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End what 'adit up' started."""
    pid = supervisor_pid(config())
    if pid is not None:
        _end(pid)
    if purge:
        _purge()
    if as_json:
        print_json({"ended": pid, "purged": purge})
    else:
        print("ADIT is not running." if pid is None else "ADIT has ended.")
        if purge:
            print(f"Every state of {config().home} is removed.")


def _end(pid: int) -> None:
    deadline = time.monotonic() + _END_LIMIT
    try:
        os.kill(pid, signal.SIGTERM)
        while is_running(pid):
            if time.monotonic() > deadline:
                # Its children go with it, see `children.py`.
                os.kill(pid, signal.SIGKILL)
                deadline += _END_LIMIT
            time.sleep(0.02)
    except ProcessLookupError:
        return
    except PermissionError:
        raise Failed(f"ADIT (process {pid}) was started by another account: end it as that account") from None


def _purge() -> None:
    home = config().home
    try:
        if config().database_url is None:
            cluster = Cluster(home)
            cluster.clear()
            cluster.purge()
        for name in ("database", "run", "spool", "keys", "logs", "demo"):
            if (home / name).is_dir():
                shutil.rmtree(home / name)
        # Whatever else lies there is not ours; then the directory stays.
        with suppress(OSError):
            home.rmdir()
    except (DatabaseError, OSError) as error:
        raise Failed(f"not everything could be removed: {error}") from error


@app.command()
def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on (ADIT_WEB_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port (ADIT_WEB_PORT).")] = None,
) -> None:
    """Run a web server in the foreground."""
    require_running()
    import uvicorn  # noqa: PLC0415 - only here

    uvicorn.run(
        "adit.site.asgi:application",
        host=host or config().web_host,
        port=port or config().web_port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
    )


@app.command()
def worker(
    concurrency: Annotated[int | None, typer.Option(min=1, help="Tasks at a time (ADIT_CONCURRENCY).")] = None,
) -> None:
    """Run a worker process in the foreground. Ctrl-C lets it finish what it must."""
    require_running()
    from adit.site.working import work  # noqa: PLC0415 - needs Django

    work(config(), concurrency=concurrency or config().concurrency)


@app.command()
def receiver(
    host: Annotated[str | None, typer.Option(help="Address to listen on (ADIT_RECEIVER_HOST).")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port (ADIT_RECEIVER_PORT).")] = None,
) -> None:
    """Run the receiver for C-MOVE in the foreground. It needs no database, but the spool of its machine's workers."""
    from adit.endpoints.receiver import ReceiverFailed  # noqa: PLC0415 - only here
    from adit.site.receiving import receive  # noqa: PLC0415

    configure_logging(config())
    try:
        receive(config(), host=host or config().receiver_host, port=port or config().receiver_port)
    except ReceiverFailed as failed:
        raise Failed(str(failed)) from failed


@app.command()
def migrate() -> None:
    """Bring the database up to date."""
    require_running()
    from adit.site.migrating import migrate as apply  # noqa: PLC0415 - needs Django

    apply()
