"""The pixel data of a treated instance are those of the original, however they arrive; nothing follows them."""

import struct
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adit.deid.deflated import Deflated, Inflated
from adit.deid.elements import EXPLICIT_LITTLE
from adit.deid.treatedbody import TreatedBody, head_of
from adit.dicom.contexts import EXPLICIT
from adit.dicom.errors import BadData, Unreachable
from adit.dicom.instance import InMemory
from tests.deid.treating import Dripping

HEAD = struct.pack("<HH2sHL", 0x0028, 0x0010, b"US", 2, 0)[:10]
PADDING = struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, 10) + b"Mustermann"
END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def native(pixels: bytes) -> bytes:
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, len(pixels)) + pixels


def encapsulated(*fragments: bytes, end: bytes = END) -> bytes:
    items = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(each)) + each for each in fragments)
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + items + end


def body(original: bytes, size: int = 1 << 20, *, complete: bool = True, head: bytes = b"treated ") -> TreatedBody:
    arriving = Dripping(original, size, complete=complete)
    found = head_of(arriving, EXPLICIT)
    assert found.pixels is not None
    return TreatedBody(head, arriving, found.pixels, found.dataset.coding)


def read(body, start: int = 0) -> bytes:
    return b"".join(bytes(chunk) for chunk in body.chunks(start))


PIXELS = [native(bytes(range(200))), encapsulated(), encapsulated(b"", b"\1\2"), encapsulated(b"", END * 3, b"abcd")]


