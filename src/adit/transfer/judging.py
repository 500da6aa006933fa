"""Whether a study, and which of its series, meet criteria: decided here, whatever the source matched."""

from __future__ import annotations

from collections.abc import Sequence

from adit.dicom.match import Match
from adit.dicom.matching import fits
from adit.dicom.query import WILDCARDS
from adit.transfer.mass.ages import age_fits, read_age_range
from adit.transfer.mass.criteria import Criteria, Filter, Form, read_numbers

_BELOW = {"modality": "Modality", "institution": "InstitutionName"}
"""What the series tell where the study does not."""

_EMPTY_IS_KNOWN = frozenset(("study_description", "series_description"))
"""Often left empty; what is empty fits no value."""


def meets(criterion: Filter, match: Match, *, study: Match | None = None, series: Sequence[Match] = ()) -> bool | None:
    """Whether a study or series meets one condition; None where the source does not tell what is compared.

    Args:
        match: The study, or for a filter on series the series.
        study: That of the series.
        series: Those of the study, where they are known.
    """
    fitting = _any_fits(criterion, match, study or match, series)
    return None if fitting is None else fitting is not criterion.exclude


def _any_fits(criterion: Filter, match: Match, study: Match, series: Sequence[Match]) -> bool | None:
    form = criterion.field.form
    if form is Form.AGE:
        return _age_fits(criterion, study)
    if form is Form.NUMBER:
        number = _number(criterion, match, series)
        return None if number is None else any(_within(number, value) for value in criterion.values)
    found = match.text(criterion.field.keyword)
    if not found.strip("\\ ") and criterion.on in _BELOW:
        found = "\\".join(one.text(_BELOW[criterion.on]) for one in series)
    if not found.strip("\\ "):
        return False if criterion.on in _EMPTY_IS_KNOWN else None
    return any(fits(criterion.field.keyword, value, found) for value in criterion.values)


def _age_fits(criterion: Filter, study: Match) -> bool | None:
    answers = {
        age_fits(
            wanted,
            birth=study.text("PatientBirthDate"),
            study=study.text("StudyDate"),
            said=study.text("PatientAge"),
        )
        for value in criterion.values
        if (wanted := read_age_range(value))
    }
    return True if True in answers else None if None in answers else False


def _number(criterion: Filter, match: Match, series: Sequence[Match]) -> int | None:
    number = match.number(criterion.field.keyword)
    if number is not None or criterion.field.of_series or not series:
        return number
    if criterion.on == "series_count":
        return len(series)
    counts = [one.instances for one in series]
    return sum(filter(None, counts)) if None not in counts else None


def _within(number: int, written: str) -> bool:
    least, most = read_numbers(written) or (None, None)
    return (least is None or least <= number) and (most is None or number <= most)


def first_unmet(
    filters: Sequence[Filter], match: Match, *, study: Match | None = None, series: Sequence[Match] = ()
) -> tuple[Filter, bool] | None:
    """The first of *filters* that is not met, and whether that is for sure; None when all are met.

    What is not met for sure comes before what the source does not tell.
    """
    untold: Filter | None = None
    for criterion in filters:
        answer = meets(criterion, match, study=study, series=series)
        if answer is False:
            return criterion, True
        if answer is None:
            untold = untold or criterion
    return None if untold is None else (untold, False)


def tells(criterion: Filter, match: Match, *, series: Sequence[Match] = ()) -> bool:
    """Whether the source says anything of what *criterion* compares."""
    if criterion.field.form is Form.TEXT:
        below = [one.text(_BELOW[criterion.on]) for one in series] if criterion.on in _BELOW else []
        return any(text.strip("\\ ") for text in (match.text(criterion.field.keyword), *below))
    return meets(criterion, match, series=series) is not None


def needs_series(criterion: Filter, study: Match) -> bool:
    """Whether the series of a study may tell what the study does not."""
    return criterion.on in (*_BELOW, "series_count", "instances") and not tells(criterion, study)


def modalities_asked(criteria: Criteria) -> tuple[str, ...]:
    """The modalities that a source can be asked for, one after the other; none for all.

    Only whole codes: a server that compares differently than we do must not hide anything.
    """
    wanted = [
        tuple(dict.fromkeys(value.upper() for value in criterion.values))
        for criterion in criteria.filters
        if criterion.on in ("modality", "series_modality")
        and not criterion.exclude
        and not any(wildcard in value for value in criterion.values for wildcard in WILDCARDS)
    ]
    # Any of the filters narrows; two together may mean a study of two modalities.
    return min(wanted, key=len, default=())
