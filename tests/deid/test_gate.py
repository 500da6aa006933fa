"""What stays behind because its pixels or its content may say who is meant."""

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom import uid as uids
from pydicom.uid import UID_dictionary

from adit.deid.gate import Gate, suspicion
from adit.dicom.match import Match
from adit.dicom.refs import UID, Level
from adit.dicom.values import text
from tests.dicom.files import readable_files

STORAGE = sorted(
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if uid.startswith("1.2.840.10008.5.1.4.1.1.") and kind == "SOP Class" and "Storage" in name
)
PLAIN = Gate()
UNCHECKED = Gate(unchecked_pixels=True)


def saying(head: Dataset) -> Callable[[int], str]:
    return lambda tag: text(head[tag].value) if tag in head else ""


def arrived(gate: Gate, sop_class: str, **values: object) -> str | None:
    head = Dataset()
    for keyword, value in values.items():
        setattr(head, keyword, value)
    return gate.on_arrival(UID(sop_class), saying(head))


def foreseen(gate: Gate, *, modalities: str = "", **values: object) -> str | None:
    study, series = Dataset(), Dataset()
    study.ModalitiesInStudy = modalities
    for keyword, value in values.items():
        setattr(series, keyword, value)
    return gate.foresee(Match(Level.STUDY, study), Match(Level.SERIES, series))


