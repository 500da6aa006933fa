from pydicom import Dataset

from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.protocols import Capabilities
from adit.dicom.query import Query
from adit.dicom.refs import Level
from adit.jobs.movement import HeardSource
from tests.jobs.fakes import CT, EXPLICIT, refs_of, study_uid

(REF, *_) = refs_of(study_uid(1))


class InPieces:
    """The body of an instance that comes in three chunks."""

    size = 6
    closed = False

    def chunks(self, start=0):
        for at in range(start, 6, 2):
            yield memoryview(b"abcdef")[at : at + 2]

    def close(self):
        self.closed = True


class Pieces:
    capabilities = Capabilities()

    def __init__(self):
        self.body = InPieces()

    def find(self, query):
        yield Match(query.level, Dataset())
        yield Match(query.level, Dataset())

    def retrieve(self, refs):
        yield Instance(REF, CT, EXPLICIT, self.body)


class TestAHeardSource:
    def test_tells_of_every_chunk_that_is_read(self):
        heard, source = [], Pieces()
        (instance,) = HeardSource(source, lambda: heard.append(1)).retrieve([REF])

        assert heard == []
        with instance:
            assert b"".join(instance.body.chunks(2)) == b"cdef"
            assert len(heard) == 2
            assert instance.body.size == 6
        assert source.body.closed

    def test_tells_of_every_answer_to_a_query_and_of_its_end(self):
        heard = []

        assert len(list(HeardSource(Pieces(), lambda: heard.append(1)).find(Query.of(Level.STUDY)))) == 2
        assert len(heard) == 3
