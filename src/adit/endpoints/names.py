"""File and folder names made from attribute values."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 100
"""Bytes (UTF-8) of one name: file systems take 255, and paths of six parts must fit too."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]+')

# Names that Windows, where such a folder may be mounted, keeps for devices.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def safe_name(text: str, *, instead: str = "unnamed", most: int = LONGEST) -> str:
    """*text* as one part of a path: same text, same name.

    No separators, control characters or wildcards, no leading or trailing dots and blanks, no
    device names; composed Unicode; at most *most* bytes.

    Args:
        instead: Where nothing is left of *text*.
    """
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    name = name.encode()[:most].decode(errors="ignore").strip(" .")
    if _RESERVED.match(name):
        name = f"_{name}"
    return name or instead