class TestOnArrival:
    @pytest.mark.parametrize(
        "sop_class",
        [
            uids.CTImageStorage,
            uids.EnhancedCTImageStorage,
            uids.MRImageStorage,
            uids.MRSpectroscopyStorage,
            uids.PositronEmissionTomographyImageStorage,
            uids.NuclearMedicineImageStorage,
            uids.ComputedRadiographyImageStorage,
            uids.DigitalXRayImageStorageForPresentation,
            uids.SegmentationStorage,
            uids.RTStructureSetStorage,
            uids.RTDoseStorage,
            uids.RTPlanStorage,
            uids.GrayscaleSoftcopyPresentationStateStorage,
            uids.KeyObjectSelectionDocumentStorage,
            uids.ComprehensiveSRStorage,
            uids.XRayRadiationDoseSRStorage,
            uids.TwelveLeadECGWaveformStorage,
        ],
    )
    def test_passes_what_says_nothing_of_its_pixels_where_that_is_usual(self, sop_class):
        assert arrived(PLAIN, sop_class) is None

    @pytest.mark.parametrize(
        ("sop_class", "reason"),
        [
            (uids.SecondaryCaptureImageStorage, "secondary capture"),
            (uids.MultiFrameTrueColorSecondaryCaptureImageStorage, "secondary capture"),
            (uids.EncapsulatedPDFStorage, "document in a capsule"),
            (uids.EncapsulatedSTLStorage, "document in a capsule"),
            (uids.VLPhotographicImageStorage, "photograph"),
            (uids.OphthalmicPhotography8BitImageStorage, "photograph"),
            (uids.VideoEndoscopicImageStorage, "video"),
            (uids.BasicVoiceAudioWaveformStorage, "sound"),
            (uids.RawDataStorage, "raw data"),
            ("1.3.12.2.1107.5.9.1", "nothing is known"),
            ("1.2.840.10008.5.1.4.1.1.999", "nothing is known"),
            ("", "nothing is known"),
        ],
    )
    @pytest.mark.parametrize("gate", [PLAIN, UNCHECKED], ids=["plain", "unchecked"])
    def test_keeps_whatever_it_says(self, gate, sop_class, reason):
        assert reason in arrived(gate, sop_class, BurnedInAnnotation="NO")

    @pytest.mark.parametrize("said", ["YES", "yes", "YES "])
    @pytest.mark.parametrize("gate", [PLAIN, UNCHECKED], ids=["plain", "unchecked"])
    def test_keeps_what_says_that_text_is_in_its_pixels(self, gate, said):
        assert "carry text" in arrived(gate, uids.CTImageStorage, BurnedInAnnotation=said)

    @pytest.mark.parametrize(
        "sop_class",
        [
            uids.UltrasoundImageStorage,
            uids.UltrasoundMultiFrameImageStorage,
            uids.EnhancedUSVolumeStorage,
            "1.2.840.10008.5.1.4.1.1.6",
            "1.2.840.10008.5.1.4.1.1.3",
        ],
    )
    @pytest.mark.parametrize("said", [{}, {"BurnedInAnnotation": "NO"}])
    def test_lets_ultrasound_go_only_unchecked(self, sop_class, said):
        assert "ultrasound" in arrived(PLAIN, sop_class, **said)
        assert arrived(UNCHECKED, sop_class, **said) is None

    @pytest.mark.parametrize(
        "sop_class",
        [
            uids.DigitalMammographyXRayImageStorageForPresentation,
            uids.BreastTomosynthesisImageStorage,
            uids.XRayAngiographicImageStorage,
            uids.XRayRadiofluoroscopicImageStorage,
            uids.VLEndoscopicImageStorage,
            uids.VLWholeSlideMicroscopyImageStorage,
            uids.OphthalmicTomographyImageStorage,
        ],
    )
    def test_wants_a_word_on_pixels_in_which_names_are_met(self, sop_class):
        assert "does not say" in arrived(PLAIN, sop_class)
        assert arrived(PLAIN, sop_class, BurnedInAnnotation="NO") is None
        assert arrived(UNCHECKED, sop_class) is None

    @pytest.mark.parametrize(
        "values",
        [
            {"SeriesDescription": "Dose Report"},
            {"SeriesDescription": "Patient Protocol"},
            {"SeriesDescription": "Dosisbericht"},
            {"SeriesDescription": "Patientenprotokoll"},
            {"SeriesDescription": "Exam Summary"},
            {"SeriesDescription": "Screen Save"},
            {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
            {"ImageType": ["DERIVED", "SECONDARY", "OTHER", "DOSE_INFO"]},
        ],
    )
    def test_keeps_tables_that_are_pictures(self, values):
        assert "dose sheet" in arrived(UNCHECKED, uids.CTImageStorage, Modality="CT", **values)

    @pytest.mark.parametrize("modality", ["SR", "RTDOSE"])
    def test_takes_no_report_for_a_picture(self, modality):
        assert (
            arrived(PLAIN, uids.XRayRadiationDoseSRStorage, Modality=modality, SeriesDescription="Dose Report") is None
        )

    @pytest.mark.parametrize("kind", ["LABEL", "OVERVIEW"])
    def test_keeps_the_label_of_a_slide(self, kind):
        image_type = ["ORIGINAL", "PRIMARY", kind, "NONE"]

        assert "label" in arrived(UNCHECKED, uids.VLWholeSlideMicroscopyImageStorage, ImageType=image_type)

    def test_lets_recognisable_faces_go_only_unchecked(self):
        assert "face" in arrived(PLAIN, uids.MRImageStorage, RecognizableVisualFeatures="YES")
        assert arrived(UNCHECKED, uids.MRImageStorage, RecognizableVisualFeatures="YES") is None

    def test_keeps_modalities_that_the_settings_exclude(self):
        gate = Gate(excluded_modalities=frozenset(("SR", "PR")))

        assert "SR" in arrived(gate, uids.ComprehensiveSRStorage, Modality="SR")
        assert arrived(gate, uids.CTImageStorage, Modality="CT") is None

    def test_has_an_answer_for_every_sop_class(self):
        unknown = [one for one in STORAGE if "nothing is known" in (suspicion(one, burned_in="NO") or "")]

        # Luggage, workpieces, inventories of archives, retired single curves and tables.
        retired = {
            f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("8", "9", "10", "11", "129", "9.1", "77.1", "77.2", "201.1")
        }
        assert [one for one in unknown if one not in retired and one.split(".")[9] not in ("501", "601")] == []

    def test_passes_real_ct_mr_and_pet(self):
        reasons = {
            file.name: PLAIN.on_arrival(UID(file.dataset.SOPClassUID), saying(file.dataset))
            for file in readable_files()
            if file.dataset.get("SOPClassUID") in (uids.CTImageStorage, uids.MRImageStorage)
        }

        assert len(reasons) > 80
        assert set(reasons.values()) == {None}


class TestForesight:
    @pytest.mark.parametrize("modality", ["CT", "MR", "PT", "CR", "XA", "OT", "SR", ""])
    def test_leaves_to_the_instances_what_only_they_can_tell(self, modality):
        assert foreseen(PLAIN, Modality=modality) is None

    @pytest.mark.parametrize(("modality", "reason"), [("US", "ultrasound"), ("DOC", "document"), ("XC", "photograph")])
    def test_tells_what_holds_for_a_modality(self, modality, reason):
        assert reason in foreseen(PLAIN, Modality=modality)

    def test_lets_ultrasound_go_unchecked(self):
        assert foreseen(UNCHECKED, Modality="US") is None

    def test_tells_tables_that_are_pictures_by_their_description(self):
        assert "dose sheet" in foreseen(PLAIN, Modality="CT", SeriesDescription="Dose Report")

    def test_takes_the_only_modality_of_a_study(self):
        assert "ultrasound" in foreseen(PLAIN, modalities="US")
        assert foreseen(PLAIN, modalities="US\\CT") is None

    def test_tells_modalities_that_the_settings_exclude(self):
        assert "PR is excluded" in foreseen(Gate(excluded_modalities=frozenset(("PR",))), Modality="PR")

    def test_agrees_with_the_arrival(self):
        for modality, sop_class in [("US", uids.UltrasoundImageStorage), ("DOC", uids.EncapsulatedPDFStorage)]:
            assert foreseen(PLAIN, Modality=modality) == arrived(PLAIN, sop_class, Modality=modality)
