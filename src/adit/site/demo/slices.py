"""The pixels of one slice of a CT or MR series, and where it lies."""

from adit.site.demo.description import DemoSeries, DemoStudy, Kind
from adit.site.demo.heads import depth
from adit.site.demo.phantoms import (
    HEAD_WIDTH,
    HOUNSFIELD,
    INTERCEPT,
    T1,
    T2,
    WIDTH,
    Ellipsoid,
    noisy,
    radiograph,
    skull,
    slice_of,
    thorax,
)

# Tissue signals, standard deviation of the noise, what is added to get stored values.
_APPEARANCE = {
    Kind.CT_THORAX: (HOUNSFIELD, 16.0, -INTERCEPT),
    Kind.CT_HEAD: (HOUNSFIELD, 3.0, -INTERCEPT),
    Kind.MR_T1: (T1, 12.0, 12),
    Kind.MR_T2: (T2, 14.0, 12),
}


def height_of(number: int, count: int, over: float) -> float:
    """z in mm of the slice with this Instance Number when *count* slices cover *over* mm, feet first."""
    return ((number - 0.5) / count - 0.5) * over


def pixels(study: DemoStudy, series: DemoSeries, number: int) -> bytes:
    """16-bit little endian pixels of one CT, MR or CR image."""
    body = _body(study, series.kind)
    if series.kind is Kind.CHEST_RADIOGRAPH:
        return radiograph(body, series.edge, number).astype("<u2").tobytes()
    signal, sigma, offset = _APPEARANCE[series.kind]
    z = height_of(number, series.count, depth(series.kind))
    canvas = slice_of(body, signal, z, series.edge, width_of(series.kind))
    return noisy(canvas, sigma, number, offset).astype("<u2", copy=False).tobytes()


def width_of(kind: Kind) -> float:
    """The field of view in mm."""
    return WIDTH if kind is Kind.CT_THORAX else HEAD_WIDTH


def _body(study: DemoStudy, kind: Kind) -> tuple[Ellipsoid, ...]:
    # The same patient has the same body in every study, as a prior should show.
    variant = int(study.patient.id.rpartition("-")[2])
    return thorax(variant) if kind in (Kind.CT_THORAX, Kind.CHEST_RADIOGRAPH) else skull(variant)
