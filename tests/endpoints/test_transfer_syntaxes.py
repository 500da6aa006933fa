"""Every transfer syntax, in by every way and out by every way, with the same bits."""

from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

import pytest
from pynetdicom.sop_class import _STORAGE_CLASSES

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT, MOST
from adit.dicom.explicit import FORBIDDEN
from adit.dicom.protocols import Outcome
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.budget import Budget
from adit.endpoints.by_stow import NOTE
from adit.endpoints.cancel import NEVER
from adit.endpoints.files import Files
from adit.endpoints.folder import Folder, Place
from tests.endpoints.conformance import instance
from tests.endpoints.encodings import STUDY, encodings, read
from tests.endpoints.receiving import hall
from tests.endpoints.servers import Opener, config, web_config
from tests.peers.data import File, Study, ct_study, uid_of
from tests.peers.misbehaving import misbehaving
from tests.peers.misbehaving_web import misbehaving_web
from tests.peers.scripts import Script

FILES = tuple(encodings().values())
ALL = Study(STUDY, "ENCODED", "", FILES)
ROOT = Ref(UID(STUDY))
JPEG = "1.2.840.10008.1.2.4."
GIVEN = {file.uid: (file.transfer_syntax, file.encoded) for file in FILES}


@dataclass
class Sources:
    """Where everything comes from and goes to, for all tests of this file."""

    exits: ExitStack
    folder: object
    pacs: object
    web: object
    hall: object

    def by_get(self):
        opener = self.opener(config(self.pacs.peer))
        # What the server's answers about the study would tell: the classes, of which no modality reminds.
        found = opener.find(Query.of(Level.INSTANCE, StudyInstanceUID=STUDY, SeriesInstanceUID=FILES[0].series))
        assert len(list(found)) == len(FILES)
        return opener

    def by_move(self):
        return self.hall.mover(self.pacs.peer)

    def by_wado(self):
        return self.opener(web_config("WEB", self.web.url))

    def from_folder(self):
        return Files(self.folder, name="FOLDER", cancel=NEVER)

    def opener(self, found):
        return Opener(found, self.exits, self.hall.spool, Budget(64 << 20))(NEVER)


