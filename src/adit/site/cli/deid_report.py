"""The report of `adit deid run`: every element, what was done to it, and its value before and after, hashed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, TextIO

from adit.deid.profile import Profile
from adit.deid.tally import Tally
from adit.site.cli.output import Failed, shown_path
from adit.transfer.filewise import Outcome


class Report:
    """One JSON document, written file by file; without a file to write to nothing is."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._first = True

    @classmethod
    @contextmanager
    def into(cls, path: Path | None, profile: Profile) -> Iterator[Self]:
        """A report in *path*, which only its owner may read and which is there when the block ends without error.

        Raises:
            Failed: It cannot be written.
        """
        if path is None:
            yield cls(None)
            return
        hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                report = cls(file)
                report._begin(profile)
                yield report
            hidden.replace(path)
        except OSError as error:
            raise Failed(f"the report {path} cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                hidden.unlink(missing_ok=True)

    def _begin(self, profile: Profile) -> None:
        head = json.dumps({"profile": profile.to_json(), "digest": profile.digest})
        self._write(head[:-1] + ', "files": [')

    def add(self, outcome: Outcome) -> None:
        """Write down what became of one file."""
        entry: dict[str, Any] = {
            "file": shown_path(outcome.file),
            "into": outcome.into and shown_path(outcome.into),
        }
        if outcome.reason:
            entry["reason"] = outcome.reason
        entry["elements"] = [asdict(line) for line in outcome.elements]
        self._write(("\n" if self._first else ",\n") + json.dumps(entry, ensure_ascii=False))
        self._first = False

    def end(self, tally: Tally) -> None:
        """Write down what was done beyond replacing; words that were cut may be anybody's name."""
        rest = json.dumps({"notes": list(tally.sentences()), "cut": tally.cut}, ensure_ascii=False)
        self._write("\n], " + rest[1:] + "\n")

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
