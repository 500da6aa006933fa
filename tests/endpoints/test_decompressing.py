"""Destinations that take only what is not compressed."""

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from adit.dicom.contexts import DEFLATED, EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT, SYNTAXES, name_of
from adit.dicom.decoding import Picture
from adit.dicom.errors import BadData, Canceled
from adit.dicom.protocols import Outcome
from adit.dicom.refs import UID
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.decoder import Decoder
from tests.endpoints.conformance import instance
from tests.endpoints.encodings import encodings, many_frames, read
from tests.endpoints.servers import Opener, config, web_config
from tests.peers import dcmtk
from tests.peers.misbehaving import misbehaving
from tests.peers.misbehaving_web import WebScript, misbehaving_web
from tests.peers.scripts import Script

FILES = encodings()
JPEG = "1.2.840.10008.1.2.4."
RLE, JPEG_2000, MPEG_4 = UID("1.2.840.10008.1.2.5"), UID(JPEG + "90"), UID(JPEG + "102")
DECODED = [UID(JPEG + ending) for ending in ("50", "57", "70", "80", "81", "90", "91")] + [RLE, DEFLATED]
PLAIN = (EXPLICIT, IMPLICIT, EXPLICIT_BIG_ENDIAN)


@pytest.fixture
def exits():
    with ExitStack() as exits:
        yield exits


@pytest.fixture
def sink_of(exits, tmp_path):
    """Opens what stores in a server."""

    def open_(found, cancel=NEVER):
        return Opener(found, exits, tmp_path / "spool", Budget(0))(cancel)

    return open_


def stored(sink, *files):
    with sink:
        return {each.ref.instance: each for each in sink.store(instance(file) for file in files)}


def spooled(tmp_path):
    return [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]


class TestADestinationThatTakesOnly:
    @pytest.mark.parametrize(("option", "syntax"), [("+xe", EXPLICIT), ("+xi", IMPLICIT)], ids=["explicit", "implicit"])
    def test_what_is_not_compressed_gets_the_same_pixels(self, exits, sink_of, tmp_path, option, syntax):
        peer = exits.enter_context(dcmtk.storescp(None, option))
        files = [FILES[each] for each in (*DECODED, EXPLICIT)]
        receipts = stored(sink_of(config(peer, finds=())), *files)
        there = peer.files()

        assert {each.outcome for each in receipts.values()} == {Outcome.STORED}
        for file in files:
            now, was = dcmread(there[file.uid]), read(file)
            assert now.file_meta.TransferSyntaxUID == syntax
            assert np.array_equal(now.pixel_array, was.pixel_array)
            assert now.get("LossyImageCompression") == was.get("LossyImageCompression")
            note = receipts[file.uid].reason
            name = name_of(file.transfer_syntax)
            if file.transfer_syntax != EXPLICIT:
                assert note == f"decompressed from {name} for STORESCP, which takes it in no other form"
        assert not spooled(tmp_path)

    def test_implicit_gets_everything_in_it(self, exits, sink_of):
        pacs = exits.enter_context(misbehaving(script=Script(only_syntax=IMPLICIT)))
        files = [FILES[each] for each in PLAIN]
        receipts = stored(sink_of(config(pacs.peer)), *files)

        assert {each.outcome for each in receipts.values()} == {Outcome.STORED}
        assert [receipts[file.uid].reason for file in files] == [
            f"sent as Implicit VR Little Endian, because MISBEHAVING does not take {name_of(each)}"
            if each != IMPLICIT
            else ""
            for each in PLAIN
        ]
        for file in files:
            assert np.array_equal(read(pacs.kept(file.uid)).pixel_array, read(file).pixel_array)

    def test_some_gets_the_others_as_they_are(self, exits, sink_of):
        pacs = exits.enter_context(misbehaving())
        receipts = stored(sink_of(config(pacs.peer)), *FILES.values())

        assert {(each.outcome, each.reason) for each in receipts.values()} == {(Outcome.STORED, "")}
        assert {pacs.kept(file.uid).encoded == file.encoded for file in FILES.values()} == {True}

    @pytest.mark.parametrize("associations", [1, 2])
    def test_what_is_not_compressed_is_asked_once(self, exits, sink_of, associations):
        pacs = exits.enter_context(misbehaving(script=Script(only_syntax=EXPLICIT)))
        files = [replace(FILES[RLE], uid=FILES[RLE].uid[:-1] + str(n)) for n in range(8)]
        stored(sink_of(config(pacs.peer, associations=associations)), *files)

        assert pacs.seen.total <= associations
        assert pacs.holds() == {file.uid for file in files}

    @pytest.mark.parametrize("syntax", [MPEG_4, UID(JPEG + "107"), UID(JPEG + "112")])
    def test_what_is_not_compressed_is_not_sent_a_video(self, exits, sink_of, syntax):
        pacs = exits.enter_context(misbehaving(script=Script(only_syntax=EXPLICIT)))
        receipts = stored(sink_of(config(pacs.peer)), FILES[syntax], FILES[RLE])
        video = receipts[FILES[syntax].uid]

        assert video.outcome is Outcome.REFUSED
        assert not video.transient
        name = name_of(syntax)
        assert video.reason == (
            f"MISBEHAVING does not take MR Image Storage in {name}, and there is no decoder for {name} "
            "(can be mended by whoever chooses the destination, or lets it take more transfer syntaxes)"
        )
        assert pacs.holds() == {FILES[RLE].uid}

    def test_what_is_not_compressed_is_sent_nothing_where_the_node_forbids_it(self, exits, sink_of):
        pacs = exits.enter_context(misbehaving(script=Script(only_syntax=EXPLICIT)))
        receipts = stored(sink_of(config(pacs.peer, decompress=False)), FILES[RLE], FILES[EXPLICIT])

        assert receipts[FILES[EXPLICIT].uid].outcome is Outcome.STORED
        refused = receipts[FILES[RLE].uid]
        assert refused.outcome is Outcome.REFUSED
        assert "does not take MR Image Storage in RLE Lossless, and decompressing for it is switched off" in (
            refused.reason
        )

    def test_what_is_not_compressed_gets_the_whole_ones_beside_a_broken_one(self, exits, sink_of, tmp_path):
        pacs = exits.enter_context(misbehaving(script=Script(only_syntax=EXPLICIT)))
        whole = FILES[JPEG_2000]
        broken = replace(FILES[RLE], encoded=FILES[RLE].encoded[:-3000])
        receipts = stored(sink_of(config(pacs.peer)), broken, whole)

        assert receipts[broken.uid].outcome is Outcome.REFUSED
        assert "its pixel data are broken off (can be mended by whoever runs the sending system)" in (
            receipts[broken.uid].reason
        )
        assert pacs.holds() == {whole.uid}
        assert not spooled(tmp_path)


