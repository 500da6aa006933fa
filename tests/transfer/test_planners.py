"""Plans from lists of studies."""

import pytest

from adit.dicom.errors import Unreachable
from adit.dicom.query import Query
from adit.dicom.refs import UID
from adit.endpoints.memory import Faults, Memory
from adit.transfer.items import Layout, TransferStudy
from adit.transfer.planners import STUDIES_PER_QUERY, BadList, read_studies, resolve
from tests.peers.data import ct_study, uid_of
from tests.transfer.moving import held


class TestAListOfStudies:
    def test_is_read_in_its_order_and_each_study_once(self):
        assert read_studies(["1.2.3\n", "\n", "  1.2.1 \r\n", "1.2.3"]) == ("1.2.3", "1.2.1")

    def test_may_begin_with_the_mark_that_windows_writes(self):
        assert read_studies(["\ufeff1.2.3\n"]) == ("1.2.3",)

    def test_names_every_line_that_is_no_uid(self):
        with pytest.raises(BadList, match=r"line 2: 'abc'.*; line 4: '1\.2\.\*'"):
            read_studies(["1.2", "abc", "1.3", "1.2.*"])

    @pytest.mark.parametrize("lines", [[], ["", "  \n"]])
    def test_holds_at_least_one(self, lines):
        with pytest.raises(BadList, match="no study"):
            read_studies(lines)


class Asked(Memory):
    """A source that writes down how many studies each query names, and takes so many at most."""

    def __init__(self, studies, *, most=1000, **faults):
        super().__init__(held(*studies), faults=Faults(**faults))
        self.most = most
        self.numbers = []

    def find(self, query):
        uids = query.value("StudyInstanceUID").split("\\")
        self.numbers.append(len(uids))
        return super().find(Query(query.level, (("StudyInstanceUID", "\\".join(uids[: self.most])),)))


STUDIES = [ct_study(instances=1, size=128, name=f"planned {n}", patient_id=f"P{n}") for n in range(60)]
ITEMS = [TransferStudy(UID(study.uid)) for study in STUDIES]


class TestResolving:
    def test_names_the_patient_of_each_in_the_order_asked(self):
        resolved = resolve(Asked(STUDIES), ITEMS[::-1])

        assert [item.patient_id for item in resolved.items] == [f"P{n}" for n in range(59, -1, -1)]
        assert resolved.unknown == ()

    def test_asks_for_many_at_a_time(self):
        source = Asked(STUDIES)
        resolve(source, ITEMS)

        assert source.numbers == [STUDIES_PER_QUERY, 60 - STUDIES_PER_QUERY]

    def test_asks_one_by_one_where_the_source_takes_no_lists(self):
        source = Asked(STUDIES, most=1)
        resolved = resolve(source, ITEMS[:5])

        assert resolved.unknown == ()
        assert source.numbers == [5, 1, 1, 1, 1]

    def test_tells_which_are_unknown(self):
        nobody = TransferStudy(UID(uid_of("nobody")))
        resolved = resolve(Asked(STUDIES), [ITEMS[0], nobody])

        assert resolved.unknown == (nobody.study,)
        assert resolved.items == (TransferStudy(ITEMS[0].study, patient_id="P0"), nobody)

    def test_asks_once_for_a_single_one(self):
        source = Asked(STUDIES)

        assert resolve(source, [TransferStudy(UID(uid_of("nobody")))]).unknown == (uid_of("nobody"),)
        assert source.numbers == [1]

    def test_keeps_what_was_chosen(self):
        chosen = TransferStudy(ITEMS[0].study, (UID("1.2"),), "asked for", Layout("j", "p", "s"))

        assert resolve(Asked(STUDIES), [chosen]).items == (chosen,)

    def test_says_so_when_the_source_does_not_answer(self):
        with pytest.raises(Unreachable):
            resolve(Asked(STUDIES, unreachable=1), ITEMS)
