"""The attributes of each kind of object, all but pixels and what differs within a series (PS3.3 A)."""

from collections.abc import Callable

from pydicom import Dataset

from adit.site.demo.description import DemoSeries, DemoStudy, Kind
from adit.site.demo.phantoms import HEAD_WIDTH, INTERCEPT, WIDTH

PRIVATE_CREATOR = "ADIT DEMO 1.0"


def head(study: DemoStudy, series: DemoSeries) -> Dataset:
    """A new data set with the modules of patient, study, series, equipment and image of *series*."""
    data = Dataset()
    data.SpecificCharacterSet = study.patient.character_set.split("\\")
    data.SOPClassUID = series.sop_class
    _patient_and_study(data, study)
    _series_and_equipment(data, study, series)
    image = _IMAGE.get(series.kind)
    if image is not None:
        image(data, study, series)
    if series.private_name:
        block = data.private_block(0x0009, PRIVATE_CREATOR, create=True)
        block.add_new(0x01, "LO", study.patient.name.split("=")[0].replace("^", ", "))
        block.add_new(0x02, "DA", study.patient.birth_date)
        block.add_new(0x03, "LO", "VERSION 4")
    return data


def image_size(data: Dataset, rows: int, columns: int, *, bits: int = 12, samples: int = 1) -> None:
    """Set the Image Pixel Module (PS3.3 C.7.6.3) for unsigned values."""
    data.SamplesPerPixel = samples
    data.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = rows, columns
    data.BitsAllocated = 16 if bits > 8 else 8
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelRepresentation = 0


def _patient_and_study(data: Dataset, study: DemoStudy) -> None:
    patient = study.patient
    data.PatientName = patient.name
    data.PatientID = patient.id
    data.PatientBirthDate = patient.birth_date
    data.PatientSex = patient.sex
    data.PatientAge = age(patient.birth_date, study.date)
    data.StudyInstanceUID = study.uid
    data.StudyDate, data.StudyTime = study.date, study.time
    data.StudyDescription = study.description
    data.AccessionNumber = study.accession_number
    data.StudyID = study.accession_number[3:]
    data.ReferringPhysicianName = "Brandt^Ute^^Dr."


def _series_and_equipment(data: Dataset, study: DemoStudy, series: DemoSeries) -> None:
    data.Modality = series.modality
    data.SeriesInstanceUID = series.uid
    data.SeriesNumber = series.number
    data.SeriesDescription = series.description
    data.SeriesDate = data.ContentDate = study.date
    data.SeriesTime = data.ContentTime = study.time
    data.BodyPartExamined = series.body_part
    data.Manufacturer = "ADIT"
    data.ManufacturerModelName = "Phantom"
    data.DeviceSerialNumber = "4711"
    data.SoftwareVersions = "1"
    data.InstitutionName = "Klinikum Musterstadt"
    data.StationName = f"{series.modality}01"


def age(birth_date: str, date: str) -> str:
    """Patient's Age (0010,1010) on a day: in days below a month, in months below two years, else in years."""
    year, month, day = (int(date[a:b]) - int(birth_date[a:b]) for a, b in ((0, 4), (4, 6), (6, 8)))
    months = year * 12 + month - (day < 0)
    if months == 0:
        return f"{day if day >= 0 else day + 30:03}D"
    return f"{months:03}M" if months < 24 else f"{months // 12:03}Y"


def _ct(data: Dataset, study: DemoStudy, series: DemoSeries) -> None:
    _placed(data, study, series, HEAD_WIDTH if series.kind is Kind.CT_HEAD else WIDTH)
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.KVP = "120"
    data.XRayTubeCurrent = "180"
    data.ConvolutionKernel = series.description.split()[-1]
    data.ProtocolName = series.description
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = INTERCEPT, 1, "HU"
    data.WindowCenter, data.WindowWidth = ("40", "80") if series.kind is Kind.CT_HEAD else ("40", "400")


