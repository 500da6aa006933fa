"""`adit up` and `adit down` with real processes: what is promised about starting, ending and being killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from adit.site.children import is_running
from tests.jobs.a_worker import wait_until
from tests.pace import within

from .running import Adit


class TestUp:
    def test_runs_everything_and_down_ends_it_all(self, adit: Adit) -> None:
        up = adit("up", "--detach", "--workers", "2", "--json")

        assert up.returncode == 0, up.stderr
        assert json.loads(up.stdout)["web_url"] == f"http://127.0.0.1:{adit.port}/"
        children = adit.children()
        assert {name: len(pids) for name, pids in children.items()} == {
            "postgres": 1,
            "web": 1,
            "worker": 2,
            "receiver": 1,
        }
        told = adit.json("doctor")
        assert told["ok"]
        assert told["workers"]["running"] == 2
        port = adit.receiver_port
        assert told["receiver"] == {
            "ae_title": "ADIT",
            "port": port,
            "tls_port": None,
            "running": True,
            "required": True,
        }
        supervisor = adit.supervisor()

        before = time.monotonic()
        assert adit("down").returncode == 0

        assert time.monotonic() - before < within(10)
        assert not [pid for pids in (*children.values(), [supervisor]) for pid in pids if is_running(pid)]
        assert not (adit.home / "run" / "state.json").exists()

    def test_a_taken_port_is_one_clear_sentence(self, adit: Adit) -> None:
        with socket.create_server(("127.0.0.1", adit.port)):
            up = adit("up", "--json")

        assert up.returncode == 1
        assert "ADIT_WEB_PORT" in json.loads(up.stdout)["error"]
        assert str(adit.port) in up.stderr
        assert "Traceback" not in up.stderr

    def test_a_taken_port_of_the_receiver_is_one_too_and_no_other_is_taken(self, adit: Adit) -> None:
        with socket.create_server(("127.0.0.1", adit.receiver_port)):
            up = adit("up", "--json")
            alone = adit("receiver")

        assert (up.returncode, alone.returncode) == (1, 1)
        assert f"port {adit.receiver_port} on 127.0.0.1" in json.loads(up.stdout)["error"]
        assert "set ADIT_RECEIVER_PORT to a free one" in up.stderr
        assert f"port {adit.receiver_port} of 127.0.0.1" in alone.stderr
        assert "is taken by another program" in alone.stderr
        assert "Traceback" not in up.stderr + alone.stderr

    def test_ctrl_c_ends_every_process(self, adit: Adit) -> None:
        up = subprocess.Popen(
            [sys.executable, "-P", "-m", "adit.site", "up"], env=adit.environment(), stdout=subprocess.PIPE, text=True
        )
        assert up.stdout is not None
        assert "ADIT runs at" in up.stdout.readline()
        children = [pid for pids in adit.children().values() for pid in pids]

        up.send_signal(signal.SIGINT)

        assert up.wait(within(10)) == 0
        up.stdout.close()
        assert not [pid for pid in children if is_running(pid)]

    def test_starts_again_after_its_supervisor_was_killed(self, adit: Adit) -> None:
        adit("up", "--detach")
        old = [pid for pids in adit.children().values() for pid in pids]

        killed = adit.supervisor()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not is_running(killed))
        again = adit("up", "--detach")

        assert again.returncode == 0, again.stderr
        assert adit.is_well()
        assert not [pid for pid in old if is_running(pid)]

    def test_purge_leaves_nothing(self, adit: Adit) -> None:
        adit("up", "--detach")

        assert adit("down", "--purge").returncode == 0

        assert not adit.home.exists()


class TestAHomeThatIsClosedToOthers:
    def test_works_and_is_purged_wherever_its_database_lies(self, adit: Adit) -> None:
        # Root runs PostgreSQL as another account, which cannot get in here; anybody else as themselves, who can.
        adit.home.parent.chmod(0o700)

        up = adit("up", "--detach")

        assert up.returncode == 0, up.stderr
        place = Path(json.loads((adit.home / "database" / "location.json").read_text())["data"])
        assert (adit.home in place.parents) == (os.geteuid() != 0)
        assert place.is_dir()
        assert adit("down", "--purge").returncode == 0
        assert not place.parent.exists()
        assert not adit.home.exists()
