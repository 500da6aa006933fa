import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.dicomweb import (
    MediaType,
    StoreAnswer,
    paged,
    read_store_answer,
    retrieve_url,
    search_urls,
    studies_url,
    without_encoding,
)
from adit.dicom.json import from_json
from adit.dicom.query import BadQuery, Query
from adit.dicom.refs import UID, Level, Ref

BASE = "https://pacs.example.org/dicom-web/"
STUDY, SERIES, INSTANCE = UID("1.2"), UID("1.2.3"), UID("1.2.3.4")


class TestAMediaType:
    @pytest.mark.parametrize(
        ("written", "name", "parameters"),
        [
            ("application/dicom", "application/dicom", {}),
            (
                'Multipart/Related; Type="application/dicom"; BOUNDARY=abc',
                "multipart/related",
                {"type": "application/dicom", "boundary": "abc"},
            ),
            ('multipart/related;boundary="a;b \\"c\\""', "multipart/related", {"boundary": 'a;b "c"'}),
            ("multipart/related ; boundary = abc ;", "multipart/related", {"boundary": "abc"}),
            ("text/html; charset", "text/html", {}),
            ("", "", {}),
        ],
    )
    def test_is_read(self, written, name, parameters):
        assert MediaType.parse(written) == MediaType(name, parameters)

    @given(
        st.dictionaries(
            st.from_regex(r"[a-z]{1,8}", fullmatch=True),
            st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
        )
    )
    def test_is_read_again_as_it_was_written(self, parameters):
        assert MediaType.parse(str(MediaType("a/b", parameters))).parameters == parameters

    @given(st.text())
    def test_of_any_text_is_something(self, written):
        assert isinstance(MediaType.parse(written), MediaType)


class TestAddresses:
    @pytest.mark.parametrize("base", [BASE, BASE.rstrip("/")])
    def test_have_the_prefix_of_their_service_between(self, base):
        assert studies_url(base) == "https://pacs.example.org/dicom-web/studies"
        assert studies_url(base, "/wado/rs/") == "https://pacs.example.org/dicom-web/wado/rs/studies"

    def test_name_each_level(self):
        assert retrieve_url("b", "", Ref(STUDY)) == "b/studies/1.2"
        assert retrieve_url("b", "", Ref(STUDY, SERIES)) == "b/studies/1.2/series/1.2.3"
        assert retrieve_url("b", "p", Ref(STUDY, SERIES, INSTANCE)) == "b/p/studies/1.2/series/1.2.3/instances/1.2.3.4"

    @pytest.mark.parametrize("wrong", ["", "*", "1.2*", "1.2\\1.3", "../1.2"])
    def test_of_a_retrieval_that_names_something_without_a_uid_are_none(self, wrong):
        for ref in (Ref(UID(wrong)), Ref(STUDY, UID(wrong)), Ref(STUDY, SERIES, UID(wrong))):
            with pytest.raises(BadQuery):
                retrieve_url("b", "", ref)

    def test_of_a_search_hold_keys_and_fields(self):
        (url,) = search_urls("b", "", Query.of(Level.STUDY, PatientName="Müller^J*", StudyDate="20200101-20201231"))

        assert url.startswith(
            "b/studies?PatientName=M%C3%BCller%5EJ*&StudyDate=20200101-20201231&includefield=0020000D"
        )
        assert "includefield=00081030" in url

    def test_of_a_search_can_do_without_what_stands_encoded_there(self):
        asked = Query.of(Level.STUDY, PatientName="Müller^J*", StudyTime="10:00-11:00", StudyDescription="CT Thorax")

        plain = without_encoding(asked)

        assert plain == Query.of(
            Level.STUDY, PatientName="M*ller*J*", StudyTime="10:00-11:00", StudyDescription="CT*Thorax"
        )
        assert "%" not in search_urls("b", "", Query.of(Level.STUDY, PatientName=plain.value("PatientName")))[0]

    @pytest.mark.parametrize("name", ["Doe*", "*", "王^小玲"])
    def test_of_a_search_have_nothing_else_to_offer(self, name):
        """Not for what is plain already, and not for what would ask for everything."""
        assert without_encoding(Query.of(Level.STUDY, PatientName=name)) is None

    def test_of_a_search_stand_below_the_study_and_series(self):
        keys = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}
        (series,) = search_urls("b", "q", Query.of(Level.SERIES, StudyInstanceUID=STUDY, Modality="CT"))
        (instances,) = search_urls("b", "q", Query.of(Level.INSTANCE, **keys))

        assert series.startswith("b/q/studies/1.2/series?Modality=CT&")
        assert instances.startswith("b/q/studies/1.2/series/1.2.3/instances?includefield=")

    def test_of_a_search_take_lists_of_uids_whole_and_others_apart(self):
        urls = search_urls("b", "", Query.of(Level.STUDY, StudyInstanceUID="1.2\\1.3", ModalitiesInStudy="CT\\MR"))

        assert [url.partition("&includefield")[0] for url in urls] == [
            "b/studies?StudyInstanceUID=1.2,1.3&ModalitiesInStudy=CT",
            "b/studies?StudyInstanceUID=1.2,1.3&ModalitiesInStudy=MR",
        ]

    @pytest.mark.parametrize("study", ["", "1.2*", "1.2\\1.3"])
    def test_of_a_search_below_no_single_study_are_none(self, study):
        with pytest.raises(BadQuery):
            search_urls("b", "", Query.of(Level.SERIES, StudyInstanceUID=study))

    def test_of_a_search_for_what_is_no_attribute_are_none(self):
        with pytest.raises(BadQuery, match="'Nonsense' is no DICOM attribute"):
            search_urls("b", "", Query.of(Level.STUDY, Nonsense="x"))

    def test_are_paged(self):
        assert paged("b?x=y", limit=10, offset=0) == "b?x=y&limit=10"
        assert paged("b", limit=10, offset=20) == "b?limit=10&offset=20"


class TestAnAnswerToStoring:
    def test_tells_of_each_instance(self):
        def named(uid, **more):
            return {"00081155": {"vr": "UI", "Value": [uid]}, **more}

        answer = {
            "00081199": {
                "vr": "SQ",
                "Value": [named("1.1"), named("1.2", **{"00081196": {"vr": "US", "Value": [0xB006]}})],
            },
            "00081198": {
                "vr": "SQ",
                "Value": [named("1.3", **{"00081197": {"vr": "US", "Value": [0xA900]}}), named("1.4")],
            },
            "0008119A": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x0110]}}]},
        }

        assert read_store_answer(from_json(answer)) == StoreAnswer(
            {"1.1": 0, "1.2": 0xB006}, {"1.3": 0xA900, "1.4": None}, (0x0110,)
        )

    @pytest.mark.parametrize(
        "answer", [{}, {"00081199": {"vr": "SQ"}}, {"00081199": {"vr": "SQ", "Value": [{}, None]}}]
    )
    def test_may_tell_nothing(self, answer):
        assert read_store_answer(from_json(answer)) == StoreAnswer({}, {})