def _mr(data: Dataset, study: DemoStudy, series: DemoSeries) -> None:
    _placed(data, study, series, HEAD_WIDTH)
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    t1 = series.kind is Kind.MR_T1
    data.ScanningSequence = ["GR", "IR"] if t1 else "SE"
    data.SequenceVariant = "SP" if t1 else "SK"
    data.ScanOptions = ""
    data.MRAcquisitionType = "3D" if t1 else "2D"
    data.RepetitionTime, data.EchoTime = ("1900", "2.5") if t1 else ("4500", "98")
    data.EchoTrainLength = 1 if t1 else 15
    if t1:
        data.InversionTime = "900"
    data.MagneticFieldStrength = "3"
    data.SequenceName = "*tfl3d1" if t1 else "*tse2d1_15"
    data.ProtocolName = series.description
    data.WindowCenter, data.WindowWidth = ("500", "1000") if t1 else ("700", "1400")


def _placed(data: Dataset, study: DemoStudy, series: DemoSeries, width: float) -> None:
    """Frame of Reference, General Image and Image Plane (PS3.3 C.7.4.1, C.7.6.1, C.7.6.2)."""
    image_size(data, series.edge, series.edge)
    spacing = f"{width / series.edge:.6g}"
    data.PixelSpacing = [spacing, spacing]
    data.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data.FrameOfReferenceUID = study.frame_of_reference
    data.PositionReferenceIndicator = ""
    data.PatientPosition = "HFS"
    data.SliceThickness = f"{depth(series.kind) / series.count:.4g}"
    data.AcquisitionNumber = 1
    data.AcquisitionDate, data.AcquisitionTime = study.date, study.time
    data.BurnedInAnnotation = "NO"


def depth(kind: Kind) -> float:
    """How much of the body a series of slices covers, in mm."""
    return 300.0 if kind is Kind.CT_THORAX else 150.0


def _radiograph(data: Dataset, study: DemoStudy, series: DemoSeries) -> None:
    image_size(data, series.edge, series.edge)
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.ViewPosition = "PA"
    data.PatientOrientation = ["L", "F"]
    data.KVP = "125"
    data.PlateID = "17"
    data.ImagerPixelSpacing = [f"{WIDTH / series.edge:.6g}"] * 2
    data.WindowCenter, data.WindowWidth = "2048", "4096"
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = 0, 1, "US"
    data.PresentationLUTShape = "IDENTITY"
    data.AcquisitionDate, data.AcquisitionTime = study.date, study.time
    data.BurnedInAnnotation = "NO"


def _ultrasound(data: Dataset, study: DemoStudy, series: DemoSeries) -> None:
    image_size(data, series.edge, series.edge * 4 // 3, bits=8, samples=3)
    data.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    data.PatientOrientation = ""
    data.LossyImageCompression = "00"
    data.UltrasoundColorDataPresent = 0
    data.AcquisitionDateTime = study.date + study.time
    # BurnedInAnnotation is left out, as most ultrasound machines do.


def _dose_sheet(data: Dataset, _study: DemoStudy, series: DemoSeries) -> None:
    image_size(data, series.edge, series.edge, bits=8)
    data.ImageType = ["DERIVED", "SECONDARY", "OTHER", "CT_DOSE"]
    data.ConversionType = "WSD"
    data.PatientOrientation = ""
    data.BurnedInAnnotation = "YES"


_IMAGE: dict[Kind, Callable[[Dataset, DemoStudy, DemoSeries], None]] = {
    Kind.CT_THORAX: _ct,
    Kind.CT_HEAD: _ct,
    Kind.MR_T1: _mr,
    Kind.MR_T2: _mr,
    Kind.CHEST_RADIOGRAPH: _radiograph,
    Kind.ULTRASOUND: _ultrasound,
    Kind.DOSE_SHEET: _dose_sheet,
}