class TestATreatedBody:
    @settings(max_examples=80, deadline=None)
    @given(pixels=st.sampled_from(PIXELS), size=st.integers(1, 60), start=st.integers(0, 250), behind=st.booleans())
    def test_is_the_new_head_and_the_old_pixel_data_wherever_the_chunks_end(self, pixels, size, start, behind) -> None:
        made = body(HEAD + pixels + (PADDING if behind else b""), size)

        assert read(made, start) == (b"treated " + pixels)[start:]
        assert made.size == len(b"treated " + pixels)

    @pytest.mark.parametrize("pixels", PIXELS)
    def test_has_no_size_before_the_end_has_arrived(self, pixels) -> None:
        assert body(HEAD + pixels, complete=False).size is None

    @pytest.mark.parametrize("pixels", PIXELS)
    def test_knows_its_size_once_it_was_read(self, pixels) -> None:
        made = body(HEAD + pixels, 5)

        read(made)

        assert made.size == len(b"treated " + pixels)

    @pytest.mark.parametrize("pixels", PIXELS)
    def test_says_that_the_pixel_data_are_broken_off(self, pixels) -> None:
        made = body(HEAD + pixels[:-1])

        with pytest.raises(BadData, match="broken off"):
            read(made)
        with pytest.raises(BadData, match="broken off"):
            made.check()

    def test_refuses_fragments_that_are_none(self) -> None:
        made = body(HEAD + encapsulated(b"ab", end=struct.pack("<HHL", 0x0008, 0x0018, 4) + b"1234"))

        with pytest.raises(BadData, match="encapsulated"):
            read(made)

    def test_closes_the_original(self) -> None:
        original = Dripping(HEAD + native(b"ab"), 10)
        found = head_of(original, EXPLICIT)

        TreatedBody(b"", original, found.pixels, EXPLICIT_LITTLE).close()

        assert original.closed

    def test_passes_on_what_broke_the_arrival_off(self) -> None:
        class Breaking(Dripping):
            def chunks(self, start: int = 0) -> Iterator[memoryview]:
                yield from super().chunks(start)
                raise Unreachable("gone")

        original = Breaking(HEAD + native(bytes(200_000))[:150_000], 1000)
        found = head_of(original, EXPLICIT)

        with pytest.raises(Unreachable):
            read(TreatedBody(b"", original, found.pixels, EXPLICIT_LITTLE))

    @pytest.mark.parametrize("encapsulates", [False, True])
    def test_of_a_gigabyte_holds_no_more_than_a_chunk(self, encapsulates) -> None:
        size = 1 << 30
        block = memoryview(bytes(1 << 20))
        start = HEAD + (native(b"")[:-4] + struct.pack("<L", size))
        if encapsulates:
            start = HEAD + encapsulated(end=b"") + struct.pack("<HHL", 0xFFFE, 0xE000, size)

        class Large:
            size = None

            def chunks(self, at: int = 0) -> Iterator[memoryview]:
                assert at <= len(start)
                yield memoryview(start)[at:]
                for _ in range(size // len(block)):
                    yield block
                yield memoryview(END if encapsulates else PADDING)

            def close(self) -> None:
                pass

        tracemalloc.start()
        found = head_of(Large(), EXPLICIT)
        made = TreatedBody(b"treated", Large(), found.pixels, EXPLICIT_LITTLE)
        total = sum(len(chunk) for chunk in made.chunks())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert total == len(b"treated") + len(start) - len(HEAD) + size + (len(END) if encapsulates else 0)
        assert most < 4 << 20


class TestTheHeadOfABody:
    def test_that_is_empty_is_refused(self) -> None:
        with pytest.raises(BadData, match="empty"):
            head_of(InMemory(b""), EXPLICIT)

    def test_is_found_behind_more_than_is_looked_at_first(self) -> None:
        long = struct.pack("<HH2sHL", 0x0009, 0x1010, b"OB", 0, 300_000) + bytes(300_000)

        found = head_of(Dripping(long + HEAD + native(b"ab"), 40_000), EXPLICIT)

        assert found.dataset.end == len(long + HEAD)

    def test_is_not_looked_for_without_end(self) -> None:
        class Endless:
            size = None

            def chunks(self, start: int = 0) -> Iterator[memoryview]:
                block = memoryview(HEAD * (1 << 16))
                while True:
                    yield block

            def close(self) -> None:
                pass

        with pytest.raises(BadData, match="beyond reason"):
            head_of(Endless(), EXPLICIT)


class TestADeflatedBody:
    CONTENT = bytes(range(256)) * 3000

    @pytest.mark.parametrize("window", [-zlib.MAX_WBITS, zlib.MAX_WBITS])
    @pytest.mark.parametrize("size", [1, 1000, 1 << 20])
    def test_is_inflated_and_deflated_again_wherever_the_chunks_end(self, window, size) -> None:
        squeeze = zlib.compressobj(wbits=window)
        deflated = squeeze.compress(self.CONTENT) + squeeze.flush()

        inflated = Inflated(Dripping(deflated + b"\0", size))
        again = Deflated(inflated)

        assert read(inflated) == self.CONTENT
        assert inflated.size == len(self.CONTENT)
        assert read(Inflated(InMemory(read(again)))) == self.CONTENT
        assert read(inflated, 1000) == self.CONTENT[1000:]
        assert read(again, 10) == read(again)[10:]
        assert again.size == len(read(again))
        assert len(read(again)) % 2 == 0

    @settings(max_examples=30, deadline=None)
    @given(sizes=st.tuples(st.integers(1, 5000), st.integers(1, 400_000)), data=st.binary(max_size=300))
    def test_has_the_same_bytes_wherever_the_chunks_end(self, sizes, data) -> None:
        whole = data * 40 + self.CONTENT[:100_000]

        one, other = (read(Deflated(Dripping(whole, size))) for size in sizes)

        assert one == other

    def test_has_no_size_before_the_end_has_arrived(self) -> None:
        assert Deflated(Inflated(Dripping(b"", 1, complete=False))).size is None

    @pytest.mark.parametrize("content", [b"", b"nothing that zlib knows, but long enough", zlib.compress(CONTENT)[:-9]])
    def test_that_is_broken_is_refused(self, content) -> None:
        with pytest.raises(BadData):
            read(Inflated(InMemory(content)))

    def test_that_is_a_bomb_is_inflated_in_pieces(self) -> None:
        bomb = zlib.compress(bytes(64 << 20))

        tracemalloc.start()
        total = sum(len(chunk) for chunk in Inflated(InMemory(bomb)).chunks())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert total == 64 << 20
        assert most < 4 << 20
