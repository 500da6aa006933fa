"""The treatment: an instance in, the same image under a pseudonym out (PS3.15 Annex E)."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from adit.deid.case import Case
from adit.deid.dataset import DataSet
from adit.deid.deflated import Deflated, Inflated
from adit.deid.descriptors import Words
from adit.deid.engine import Engine
from adit.deid.errors import Excluded, Stopped
from adit.deid.facts import ISSUER, PATIENT_ID, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY, Facts, Harvest
from adit.deid.gate import Gate
from adit.deid.keys import Key, Patient
from adit.deid.known import Known
from adit.deid.memory import Room
from adit.deid.profile import RETAIN_UIDS, Dates, Profile, WithoutPatientID
from adit.deid.report import Line, Report
from adit.deid.rules.actions import Action
from adit.deid.rules.resolve import Rules
from adit.deid.stamp import Stamp
from adit.deid.tally import Tally
from adit.deid.treatedbody import Head, TreatedBody, head_of
from adit.deid.walking import Recorder, Walker
from adit.dicom.errors import BadData, DicomError
from adit.dicom.instance import Body, InMemory, Instance
from adit.dicom.refs import UID, Ref
from adit.dicom.scan import DEFLATED_SYNTAXES

_PATIENT_AGE = 0x00101010

_MOST_CASES = 16
"""Patients and SOP classes whose elements are remembered."""

_CHECKED_AT_ONCE = 8 << 20
"""Bytes of a body up to which the end of its pixel data is looked for before it goes: it lies in memory."""

_PSEUDONYM = re.compile(r"[ -\[\]-~]{1,64}")
"""Printable ASCII without the backslash, which would make two of it; at most what LO holds (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class Order:
    """How the instances of one patient are to be treated.

    Attributes:
        key: The project's, 32 bytes.
        pseudonym: Replaces PatientID and PatientName; empty: the profile empties them.
        patient: Whose instances they must be; None where anybody's are meant.
        trial_protocol_id: Empty where there is none, like its name.
        domain: The id domain of the node they come from.
        gate: Decides what stays behind.
        released: Paths of attributes in which a person let an identifier pass.
    """

    profile: Profile
    key: bytes = field(repr=False)
    pseudonym: str
    gate: Gate
    patient: Patient | None = field(default=None, repr=False)
    trial_protocol_id: str = ""
    trial_protocol_name: str = ""
    domain: str = ""
    released: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("pseudonym", "trial_protocol_id", "trial_protocol_name"):
            text = getattr(self, name)
            if text and not _PSEUDONYM.fullmatch(text):
                raise ValueError(f"{name} '{text}' has more than 64 characters, or others than ASCII without backslash")


class Treatment:
    """Treats instance after instance by one order. For one thread at a time.

    Attributes:
        tally: What was done beyond replacing, in all instances so far.
    """

    def __init__(self, order: Order, *, remember: bool = True) -> None:
        """*remember* equal elements in equal places, which are treated once; the result is the same without."""
        self.order = order
        self.tally = Tally()
        self._key = Key(order.key)
        self._words = Words(order.profile.approved)
        self._engine = Engine(self._key.engine_seed)
        self._stamp = Stamp(order.profile, order.pseudonym, order.trial_protocol_id, order.trial_protocol_name)
        self._room = Room() if remember else None
        self._harvests: dict[UID, Harvest] = {}
        self._other_ids: set[str] = set()
        self._walkers: OrderedDict[object, Walker] = OrderedDict()

    def new_uid(self, uid: UID) -> UID:
        """What becomes of a study, series or SOP Instance UID."""
        return uid if RETAIN_UIDS in self.order.profile.options else self._key.uid(uid)

    def accept(self, patient_id: str) -> None:
        """Take instances with *patient_id* for those of the ordered patient: by name and birth date they are."""
        self._other_ids.add(patient_id.strip("\0 "))

    def new_ref(self, ref: Ref) -> Ref:
        """What becomes of a reference."""
        return Ref(
            self.new_uid(ref.study),
            None if ref.series is None else self.new_uid(ref.series),
            None if ref.instance is None else self.new_uid(ref.instance),
        )

    def apply(self, instance: Instance) -> Instance:
        """The treated instance. Takes *instance* over: it is closed with the treated one, or here on failure.

        Waits until the part before the pixel data has arrived; those stream through.

        Raises:
            Excluded: A rule leaves it behind.
            Stopped: It cannot be treated as the profile demands.
            BadData: It is no data set that can be treated.
            DicomError: What broke the arrival off.
        """
        return self._owned(instance, None)

    def report(self, instance: Instance) -> tuple[Instance, list[Line]]:
        """The treated instance, and what became of every element of its head. Otherwise like `apply`."""
        report = Report(self._key)
        return self._owned(instance, report.record), report.lines

    def _owned(self, instance: Instance, record: Recorder | None) -> Instance:
        try:
            return self._treated(instance, record)
        except (DicomError, OSError):
            instance.close()
            raise
        except Exception as error:
            # Whatever it is that nobody thought of costs this instance only.
            instance.close()
            raise Stopped(f"it could not be treated ({type(error).__name__})") from error

    def _treated(self, instance: Instance, record: Recorder | None) -> Instance:
        deflated = instance.transfer_syntax in DEFLATED_SYNTAXES
        original: Body = Inflated(instance.body) if deflated else instance.body
        head = head_of(original, instance.transfer_syntax)
        facts = Facts(head.dataset)
        _check_uids(instance, facts)
        pixels_checked = self._pass_gate(instance, facts)
        walker = self._walker(instance.sop_class, facts, head.dataset, record)
        walked, notes = walker.walk(head.dataset)
        ref = self.new_ref(instance.ref)
        age = self._age(instance.sop_class, facts)
        pieces = self._stamp.on(walked, head.dataset.coding, ref=ref, pixels_checked=pixels_checked, age=age)
        if record:
            for tag, piece in pieces:
                if (tag, piece) not in walked:
                    record((tag,), "stamp", None, piece)
        encoded = b"".join([piece for _, piece in pieces])
        body = self._body(encoded, original, head)
        self.tally.add(notes)
        return Instance(ref, instance.sop_class, instance.transfer_syntax, Deflated(body) if deflated else body)

    def _body(self, encoded: bytes, original: Body, head: Head) -> Body:
        if head.pixels is None:
            original.close()
            return InMemory(encoded)
        body = TreatedBody(encoded, original, head.pixels, head.dataset.coding)
        # Of a deflated one the size is only found by inflating all of it.
        arrived = None if isinstance(original, Inflated) else original.size
        if arrived is not None and arrived <= _CHECKED_AT_ONCE:
            body.check()
        return body

    def _pass_gate(self, instance: Instance, facts: Facts) -> bool:
        """Whether the pixel data show nobody, as far as can be told without looking at them.

        Raises:
            Excluded: It stays behind.
        """
        gate = self.order.gate
        rules = Rules.of(self.order.profile, instance.sop_class)
        if reason := rules.excluded or gate.on_arrival(instance.sop_class, facts.text):
            raise Excluded(reason)
        if facts.has_overlay_in_pixels():
            raise Excluded("an overlay is drawn into the unused bits of its pixels")
        return not gate.unchecked_pixels or not replace(gate, unchecked_pixels=False).on_arrival(
            instance.sop_class, facts.text
        )

    def _age(self, sop_class: UID, facts: Facts) -> str:
        """PatientAge as the profile tells it; empty where it does not, or cannot."""
        profile = self.order.profile
        tells = Rules.of(profile, sop_class).action(_PATIENT_AGE, "AS") is Action.AGE
        return facts.age(days_too=profile.newborns) if tells else ""

    def _walker(self, sop_class: UID, facts: Facts, dataset: DataSet, record: Recorder | None) -> Walker:
        profile = self.order.profile
        rules = Rules.of(profile, sop_class)
        harvest = self._harvests.get(sop_class)
        if harvest is None:
            harvest = self._harvests[sop_class] = Harvest(rules, self._room)
        patient = self._patient(facts)
        carried = harvest.of(dataset)
        age = facts.age(days_too=profile.newborns)
        known = (sop_class, patient, carried, age)
        walker = None if record else self._walkers.get(known)
        if walker is None:
            case = Case(
                rules=rules,
                key=self._key,
                words=self._words,
                engine=self._engine,
                known=Known.carrying(carried),
                days=self._key.shift_of(patient) if profile.dates is Dates.SHIFT else 0,
                pseudonym=self.order.pseudonym,
                age=age,
                released=self.order.released,
            )
            walker = Walker(case, self._room, record=record)
        if not record:
            self._walkers[known] = walker
            self._walkers.move_to_end(known)
            if len(self._walkers) > _MOST_CASES:
                self._walkers.popitem(last=False)
        return walker

    def _patient(self, facts: Facts) -> Patient:
        """Who is meant.

        Raises:
            Stopped: Nobody is, or another than the order says.
        """
        ordered = self.order.patient
        patient_id = facts.text(PATIENT_ID)
        if not patient_id:
            if self.order.profile.without_patient_id is WithoutPatientID.REFUSE:
                raise Stopped("it has no PatientID, and the profile refuses such objects")
            return ordered or Patient.of_study(UID(facts.text(STUDY)), self.order.domain)
        found = Patient(patient_id, facts.text(ISSUER), self.order.domain)
        if ordered is None:
            return found
        if found.id in self._other_ids:
            return ordered
        other_issuer = found.issuer and ordered.issuer and found.issuer != ordered.issuer
        if found.id != ordered.id or other_issuer:
            raise Stopped("it belongs to another patient than was asked for")
        return ordered


def _check_uids(instance: Instance, facts: Facts) -> None:
    said = (instance.sop_class, instance.ref.study, instance.ref.series, instance.ref.instance)
    if tuple(facts.text(tag) for tag in (SOP_CLASS, STUDY, SERIES, SOP_INSTANCE)) != said:
        raise BadData("the data set names another object than the one that was announced")
