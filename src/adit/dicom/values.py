"""Reading values as they really come: padded, broken, in another character set than announced (PS3.5 6.2).

Nothing here raises. What cannot be understood is None, or an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from pydicom.charset import decode_bytes, python_encoding

LATIN_1 = "ISO_IR 100"
UTF_8 = "ISO_IR 192"

_DELIMITERS = frozenset(b"\\^=\t\n\f\r")
"""After these the first character set counts again (PS3.5 6.1.2.5.3)."""

_TERMS = {re.sub(r"[ _-]", "", term).upper(): term for term in python_encoding if term} | {
    "UTF8": UTF_8,
    "ISO100": LATIN_1,
    "LATIN1": LATIN_1,
    "ISO88591": LATIN_1,
    "ASCII": "ISO_IR 6",
    "ISO2022IR192": UTF_8,
    "ISO2022GBK": "GBK",
}

# Under these labels UTF-8 is found again and again. What is valid as UTF-8 beyond ASCII makes no
# words in Latin-1, so nothing is lost by looking.
_MISTAKEN_FOR_UTF_8 = frozenset(("ISO_IR 6", LATIN_1, "ISO 2022 IR 6", "ISO 2022 IR 100"))


def charset_terms(value: object) -> tuple[str, ...]:
    """The defined terms (PS3.3 C.12.1.1.2) in a value of SpecificCharacterSet, misspelt ones corrected.

    An empty first value is the default repertoire, `ISO_IR 6`. Terms that mean nothing are left out.
    """
    written = text(value).split("\\")
    known = [_TERMS.get(re.sub(r"[ _-]", "", term).upper()) for term in written]
    if len(written) > 1 and not written[0].strip():
        known[0] = "ISO_IR 6"
    return tuple(term for term in known if term)


def decode_text(encoded: bytes, charset: Sequence[str] = (), *, fallback: str = LATIN_1) -> str:
    """Decode text whatever is written in it; undecodable bytes become U+FFFD.

    Args:
        charset: Defined terms, as `charset_terms` returns them.
        fallback: The term that counts where *charset* is empty.
    """
    if encoded.isascii() and b"\x1b" not in encoded:
        # Yen and overline of ISO-IR 14 are shown as the backslash and tilde that everybody means.
        return encoded.decode("ascii")
    terms = charset or charset_terms(fallback) or (LATIN_1,)
    if b"\x1b" not in encoded and (terms[0] in _MISTAKEN_FOR_UTF_8 or terms[0] == UTF_8):
        try:
            return encoded.decode("utf-8")
        except UnicodeDecodeError:
            # Labelled UTF-8, and it is not.
            terms = terms if terms[0] != UTF_8 else (LATIN_1,)
    encodings = [python_encoding[term] for term in terms]
    try:
        if b"\x1b" in encoded:
            return decode_bytes(encoded, encodings, set(_DELIMITERS))
        return encoded.decode(encodings[0])
    except (UnicodeError, LookupError, ValueError):
        return encoded.decode(encodings[0], "replace")


def text(value: object) -> str:
    """Any value of a data set as text: several joined by backslash, without padding."""
    try:
        if value is None:
            return ""
        if isinstance(value, bytes):
            return decode_text(value).strip("\0 ")
        if isinstance(value, str):
            return value.strip("\0 ")
        if isinstance(value, Iterable) and not hasattr(value, "family_name"):
            return "\\".join(text(one) for one in value)
        return str(value).strip("\0 ")
    except Exception:  # noqa: BLE001  pydicom's values raise what they like when they are shown
        return ""


def first(value: object) -> str:
    """The first of possibly several values, as text."""
    return text(value).split("\\", 1)[0].strip("\0 ")


_DATE = re.compile(r"(\d{4})([.\-/]?)(\d{2})\2(\d{2})")
_DATE_TIME = re.compile(r"\d{10,14}(\.\d{1,6})?([+-]\d{4})?")


def read_date(value: object) -> date | None:
    """A date (DA, or the day of a DT). Also in the old form `1954.03.12`; None for impossible days."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    written = first(value)
    found = _DATE.fullmatch(written) or _DATE.match(written if _DATE_TIME.fullmatch(written) else "")
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None


