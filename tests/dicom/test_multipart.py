import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adit.dicom.errors import BadData
from adit.dicom.multipart import (
    LARGEST_HEADERS,
    LARGEST_PREAMBLE,
    MultipartReader,
    MultipartWriter,
    PartBegins,
    PartEnds,
)

BOUNDARY = "b-1"


def body(*parts, boundary=BOUNDARY, preamble=b"", epilogue=b"", padding=b""):
    delimiter = b"--" + boundary.encode() + padding + b"\r\n"
    joined = b"\r\n".join(delimiter + headers + b"\r\n" + content for headers, content in parts)
    return preamble + joined + b"\r\n--" + boundary.encode() + b"--" + epilogue


def read(pieces, boundary=BOUNDARY):
    """Headers and content of each complete part, and whether the last boundary came."""
    reader = MultipartReader(boundary)
    parts, content, headers = [], b"", None
    for piece in pieces:
        for event in reader.feed(piece):
            match event:
                case PartBegins(found):
                    headers, content = found, b""
                case PartEnds():
                    parts.append((headers, content))
                case data:
                    content += bytes(data)
    return parts, reader.ended


def cut(whole, places):
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(edges)]


# What looks like a boundary and is none, in all its lengths.
TRICKY = st.lists(
    st.sampled_from(
        [
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\n--",
            b"--",
            b"-",
            b"\r\n--b",
            b"\r\n--b-1x",
            b"\r\n--b-1 x",
            b"--b-1\r\n",
            b"\0",
            b"b-1",
        ]
    )
).map(b"".join)
DELIMITER = re.compile(rb"\r\n--b-1(--|[ \t]*\r\n|[ \t]*$)")
CONTENT = (TRICKY | st.binary(max_size=50)).filter(lambda data: not DELIMITER.search(data))


class TestReading:
    @given(contents=st.lists(CONTENT, min_size=1, max_size=4), places=st.lists(st.integers(0, 1 << 16), max_size=8))
    @example(contents=[b"\r\n--b-1-"], places=[])
    @example(contents=[b"\r\n--b-1 \tx", b"\r\n--b-1\r"], places=[])
    def test_gives_back_every_byte_wherever_the_pieces_are_cut(self, contents, places):
        whole = body(*((b"A: b\r\n", content) for content in contents))

        assert read(cut(whole, places)) == ([({"a": "b"}, content) for content in contents], True)

    def test_gives_the_same_for_every_single_place_and_for_every_byte_alone(self):
        whole = body((b"", b"one\r\n--b-1x"), (b"C: d\r\n", b""), (b"", b"\r\n\r"), preamble=b"x\r\n", padding=b" \t")
        expected = ([({}, b"one\r\n--b-1x"), ({"c": "d"}, b""), ({}, b"\r\n\r")], True)

        assert all(read([whole[:place], whole[place:]]) == expected for place in range(len(whole)))
        assert read([whole[at : at + 1] for at in range(len(whole))]) == expected

    @given(data=st.binary(max_size=300) | TRICKY, places=st.lists(st.integers(0, 1 << 16), max_size=5))
    def test_of_anything_ends_in_parts_or_in_bad_data(self, data, places):
        whole = b"--b-1\r\n" + data
        try:
            parts, _ = read(cut(whole, places))
        except BadData:
            return
        assert sum(len(content) for _, content in parts) <= len(whole)

    def test_passes_over_what_stands_before_and_behind(self):
        whole = body((b"", b"x"), preamble=b"This is MIME.\r\n", epilogue=b"\r\nbye --b-1\r\n\r\nno part")

        assert read([whole]) == ([({}, b"x")], True)

    def test_reads_folded_headers_and_keeps_their_values(self):
        headers = b'Content-Type: application/dicom;\r\n  transfer-syntax="1.2"\r\nno header\r\nX:y:z\r\n'

        [(found, _)], _ = read([body((headers, b""))])

        assert found == {"content-type": 'application/dicom; transfer-syntax="1.2"', "x": "y:z"}

    def test_knows_when_the_end_is_missing(self):
        whole = body((b"", b"x" * 100))

        assert read([whole[:-2]])[1] is False
        assert read([whole])[1] is True

    @pytest.mark.parametrize("boundary", ["", "ä", "a" * 300, "a\r\n"])
    def test_refuses_what_is_no_boundary(self, boundary):
        with pytest.raises(BadData, match="boundary"):
            MultipartReader(boundary)

    def test_gives_a_body_up_that_does_not_hold_its_boundary(self):
        with pytest.raises(BadData, match="does not hold its boundary"):
            read([b"x" * 1000] * (LARGEST_PREAMBLE // 1000 + 1))

    def test_gives_headers_up_that_do_not_end(self):
        with pytest.raises(BadData, match="headers of a part have no end"):
            read([b"--b-1\r\n", *[b"x: y\r\n"] * (LARGEST_HEADERS // 6 + 1)])

    def test_keeps_no_more_than_a_boundary_of_what_it_was_given(self):
        reader = MultipartReader(BOUNDARY)
        given_back = 0
        for piece in [b"--b-1\r\n\r\n", *[b"\r\n--b-" * 1000] * 50]:
            given_back += sum(len(event) for event in reader.feed(piece) if isinstance(event, memoryview))

        assert 50 * 6000 - given_back < 10


class TestWriting:
    @given(contents=st.lists(CONTENT, max_size=4))
    def test_is_read_again(self, contents):
        writer = MultipartWriter()
        parts = [writer.begin({"Content-Type": "application/dicom"}) + content for content in contents]
        whole = b"".join(parts) + (writer.end() if contents else b"")

        found, ended = read([whole], writer.boundary)

        assert found == [({"content-type": "application/dicom"}, content) for content in contents]
        assert ended is bool(contents)

    def test_has_another_boundary_each_time(self):
        assert MultipartWriter().boundary != MultipartWriter().boundary
