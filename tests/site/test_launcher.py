"""The launcher's decisions, and one whole start of a copy of it with a virtual environment that is ready."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adit import __version__
from adit.site.env import PROJECT


@pytest.fixture(scope="module")
def launcher() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("launcher", str(PROJECT / "adit"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout with everything the launcher touches; its `.venv` runs this very Python."""
    shutil.copy(PROJECT / "adit", tmp_path)
    shutil.copytree(PROJECT / "requirements", tmp_path / "requirements")
    (tmp_path / "src").symlink_to(PROJECT / "src")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    command = tmp_path / ".venv" / "bin" / "python"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    command.chmod(0o755)
    return tmp_path


class TestALauncher:
    def test_prefers_the_newest_python_that_adit_was_tried_with(self, launcher: ModuleType) -> None:
        found = {
            "/a": launcher.Told((3, 11, 2), True, True),
            "/b": launcher.Told((3, 13, 0), True, True),
            "/c": launcher.Told((3, 19, 0), True, True),
        }

        assert launcher.newest(found) == "/b"
        assert launcher.newest({"/c": found["/c"]}) == "/c"

    def test_finds_each_python_once(self, launcher: ModuleType) -> None:
        found = launcher.candidates()

        assert len(found) == len(set(found))
        assert str(Path(sys.base_prefix, "bin", "python3").resolve()) in found

    def test_takes_nothing_that_does_not_run_for_a_python(self, launcher: ModuleType) -> None:
        assert launcher.probe("/bin/false") is None
        assert launcher.probe("/nonexistent") is None
        assert launcher.probe(sys.executable).version == sys.version_info[:3]

    @pytest.mark.parametrize(
        ("output", "expected"),
        [
            ("WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: No matching distribution", "network"),
            ("E: Failed to fetch x  Temporary failure resolving 'y'", "network"),
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "differs"),
            ("OSError: [Errno 28] No space left on device", "disk is full"),
            ("something\nERROR: the reason\n", "ERROR: the reason"),
            ("", "no reason given"),
        ],
    )
    def test_says_in_one_sentence_why_an_installation_failed(
        self, launcher: ModuleType, output: str, expected: str
    ) -> None:
        assert expected in launcher.reason(output)
        assert "\n" not in launcher.reason(output)

    def test_starts_without_set_up_when_the_lock_file_is_the_one_installed(self, clone: Path) -> None:
        code = "import importlib.machinery as m; print(m.SourceFileLoader('l', 'adit').load_module().mark('run.txt'))"
        mark = subprocess.run([sys.executable, "-c", code], cwd=clone, capture_output=True, text=True, check=True)
        (clone / ".venv" / "adit.json").write_text(json.dumps({"run.txt": mark.stdout.strip()}))

        said = subprocess.run([clone / "adit", "--version"], capture_output=True, text=True, check=True)

        assert said.stdout == f"adit {__version__}\n"
        assert said.stderr == ""

    def test_names_no_package_index(self) -> None:
        for path in (PROJECT / "adit", *(PROJECT / "requirements").iterdir()):
            assert not re.search(r"https?://|index-url|find-links", path.read_text()), path


class TestTheLocks:
    def test_run_what_is_tested(self) -> None:
        pins = {
            name: set(re.findall(r"^[\w.-]+==\S+", (PROJECT / "requirements" / name).read_text(), re.MULTILINE))
            for name in ("run.txt", "test.txt")
        }

        assert pins["run.txt"]
        assert pins["run.txt"] <= pins["test.txt"]
