"""`adit test`: what it needs, and how it installs that."""

from __future__ import annotations

import stat
from pathlib import Path

from adit.site.cli.testing import missing, no_services


class TestInstallingPeers:
    def test_names_what_is_missing_and_nothing_else(self, tmp_path: Path) -> None:
        (tmp_path / "there").touch()

        assert missing({"a": str(tmp_path / "there"), "b": str(tmp_path / "gone")}) == ["b"]

    def test_starts_no_service_and_leaves_no_policy_behind(self, tmp_path: Path) -> None:
        policy = tmp_path / "policy-rc.d"

        with no_services(policy):
            assert stat.S_IMODE(policy.stat().st_mode) == 0o755
            assert "exit 101" in policy.read_text()

        assert not policy.exists()

    def test_leaves_the_policy_of_the_machine_alone(self, tmp_path: Path) -> None:
        policy = tmp_path / "policy-rc.d"
        policy.write_text("its own")

        with no_services(policy):
            pass

        assert policy.read_text() == "its own"
