from io import BytesIO

import pytest
from pydicom import dcmread

from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.explicit import explicit
from adit.dicom.instance import InMemory, Instance
from adit.dicom.part10 import preamble_and_meta
from adit.dicom.refs import UID, Ref
from tests.endpoints.samples import samples

SAMPLES = samples()


def instance(file, encoded=None):
    ref = Ref(UID(file.study), UID(file.series), UID(file.uid))
    return Instance(ref, UID(file.sop_class), UID(file.transfer_syntax), InMemory(encoded or file.encoded))


def read(file, syntax, encoded):
    return dcmread(BytesIO(preamble_and_meta(UID(file.sop_class), UID(file.uid), UID(syntax)) + encoded))


class TestBecomingExplicit:
    @pytest.mark.parametrize("name", ["implicit", "big-endian"])
    def test_keeps_every_value(self, name):
        file = SAMPLES[name]
        became = read(file, EXPLICIT, b"".join(bytes(chunk) for chunk in explicit(instance(file))))
        was = read(file, file.transfer_syntax, file.encoded)

        pixels = bytes(was.PixelData)
        if name == "big-endian":
            pixels = b"".join(pixels[at : at + 2][::-1] for at in range(0, len(pixels), 2))
        assert bytes(became.PixelData) == pixels
        del was.PixelData, became.PixelData
        assert was == became

    def test_passes_pixels_through_as_they_arrive(self):
        file = SAMPLES["implicit"]
        chunks = list(explicit(instance(file)))

        assert len(chunks) == 3
        assert len(chunks[2]) == 64 * 64 * 2

    def test_of_what_stands_behind_the_pixels_goes_on(self):
        file = SAMPLES["implicit"]
        padding = b"\xfc\xff\xfc\xff\x04\0\0\0abcd"
        became = b"".join(bytes(chunk) for chunk in explicit(instance(file, file.encoded + padding)))

        assert became.endswith(b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0abcd")

    def test_of_what_is_broken_off_is_bad_data(self):
        file = SAMPLES["implicit"]

        with pytest.raises(BadData, match="broken off"):
            list(explicit(instance(file, file.encoded[:-10])))

    def test_works_without_pixels(self):
        file = SAMPLES["implicit"]
        encoded = file.encoded[: file.encoded.rindex(b"\xe0\x7f\x10\0")]
        became = read(file, EXPLICIT, b"".join(bytes(chunk) for chunk in explicit(instance(file, encoded))))

        assert became == read(file, IMPLICIT, encoded)
