"""Files treated one by one into another folder, without node, job or database."""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from adit.deid.gate import Gate
from adit.deid.keys import Key, Patient
from adit.deid.known import Known
from adit.deid.profile import Profile
from adit.deid.report import Line
from adit.deid.tally import Tally
from adit.deid.treatment import Order, Treatment
from adit.dicom.errors import BadData, DicomError
from adit.dicom.instance import Instance
from adit.dicom.part10 import part10, read_part10
from adit.dicom.refs import UID, Ref
from adit.dicom.values import text
from adit.endpoints.files import UNFINISHED, FileBody, identity_of, in_folder
from adit.transfer.file_names import placed
from adit.transfer.pseudonyms import UnfitPseudonym, checked, unfit

_MOST_PATIENTS = 8
"""Patients whose treatment, with all that it remembers, is held: files of one lie together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        file: Below the folder of the originals.
        into: Below the folder of the treated ones; None where it was refused.
        reason: Why it was refused; else empty.
        elements: Empty unless they were asked for.
    """

    file: PurePath
    into: PurePath | None
    reason: str = ""
    elements: tuple[Line, ...] = ()


class Filewise:
    """Treats files by one profile and one key, each patient's under a pseudonym of his own.

    Args:
        pseudonym: For the one patient that all files must be of then; empty: each gets one of the key.
    """

    def __init__(self, profile: Profile, key: bytes, gate: Gate, *, pseudonym: str = "") -> None:
        """
        Raises:
            UnfitPseudonym: *pseudonym* cannot stand in PatientID and PatientName.
        """
        self._profile = profile
        self._secret = key
        self._key = Key(key)
        self._dates = profile.dates
        self._gate = gate
        self._pseudonym = checked(pseudonym) if pseudonym else ""
        self._treatments: OrderedDict[Patient, Treatment] = OrderedDict()
        self._first: Patient | None = None
        self._ended = Tally()
        self._taken: dict[Path, PurePath] = {}

    @property
    def tally(self) -> Tally:
        """What was done beyond replacing, in all files so far."""
        whole = Tally()
        whole.merge(self._ended)
        for treatment in self._treatments.values():
            whole.merge(treatment.tally)
        return whole

    def treat_all(self, source: Path, into: Path, *, record: bool = False) -> Iterator[Outcome]:
        """Treat *source*, a file or a folder with all below it, into the folder *into*.

        Args:
            record: Say what became of every element.

        Raises:
            OSError: *into* cannot be written.
        """
        root = source if source.is_dir() else source.parent
        for path in in_folder(source) if source.is_dir() else (source,):
            yield self.treat(path, path.relative_to(root), into, record=record)

    def treat(self, path: Path, file: PurePath, into: Path, *, record: bool = False) -> Outcome:
        """Treat the file at *path*, which is called *file* below its folder; see `treat_all`."""
        try:
            with ExitStack() as stack:
                instance = stack.enter_context(_opened(path))
                original = instance.ref
                known = Known.of(instance.head())
                treatment = self._treatment(instance)
                stack.pop_all()  # From here on the treatment closes it.
                lines: list[Line] = []
                if record:
                    treated, lines = treatment.report(instance)
                else:
                    treated = treatment.apply(instance)
            with treated:
                place = placed(file, ref=original, new=treated.ref, known=known, key=self._key, dates=self._dates)
                earlier = self._taken.setdefault(into / place, file)
                if earlier != file:
                    raise BadData(f"it would take the place of {earlier}")
                _write(treated, into / place)
        except DicomError as error:
            return Outcome(file, None, str(error))
        return Outcome(file, place, elements=tuple(lines))

    def _treatment(self, instance: Instance) -> Treatment:
        """The treatment of the patient that *instance* is of.

        Raises:
            DicomError: It is not the one that the pseudonym is for, or the pseudonym tells who he is.
        """
        head = instance.head()
        patient_id, issuer, name = (
            text(head.get(keyword)) for keyword in ("PatientID", "IssuerOfPatientID", "PatientName")
        )
        # Without an id it is for the treatment to say whether the profile lets that be.
        patient = Patient(patient_id, issuer) if patient_id else Patient.of_study(instance.ref.study)
        if patient not in self._treatments:
            self._treatments[patient] = self._of(patient, patient_id, name)
        self._treatments.move_to_end(patient)
        if len(self._treatments) > _MOST_PATIENTS:
            self._ended.merge(self._treatments.popitem(last=False)[1].tally)
        return self._treatments[patient]

    def _of(self, patient: Patient, patient_id: str, name: str) -> Treatment:
        self._first = self._first or patient
        if self._pseudonym and patient != self._first:
            raise BadData("it is of another patient than the files before it, and there is one pseudonym")
        if self._pseudonym:
            try:
                unfit(self._pseudonym, patient_id=patient_id, name=name)
            except UnfitPseudonym as error:
                raise BadData(str(error)) from error
        return Treatment(
            Order(
                profile=self._profile,
                key=self._secret,
                pseudonym=self._pseudonym or self._key.pseudonym_of(patient),
                gate=self._gate,
            )
        )


def _opened(path: Path) -> Instance:
    """The instance that the file holds.

    Raises:
        BadData: It holds none, or cannot be read.
    """
    try:
        found, identity = read_part10(path), identity_of(path)
        if identity is None or not (identity.study and identity.series and identity.instance):
            raise BadData("it names no study, series and instance")
        ref = Ref(UID(identity.study), UID(identity.series), UID(identity.instance))
        return Instance(ref, found.sop_class, found.transfer_syntax, FileBody(path, found.offset))
    except (OSError, ValueError) as error:
        raise BadData(f"it cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}") from error


def _write(instance: Instance, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with hidden.open("xb") as file:
            for chunk in part10(instance):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
