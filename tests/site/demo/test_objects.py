"""The instances of the demo."""

import hashlib
import subprocess
import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from adit.dicom.refs import UID
from adit.site.demo.description import DemoSeries, DemoStudy, Kind
from adit.site.demo.drawings import shown_name
from adit.site.demo.objects import datasets, instance, instances, write
from adit.site.demo.patients import studies

ONE_OF_EACH = {series.kind: (study, series) for study in studies() for series in study.series}
IMAGES = [kind for kind in Kind if kind not in (Kind.DOSE_REPORT, Kind.STRUCTURES)]
OF_EVERY_IMAGE = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "ImageType",
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation",
)  # fmt: skip

HASH_OF_ALL_KINDS = """
import hashlib
from adit.site.demo.drawings import shown_name
from adit.site.demo.objects import instance
from adit.site.demo.patients import studies
kinds = {series.kind: (study, series) for study in studies() for series in study.series}
print(hashlib.sha256(b"".join(instance(*kinds[kind], 1).part10() for kind in sorted(kinds))).hexdigest())
"""


def first_of(kind: Kind) -> Dataset:
    study, series = ONE_OF_EACH[kind]
    return dcmread(BytesIO(instance(study, series, 1).part10()))


def study_with(kind: Kind) -> DemoStudy:
    return ONE_OF_EACH[kind][0]


def ct_of(study: DemoStudy) -> DemoSeries:
    return next(series for series in study.series if series.kind is Kind.CT_THORAX)


class TestAnInstance:
    @pytest.mark.parametrize("kind", Kind)
    def test_is_what_its_description_says(self, kind: Kind) -> None:
        study, series = ONE_OF_EACH[kind]
        made = instance(study, series, series.count)
        read = dcmread(BytesIO(made.part10()))

        assert read.StudyInstanceUID == study.uid == made.study
        assert read.SeriesInstanceUID == series.uid == made.series
        assert read.SOPInstanceUID == series.instance(series.count) == made.uid
        assert str(read.file_meta.MediaStorageSOPInstanceUID) == made.uid
        assert str(read.SOPClassUID) == series.sop_class == made.sop_class
        assert (read.Modality, read.SeriesNumber, read.InstanceNumber) == (series.modality, series.number, series.count)
        assert (read.PatientID, read.AccessionNumber) == (study.patient.id, study.accession_number)

    @pytest.mark.parametrize("kind", IMAGES)
    def test_that_is_an_image_has_its_attributes_and_pixels(self, kind: Kind) -> None:
        read = first_of(kind)

        assert all(read.get(keyword) is not None and read.get(keyword) != "" for keyword in OF_EVERY_IMAGE)
        pixels = read.pixel_array
        assert read.Rows in pixels.shape
        assert len(np.unique(pixels)) > 1
        assert pixels.max() < 2**read.BitsStored

    @pytest.mark.parametrize("kind", [Kind.CT_THORAX, Kind.CT_HEAD, Kind.MR_T1, Kind.MR_T2, Kind.CHEST_RADIOGRAPH])
    def test_that_is_a_slice_looks_like_something(self, kind: Kind) -> None:
        study, series = ONE_OF_EACH[kind]
        middle = dcmread(BytesIO(instance(study, series, (series.count + 1) // 2).part10())).pixel_array.astype(int)
        edge = series.edge

        # A body in the middle, air in the corners, more than a handful of tissues.
        assert middle[edge // 3 : -edge // 3, edge // 3 : -edge // 3].mean() > 3 * middle[:8, :8].mean() + 50
        assert middle.std() > 50

    def test_has_the_same_bytes_in_another_process(self) -> None:
        def hashed() -> str:
            return subprocess.run(
                [sys.executable, "-c", HASH_OF_ALL_KINDS], capture_output=True, text=True, check=True
            ).stdout.strip()

        here = b"".join(instance(*ONE_OF_EACH[kind], 1).part10() for kind in sorted(ONE_OF_EACH))

        assert hashed() == hashlib.sha256(here).hexdigest()


class TestAStudy:
    def test_has_every_instance_once(self) -> None:
        study = study_with(Kind.SEGMENTATION)

        assert [each.uid for each in instances(study)] == [uid for _, _, uid in study.uids()]

    def test_has_slices_that_lie_one_above_the_other(self) -> None:
        study = study_with(Kind.MR_T1)
        heights = [float(each.ImagePositionPatient[2]) for each in datasets(study) if each.SeriesNumber == 3]

        steps = {round(b - a, 2) for a, b in pairwise(heights)}
        assert min(steps) > 4
        assert max(steps) - min(steps) < 0.02

    def test_is_written_as_part_10_files(self, tmp_path: Path) -> None:
        study = study_with(Kind.ULTRASOUND)
        paths = write(study, tmp_path / "out")

        assert [dcmread(path).SOPInstanceUID for path in paths] == [uid for _, _, uid in study.uids()]

    def test_of_planning_has_structures_and_a_segmentation_that_point_at_its_ct(self) -> None:
        study = study_with(Kind.SEGMENTATION)
        ct = ct_of(study)
        slices = {ct.instance(number) for number in range(1, ct.count + 1)}
        structures, segmentation = (
            next(each for each in datasets(study) if each.Modality == modality) for modality in ("RTSTRUCT", "SEG")
        )
        of_study = structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        pointed = of_study.RTReferencedSeriesSequence[0]

        assert of_study.ReferencedSOPInstanceUID == study.uid
        assert pointed.SeriesInstanceUID == ct.uid
        assert {i.ReferencedSOPInstanceUID for i in pointed.ContourImageSequence} == slices
        assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == ct.uid
        assert {
            UID(frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID)
            for frame in segmentation.PerFrameFunctionalGroupsSequence
        } == slices
        assert segmentation.pixel_array.shape == (80, 256, 256)
        assert segmentation.pixel_array[40].sum() > 1000


class TestWhatMustNotLeave:
    def test_text_is_burned_into_ultrasound_and_dose_sheets(self) -> None:
        ultrasound, sheet = first_of(Kind.ULTRASOUND), first_of(Kind.DOSE_SHEET)

        assert (ultrasound.pixel_array[4:22, 8:160] > 200).sum() > 100
        assert (sheet.pixel_array[20:120, 10:300] > 200).sum() > 300
        assert "BurnedInAnnotation" not in ultrasound
        assert sheet.BurnedInAnnotation == "YES"

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("Müller^Jürgen", "MUELLER, Juergen"),
            ("Dvořák^Jiří", "DVORAK, Jiri"),
            ("Łukasiewicz^Zofia", "LUKASIEWICZ, Zofia"),
            ("Tanaka^Hanako=田中^花子=たなか^はなこ", "TANAKA, Hanako"),
            ("Смирнова^Ольга^Петровна", "DEMO-1084"),
        ],
    )
    def test_burned_in_names_are_in_plain_letters(self, name: str, shown: str) -> None:
        assert shown_name(next(study for study in studies() if study.patient.name == name)) == shown

    def test_a_name_is_in_a_private_element(self) -> None:
        study, series = next((study, s) for study in studies() for s in study.series if s.private_name)
        read = dcmread(BytesIO(instance(study, series, 1).part10()))

        assert read.private_block(0x0009, "ADIT DEMO 1.0")[0x01].value == "Kowalska, Irena"

    def test_a_name_is_in_the_text_of_a_dose_report(self) -> None:
        report = first_of(Kind.DOSE_REPORT)

        assert any("Müller^Jürgen" in str(item.get("TextValue", "")) for item in report.ContentSequence)
