"""Asking a source about studies before they are sent: whose they are, and what of them stays behind."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.conf import settings

from adit.deid.gate import Gate
from adit.dicom.errors import DicomError
from adit.dicom.protocols import Source
from adit.dicom.refs import UID
from adit.nodes.models import Node
from adit.nodes.permissions import answers_now
from adit.site.cli.acting import me
from adit.site.cli.output import Failed
from adit.site.cli.searching import searching
from adit.transfer.foreseeing import foresee
from adit.transfer.items import TransferStudy
from adit.transfer.plan import Pseudonymising
from adit.transfer.planners import Resolved, resolve
from adit.transfer.pseudonyms import checked, unfit

MOST_FORESEEN = 10
"""Studies of one job that are looked into beforehand."""


def looked_up(
    node: Node, items: tuple[TransferStudy, ...], pseudonymising: Pseudonymising | None
) -> tuple[TransferStudy, ...]:
    """*items* as the source knows them. A source that does not answer now, or is suspended, is asked by the worker.

    What is pseudonymised has to be known beforehand: whose it is, and what of it stays behind.

    Raises:
        Failed: The source answers, and has none of the studies; or nobody knows whose they are.
        UnfitPseudonym: One tells who the patient is.
    """
    if not (verdict := answers_now(node)):
        sentence = verdict.reason.rstrip(".")
        if pseudonymising is not None:
            raise Failed(f"{sentence}. Nobody else knows whose studies they are; nothing was sent.")
        print(f"adit: {sentence}. The job will wait.", file=sys.stderr)
        return items
    try:
        with searching(node, by=me()) as found:
            resolved = resolve(found, items)
            if pseudonymising is not None:
                _hold_against_names(resolved)
                _say_what_stays(found, resolved, pseudonymising)
    except DicomError as error:
        if pseudonymising is not None:
            raise Failed(f"{error.explained()} Nobody else knows whose studies they are; nothing was sent.") from error
        print(f"adit: {error.explained()} The job will try.", file=sys.stderr)
        return items
    if len(resolved.unknown) == len(items):
        raise Failed(f"{node.name} does not have {_named(resolved.unknown)}; nothing was sent.")
    if resolved.unknown:
        if pseudonymising is not None:
            raise Failed(f"{node.name} does not have {_named(resolved.unknown)}; nothing was sent.")
        print(f"adit: {node.name} does not have {_named(resolved.unknown)}", file=sys.stderr)
    return resolved.items


def _hold_against_names(resolved: Resolved) -> None:
    for item in resolved.items:
        if item.pseudonym and (match := resolved.known.get(item.study)):
            unfit(checked(item.pseudonym), patient_id=match.patient_id, name=match.text("PatientName"))


def _say_what_stays(source: Source, resolved: Resolved, pseudonymising: Pseudonymising) -> None:
    excluded = frozenset(settings.ADIT_EXCLUDED_MODALITIES)
    if len(resolved.items) > MOST_FORESEEN:
        rule = f"{', '.join(sorted(excluded))} and what" if excluded else "what"
        print(f"adit: {rule} may show names in its pixels stays behind", file=sys.stderr)
        return
    foreseen = foresee(source, resolved.items, resolved.known, Gate(pseudonymising.unchecked_pixels, excluded))
    if foreseen.behind:
        print(f"adit: {foreseen}", file=sys.stderr)


def _named(studies: Sequence[UID]) -> str:
    shown = ", ".join(studies[:3])
    if len(studies) == 1:
        return f"study {shown}"
    return f"{len(studies)} of the studies: {shown}{', …' if len(studies) > 3 else ''}"
