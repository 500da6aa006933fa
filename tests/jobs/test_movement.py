from adit.dicom.instance import Instance
from adit.dicom.protocols import Capabilities
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
