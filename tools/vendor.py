"""Fetches what the pages are made of from npm into `static/vendor/`: `python tools/vendor.py`.

`manifest.json` there names packages, versions, files and icons; this writes the files and their
SHA-256 into it, and compresses them, so that no web server has to. Nothing of it is needed to run ADIT: what is
fetched is committed. Needs Node.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parents[1] / "src/adit/web/static/vendor"
MANIFEST = VENDOR / "manifest.json"

_BROTLI = "process.stdout.write(require('zlib').brotliCompressSync(require('fs').readFileSync(0)))"


def main() -> None:
    manifest = json.loads(MANIFEST.read_text())
    with tempfile.TemporaryDirectory() as temporary:
        for package in manifest["packages"]:
            root = unpacked(package, Path(temporary))
            said = json.loads((root / "package.json").read_text()).get("license")
            package["licence"] = said or package.get("licence", "")
            for file in package["files"]:
                (VENDOR / file["name"]).write_bytes(without_map((root / file["from"]).read_bytes()))
            if "icons" in package:
                (VENDOR / "icons.svg").write_text(sprite(package["icons"], root))
    for file in (file for package in manifest["packages"] for file in package["files"]):
        file["sha256"] = hashlib.sha256((VENDOR / file["name"]).read_bytes()).hexdigest()
    for package in manifest["packages"]:
        if "icons" in package:
            package["sha256"] = hashlib.sha256((VENDOR / "icons.svg").read_bytes()).hexdigest()
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    for path in VENDOR.iterdir():
        if path.suffix in (".css", ".js", ".svg"):
            compress(path)


def unpacked(package: dict[str, Any], folder: Path) -> Path:
    """The root of the package as npm has it."""
    wanted = f"{package['name']}@{package['version']}"
    packed = subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True, capture_output=True, text=True)
    place = folder / re.sub(r"\W", "-", wanted)
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        archive.extractall(place, filter="data")
    return place / "package"


def without_map(content: bytes) -> bytes:
    """Browsers would ask for source maps that are not there."""
    return re.sub(rb"\n?(//|/\*)# sourceMappingURL=\S+( \*/)?\s*$", b"\n", content)


def compress(path: Path) -> None:
    """Put compressed copies beside *path*: browsers take brotli only over TLS, gzip always."""
    content = path.read_bytes()
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))
    brotli = subprocess.run(["node", "-e", _BROTLI], input=content, check=True, capture_output=True)
    path.with_name(f"{path.name}.br").write_bytes(brotli.stdout)


def sprite(names: list[str], root: Path) -> str:
    """All icons in one file, each a symbol named as it is."""
    symbols = []
    for name in sorted(names):
        drawing = (root / f"icons/outline/{name}.svg").read_text()
        inner = re.sub(r"\s*\n\s*", "", re.search(r"<svg.*?>(.*)</svg>", drawing, re.DOTALL)[1])  # type: ignore[index]
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


if __name__ == "__main__":
    main()
