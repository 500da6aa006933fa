"""DICOM series into NIfTI volumes, by dcm2niix."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dcm2niix

from adit.dicom.protocols import Cancellation

_PREFIX = "volume"
"""What dcm2niix calls its files; behind it comes what tells several of one series apart (_e2, _ph, a)."""

_LEVEL = 6
_BLOCK = 1 << 20

_FREE_TEXT = {348: 148, 540: 240}
"""Where `descrip` (80 bytes) and `aux_file` (24) lie in the headers of NIfTI-1 and NIfTI-2, by their sizes."""

_CONVERTED = re.compile(r"^Convert (\d+) DICOM as ", re.MULTILINE)

_OPTIONS = (
    *("-g", "i"),  # Without the defaults that somebody may have left in his home.
    *("-f", _PREFIX),
    *("-d", "0"),
    *("-z", "n"),  # Compressed below, once the header is clean.
    *("-b", "y"),
    *("-ba", "y"),
    *("-c", ""),  # Image Comments would go into the header.
    *("-w", "2"),
)

_KEYS = """
AcquisitionMatrixPE AcquisitionNumber AcquisitionVoxelSize AttenuationCorrection BandwidthPerPixelPhaseEncode
BaseResolution CoilCombinationMethod CoilString CollimatorType ConversionSoftware ConversionSoftwareVersion
ConvolutionKernel DecayCorrection DecayFactor DeidentificationMethod DerivedVendorReportedEchoSpacing
DiffusionScheme DwellTime EchoNumber EchoTime EchoTime1 EchoTime2 EchoTrainLength EffectiveEchoSpacing
EstimatedEffectiveEchoSpacing EstimatedTotalReadoutTime ExposureTime FilterType FlipAngle FrameDuration
FrameTimesStart ImageOrientationPatientDICOM ImageOrientationText ImageType ImageTypeText ImagingFrequency
InPlanePhaseEncodingDirectionDICOM InversionTime KVP MRAcquisitionType MTState MagneticFieldStrength
Manufacturer ManufacturersModelName MatrixCoilMode Modality MultibandAccelerationFactor
NonlinearGradientCorrection NumberOfAverages NumberShots ParallelAcquisitionTechnique
ParallelReductionFactorInPlane ParallelReductionFactorOutOfPlane ParallelReductionOutOfPlane PartialFourier
PatientPosition PercentPhaseFOV PercentSampling PhaseEncodingAxis PhaseEncodingDirection PhaseEncodingLines
PhaseEncodingPolarityGE PhaseEncodingSteps PhaseOversampling PhaseResolution PixelBandwidth PrescanReuseString
PulseSequenceType RadionuclideHalfLife RadionuclidePositronFraction RadionuclideTotalDose
RandomsCorrectionMethod RawImage ReceiveCoilActiveElements ReceiveCoilName ReconFilterSize ReconFilterType
ReconMatrixPE ReconMethodName RepetitionTime RepetitionTimeExcitation RepetitionTimeInversion RescaleIntercept
RescaleSlope SAR ScanOptions ScanningSequence ScatterFraction SequenceName SequenceVariant SeriesNumber
ShimSetting SliceThickness SliceTiming SpacingBetweenSlices SpoilingState SpoilingType StationaryCoil
TotalReadoutTime TxRefAmp Units UsePhilipsFloatNotDisplayScaling VendorReportedEchoSpacing WaterFatShift
XRayExposure XRayTubeCurrent
"""

ALLOWED = frozenset(_KEYS.split())
"""Keys of a side-car that are kept: how the images were made, and nothing of who, where, when, or in free words."""


class NotConverted(Exception):
    """dcm2niix did not turn all images into volumes; the text says why."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A file that was made.

    Attributes:
        suffix: What stands behind the name of the series: `.nii.gz`, `_e2.json`, …
    """

    path: Path
    suffix: str


def convert(images: Path, into: Path, *, count: int, cancel: Cancellation) -> list[Volume]:
    """Convert the *count* files in the folder *images*, all of one series, into the empty folder *into*.

    Side-cars keep the keys of `ALLOWED` and no others.

    Raises:
        NotConverted: Not all of the files went into volumes.
        Canceled: The token was set.
    """
    command = [dcm2niix.bin, *_OPTIONS, "-o", str(into), str(images)]
    with (
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
        ) as process,
        cancel.closing(process.kill),
    ):
        said, _ = process.communicate()
    cancel.check()
    converted = sum(map(int, _CONVERTED.findall(said)))
    if process.returncode and not converted:
        raise NotConverted(f"could not be converted to NIfTI: {_why(said, process.returncode)}")
    if process.returncode or converted != count:
        why = _why(said, process.returncode)
        raise NotConverted(f"only {converted} of {count} instances of the series were converted to NIfTI: {why}")
    for path in sorted(into.iterdir()):
        cancel.check()
        if path.suffix == ".json":
            _clean(path)
        elif path.suffix == ".nii":
            _compress(path)
    return [Volume(path, path.name.removeprefix(_PREFIX)) for path in sorted(into.iterdir())]


def _why(said: str, code: int) -> str:
    """The line in which dcm2niix says what is wrong. Its other lines name files, and so may not be shown."""
    for line in said.splitlines():
        if re.match(r"(error|no valid|unsupported|unable)", line, re.IGNORECASE) and "/" not in line:
            return line.strip().removeprefix("Error:").strip()[:200]
    return f"dcm2niix ended with code {code}"


def _compress(volume: Path) -> None:
    """Make `.nii.gz` of `.nii`, without the free text in its header, where dcm2niix writes the time of day."""
    packed = volume.with_name(volume.name + ".gz")
    with (
        volume.open("r+b") as source,
        packed.open("xb") as target,
        gzip.GzipFile(filename="", mode="wb", fileobj=target, compresslevel=_LEVEL, mtime=0) as file,
    ):
        (size,) = struct.unpack("<i", source.read(4))
        source.seek(_FREE_TEXT[size])
        source.write(bytes(80 + 24))
        source.seek(0)
        shutil.copyfileobj(source, file, _BLOCK)
    volume.unlink()


def _clean(side_car: Path) -> None:
    told = json.loads(side_car.read_text(encoding="utf-8", errors="replace"))
    kept = {key: value for key, value in told.items() if key in ALLOWED}
    side_car.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
