"""The DICOM JSON model (PS3.18 F.2): data sets for JSON, and back.

Element by element: what is broken in one does not cost the others.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydicom import DataElement, Dataset, config
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import format_number_as_ds

from adit.dicom.errors import BadData
from adit.dicom.match import Match
from adit.dicom.reading import charset_of, vr_of, written_text
from adit.dicom.values import UTF_8, read_number, text

Json = dict[str, Any]
"""What `json.dumps` takes, and `json.loads` gives, for one data set."""

LARGEST_INLINE = 1024
"""Bytes of a binary value that are written out."""

_DEEPEST = 100
_CHARSET = 0x00080005
_TAG = re.compile("[0-9A-Fa-f]{8}")

_BINARY = {"OB": 1, "UN": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""VRs that are written as base64, with the bytes of one word."""

_TEXTS = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"))
_ONE_VALUE = frozenset(("LT", "ST", "UR", "UT"))
"""VRs in which a backslash is a letter (PS3.5 6.2)."""
_WRITTEN_NUMBERS = frozenset(("DS", "IS"))
_WHOLE = frozenset(("SL", "SS", "SV", "UL", "US", "UV"))
_BITS = {"S": 16, "L": 32, "V": 64}
_REAL = frozenset(("FL", "FD"))
_KNOWN = _TEXTS | _WRITTEN_NUMBERS | _WHOLE | _REAL | set(_BINARY) | {"AT", "PN", "SQ"}

_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")

# Beyond this, JavaScript's numbers lose digits (PS3.18 F.2.3, note on SV and UV).
_SAFE = (1 << 53) - 1


def _nobody(_path: str) -> None:
    """Whoever does not care what is missing."""


def to_json(
    source: Dataset | Match,
    *,
    bulk_data_uri: Callable[[str], str] | None = None,
    dropped: Callable[[str], None] = _nobody,
) -> Json:
    """The data set as DICOM JSON model, all text in Unicode.

    Group lengths, command and file meta elements have no place in it.

    Args:
        bulk_data_uri: The address of a binary value by its path (`00081140/0/00420011`) when it is
            larger than `LARGEST_INLINE` or encapsulated. Without it such elements are left out.
        dropped: Told the path of each element that is too broken to be written.
    """
    dataset = source.dataset if isinstance(source, Match) else source
    return _Writer(bulk_data_uri, dropped).dataset(dataset, "", ())


def from_json(
    model: object, *, bulk_data: Callable[[str], bytes | None] | None = None, dropped: Callable[[str], None] = _nobody
) -> Dataset:
    """The data set that *model* describes; its text will be encoded as ISO_IR 192.

    Args:
        bulk_data: The value behind a BulkDataURI. Without it, or where it has none, such elements
            are left out.
        dropped: Told the path of each element that makes no sense.

    Raises:
        BadData: *model* is no DICOM JSON model object.
    """
    return _read(model, "", bulk_data, dropped)


