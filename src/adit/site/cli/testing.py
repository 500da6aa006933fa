"""`adit test`: what the tests need beside Python packages, then the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from adit.site.cli.output import Failed
from adit.site.env import PROJECT

NEEDED = {
    "orthanc": "/usr/sbin/Orthanc",
    "orthanc-dicomweb": "/usr/share/orthanc/plugins/libOrthancDicomWeb.so",
    "dcmtk": "/usr/bin/storescp",
    "dicom3tools": "/usr/bin/dciodvfy",
    "chromium": "/usr/bin/chromium",
    "unzip": "/usr/bin/unzip",
}
"""Debian packages, and a file of each."""

_POLICY = Path("/usr/sbin/policy-rc.d")


def run(arguments: Sequence[str]) -> NoReturn:
    """Install the peers when root, and become pytest with *arguments*.

    Raises:
        Failed: Something is missing and cannot be installed from here; the sentence says what.
    """
    if lacking := missing(NEEDED):
        install(lacking)
    # Two test processes, which is what a small machine has cores for. A file stays in one process,
    # because what its tests share (a running Orthanc, say) is started once in each.
    spread = () if any(word.startswith("-n") for word in arguments) else ("-n", "2", "--dist", "loadfile")
    # PostgreSQL and the peers must be able to read what tests write.
    os.umask(0o022)
    os.chdir(PROJECT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *spread, *arguments])


def missing(needed: Mapping[str, str]) -> list[str]:
    """The packages of *needed* whose file is not there."""
    return [package for package, file in needed.items() if not Path(file).exists()]


def install(packages: Sequence[str]) -> None:
    """Install Debian *packages*, without starting their services.

    Raises:
        Failed: We are not root, this is no Debian, or apt-get failed.
    """
    command = f"apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise Failed(f"the tests need {', '.join(packages)}, which are Debian packages: install them by hand")
    if os.geteuid() != 0:
        raise Failed(f"the tests need {', '.join(packages)}: run 'sudo {command}'")
    print(f"adit: installing {', '.join(packages)} …", file=sys.stderr, flush=True)
    with no_services(_POLICY):
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *packages)
    if "orthanc" in packages and shutil.which("systemctl"):
        # Installed for the tests only: it shall not come up at the next boot either.
        subprocess.run(["systemctl", "disable", "--now", "orthanc"], check=False, capture_output=True)


@contextmanager
def no_services(policy: Path) -> Iterator[None]:
    """While the block runs, Debian's packages may not start services (invoke-rc.d asks *policy*; 101 is no)."""
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink()


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", "-q", *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith("E:")]
        raise Failed(f"apt-get {arguments[0]} failed: {(errors or ['no reason given'])[-1]}")
