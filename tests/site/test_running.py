"""What commands meet when ADIT runs and when it does not, and what becomes of a process that is killed."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Iterator
from functools import partial

import pytest

from .running import Adit, at_home, eventually


@pytest.fixture(scope="module")
def running() -> Iterator[Adit]:
    """Runs; and so it does when a test is over."""
    with at_home() as one:
        assert one("up", "--detach").returncode == 0
        yield one


class TestAnAditThatRuns:
    def test_keeps_state_and_keys_to_itself(self, running: Adit) -> None:
        for name in ("run/state.json", "keys/secret.key", "keys/database.password", "logs/web.log"):
            assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600, name

    def test_a_second_one_says_that_one_runs_and_leaves_it_alone(self, running: Adit) -> None:
        for arguments in (("up",), ("up", "--detach")):
            second = running(*arguments)
            assert second.returncode == 1
            assert "ADIT runs already" in second.stderr
            assert len(second.stderr.splitlines()) == 1

        assert running.is_well()

    def test_a_receiver_that_is_killed_is_back_on_its_port(self, running: Adit) -> None:
        (killed,) = running.children()["receiver"]

        os.kill(killed, signal.SIGKILL)

        eventually(lambda: running.children().get("receiver", [killed]) != [killed], "a new receiver")
        eventually(lambda: running.json("doctor")["receiver"]["running"], "it listens")
        assert running.json("doctor")["receiver"]["port"] == running.receiver_port

    def test_whatever_is_killed_comes_back(self, running: Adit) -> None:
        children = running.children()
        assert {"web", "worker", "receiver"} <= children.keys()

        for name, (pid,) in children.items():
            os.kill(pid, signal.SIGKILL)
            eventually(partial(_is_back, running, name, pid), f"{name} is back")


def _is_back(adit: Adit, name: str, killed: int) -> bool:
    return adit.children().get(name, [killed]) != [killed] and adit.is_well()


class TestWithoutARunningADIT:
    def test_commands_name_the_one_that_starts_it(self, adit: Adit) -> None:
        listed = adit("job", "list", "--json")

        assert listed.returncode == 1
        assert json.loads(listed.stdout) == {"error": "ADIT is not running: start it with './adit up'"}

    def test_the_doctor_tells_everything_it_can(self, adit: Adit) -> None:
        told = adit.json("doctor")

        assert not told["ok"]
        assert set(told) >= {"database", "queue", "workers", "receiver", "web", "disk", "nodes"}
        assert adit("doctor").returncode == 1

    def test_down_has_nothing_to_do(self, adit: Adit) -> None:
        assert adit("down").returncode == 0

    def test_wrong_usage_is_exit_code_2_and_one_sentence(self, adit: Adit) -> None:
        for arguments in (("nonsense",), ("up", "--nonsense"), ("up", "--workers", "none")):
            wrong = adit(*arguments)
            assert wrong.returncode == 2
            assert len(wrong.stderr.splitlines()) == 1

    def test_a_wrong_variable_is_named(self, adit: Adit) -> None:
        wrong = adit("up", ADIT_WEB_PORT="eight thousand")

        assert wrong.returncode == 2
        assert "ADIT_WEB_PORT" in wrong.stderr
