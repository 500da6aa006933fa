"""One small picture for a series: its middle image."""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adit.audit.record import record
from adit.dicom.contexts import EXPLICIT_BIG_ENDIAN
from adit.dicom.decoding import Decoded, Picture
from adit.dicom.drawing import draw, middle_frame, whole
from adit.dicom.errors import Canceled, DicomError, NotFound
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.decoder import Decoder
from adit.web.search.page import answered, caller_of, given_uid
from adit.web.search.sources import Caller, opened, source_of

SIZE = 160
"""Pixels in each direction."""

_DRAWING = threading.BoundedSemaphore(2)
"""Pictures of this process that are in memory at once."""


@require_safe
@never_cache
@login_required
async def image(request: HttpRequest) -> HttpResponse:
    """The middle image of a series as PNG, over one of the server's places; every look is written down."""
    source, study, series = request.GET.get("source", ""), given_uid(request, "study"), given_uid(request, "series")
    return await answered(partial(_image, caller_of(request), source, Ref(study, series)))


def _image(caller: Caller, pk: str, ref: Ref, cancel: Cancellation) -> HttpResponse:
    node = source_of(caller, pk)
    with opened(node, caller, cancel=cancel) as source, middle_instance(source, ref) as instance:
        record(
            "image.viewed",
            by=caller.user,
            group=caller.group,
            nodes=[node.name],
            patient_id=str(instance.head().get("PatientID", "")),
            study_uid=ref.study,
            address=caller.address,
            details={"series": ref.series, "instance": instance.uid},
        )
        with _DRAWING:
            cancel.check()
            return HttpResponse(drawn(instance, cancel), content_type="image/png")


def drawn(instance: Instance, cancel: Cancellation) -> bytes:
    """*instance* as PNG.

    Raises:
        NotDrawable, BadData: It has no picture, or a broken one.
    """
    dataset = whole(instance)
    picture = Picture.of(dataset)
    frame, compressed = middle_frame(dataset, instance, picture)
    decoded = Decoded(frame, picture.photometric, picture.planar)
    if compressed:
        with closing(Decoder(cancel)) as decode:
            decoded = decode(frame, picture, instance.transfer_syntax)
    big_endian = instance.transfer_syntax == EXPLICIT_BIG_ENDIAN
    return draw(dataset, picture, decoded, big_endian=big_endian, size=SIZE)


def middle_instance(source: Source, ref: Ref) -> Instance:
    """The middle instance of the series *ref*; of one that cannot be listed, the first that comes. Close it.

    Raises:
        NotFound: There is none.
        DicomError: It cannot be retrieved.
    """
    middle = _middle(source, ref.study, ref.series or UID(""))
    found: Instance | None = None
    with closing(source.retrieve([middle or ref])) as instances:
        for instance in instances:
            if found is not None or instance.ref.series != ref.series:
                instance.close()
                continue
            found = instance
            if middle is None:
                # Of the others nothing is wanted; this one is to be there as a whole before the rest is called off.
                for _ in instance.body.chunks():
                    pass
                break
    if found is None:
        raise NotFound("the series holds nothing that can be retrieved")
    return found


def _middle(source: Source, study: UID, series: UID) -> Ref | None:
    query = Query(
        Level.INSTANCE,
        (("StudyInstanceUID", study), ("SeriesInstanceUID", series)),
        wanted=("InstanceNumber",),
    )
    try:
        found = [match for match in source.find(query) if match.ref is not None]
    except Canceled:
        raise
    except DicomError:
        # Some servers list no instances.
        return None
    found.sort(key=lambda match: (match.number("InstanceNumber") or 0, match.text("SOPInstanceUID")))
    return found[(len(found) - 1) // 2].ref if found else None
