"""What the misbehaving DICOMweb server is told to do wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.peers.scripts import Script
from tests.peers.web_retrieving import BOUNDARY


@dataclass(frozen=True)
class WebScript:
    """What the server does wrong.

    Attributes:
        statuses: By `qido`, `wado` or `stow`: the status that is answered instead.
        busy: So many requests are answered with *busy_status* first.
        retry_after: The Retry-After header that goes with it.
        html: Services that answer 200 with a web page.
        redirects_to: Where every request is sent on to.
        drops_after: Bytes of an answer of WADO after which the connection is closed.
        boundary: Boundary that is announced, and not used.
        content_type: Of an answer of WADO, whatever it is.
        partial: WADO gives all but the last instance, with 206.
        bomb: Bytes of zeros that the last instance of WADO goes on with, packed.
        packs: WADO packs its answer.
        stalls: WADO gives nothing until the server ends.
        ignores_paging: QIDO gives everything, always.
        largest_page: QIDO gives no more than this at a time, and does not say so.
        fails: SOP Instance UID → reason by which STOW refuses it.
        untaken: Transfer syntaxes that STOW does not take: 0xC122 for each instance.
        untaken_wholly: It answers 415 to a whole request with one of them.
        warns: SOP Instance UID → reason by which STOW takes it with a warning.
        silent: STOW answers without a word on the instances.
        spoilt_by: SOP Instance UID for which STOW answers 400 to the whole request.
        dies_after: When so many instances were stored, the connection is closed instead of an answer; once.
        stays_down: And so is every connection after that.
        also: What it does wrong as any PACS may: see there for what concerns finding and retrieving, and `gate`,
            at which each answer of STOW waits too.
    """

    statuses: Mapping[str, int] = field(default_factory=dict)
    busy: int = 0
    busy_status: int = 429
    retry_after: str = "0"
    html: frozenset[str] = frozenset()
    redirects_to: str = ""
    drops_after: int | None = None
    boundary: str = BOUNDARY
    content_type: str = ""
    partial: bool = False
    bomb: int = 0
    packs: bool = False
    stalls: bool = False
    ignores_paging: bool = False
    largest_page: int | None = None
    fails: Mapping[str, int] = field(default_factory=dict)
    untaken: frozenset[str] = frozenset()
    untaken_wholly: bool = False
    warns: Mapping[str, int] = field(default_factory=dict)
    silent: bool = False
    spoilt_by: str = ""
    dies_after: int | None = None
    stays_down: bool = False
    also: Script = field(default_factory=Script)
