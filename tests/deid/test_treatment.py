"""An instance is treated as the profile says, whole and consistent, or it does not leave."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from pydicom import DataElement, Dataset
from pydicom.uid import generate_uid

from adit.deid.errors import Excluded, Stopped
from adit.deid.gate import Gate
from adit.deid.keys import Key, Patient
from adit.deid.profile import PROFILES
from adit.deid.treatment import Order, Treatment
from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import InMemory, Instance
from adit.dicom.reading import read
from adit.dicom.refs import UID, Ref
from tests.deid.treating import (
    KEY,
    PSEUDONYM,
    Dripping,
    content,
    ct,
    from_file,
    instance,
    instance_of,
    order,
    profile,
    treated,
)
from tests.dicom.files import encoded, file

SHIFT = Key(KEY).shift_of(Patient("12345678"))


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


class TestATreatedInstance:
    @pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, EXPLICIT_BIG_ENDIAN])
    def test_is_the_patients_no_more(self, transfer_syntax: UID) -> None:
        made = Treatment(order()).apply(instance(ct(PatientSex="F"), transfer_syntax))

        dataset = read(content(made), transfer_syntax)
        assert (dataset.PatientID, dataset.PatientName) == (PSEUDONYM, PSEUDONYM)
        assert dataset.PatientBirthDate == ""
        assert dataset.PatientSex == "F"
        assert made.transfer_syntax == transfer_syntax
        assert made.body.size == len(content(made))

    def test_has_new_uids_in_its_reference_and_its_data_set(self) -> None:
        original = ct()
        treatment = Treatment(order())

        made = treatment.apply(instance(original))

        dataset = read(content(made), EXPLICIT)
        assert made.ref == treatment.new_ref(instance(original).ref)
        assert made.ref == Ref(
            UID(dataset.StudyInstanceUID), UID(dataset.SeriesInstanceUID), UID(dataset.SOPInstanceUID)
        )
        assert made.sop_class == original.SOPClassUID == dataset.SOPClassUID
        assert all(uid.startswith("2.25.") for uid in (made.ref.study, made.ref.series, made.ref.instance))

    def test_gets_the_pseudonym_also_where_it_named_nobody(self) -> None:
        original = ct()
        del original.PatientID, original.PatientName

        dataset = treated(original)

        assert (dataset.PatientID, dataset.PatientName) == (PSEUDONYM, PSEUDONYM)

    def test_has_no_ids_without_a_pseudonym(self) -> None:
        dataset = treated(ct(), pseudonym="")

        assert (dataset.PatientID, dataset.PatientName) == ("", "")

    def test_keeps_the_bytes_of_what_is_kept(self) -> None:
        original = file("CT_small.dcm")

        made = content(Treatment(order()).apply(from_file(original)))

        before, after = original.dataset, read(made, original.transfer_syntax)
        assert after.PixelData == before.PixelData
        for keyword in ("ImagePositionPatient", "PixelSpacing", "ConvolutionKernel", "KVP", "Rows", "RescaleSlope"):
            raw = encoded(item(**{keyword: before[keyword].value}), original.transfer_syntax)
            assert raw in original.encoded
            assert raw in made

    def test_has_nothing_behind_its_pixel_data(self) -> None:
        behind = encoded(item(DataSetTrailingPadding=b"Mustermann"))
        pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 4) + b"\1\2\3\4"
        made = Treatment(order()).apply(instance_of(encoded(ct()) + pixels + behind, ct(), EXPLICIT))

        assert content(made).endswith(b"\1\2\3\4")

    def test_has_no_group_lengths(self) -> None:
        group = struct.pack("<HH2sHL", 8, 0, b"UL", 4, 99)

        made = content(Treatment(order()).apply(instance_of(group + encoded(ct()), ct(), EXPLICIT)))

        assert not made.startswith(group[:4])

    def test_has_no_picture_in_an_icon(self) -> None:
        icon = item(Rows=1, Columns=2, BitsAllocated=8, PixelData=b"\1\2")

        dataset = treated(ct(IconImageSequence=[icon], ReferencedImageSequence=[icon], Rows=5))

        assert "IconImageSequence" not in dataset
        assert "PixelData" not in dataset.ReferencedImageSequence[0]
        assert dataset.ReferencedImageSequence[0].Rows == 1
        assert dataset.Rows == 5

    @pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT])
    @pytest.mark.parametrize("undefined", [True, False])
    def test_is_treated_in_sequences_too(self, transfer_syntax: UID, undefined: bool) -> None:
        inner = item(
            ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
            ReferencedSOPInstanceUID="1.2.3.9",
            PatientID="12345678",
        )
        outer = item(ReferencedInstanceSequence=[inner], SeriesInstanceUID="1.2.3.3")
        inner.is_undefined_length_sequence_item = outer.is_undefined_length_sequence_item = undefined
        original = ct(ReferencedSeriesSequence=[outer])
        original["ReferencedSeriesSequence"].is_undefined_length = undefined

        made = content(Treatment(order()).apply(instance(original, transfer_syntax)))

        (series,) = read(made, transfer_syntax).ReferencedSeriesSequence
        (of_instance,) = series.ReferencedInstanceSequence
        assert series.SeriesInstanceUID == Key(KEY).uid("1.2.3.3")
        assert of_instance.ReferencedSOPInstanceUID == Key(KEY).uid("1.2.3.9")
        assert of_instance.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
        assert of_instance.PatientID == PSEUDONYM
        assert b"12345678" not in made

    def test_is_treated_in_a_known_sequence_that_is_written_as_unknown(self) -> None:
        inner = encoded(item(ReferencedSOPInstanceUID="1.2.3.9"), IMPLICIT)
        in_item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
        unknown = struct.pack("<HH2sHL", 0x0008, 0x1140, b"UN", 0, len(in_item)) + in_item

        made = content(Treatment(order()).apply(instance_of(encoded(ct()) + unknown, ct(), EXPLICIT)))

        assert read(made, EXPLICIT).ReferencedImageSequence[0].ReferencedSOPInstanceUID == Key(KEY).uid("1.2.3.9")

    def test_is_closed_with_the_one_that_came(self) -> None:
        original = ct(PixelData=b"\1\2\3\4")
        original["PixelData"].VR = "OW"
        body = Dripping(encoded(original), 100)
        came = instance(original)

        made = Treatment(order()).apply(Instance(came.ref, came.sop_class, came.transfer_syntax, body))

        assert not body.closed
        made.close()
        assert body.closed

    def test_is_known_before_its_pixel_data_have_arrived(self) -> None:
        original = ct(PixelData=bytes(200_000))
        original["PixelData"].VR = "OW"
        body = Dripping(encoded(original)[:100_000], 1000, complete=False)
        came = instance(original)

        made = Treatment(order()).apply(Instance(came.ref, came.sop_class, came.transfer_syntax, body))

        assert made.body.size is None
        with pytest.raises(BadData, match="broken off"):
            content(made)


class TestDates:
    def test_are_all_moved_by_the_same_days(self) -> None:
        original = ct(
            SeriesDate="20200311",
            AcquisitionDateTime="20200311101112.5",
            RequestAttributesSequence=[item(ScheduledProcedureStepStartDate="20200309")],
        )

        dataset = treated(original, "longitudinal")

        moved = dataset.StudyDate
        assert moved != "20200310"
        assert int(dataset.SeriesDate) == int(treated(ct(StudyDate="20200311"), "longitudinal").StudyDate)
        assert dataset.AcquisitionDateTime == f"{dataset.SeriesDate}101112.5"
        assert dataset.StudyTime == "101112"
        assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"

    def test_that_cannot_be_read_are_emptied_and_noted(self) -> None:
        treatment = Treatment(order("longitudinal"))

        made = treatment.apply(instance(ct(SeriesDate="20201341", AcquisitionDate="1947")))

        dataset = read(content(made), EXPLICIT)
        assert (dataset.SeriesDate, dataset.AcquisitionDate) == ("", "")
        assert list(treatment.tally.sentences()) == [
            "AcquisitionDate emptied, once: its value was unreadable",
            "SeriesDate emptied, once: its value was unreadable",
        ]

    def test_that_hold_something_else_are_not_kept_either(self) -> None:
        assert treated(ct(SeriesDate="Musterma")).SeriesDate == ""

    @pytest.mark.parametrize("name", ["research", "longitudinal"])
    def test_give_the_age_as_it_was(self, name: str) -> None:
        assert treated(ct(PatientAge="999Y"), name).PatientAge == "049Y"

    def test_of_a_newborn_give_days_only_by_a_profile_made_for_it(self) -> None:
        original = ct(PatientBirthDate="20200301", PatientAge="009D")

        assert treated(original).PatientAge == "000M"
        assert treated(original, profile=profile("research", newborns=True)).PatientAge == "009D"


class TestPrivateAttributes:
    @staticmethod
    def original() -> Dataset:
        original = ct()
        block = original.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", "1000")
        block.add_new(0xF0, "LO", "Mustermann")
        original.private_block(0x0029, "ACME 1.0", create=True).add_new(0x01, "LO", "Mustermann")
        return original

    def test_stay_where_they_are_safe_with_their_creator(self) -> None:
        dataset = treated(self.original())

        assert dataset.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000
        assert [element.tag for element in dataset if element.tag.is_private] == [0x00190010, 0x0019100C]

    def test_all_go_by_the_basic_profile(self) -> None:
        assert not [element for element in treated(self.original(), "basic") if element.tag.is_private]


class TestOverlays:
    def test_go(self) -> None:
        original = ct()
        original.add(DataElement(0x60000010, "US", 8))
        original.add(DataElement(0x60003000, "OW", b"\1\2"))
        original.add(DataElement(0x60001500, "LO", "Mustermann"))

        dataset = treated(original)

        assert 0x60003000 not in dataset
        assert 0x60001500 not in dataset

    def test_in_the_pixel_data_keep_the_instance_back(self) -> None:
        original = ct()
        original.add(DataElement(0x60020100, "US", 16))

        with pytest.raises(Excluded, match="overlay"):
            treated(original)


class TestTheTripwire:
    def test_removes_what_may_go(self) -> None:
        treatment = Treatment(order())

        made = treatment.apply(instance(ct(Manufacturer="MUSTERMANN", InterventionStatus="MUSTERMANN")))

        dataset = read(content(made), EXPLICIT)
        assert "InterventionStatus" not in dataset
        # Type 2 in a CT image: it must be there, and may be empty.
        assert dataset.Manufacturer == ""
        assert list(treatment.tally.sentences()) == [
            "an identifier taken out of InterventionStatus, once",
            "an identifier taken out of Manufacturer, once",
        ]

    def test_stops_the_instance_elsewhere_without_telling_what_it_found(self) -> None:
        with pytest.raises(Stopped, match=r"identifier left in \(0008,0008\)") as stopped:
            treated(ct(ImageType=["ORIGINAL", "PRIMARY", "MUSTERMANN"]))

        assert "MUSTERMANN" not in str(stopped.value)

    def test_names_the_path_in_sequences_by_which_a_person_may_release_it(self) -> None:
        original = ct(DeformableRegistrationSequence=[item(FrameOfReferenceUID="1.2.3")])
        original.DeformableRegistrationSequence[0].FrameType = ["ORIGINAL", "MUSTERMANN"]
        with pytest.raises(Stopped) as stopped:
            treated(original)
        path = "(0064,0002).(0008,9007)"
        assert path in str(stopped.value)

        treatment = Treatment(order(released=frozenset((path,))))
        made = treatment.apply(instance(original))

        assert read(content(made), EXPLICIT).DeformableRegistrationSequence[0].FrameType[1] == "MUSTERMANN"
        assert list(treatment.tally.sentences()) == [f"{path} let through as released, once: an identifier is in it"]

    def test_finds_whom_a_sequence_names(self) -> None:
        original = ct(
            RequestAttributesSequence=[item(AccessionNumber="ACC778899")],
            InterventionStatus="ACC778899",
        )

        assert "InterventionStatus" not in treated(original)

    def test_is_not_tripped_by_the_pseudonym(self) -> None:
        assert treated(ct(), pseudonym="12345678").PatientID == "12345678"


class TestWhatDoesNotLeave:
    def test_is_another_patients(self) -> None:
        with pytest.raises(Stopped, match="another patient"):
            treated(ct(), patient=Patient("99999999"))

    def test_is_of_a_patient_of_another_issuer(self) -> None:
        with pytest.raises(Stopped, match="another patient"):
            treated(ct(IssuerOfPatientID="HOUSE A"), patient=Patient("12345678", "HOUSE B"))

    @pytest.mark.parametrize("issuer", ["", "HOUSE A"])
    def test_is_not_the_patient_asked_for_with_or_without_issuer(self, issuer: str) -> None:
        assert treated(ct(IssuerOfPatientID="HOUSE A"), patient=Patient("12345678", issuer))

    def test_is_without_patient_id_where_the_profile_refuses_that(self) -> None:
        with pytest.raises(Stopped, match="no PatientID"):
            treated(ct(PatientID=""), profile=PROFILES["research"])

    def test_is_suspected_to_show_names(self) -> None:
        with pytest.raises(Excluded, match="text about the patient"):
            treated(ct(BurnedInAnnotation="YES"))

    def test_is_a_report_that_the_profile_does_not_clean(self) -> None:
        with pytest.raises(Excluded, match="basic"):
            treated(ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR"), "basic")

    def test_has_an_attribute_twice(self) -> None:
        twice = encoded(item(PatientID="12345678"))
        with pytest.raises(BadData, match=r"\(0010,0020\) comes twice"):
            Treatment(order()).apply(instance_of(encoded(ct()) + twice, ct(), EXPLICIT))

    def test_is_not_what_was_announced(self) -> None:
        other = ct()
        other.SOPInstanceUID = generate_uid()

        with pytest.raises(BadData, match="another object"):
            Treatment(order()).apply(instance_of(encoded(other), ct(), EXPLICIT))

    def test_is_closed(self) -> None:
        body = Dripping(encoded(ct(PatientID="99999999")), 100)
        came = instance(ct())

        with pytest.raises(Stopped):
            Treatment(order(patient=Patient("12345678"))).apply(
                Instance(came.ref, came.sop_class, came.transfer_syntax, body)
            )

        assert body.closed


class TestAnOrder:
    def test_shows_neither_key_nor_patient(self) -> None:
        made = repr(order(patient=Patient("12345678")))

        assert "12345678" not in made
        assert "key" not in made

    @pytest.mark.parametrize("text", ["Müller", "A\\B", "A" * 65, "A\n"])
    def test_refuses_a_pseudonym_that_no_character_set_holds(self, text: str) -> None:
        with pytest.raises(ValueError, match="pseudonym"):
            Order(PROFILES["research"], KEY, text, Gate())


class TestAReport:
    def test_has_a_line_for_every_element(self) -> None:
        original = ct(
            Rows=5,
            ImageComments="Mustermann",
            RequestAttributesSequence=[item(ScheduledProcedureStepDescription="Kopf Mustermann")],
        )

        made, lines = Treatment(order()).report(instance(original))

        said = {line.path: line for line in lines if line.action != "stamp"}
        assert set(said) == {
            *(f"({tag.group:04X},{tag.element:04X})" for tag in list(original.keys()) if tag != 0x00400275),
            "(0040,0275).(0040,0007)",
        }
        assert said["(0028,0010)"].before == said["(0028,0010)"].after != ""
        assert said["(0020,4000)"].after == ""
        assert said["(0040,0275).(0040,0007)"].action == "clean"
        assert {line.path for line in lines if line.action == "stamp"} >= {"(0012,0062)", "(0028,0303)"}
        assert content(made) == content(Treatment(order()).apply(instance(original)))

    def test_tells_values_to_nobody_without_the_key(self) -> None:
        _, lines = Treatment(order()).report(instance(ct()))
        _, others = Treatment(order(key=bytes(32))).report(instance(ct()))

        assert {line.before for line in lines if line.before}.isdisjoint(line.before for line in others)


class TestPixelsThatNobodyChecked:
    ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"

    def test_stay_behind(self) -> None:
        with pytest.raises(Excluded, match="ultrasound"):
            treated(ct(SOPClassUID=self.ULTRASOUND, Modality="US"), gate=Gate())

    def test_leave_by_order_and_the_object_says_so(self) -> None:
        assert treated(ct(SOPClassUID=self.ULTRASOUND, Modality="US")).PatientIdentityRemoved == "NO"

    def test_are_those_of_suspected_objects_only(self) -> None:
        assert treated(ct()).PatientIdentityRemoved == "YES"

    def test_are_no_others_than_the_order_allows(self) -> None:
        made = replace(order(), gate=Gate(unchecked_pixels=True, excluded_modalities=frozenset(("US",))))

        with pytest.raises(Excluded, match="excluded by the settings"):
            Treatment(made).apply(instance(ct(SOPClassUID=self.ULTRASOUND, Modality="US")))


def test_a_body_in_memory_is_given_back_where_nothing_of_it_is_needed() -> None:
    body = InMemory(encoded(ct()))
    came = instance(ct())

    Treatment(order()).apply(Instance(came.ref, came.sop_class, came.transfer_syntax, body))

    assert body.size == 0
