"""Every instance of the demo, computed when it is asked for: the same bytes each time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread

from adit.dicom.refs import UID
from adit.site.demo import drawings
from adit.site.demo.description import DemoSeries, DemoStudy, Kind
from adit.site.demo.encoding import Template, encode, part10, pixel_data
from adit.site.demo.heads import depth, head
from adit.site.demo.references import dose_report, segmentation, structure_set
from adit.site.demo.slices import height_of, pixels, width_of

_SLICES = (Kind.CT_THORAX, Kind.CT_HEAD, Kind.MR_T1, Kind.MR_T2)


@dataclass(frozen=True, slots=True)
class DemoInstance:
    """One instance.

    Attributes:
        encoded: Its data set in Explicit VR Little Endian, without preamble and file meta information.
    """

    study: UID
    series: UID
    uid: UID
    sop_class: UID
    encoded: bytes

    def part10(self) -> bytes:
        """As a Part 10 file."""
        return part10(self.sop_class, self.uid, self.encoded)


def instance(study: DemoStudy, series: DemoSeries, number: int) -> DemoInstance:
    """The instance with Instance Number *number* (from 1) of *series*. 512 × 512 takes about 2 ms."""
    uid = series.instance(number)
    if series.kind in _ALONE:
        encoded = _ALONE[series.kind](_named(study, series, uid), study, series)
    else:
        values = _values(series, number, uid)
        encoded = _template(study, series).fill(values) + _pixels(study, series, number)
    return DemoInstance(study.uid, series.uid, uid, series.sop_class, encoded)


def instances(study: DemoStudy) -> Iterator[DemoInstance]:
    """Every instance of *study*, computed one by one."""
    for series, number, _ in study.uids():
        yield instance(study, series, number)


def datasets(study: DemoStudy) -> Iterator[Dataset]:
    """Every instance of *study* as pydicom reads it."""
    for each in instances(study):
        yield dcmread(BytesIO(each.part10()))


def write(study: DemoStudy, folder: Path) -> list[Path]:
    """Write *study* as Part 10 files named by SOP Instance UID into *folder*, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for each in instances(study):
        path = folder / f"{each.uid}.dcm"
        path.write_bytes(each.part10())
        paths.append(path)
    return paths


@lru_cache(maxsize=32)
def _template(study: DemoStudy, series: DemoSeries) -> Template:
    return Template(head(study, series), _values(series, 1, series.instance(1)))


def _values(series: DemoSeries, number: int, uid: UID) -> dict[str, str]:
    """What differs between the instances of a series; always of the same length."""
    values = {"SOPInstanceUID": str(uid), "InstanceNumber": f"{number:04}"}
    if series.kind in _SLICES:
        z = f"{height_of(number, series.count, depth(series.kind)):+08.2f}"
        corner = f"{-width_of(series.kind) / 2:+08.2f}"
        values |= {"ImagePositionPatient": f"{corner}\\{corner}\\{z}", "SliceLocation": z}
    return values


def _pixels(study: DemoStudy, series: DemoSeries, number: int) -> bytes:
    if series.kind is Kind.ULTRASOUND:
        return pixel_data(drawings.ultrasound(study, series, number), bits_allocated=8)
    return pixel_data(pixels(study, series, number))


def _named(study: DemoStudy, series: DemoSeries, uid: UID) -> Dataset:
    data = head(study, series)
    data.SOPInstanceUID = uid
    return data


def _dose_sheet(data: Dataset, study: DemoStudy, series: DemoSeries) -> bytes:
    data.InstanceNumber = 1
    return encode(data) + pixel_data(drawings.dose_sheet(study, series), bits_allocated=8)


def _dose_report(data: Dataset, study: DemoStudy, _series: DemoSeries) -> bytes:
    dose_report(data, study)
    return encode(data)


def _structures(data: Dataset, study: DemoStudy, series: DemoSeries) -> bytes:
    structure_set(data, study, series)
    return encode(data)


def _segmentation(data: Dataset, study: DemoStudy, series: DemoSeries) -> bytes:
    packed = segmentation(data, study, series)
    return encode(data) + pixel_data(packed, bits_allocated=8)


_ALONE: dict[Kind, Callable[[Dataset, DemoStudy, DemoSeries], bytes]] = {
    Kind.DOSE_SHEET: _dose_sheet,
    Kind.DOSE_REPORT: _dose_report,
    Kind.STRUCTURES: _structures,
    Kind.SEGMENTATION: _segmentation,
}
