"""The last look at a data set that is about to leave: does any string still say who is meant?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.tag import BaseTag

from adit.deid.carried import Kind
from adit.deid.known import Known
from adit.deid.rules.beyond import MACHINES
from adit.dicom.instance import PIXELS
from adit.dicom.reading import charset_of, vr_of
from adit.dicom.values import UTF_8, decode_text, text

__all__ = ["Finding", "Kind", "Known", "Made", "search"]

Made = Callable[[BaseTag, str], bool]
"""Whether a value of an element, as text, is of our own making."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An element whose value tells who is meant.

    Attributes:
        path: `(0040,A730)[1].(0040,A160)`, items counted from 1.
        keyword: Empty for private and unknown elements.
    """

    path: str
    keyword: str
    kind: Kind


def search(dataset: Dataset, known: Known, *, made: Made) -> Iterator[Finding]:
    """Yield every element of *dataset*, at every depth, that tells something of *known* and is not *made* by us.

    Dates, times, numbers and pixel data are not looked at; other bytes are, for what text there is among them.
    """
    yield from _search(dataset, known, made, (), "")


def _search(dataset: Dataset, known: Known, made: Made, outer: tuple[str, ...], around: str) -> Iterator[Finding]:
    charset = charset_of(dataset, outer)
    for tag in dataset.keys():  # noqa: SIM118  a data set's iterator yields elements
        element = dataset.get_item(tag)
        vr = vr_of(tag, element.VR) or "UN"
        path = f"{around}({tag.group:04X},{tag.element:04X})"
        if vr == "SQ":
            for number, item in enumerate(dataset[tag].value or (), start=1):
                yield from _search(item, known, made, charset, f"{path}[{number}].")
        elif tag not in PIXELS:
            value, written_in = element.value, charset
            if not isinstance(value, bytes):
                value, written_in = text(value).encode(), (UTF_8,)
            kind = known.hit_in(vr, value, written_in, by_machine=tag in MACHINES)
            if kind and not made(tag, decode_text(value, written_in).strip("\0 ")):
                yield Finding(path, keyword_for_tag(tag), kind)
