"""The proof that a PACS knows our receiver: one instance of a study that it has, moved to it.

What it says of a study that does not exist proves too little: some answer the same whatever is wrong.
"""

from __future__ import annotations

from contextlib import closing
from copy import copy

from adit.dicom.errors import Canceled, DicomError, NotFound
from adit.dicom.protocols import Cancellation, Source
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.cancel import NEVER
from adit.nodes.findings import Finding, Outcome
from adit.nodes.models import BY_DICOMWEB, MOVES, Ability, Node
from adit.nodes.opening import Opening

_NAME = "Proof by C-MOVE"


def prove_move(node: Node, study: UID, *, opening: Opening, cancel: Cancellation = NEVER) -> Finding:
    """Have one instance of *study*, of its longest series, sent to our receiver, and thrown away there.

    Raises:
        Canceled: *cancel* was set.
    """
    if not node.abilities & MOVES:
        return Finding(_NAME, Outcome.SKIPPED, "The node has no C-MOVE.")
    moving = copy(node)
    moving.abilities = node.abilities - BY_DICOMWEB - {Ability.GET_STUDY, Ability.GET_PATIENT}
    try:
        with opening.source(moving, cancel=cancel, associations=1) as source:
            ref = _one_of(source, study)
            with closing(source.retrieve([ref])) as instances:
                came = next(instances, None)
                if came is not None:
                    came.close()
    except Canceled:
        raise
    except DicomError as error:
        return Finding(_NAME, Outcome.FAILED, f"{error}.", error.mended_by)
    if came is None:
        sentence = (
            "It said that it sent one instance, and none came: have host and port of our receiver corrected there."
        )
        return Finding(_NAME, Outcome.FAILED, sentence, "the administrator of the PACS")
    return Finding(_NAME, Outcome.OK, "One instance came: it knows our AE title, and where our receiver is.")


def _one_of(source: Source, study: UID) -> Ref:
    found = [
        match
        for match in source.find(Query.of(Level.SERIES, StudyInstanceUID=study))
        if match.ref and match.ref.study == study
    ]
    if not found:
        raise NotFound(f"it does not have study {study}")
    # A multi-frame is one instance of a series of one; a slice is small.
    series = max(found, key=lambda match: match.instances or 0).ref
    assert series is not None
    assert series.series is not None
    query = Query.of(Level.INSTANCE, StudyInstanceUID=study, SeriesInstanceUID=series.series)
    refs = [match.ref for match in source.find(query) if match.ref]
    return refs[0] if refs else series