class _Writer:
    def __init__(self, bulk_data_uri: Callable[[str], str] | None, dropped: Callable[[str], None]) -> None:
        self._bulk_data_uri = bulk_data_uri
        self._dropped = dropped

    def dataset(self, dataset: Dataset, above: str, outer: tuple[str, ...]) -> Json:
        if above.count("/") > 2 * _DEEPEST:
            raise BadData("the data set is nested beyond reason")
        charset = charset_of(dataset, outer)
        written: Json = {}
        for tag in sorted(dataset.keys()):
            if tag.element == 0 or tag.group in (0, 2):
                continue
            path = f"{above}{tag:08X}"
            try:
                element = self._element(dataset, tag, path, charset)
            except Exception:  # noqa: BLE001  pydicom's conversions raise what they like
                self._dropped(path)
            else:
                if element is not None:
                    written[f"{tag:08X}"] = element
        return written

    def _element(self, dataset: Dataset, tag: BaseTag, path: str, charset: tuple[str, ...]) -> Json | None:
        if tag == _CHARSET:
            return {"vr": "CS", "Value": [UTF_8]}
        raw = dataset.get_item(tag)
        vr = vr_of(tag, raw.VR)
        decoded = written_text(dataset, tag, charset)
        if decoded is not None:
            return _with_values(vr, _split(vr, decoded))
        if isinstance(raw.value, bytes) and vr in _WRITTEN_NUMBERS:
            return _with_values(vr, _split(vr, raw.value.decode("ascii", "replace")))
        element = _unambiguous(dataset, dataset[int(tag)])
        vr = element.VR.split(" or ")[-1]
        if vr == "SQ":
            items = [self.dataset(item, f"{path}/{n}/", charset) for n, item in enumerate(element.value)]
            return {"vr": vr, "Value": items} if items else {"vr": vr}
        if vr in _BINARY:
            return self._binary(vr, element, path, little_endian=dataset.original_encoding[1] is not False)
        return _with_values(vr, _several(element.value))

    def _binary(self, vr: str, element: DataElement, path: str, *, little_endian: bool) -> Json | None:
        value = bytes(element.value or b"")
        if not value:
            return {"vr": vr}
        if len(value) > LARGEST_INLINE or element.is_undefined_length:
            return None if self._bulk_data_uri is None else {"vr": vr, "BulkDataURI": self._bulk_data_uri(path)}
        if not little_endian:
            # PS3.18 F.2.7: little endian, whatever the data set was encoded in.
            word = _BINARY[vr]
            value = b"".join(value[at : at + word][::-1] for at in range(0, len(value), word))
        return {"vr": vr, "InlineBinary": base64.b64encode(value).decode("ascii")}


def _unambiguous(dataset: Dataset, element: DataElement) -> DataElement:
    """*element* with the one VR that fits where the dictionary gives two (`US or SS`)."""
    if " or " not in element.VR:
        return element
    copy = DataElement(element.tag, element.VR, element.value)
    corrected = correct_ambiguous_vr_element(copy, dataset, dataset.original_encoding[1] is not False)
    return corrected if isinstance(corrected, DataElement) else element


def _several(value: object) -> list[object]:
    if value is None:
        return []
    if isinstance(value, Iterable) and not isinstance(value, str | bytes) and not hasattr(value, "family_name"):
        return list(value)
    return [value]


def _split(vr: str, written: str) -> list[object]:
    return [written] if vr in _ONE_VALUE else list(written.split("\\"))


def _with_values(vr: str, values: list[object]) -> Json:
    written = [_value(vr, value) for value in values]
    # PS3.18 F.2.5: null among others, no Value at all where there is none.
    return {"vr": vr, "Value": written} if any(one is not None for one in written) else {"vr": vr}


def _value(vr: str, value: object) -> object:
    if vr == "PN":
        return _name(text(value)) or None
    if vr in _TEXTS:
        return str(value).rstrip("\0 ") or None
    if vr in _WRITTEN_NUMBERS:
        return _written_number(text(value))
    if vr == "AT":
        return f"{int(value):08X}"  # type: ignore[call-overload]
    if vr in _WHOLE:
        whole = int(value)  # type: ignore[call-overload]
        return whole if abs(whole) <= _SAFE else str(whole)
    if vr in _REAL:
        real = float(value)  # type: ignore[arg-type]
        return real if math.isfinite(real) else _not_finite(real)
    raise BadData(f"{vr} is no VR")


def _written_number(written: str) -> object:
    """A number where the text is one and keeps its digits, else the text as it stands."""
    number = read_number(written)
    if number is None:
        return written or None
    if number == number.to_integral_value() and abs(number) <= _SAFE:
        return int(number)
    real = float(number)
    return real if math.isfinite(real) and len(number.as_tuple().digits) <= 15 else written


def _not_finite(real: float) -> str:
    return "NaN" if math.isnan(real) else "inf" if real > 0 else "-inf"