_TIME = re.compile(r"(\d{2})(?:(:?)(\d{2})(?:\2(\d{2})(?:\.(\d{1,6})\d*)?)?)?")


def read_time(value: object) -> time | None:
    """A time of day (TM), also `10:30:00`. Missing parts are zero; a leap second is the one before."""
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, time):
        return value
    found = _TIME.fullmatch(first(value))
    if not found:
        return None
    hour, _, minute, second, fraction = found.groups()
    try:
        return time(int(hour), int(minute or 0), min(int(second or 0), 59), int((fraction or "").ljust(6, "0")))
    except ValueError:
        return None


DateRange = tuple[date | None, date | None]
"""First and last day, both included; None is open."""


def read_date_range(value: object) -> DateRange | None:
    """`20200101-20201231`, open on either side, or one day (PS3.4 C.2.2.2.5.1)."""
    written = text(value)
    if one := read_date(written):
        return one, one
    for dash in re.finditer("-", written):
        # A day may be written with dashes too: the one between the days has a day, or nothing, on each side.
        from_, until = written[: dash.start()].strip(), written[dash.end() :].strip()
        start, end = read_date(from_), read_date(until)
        if (start or end) and bool(from_) == bool(start) and bool(until) == bool(end):
            return start, end
    return None


TimeRange = tuple[time | None, time | None]
"""First and last moment, both included; None is open."""


def read_time_range(value: object) -> TimeRange | None:
    """`0800-1200`, open on either side, or one time. An end of `12` or `1200` includes all of that hour or minute."""
    from_, dash, until = (part.strip() for part in text(value).partition("-"))
    until = until if dash else from_
    start, end = read_time(from_), read_time(until)
    if not (start or end) or (from_ and not start) or (until and not end):
        return None
    return start, end and _last_moment(end, until)


def _last_moment(moment: time, written: str) -> time:
    digits = len(written.replace(":", "").partition(".")[0])
    if digits == 2:
        return moment.replace(minute=59, second=59, microsecond=999999)
    if digits == 4:
        return moment.replace(second=59, microsecond=999999)
    return moment if "." in written else moment.replace(microsecond=999999)


def read_number(value: object) -> Decimal | None:
    """The first value as a finite number (IS, DS): `01`, `+1`, `1.0` and `1 ` are all one."""
    written = first(value)
    # Decimal takes digits of any script, and underscores.
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", written, re.ASCII):
        return None
    try:
        return Decimal(written)
    except InvalidOperation:
        return None


def read_whole(value: object) -> int | None:
    """The first value as a whole number: `12.0` is one, `1.5` is none."""
    number = read_number(value)
    # IS holds 32 bits (PS3.5 6.2); the bound keeps `1e999` from becoming a thousand digits.
    if number is None or abs(number) >= 1 << 63 or number != number.to_integral_value():
        return None
    return int(number)


def person_name(value: object) -> str:
    """A person name (PN, PS3.5 6.2.1) as people read it: `Müller, Dr. Hans`, `Yamada, Tarou (山田 太郎)`."""
    groups = [[part.strip() for part in group.split("^")] for group in first(value).split("=")]
    shown = [_one_name(groups[0]), *(" ".join(part for part in group if part) for group in groups[1:3])]
    shown = list(dict.fromkeys(name for name in shown if name))
    if len(shown) < 2:
        return "".join(shown)
    return f"{shown[0]} ({', '.join(shown[1:])})"


def _one_name(parts: list[str]) -> str:
    family, given, middle, prefix, suffix = (parts + [""] * 5)[:5]
    called = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, called, suffix) if part)