class TestAWebServerThatTakesOnly:
    UNTAKEN = frozenset(set(SYNTAXES) - {EXPLICIT})

    @pytest.mark.parametrize("wholly", [False, True])
    def test_what_is_not_compressed_gets_that(self, exits, sink_of, tmp_path, wholly):
        script = WebScript(untaken=self.UNTAKEN, untaken_wholly=wholly)
        web = exits.enter_context(misbehaving_web(script=script))
        files = [FILES[each] for each in (RLE, JPEG_2000, EXPLICIT, MPEG_4)]
        receipts = stored(sink_of(web_config("WEB", web.url)), *files)
        there = {file.uid: file for file in web.files}

        assert there.keys() == {file.uid for file in files[:3]}
        for file in files[:3]:
            assert there[file.uid].transfer_syntax == EXPLICIT
            assert np.array_equal(read(there[file.uid]).pixel_array, read(file).pixel_array)
        assert receipts[FILES[RLE].uid].reason == (
            "decompressed from RLE Lossless for WEB, which takes it in no other form"
        )
        assert receipts[FILES[EXPLICIT].uid].reason == ""
        assert receipts[FILES[MPEG_4].uid].outcome is Outcome.REFUSED
        assert receipts[FILES[MPEG_4].uid].reason.startswith(
            f"WEB does not take {name_of(MPEG_4)}, and there is no decoder for {name_of(MPEG_4)}"
        )
        assert not spooled(tmp_path)

    def test_what_is_not_compressed_is_sent_each_thing_once_when_it_is_known(self, exits, sink_of):
        web = exits.enter_context(misbehaving_web(script=WebScript(untaken=self.UNTAKEN)))
        sink = sink_of(web_config("WEB", web.url))
        others = [replace(FILES[RLE], uid=FILES[RLE].uid[:-1] + str(n)) for n in range(4)]
        with sink:
            list(sink.store([instance(FILES[RLE])]))
            before = len(web.requests)
            receipts = list(sink.store(map(instance, [renamed(file) for file in others])))

        assert len(web.requests) == before + 1
        assert {each.reason for each in receipts} == {
            "decompressed from RLE Lossless for WEB, which takes it in no other form"
        }

    def test_what_is_not_compressed_is_sent_nothing_where_the_node_forbids_it(self, exits, sink_of):
        web = exits.enter_context(misbehaving_web(script=WebScript(untaken=self.UNTAKEN)))
        receipts = stored(sink_of(web_config("WEB", web.url, decompress=False)), FILES[RLE])

        assert "does not take RLE Lossless, and decompressing for it is switched off" in (
            receipts[FILES[RLE].uid].reason
        )
        assert not web.kept


