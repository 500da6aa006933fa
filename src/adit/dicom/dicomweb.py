"""Addresses, media types and answers of DICOMweb (PS3.18), without I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from urllib.parse import quote, urlencode

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_dict

from adit.dicom.errors import BadData
from adit.dicom.identifier import RETURNED
from adit.dicom.match import Match
from adit.dicom.query import BadQuery, Query, with_wildcards
from adit.dicom.refs import UID, Level, Ref, uid

DICOM = "application/dicom"
JSON = "application/dicom+json"
MULTIPART = "multipart/related"

ANY_SYNTAX = f'{MULTIPART}; type="{DICOM}"; transfer-syntax=*'
"""The Accept header of a retrieval: as it is stored (PS3.18 8.7.3.5.2)."""

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf';\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')
_ENCODED = re.compile(r"[^A-Za-z0-9_.~*,\\-]+")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type (RFC 9110 8.3.1).

    Attributes:
        name: `multipart/related`, in small letters.
        parameters: By their names in small letters.
    """

    name: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, written: str) -> MediaType:
        """The value of a Content-Type header; whatever makes no sense in it is passed over."""
        name = written.partition(";")[0].strip().lower()
        parameters: dict[str, str] = {}
        for found in _PARAMETER.finditer(written):
            quoted, plain = found[2], found[3]
            value = plain.strip() if quoted is None else _ESCAPED.sub(r"\1", quoted)
            parameters.setdefault(found[1].lower(), value)
        return cls(name, parameters)

    def __str__(self) -> str:
        escaped = {name: re.sub(r'(["\\])', r"\\\1", value) for name, value in self.parameters.items()}
        return "".join((self.name, *(f'; {name}="{value}"' for name, value in escaped.items())))


def studies_url(base: str, prefix: str = "", study: UID | None = None) -> str:
    """The address of all studies, or of one, below *base* and the *prefix* of the service."""
    parts = [base.rstrip("/"), *filter(None, prefix.strip("/").split("/")), "studies"]
    return "/".join([*parts, study] if study else parts)


def retrieve_url(base: str, prefix: str, ref: Ref) -> str:
    """The address of all instances under *ref* (PS3.18 10.4.1).

    Raises:
        BadQuery: A UID is empty or none, and the address would be that of more than was asked for.
    """
    try:
        url = studies_url(base, prefix, uid(ref.study))
        if ref.series is not None:
            url += f"/series/{uid(ref.series)}"
        return url if ref.instance is None else f"{url}/instances/{uid(ref.instance)}"
    except ValueError as error:
        raise BadQuery(f"a retrieve needs the UIDs of what is wanted: {error}") from error


def search_urls(base: str, prefix: str, query: Query) -> list[str]:
    """The addresses that together find what matches *query* (PS3.18 10.6.1), without paging.

    Several where a key is a list: lists are for UIDs only (PS3.18 8.3.4.1.1). Patients are found by their studies.

    Raises:
        BadQuery: A key is unknown, or a level above is not named by one UID.
    """
    keys = {keyword: value for keyword, value in query.keys if value}
    url = _searched(base, prefix, query.level, keys)
    asked = dict.fromkeys((*RETURNED[query.level], *query.wanted))
    for keyword in (*asked, *keys):
        if keyword not in keyword_dict:
            raise BadQuery(f"'{keyword[:64]}' is no DICOM attribute")
    fields = [("includefield", f"{keyword_dict[keyword]:08X}") for keyword in asked]
    values = [
        [value.replace("\\", ",")] if dictionary_VR(keyword) == "UI" else value.split("\\")
        for keyword, value in keys.items()
    ]
    return [
        f"{url}?{urlencode([*zip(keys, chosen, strict=True), *fields], quote_via=quote, safe='*,')}"
        for chosen in product(*values)
    ]


def without_encoding(query: Query) -> Query | None:
    """The same query with `*` for all text that stands encoded in an address, for servers that do not decode it.

    See `with_wildcards`.
    """
    return with_wildcards(query, _ENCODED)


def asked_for(query: Query) -> frozenset[str]:
    """The tags that an answer to *query* is asked to carry, as DICOM JSON has them."""
    keywords = (*RETURNED[query.level], *query.wanted, *(keyword for keyword, _ in query.keys))
    return frozenset(f"{keyword_dict[keyword]:08X}" for keyword in keywords)


def _searched(base: str, prefix: str, level: Level, keys: dict[str, str]) -> str:
    """The resource that is searched. Takes the keys that stand in its address out of *keys*."""
    url = studies_url(base, prefix)
    if level in (Level.PATIENT, Level.STUDY):
        return url
    try:
        url += f"/{uid(keys.pop('StudyInstanceUID', ''))}/series"
        if level is Level.INSTANCE:
            url += f"/{uid(keys.pop('SeriesInstanceUID', ''))}/instances"
    except ValueError as error:
        raise BadQuery(f"a query at the level of {level.value} names one study, and one series above images") from error
    return url


def paged(url: str, *, limit: int, offset: int) -> str:
    """*url* of a search, for *limit* answers from *offset* on (PS3.18 8.3.4.4)."""
    more = f"limit={limit}" if not offset else f"limit={limit}&offset={offset}"
    return f"{url}{'&' if '?' in url else '?'}{more}"


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What a server says of the instances that were sent to it (PS3.18 I.2).

    Attributes:
        stored: SOP Instance UID → Warning Reason (0008,1196), or 0.
        failed: SOP Instance UID → Failure Reason (0008,1197), or None where it names none.
        unnamed: Reasons of failures that it could not connect with an instance.
    """

    stored: Mapping[UID, int]
    failed: Mapping[UID, int | None]
    unnamed: tuple[int | None, ...] = ()


def read_store_answer(dataset: Dataset) -> StoreAnswer:
    """Read the data set of an answer to STOW-RS."""
    stored: dict[UID, int] = {}
    failed: dict[UID, int | None] = {}
    for item in _items(dataset, "ReferencedSOPSequence"):
        if instance := item.uid("ReferencedSOPInstanceUID"):
            stored[instance] = item.number("WarningReason") or 0
    for item in _items(dataset, "FailedSOPSequence"):
        if instance := item.uid("ReferencedSOPInstanceUID"):
            failed[instance] = item.number("FailureReason")
    others = tuple(item.number("FailureReason") for item in _items(dataset, "OtherFailuresSequence"))
    return StoreAnswer(stored, failed, others)


def _items(dataset: Dataset, keyword: str) -> list[Match]:
    try:
        sequence = dataset.get(keyword) or []
        return [Match(Level.INSTANCE, item) for item in sequence if isinstance(item, Dataset)]
    except Exception as error:  # what came over the wire may be anything
        raise BadData("the answer to what was stored cannot be read") from error
