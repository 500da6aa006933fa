"""What happens to a study between source and sink, and what can be told of it before anything is retrieved.

The ledger counts originals. What the destination is asked, and answers, goes by the UIDs that the instances have there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from pydicom import Dataset

from adit.deid.dates import shift_date
from adit.deid.gate import Gate
from adit.deid.keys import Key, Patient
from adit.deid.profile import Dates, Profile
from adit.dicom.errors import DicomError
from adit.dicom.instance import Body, InMemory, Instance
from adit.dicom.match import Match
from adit.dicom.refs import UID
from adit.transfer.batches.studies import lines_say
from adit.transfer.items import TransferStudy
from adit.transfer.persons import same_person
from adit.transfer.plan import Trial
from adit.transfer.pseudonyms import UnfitPseudonym, unfit

if TYPE_CHECKING:
    from adit.deid.treatment import Treatment


class WrongPatient(DicomError):
    """The study belongs to another patient than was asked for."""

    mended_by = "whoever asked for it"


class Unfit(DicomError):
    """The pseudonym tells who the patient is."""

    mended_by = "whoever asked for it"


class Treats(Protocol):
    """One study's treatment on its way."""

    def whose(self, item: TransferStudy, study: Match) -> str:
        """Hold *study*, as the source knows it, against the patient of *item*.

        Returns:
            What a person should know; empty when they agree.

        Raises:
            WrongPatient: It must not go.
            Unfit: The pseudonym holds the patient's id or a part of the name.
        """

    def stays_behind(self, study: Match, series: Match) -> str:
        """By which rule the whole *series* stays behind; empty when that cannot be told yet."""

    def placed(self, study: Match) -> Match:
        """*study* with what its folder is named after, as treated."""

    def apply(self, instance: Instance) -> Instance:
        """The instance that goes instead; takes ownership of *instance*.

        Raises:
            deid.errors.Excluded: A rule leaves it behind.
            deid.errors.Stopped, BadData: It cannot be treated as it must, and does not go.
        """

    def new_uid(self, uid: UID) -> UID:
        """What a study, series or instance is called at the destination."""

    def notes(self) -> Iterator[str]:
        """What the treatment did to the instances so far that a person should know."""

    def cut(self) -> Mapping[tuple[str, str], int]:
        """Words that were cut so far, as (attribute, word), with how often. They may be anybody's name."""


class Unchanged:
    """Studies go as they are, bit for bit."""

    def whose(self, item: TransferStudy, study: Match) -> str:
        if not _differ(item.patient_id, study.patient_id):
            return ""
        if same_person(item.patient_name, item.birth_date, study):
            return _by_name(item)
        return f"the study belongs to another PatientID there than {lines_say(item.lines)}"

    def stays_behind(self, study: Match, series: Match) -> str:  # noqa: ARG002  all goes
        return ""

    def placed(self, study: Match) -> Match:
        return study

    def apply(self, instance: Instance) -> Instance:
        return instance

    def new_uid(self, uid: UID) -> UID:
        return uid

    def notes(self) -> Iterator[str]:
        yield from ()

    def cut(self) -> Mapping[tuple[str, str], int]:
        return {}