def renamed(file):
    """*file* with its SOP Instance UID inside, too."""
    return replace(file, encoded=file.encoded.replace(FILES[RLE].uid.encode(), file.uid.encode()))


DECOMPRESS = """
import resource, sys
from pathlib import Path
from adit.dicom.contexts import EXPLICIT
from adit.dicom.instance import InMemory, Instance
from adit.dicom.refs import UID, Ref
from adit.endpoints.budget import Budget
from adit.endpoints.cancel import NEVER
from adit.endpoints.decompressing import Decompressor
from adit.endpoints.spool import Spool

folder = Path(sys.argv[1])
body = InMemory((folder / "encoded").read_bytes())
instance = Instance(Ref(*map(UID, ("1.2", "1.3", "1.4"))), UID("1.5"), UID("1.2.840.10008.1.2.5"), body)
decompressor = Decompressor("NODE", Spool(folder, Budget(0).share("test"), NEVER), NEVER)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with decompressor(instance, EXPLICIT) as became:
    size = became.body.size
    assert sum(map(len, became.body.chunks())) == size
decompressor.close()
grown = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(size, grown[0] - before, grown[1])
"""


class TestManyFrames:
    def test_are_decompressed_in_bounded_memory(self, tmp_path):
        (tmp_path / "encoded").write_bytes(many_frames(200, rows=512, columns=512).encoded)
        done = subprocess.run(
            [sys.executable, "-c", DECOMPRESS, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
        )
        size, grown, child = map(int, done.stdout.split())

        assert size > 100 << 20
        # KiB: a few frames of half a MiB here, and as much beside the libraries there.
        assert grown < 12 << 10
        assert child < 150 << 10


class TestTheDecoder:
    PICTURE = Picture.of(read(FILES[UID(JPEG + "70")]))

    @pytest.fixture
    def decoder(self):
        decoder = Decoder(NEVER)
        yield decoder
        decoder.close()

    @staticmethod
    def frame(syntax):
        return bytes(read(FILES[syntax]).PixelData[16:])

    def test_goes_on_after_what_it_could_not_read(self, decoder):
        good = self.frame(JPEG_2000)
        picture = Picture.of(read(FILES[JPEG_2000]))
        with pytest.raises(BadData, match="cannot be decoded"):
            decoder(good[:200], picture, JPEG_2000)

        assert len(decoder(good, picture, JPEG_2000).pixels) == picture.size

    def test_fails_what_crashes_it_and_nothing_else(self, decoder):
        syntax = UID(JPEG + "70")
        good = self.frame(syntax)
        crashed = 0
        for at in range(0, 400, 7):
            broken = bytearray(good)
            broken[at : at + 4] = b"\xff\xff\xff\xff"
            try:
                decoder(bytes(broken), self.PICTURE, syntax)
            except BadData as error:
                crashed += "crashed" in str(error)
            if crashed:
                break

        assert crashed
        assert len(decoder(good, self.PICTURE, syntax).pixels) == self.PICTURE.size

    def test_ends_at_once_when_canceled(self):
        token = CancelToken()
        decoder = Decoder(token)
        picture = Picture.of(read(FILES[JPEG_2000]))
        decoder(self.frame(JPEG_2000), picture, JPEG_2000)
        process = decoder._process
        token.set("by the user")
        with pytest.raises(Canceled):
            decoder(self.frame(JPEG_2000), picture, JPEG_2000)

        assert process.wait(10) != 0
        decoder.close()

    def test_leaves_no_process(self, decoder):
        decoder(self.frame(JPEG_2000), Picture.of(read(FILES[JPEG_2000])), JPEG_2000)
        process = decoder._process
        decoder.close()

        assert process.poll() is not None
