"""A tree of files as a source, whatever lies in it."""

import pytest

from adit.dicom.errors import Canceled, NotFound
from adit.dicom.query import Query
from adit.dicom.refs import UID, Level, Ref
from adit.endpoints.cancel import NEVER, CancelToken
from adit.endpoints.files import Files
from tests.peers.data import MR_IMAGE, ct_study

STUDY = ct_study(series=2, instances=3, size=128, name="in files")
OTHER = ct_study(instances=1, size=128, name="in other files", sop_class=MR_IMAGE)


@pytest.fixture
def tree(tmp_path):
    """Files of two studies, scattered, and much else."""
    STUDY.write(tmp_path / "a" / "deep" / "folder")
    OTHER.write(tmp_path)
    (tmp_path / "a" / "notes.txt").write_text("no DICOM file")
    (tmp_path / "a" / "empty.dcm").touch()
    (tmp_path / "broken.dcm").write_bytes(STUDY.files[0].part10()[:200])
    (tmp_path / "a" / f".{STUDY.files[0].uid}.part").write_bytes(b"hidden")
    (tmp_path / "half.part").write_bytes(STUDY.files[0].part10())
    (tmp_path / "z copy.dcm").write_bytes(STUDY.files[0].part10())
    return tmp_path


@pytest.fixture
def source(tree):
    return Files(tree, name="FOLDER", cancel=NEVER)


class TestATreeOfFiles:
    def test_is_searched_at_each_level(self, source):
        found = {match.ref: match.instances for match in source.find(Query.of(Level.STUDY))}

        assert found == {Ref(UID(STUDY.uid)): 6, Ref(UID(OTHER.uid)): 1}
        assert {match.patient_id for match in source.find(Query.of(Level.PATIENT))} == {
            STUDY.patient_id,
            OTHER.patient_id,
        }
        series = source.find(Query.of(Level.SERIES, StudyInstanceUID=STUDY.uid))
        assert {(match.ref.series, match.instances) for match in series} == {(each, 3) for each in STUDY.series}

    def test_answers_as_a_pacs_does(self, source):
        [match] = source.find(Query.of(Level.STUDY, ModalitiesInStudy="MR"))

        assert match.text("ModalitiesInStudy") == "MR"
        assert match.text("SOPClassesInStudy") == MR_IMAGE
        assert match.text("NumberOfStudyRelatedSeries") == "1"
        assert match.text("PatientName") == "Müller^Änne"

    @pytest.mark.parametrize(
        ("keys", "studies"),
        [
            ({"PatientName": "muel*"}, 2),
            ({"StudyDate": "20240201-20240301"}, 2),
            ({"StudyDate": "20240301-"}, 0),
            ({"PatientID": "TEST-in files"}, 1),
            ({"StudyInstanceUID": f"{STUDY.uid}\\{OTHER.uid}"}, 2),
        ],
    )
    def test_matches_as_the_standard_has_it(self, source, keys, studies):
        assert len(list(source.find(Query.of(Level.STUDY, **keys)))) == studies

    def test_gives_each_instance_once_though_it_lies_there_twice(self, source):
        uids = []
        for each in source.retrieve([Ref(UID(STUDY.uid))]):
            with each:
                uids.append(each.uid)

        assert sorted(uids) == sorted(STUDY.instances)

    def test_holds_no_file_open_that_is_not_being_read(self, source, tree):
        instances = source.retrieve([Ref(UID(OTHER.uid))])
        with next(instances) as instance:
            [path] = [path for path in tree.glob("*.dcm") if path.read_bytes() == OTHER.files[0].part10()]
            path.unlink()
            # What is open stays readable though its name is gone.
            assert b"".join(map(bytes, instance.body.chunks())) == OTHER.files[0].encoded

    def test_of_nothing_holds_nothing(self, tmp_path):
        source = Files(tmp_path / "not there", name="FOLDER", cancel=NEVER)

        assert list(source.find(Query.of(Level.STUDY))) == []
        with pytest.raises(NotFound, match="FOLDER"):
            list(source.retrieve([Ref(UID(STUDY.uid))]))

    def test_is_not_looked_through_to_its_end_when_canceled(self, tree):
        token = CancelToken()
        token.set("by the user")
        source = Files(tree, name="FOLDER", cancel=token)
        with pytest.raises(Canceled):
            list(source.find(Query.of(Level.STUDY)))
        with pytest.raises(Canceled):
            list(source.retrieve([Ref(UID(STUDY.uid))]))