class Pseudonymised:
    """Studies go in the name of a pseudonym."""

    def __init__(self, treatment: Treatment, patient: Patient, gate: Gate, *, converted: bool) -> None:
        """
        Args:
            converted: The sink makes something else of the instances, for which it needs their private attributes:
                it gets the originals under their new UIDs, with the treated head to name things after.
        """
        self._treatment = treatment
        self._gate = gate
        self._order = treatment.order
        key = Key(self._order.key)
        self._shift = key.shift_of(patient)
        # One that was drawn may hold three letters of a name by chance; it tells nothing.
        self._generated = key.pseudonym_of(patient)
        self._converted = converted
        self.new_uid = treatment.new_uid

    def whose(self, item: TransferStudy, study: Match) -> str:
        note = ""
        if _differ(item.patient_id, study.patient_id) or _differ(item.issuer, study.text("IssuerOfPatientID")):
            if not same_person(item.patient_name, item.birth_date, study):
                raise WrongPatient(f"the study belongs to another patient than {lines_say(item.lines)}")
            self._treatment.accept(study.patient_id)
            note = _by_name(item)
        if self._order.pseudonym != self._generated:
            try:
                unfit(self._order.pseudonym, patient_id=study.patient_id, name=study.text("PatientName"))
            except UnfitPseudonym as error:
                raise Unfit(str(error)) from error
        return note

    def stays_behind(self, study: Match, series: Match) -> str:
        return stays_behind(self._gate, study, series)

    def placed(self, study: Match) -> Match:
        order = self._order
        treated = Dataset()
        treated.PatientID = order.pseudonym
        treated.StudyInstanceUID = self.new_uid(UID(study.text("StudyInstanceUID")))
        treated.ModalitiesInStudy = list(study.modalities)
        if order.profile.dates is not Dates.REMOVE:
            day = study.text("StudyDate")
            if order.profile.dates is Dates.SHIFT:
                day = shift_date(day, self._shift) or ""
            treated.StudyDate, treated.StudyTime = day, study.text("StudyTime")
        return Match(study.level, treated)

    def apply(self, instance: Instance) -> Instance:
        treated = self._treatment.apply(instance)
        return _disguised(instance, treated) if self._converted else treated

    def notes(self) -> Iterator[str]:
        return self._treatment.tally.sentences()

    def cut(self) -> Mapping[tuple[str, str], int]:
        return self._treatment.tally.cut_from


class Labelled(Unchanged):
    """Studies keep their identity; the trial they are sent for is written into them."""

    def __init__(self, trial: Trial) -> None:
        # Not before: every command would pay for it.
        from adit.deid.labelling import Labels  # noqa: PLC0415

        self.apply = Labels(trial.protocol_id, trial.protocol_name).apply  # type: ignore[method-assign]


class _Disguised:
    """The body of an original, closed with the treated instance that was made of it."""

    def __init__(self, original: Body, treated: Instance) -> None:
        self._original = original
        self._treated = treated

    @property
    def size(self) -> int | None:
        return self._original.size

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        return self._original.chunks(start)

    def close(self) -> None:
        self._original.close()
        self._treated.close()


def _disguised(original: Instance, treated: Instance) -> Instance:
    """*original* as far as its bytes go, *treated* in all that names it."""
    if isinstance(treated.body, InMemory):
        # Without pixel data there is nothing to convert, and the original is closed already.
        return treated
    body = _Disguised(original.body, treated)
    return Instance(treated.ref, original.sop_class, original.transfer_syntax, body, head=treated.head())


def pseudonymised(
    profile: Profile,
    key: bytes,
    patient: Patient,
    *,
    pseudonym: str,
    domain: str,
    trial: Trial,
    converted: bool,
    excluded_modalities: frozenset[str],
    unchecked_pixels: bool,
    released: frozenset[str],
) -> Pseudonymised:
    """The treatment of one study of *patient*, for one attempt; see `deid.treatment.Order`."""
    # Not before: half a second, which every command would pay.
    from adit.deid.treatment import Order, Treatment  # noqa: PLC0415

    gate = Gate(unchecked_pixels, excluded_modalities)
    order = Order(
        profile=profile,
        key=key,
        pseudonym=pseudonym,
        patient=patient,
        trial_protocol_id=trial.protocol_id,
        trial_protocol_name=trial.protocol_name,
        domain=domain,
        gate=gate,
        released=released,
    )
    return Pseudonymised(Treatment(order), patient, gate, converted=converted)


def stays_behind(gate: Gate, study: Match, series: Match) -> str:
    """By which rule the whole *series* stays behind; empty when only its instances can tell."""
    if not series.text("SOPClassUID") and (only := study.uid("SOPClassesInStudy")):
        # One value and no more: all that the study holds is of this class.
        told = Dataset()
        told.update(series.dataset)
        told.SOPClassUID = only
        series = Match(series.level, told)
    return gate.foresee(study, series) or ""


def _by_name(item: TransferStudy) -> str:
    return f"the study has another PatientID there than {lines_say(item.lines)}; name and birth date are the same"


def _differ(asked: str, found: str) -> bool:
    """Whether both are known and name different patients."""
    asked, found = asked.strip("\0 "), found.strip("\0 ")
    return bool(asked and found) and asked != found
