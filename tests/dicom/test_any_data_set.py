"""Whatever a data set is made of, and wherever it is cut: scan, head, file and JSON agree with pydicom."""

import json
import subprocess
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import DataElement, Dataset

from adit.dicom.contexts import DEFLATED, EXPLICIT
from adit.dicom.errors import BadData
from adit.dicom.instance import InMemory, Instance
from adit.dicom.json import from_json, to_json
from adit.dicom.part10 import part10, read_part10
from adit.dicom.reading import read
from adit.dicom.refs import UID, Ref
from adit.dicom.scan import DEFLATED_SYNTAXES, Identity, NeedMore, identify, inflate
from tests.dicom.files import encoded, readable_files
from tests.dicom.making import NATIVE, SYNTAXES, data_sets

KEYWORDS = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def in_unicode(made: Dataset) -> Dataset:
    made.SpecificCharacterSet = "ISO_IR 192"
    return made


def written(made: Dataset, syntax: UID) -> bytes:
    if syntax != DEFLATED:
        return encoded(made, syntax)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(encoded(made, EXPLICIT)) + deflater.flush()


def identity(made: Dataset) -> Identity:
    return Identity(*(UID(str(made[keyword].value)) if keyword in made else None for keyword in KEYWORDS))


WHOLE = data_sets().map(in_unicode)
FEW = settings(max_examples=40, deadline=None)


class TestAnyDataSet:
    @given(WHOLE, st.sampled_from(SYNTAXES))
    @FEW
    def test_is_identified(self, made, syntax):
        assert identify(written(made, syntax), syntax, complete=True) == identity(made)

    @given(WHOLE, st.sampled_from(SYNTAXES), st.data())
    @FEW
    def test_that_is_cut_off_is_identified_rightly_or_more_is_wanted(self, made, syntax, data):
        content = written(made, syntax)
        cut = data.draw(st.integers(0, len(content)))

        try:
            found = identify(memoryview(content)[:cut], syntax)
        except NeedMore:
            return
        assert found == identity(made)

    @given(WHOLE, st.sampled_from(SYNTAXES))
    @FEW
    def test_has_a_head(self, made, syntax):
        before = written(made, syntax) if syntax != DEFLATED else encoded(made)
        made.add(DataElement("PixelData", "OW", b"\0\1"))
        instance = Instance(Ref(UID("1"), UID("2"), UID("3")), UID("4"), syntax, InMemory(written(made, syntax)))

        assert to_json(instance.head()) == to_json(read(before, syntax))

    @given(WHOLE, st.sampled_from(NATIVE))
    @FEW
    def test_says_the_same_in_json_and_back(self, made, syntax):
        dropped: list[str] = []

        model = json.loads(json.dumps(to_json(read(encoded(made, syntax), syntax), dropped=dropped.append)))
        back = from_json(model, dropped=dropped.append)

        assert dropped == []
        assert to_json(read(encoded(back), EXPLICIT)) == model

    @given(WHOLE, st.sampled_from(NATIVE), st.data())
    @FEW
    def test_with_a_broken_byte_still_becomes_json_or_is_bad_data(self, made, syntax, data):
        content = bytearray(encoded(made, syntax))
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))

        try:
            broken = read(bytes(content), syntax)
        except BadData:
            return
        model = to_json(broken)
        assert json.loads(json.dumps(model, allow_nan=False)) == model


class TestARealDataSet:
    @pytest.mark.parametrize("file", readable_files(), ids=lambda file: file.name)
    def test_that_is_cut_off_is_identified_rightly_or_more_is_wanted(self, file):
        content = memoryview(file.encoded)
        whole = identify(content, file.transfer_syntax, complete=True)

        for cut in {*range(0, min(len(content), 3000), 37), *range(0, len(content), len(content) // 20 + 1)}:
            try:
                found = identify(content[:cut], file.transfer_syntax)
            except NeedMore:
                continue
            assert found == whole

    def test_makes_a_file_that_dcmdump_reads(self, tmp_path):
        files = [file for file in readable_files() if file.transfer_syntax not in DEFLATED_SYNTAXES][::12]
        for number, file in enumerate(files):
            instance = Instance(
                Ref(UID("1.2"), UID("1.3"), UID("1.4")),
                UID("1.2.840.10008.5.1.4.1.1.7"),
                file.transfer_syntax,
                InMemory(file.encoded),
            )
            (tmp_path / f"{number}.dcm").write_bytes(b"".join(part10(instance)))

        shown = subprocess.run(
            ["dcmdump", "-q", "+P", "0002,0010", "+P", "0002,0003", "-Un", *sorted(tmp_path.iterdir())],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

        assert len(files) > 10
        assert shown.count("[1.4]") == len(files)
        assert all(f"[{file.transfer_syntax}]" in shown for file in files)

    def test_loses_what_a_preamble_hid(self, tmp_path):
        original = readable_files()[0]
        polyglot = tmp_path / "polyglot.dcm"
        content = b"".join(part10(_instance(original.encoded, original.transfer_syntax)))
        polyglot.write_bytes(b"MZ" + b"\x90" * 126 + content[128:])

        found = read_part10(polyglot)
        kept = b"".join(part10(_instance(polyglot.read_bytes()[found.offset :], found.transfer_syntax)))

        assert kept[:128] == bytes(128)
        assert kept == content


def _instance(content: bytes, syntax: UID) -> Instance:
    return Instance(Ref(UID("1.2"), UID("1.3"), UID("1.4")), UID("1.5"), syntax, InMemory(content))


def test_deflated_bytes_are_those_that_were_there():
    made = in_unicode(Dataset())

    assert inflate(written(made, DEFLATED), most=1 << 16) == encoded(made)