def _name(written: str) -> Json:
    return {group: part for group, part in zip(_GROUPS, written.split("="), strict=False) if part.rstrip("^ ")}


def _read(
    model: object, above: str, bulk_data: Callable[[str], bytes | None] | None, dropped: Callable[[str], None]
) -> Dataset:
    if not isinstance(model, Mapping):
        raise BadData("a data set in DICOM JSON is an object")
    if above.count("/") > 2 * _DEEPEST:
        raise BadData("the data set is nested beyond reason")
    dataset = Dataset()
    for name, element in model.items():
        path = f"{above}{str(name)[:8]}"
        try:
            value = _read_value(element, path, bulk_data, dropped)
            if value is not None:
                dataset.add(DataElement(_read_tag(name), element["vr"], value, validation_mode=config.IGNORE))
        except Exception:  # noqa: BLE001  what came over the wire may be anything
            dropped(path)
    if dataset and not above:
        dataset.add(DataElement(_CHARSET, "CS", UTF_8))
    elif _CHARSET in dataset:
        del dataset[_CHARSET]
    return dataset


def _read_tag(name: str) -> int:
    if not _TAG.fullmatch(name) or name.endswith("0000") or name[:4] in ("0000", "0002"):
        raise BadData("no tag of a data set")
    return int(name, 16)


def _read_value(
    element: Mapping[str, Any],
    path: str,
    bulk_data: Callable[[str], bytes | None] | None,
    dropped: Callable[[str], None],
) -> object:
    """The value for a DataElement; None where it is left out."""
    vr = element["vr"]
    if vr not in _KNOWN:
        raise BadData("no VR")
    if "BulkDataURI" in element:
        found = None if bulk_data is None else bulk_data(element["BulkDataURI"])
        return found if found is None or vr in _BINARY else _read_bulk(vr, found)
    if vr in _BINARY:
        try:
            return base64.b64decode(element.get("InlineBinary", ""), validate=True)
        except binascii.Error as error:
            raise BadData("no base64") from error
    values = element.get("Value", [])
    if not isinstance(values, list):
        raise BadData("Value is an array")
    if vr == "SQ":
        return [_read(item or {}, f"{path}/{n}/", bulk_data, dropped) for n, item in enumerate(values)]
    read = [_read_one(vr, value) for value in values]
    if vr in _TEXTS | _WRITTEN_NUMBERS or vr == "PN":
        return "\\".join(str(one) for one in read)
    return read[0] if len(read) == 1 else read


def _read_bulk(vr: str, encoded: bytes) -> object:
    # The value field in little endian; text in the character set of the model.
    raw = RawDataElement(Tag(0x0009_1001), vr, len(encoded), encoded, 0, False, True)
    return convert_raw_data_element(raw, encoding=["utf-8"]).value


def _read_one(vr: str, value: object) -> object:
    if vr == "PN":
        groups = [str(value.get(group, "")) for group in _GROUPS] if isinstance(value, Mapping) else [text(value)]
        return "=".join(groups).rstrip("=")
    if vr in _TEXTS:
        return "" if value is None else str(value)
    if vr in _WRITTEN_NUMBERS:
        if isinstance(value, float):
            return repr(value) if len(repr(value)) <= 16 else format_number_as_ds(value)
        return "" if value is None else str(value)
    if vr == "AT":
        if not _TAG.fullmatch(str(value)):
            raise BadData("no tag")
        return int(str(value), 16)
    if vr in _WHOLE:
        return _read_whole(vr, value)
    return float(value)  # type: ignore[arg-type]


def _read_whole(vr: str, value: object) -> int:
    number = read_number(str(value))
    bits = _BITS[vr[1]]
    lowest, highest = (-1 << bits - 1, (1 << bits - 1) - 1) if vr[0] == "S" else (0, (1 << bits) - 1)
    if number is None or number != number.to_integral_value() or not lowest <= number <= highest:
        raise BadData(f"no number that {vr} can hold")
    return int(number)