WAYS_IN = {
    "C-GET": Sources.by_get,
    "C-MOVE": Sources.by_move,
    "WADO-RS": Sources.by_wado,
    "folder": Sources.from_folder,
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    with ExitStack() as exits:
        root = tmp_path_factory.mktemp("syntaxes")
        ALL.write(root / "folder" / "job" / "patient" / "study" / "series")
        here = hall(root / "spool", exits)
        pacs = exits.enter_context(misbehaving(ALL, script=Script(destinations=(here.peer,))))
        web = exits.enter_context(misbehaving_web(ALL))
        yield Sources(exits, root / "folder", pacs, web, here)


@dataclass
class Out:
    """A destination that is empty at first.

    Attributes:
        kept: What it holds now: SOP Instance UID → transfer syntax and data set.
        recodes: Transfer syntaxes that this way cannot carry.
    """

    sink: object
    kept: object
    recodes: frozenset = field(default_factory=frozenset)


def by_store(exits, root):
    pacs = exits.enter_context(misbehaving())
    sink = Opener(config(pacs.peer, finds=()), exits, root, Budget(64 << 20))(NEVER)
    return Out(sink, lambda: {uid: (pacs.kept(uid).transfer_syntax, pacs.kept(uid).encoded) for uid in pacs.holds()})


def by_stow(exits, root):
    web = exits.enter_context(misbehaving_web())
    sink = Opener(web_config("WEB", web.url), exits, root, Budget(64 << 20))(NEVER)
    return Out(sink, lambda: {f.uid: (f.transfer_syntax, f.encoded) for f in web.files}, FORBIDDEN)


def to_folder(_, root):
    sink = Folder(root, name="FOLDER", place=Place("job", "patient", "study"), cancel=NEVER)
    return Out(sink, lambda: taken(Files(root, name="FOLDER", cancel=NEVER)))


WAYS_OUT = {"C-STORE": by_store, "STOW-RS": by_stow, "folder": to_folder}


def taken(source, ref=ROOT):
    came = {}
    with closing(source.retrieve([ref])) as instances:
        for each in instances:
            with each:
                came[each.uid] = (each.transfer_syntax, b"".join(bytes(chunk) for chunk in each.body.chunks()))
    return came


def pixels_of(encoded):
    return encoded[encoded.rindex(b"\xe0\x7f\x10\0") :]


@pytest.fixture(params=WAYS_OUT.values(), ids=WAYS_OUT)
def out(request, tmp_path):
    with ExitStack() as exits:
        yield request.param(exits, tmp_path)


class TestEveryTransferSyntax:
    def test_is_among_what_is_tried(self):
        tried = {file.transfer_syntax for file in FILES}

        assert tried >= {EXPLICIT, IMPLICIT, EXPLICIT_BIG_ENDIAN, "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"}
        endings = "50 51 57 70 80 81 90 91 102 103 106 107 110 201 202 203"
        assert tried >= {f"1.2.840.10008.1.2.4.{ending}" for ending in endings.split()}

    @pytest.mark.parametrize("way", WAYS_IN.values(), ids=WAYS_IN)
    def test_comes_in_and_goes_out_with_the_same_bits(self, sources, way, out):
        source = way(sources)
        with closing(source.retrieve([ROOT])) as instances, out.sink as sink:
            receipts = {each.ref.instance: each for each in sink.store(instances)}
        kept = out.kept()

        assert {each.outcome for each in receipts.values()} == {Outcome.STORED}
        carried = {uid: found for uid, found in GIVEN.items() if found[0] not in out.recodes}
        assert {uid: kept[uid] for uid in carried} == carried
        assert kept.keys() == GIVEN.keys()
        for uid in GIVEN.keys() - carried.keys():
            assert kept[uid][0] == EXPLICIT
            assert receipts[uid].reason == NOTE
        assert all(not receipts[uid].reason for uid in carried)

    def test_that_a_way_cannot_carry_keeps_its_values(self, tmp_path):
        with ExitStack() as exits:
            out = by_stow(exits, tmp_path)
            files = [file for file in FILES if file.transfer_syntax in FORBIDDEN]
            with out.sink as sink:
                assert len(list(sink.store(map(instance, files)))) == len(files) == 2
            kept = out.kept()

        for file in files:
            was, now = read(file), read(replace(file, transfer_syntax=EXPLICIT, encoded=kept[file.uid][1]))
            assert (now.pixel_array == was.pixel_array).all()
            del was.PixelData, now.PixelData
            assert now == was


class TestARealPacs:
    def test_takes_and_gives_what_it_can_with_the_same_pixel_bits(self, room):
        """Orthanc transcodes where one context offers it several transfer syntaxes."""
        place = room.peers.orthanc()
        # It turns and inflates what it gets; what is younger than it, it does not take.
        strange = (EXPLICIT_BIG_ENDIAN, "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1", f"{JPEG}11", f"{JPEG}20")
        files = [file for file in FILES if not file.transfer_syntax.startswith(strange)]
        server = Opener(config(place.peer), room.exits, room.root, Budget(64 << 20))(NEVER)
        with server as sink:
            receipts = list(sink.store(map(instance, files)))
        list(server.find(Query(Level.STUDY, (("StudyInstanceUID", STUDY),), wanted=("SOPClassesInStudy",))))

        assert {(each.outcome, each.reason) for each in receipts} == {(Outcome.STORED, "")}
        # DCMTK, which it sends with, writes the lengths of sequences in its own way.
        assert {uid: (syntax, pixels_of(encoded)) for uid, (syntax, encoded) in taken(server).items()} == {
            file.uid: (file.transfer_syntax, pixels_of(file.encoded)) for file in files
        }


class TestMoreThan128Pairs:
    CLASSES = sorted(set(_STORAGE_CLASSES.values()))[:150]

    def files(self):
        for number, sop_class in enumerate(self.CLASSES):
            study = ct_study(instances=1, size=128, name=f"class {number}", sop_class=sop_class)
            [file] = study.files
            yield self.renamed(file)

    @staticmethod
    def renamed(file):
        return File(
            uid_of("pairs"),
            uid_of("pairs series"),
            file.uid,
            file.sop_class,
            file.transfer_syntax,
            file.encoded.replace(file.study.encode(), uid_of("pairs").encode()).replace(
                file.series.encode(), uid_of("pairs series").encode()
            ),
        )

    def test_go_through(self, tmp_path):
        files = list(self.files())
        assert len(files) > MOST
        with ExitStack() as exits:
            pacs = exits.enter_context(misbehaving(Study(uid_of("pairs"), "", "", tuple(files))))
            source = Opener(config(pacs.peer), exits, tmp_path, Budget(64 << 20))(NEVER)
            query = Query.of(Level.INSTANCE, StudyInstanceUID=uid_of("pairs"), SeriesInstanceUID=uid_of("pairs series"))
            assert len(list(source.find(query))) == len(files)
            out = by_store(exits, tmp_path)
            with closing(source.retrieve([Ref(UID(uid_of("pairs")))])) as instances, out.sink as sink:
                receipts = list(sink.store(instances))

            assert {each.outcome for each in receipts} == {Outcome.STORED}
            assert {uid: found[1] for uid, found in out.kept().items()} == {file.uid: file.encoded for file in files}
