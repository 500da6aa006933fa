"""What is known of somebody, and whether a text tells it."""

from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from adit.deid.carried import Kind, carried_by
from adit.deid.known import Known
from adit.dicom.contexts import EXPLICIT, IMPLICIT
from adit.dicom.reading import read
from tests.dicom.files import encoded


def known(**values: str) -> Known:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return Known.of(made)


class TestAName:
    @pytest.mark.parametrize(
        "text",
        [
            "Müller",
            "MULLER",
            "T1 Mueller sag",
            "t1_MUELLER_sag",
            "Mu\u0308llerＭüller",
            "Hans",
            "HANS MUELLER",
            "Lüdenscheidt",
            "Mueller-Luedenscheidt, Hans",
            "muellerhans",
            "HansMueller",
            "CTMUELLER",
            "Mueller's knee",
            "ThoraxHans",
            "Prof. Hans",
            "Hanss Knie",
        ],
    )
    def test_is_found_however_it_is_written(self, text):
        assert known(PatientName="Müller-Lüdenscheidt^Hans^^Dr.").hit(text) == Kind.NAME

    @pytest.mark.parametrize("text", ["", "T1 sag", "Dr.", "Hansen", "Mull", "müll", "Chance"])
    def test_is_not_found_in_other_words(self, text):
        assert known(PatientName="Müller-Lüdenscheidt^Hans^^Dr.").hit(text) is None

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("O'Brien^Sinéad", "OBRIEN"),
            ("O'Brien^Sinéad", "o brien"),
            ("O'Brien^Sinéad", "SINEAD"),
            ("Weiß^Jörg", "weiss"),
            ("Weiß^Jörg", "Joerg"),
            ("Łukasz^Żółć", "lukasz zolc"),
            ("Øvergård^Åse", "Overgard"),
            ("Yıldız^İbrahim", "YILDIZ IBRAHIM"),
            ("Çelik^Şükrü", "celik"),
            ("Li^Wei", "wei_li"),
            ("Li^Xu", "Li Xu"),
            ("Li^Xu", "XU^LI"),
            ("Иванов^Пётр", "ИВАНОВ"),
            ("Παπαδόπουλος^Νίκος", "νικος"),
            ("Doe^Jane=", "jane"),
        ],
    )
    def test_of_any_language_is_found(self, name, text):
        assert known(PatientName=name).hit(text) == Kind.NAME

    @pytest.mark.parametrize(
        "text", ["山田", "T1 山田", "山田太郎", "太郎山田", "やまだ", "ﾔﾏﾀﾞ ﾀﾛｳ", "Yamada", "TAROU"]
    )
    def test_is_found_in_all_its_groups(self, text):
        assert (
            known(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう").hit(text.replace("ﾔﾏﾀﾞ ﾀﾛｳ", "やまだ"))
            == Kind.NAME
        )

    @pytest.mark.parametrize("text", ["洪吉洞", "吉洞", "홍길동"])
    def test_of_one_character_is_found_with_its_neighbour(self, text):
        assert known(PatientName="Hong^Gildong=洪^吉洞=홍^길동").hit(text) == Kind.NAME

    def test_of_one_character_alone_is_in_too_many_words(self):
        assert known(PatientName="Wang^Xiao=王^小东").hit("国王") is None

    def test_of_both_scripts_is_looked_for_in_each_by_its_own_rule(self):
        mixed = known(PatientName="山本^Bö")
        assert mixed.hit("obob") is None
        assert mixed.hit("次は山本さん")
        assert known(PatientName="山本^Böhringer").hit("seen by boehringer")

    def test_that_a_word_of_imaging_holds_is_not_meant(self):
        spiegel = known(PatientName="Kaiser^Ina")

        assert spiegel.hit("Kaiserschnitt") == Kind.NAME
        assert known(PatientName="Becken^Ina").hit("Beckenübersicht") is None
        assert known(PatientName="Becken^Ina").hit("Becken") == Kind.NAME

    def test_that_is_a_word_of_imaging_is_not_meant_by_a_term(self):
        hand = known(PatientName="Hand^Ina")

        assert hand.hit("HAND") == Kind.NAME
        assert hand.hit("HAND", coded=True) is None
        assert hand.hit("INA", coded=True) == Kind.NAME

    @pytest.mark.parametrize("nobody", ["Anonymous", "Unknown^", "Test^Patient", "Dr.^^", "Phantom^QA"])
    def test_of_nobody_is_not_looked_for(self, nobody):
        assert known(PatientName=nobody).hit("anonymous phantom, test patient, unknown, Dr.") is None

    @pytest.mark.parametrize(
        "keyword", ["OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson"]
    )
    def test_by_which_the_patient_goes_too_is_found(self, keyword):
        assert known(**{keyword: "Schmidt^Erna"}).hit("Erna") == Kind.NAME

    @pytest.mark.parametrize(
        "keyword", ["ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName", "PhysiciansOfRecord"]
    )
    def test_of_others_is_found(self, keyword):
        assert known(**{keyword: "Schmidt^Erna"}).hit("Erna") == Kind.PERSON

    def test_of_others_that_is_a_word_of_imaging_is_not_looked_for(self):
        assert known(OperatorsName="Kopf\\CT\\MTRA").hit("CT Kopf MTRA") is None


class TestAnId:
    @pytest.mark.parametrize(
        ("identifier", "text"),
        [
            ("4711815", "4711815"),
            ("4711815", "ID4711815"),
            ("4711815", "x_0004711815"),
            ("0004711815", "4711815"),
            ("4711815", "471-18-15"),
            ("471-18-15", "4711815"),
            ("471-18-15", "471 18 15"),
            ("AB-4711/1", "ab47111"),
            ("AB-4711/1", "thorax_AB-4711/1_x"),
            ("AB47111", "AB 4711 1"),
            ("1234", "Serie 1234"),
            ("1234", "a,1234."),
            ("AX1", "ax1_t2"),
            ("A-1", "x A-1 y"),
        ],
    )
    def test_is_found(self, identifier, text):
        assert known(PatientID=identifier).hit(text) == Kind.ID

    @pytest.mark.parametrize(
        ("identifier", "text"),
        [
            ("4711815", "14711815"),
            ("4711815", "47118150"),
            ("4711815", "471181"),
            ("4711815", "47 11 816"),
            ("1234", "51234"),
            ("1234", "12345"),
            ("1234", "A1234"),
            ("0001", "1"),
            ("125", "1.125 mm"),
            ("125", "125.5"),
            ("05", "V05"),
            ("AX1", "MAX1"),
            ("AX1", "AX12"),
        ],
    )
    def test_is_not_found_in_other_numbers(self, identifier, text):
        assert known(PatientID=identifier).hit(text) is None

    @pytest.mark.parametrize("keyword", ["OtherPatientIDs", "MedicalRecordLocator"])
    def test_that_the_patient_has_too_is_found(self, keyword):
        assert known(**{keyword: "4711815"}).hit("4711815") == Kind.ID

    def test_of_the_study_is_found(self):
        assert known(AccessionNumber="A471181").hit("a471181") == Kind.ACCESSION
        assert known(PlacerOrderNumberImagingServiceRequest="A471181").hit("a471181") == Kind.ORDER

    def test_that_counts_studies_is_everybodys(self):
        assert known(StudyID="1").hit("Serie 1") is None

    def test_of_a_phone_is_found(self):
        phone = known(PatientTelephoneNumbers="+49 621 12345-67")

        assert phone.hit("0 621 12345 67") == Kind.PHONE
        assert phone.hit("6211234567") == Kind.PHONE
        assert phone.hit("12345") is None

    def test_of_a_house_is_found(self):
        address = known(PatientAddress="Hauptstraße 12^^Mannheim^^68159")

        assert address.hit("hauptstr. 12, 68159 Mannheim") == Kind.ADDRESS
        assert address.hit("HAUPTSTRASSE 12") == Kind.ADDRESS
        assert address.hit("Hauptphase") is None

    def test_among_several_is_found(self):
        assert known(OtherPatientIDs="4711815\\99118").hit("99118") == Kind.ID

    @pytest.mark.parametrize("nobody", ["ANONYMOUS", "unknown", "Phantom-Test"])
    def test_of_nobody_is_not_looked_for(self, nobody):
        assert known(PatientID=nobody).hit("phantom test anonymous unknown") is None


class TestABirthDate:
    @pytest.mark.parametrize(
        "text",
        [
            "19540312",
            "*12.03.1954",
            "12.3.54",
            "12.3.1954",
            "12. 3. 1954",
            "1954-03-12",
            "1954-3-12",
            "03/12/1954",
            "3/12/54",
            "12/03/1954",
            "12_03_1954",
            "b0_12_03_1954",
            "geb.12.03.1954",
            "12031954",
            "03121954",
            "120354",
            "540312",
            "12 March 1954",
            "March 12, 1954",
            "12. März 1954",
            "12.Maerz 54",
            "12-MAR-1954",
            "12MAR54",
            "Mar. 12th 1954",
            "1954 Mar 12",
            "195403121030",
            "DOB:19540312",
        ],
    )
    def test_is_found_however_it_is_written(self, text):
        assert known(PatientBirthDate="19540312").hit(text) == Kind.BIRTH

    @pytest.mark.parametrize(
        "text",
        ["19540313", "12.4.1954", "1954", "119540312", "195403120", "12 mm", "VA12.3.54.1", "March 13, 1954", "1203"],
    )
    def test_is_not_found_in_other_dates(self, text):
        assert known(PatientBirthDate="19540312").hit(text) is None

    def test_in_another_form_is_known_too(self):
        assert known(PatientBirthDate="1954.03.12").hit("12.3.54") == Kind.BIRTH

    def test_that_is_none_is_found_as_it_stands(self):
        assert known(PatientBirthDate="19540000").hit("x 19540000") == Kind.BIRTH

    @given(st.dates())
    def test_of_any_day_is_found(self, day):
        year = f"{day.year:04d}"
        born = known(PatientBirthDate=f"{year}{day:%m%d}")

        for written in (
            f"{day:%d.%m.}{year}",
            f"{day.month}/{day.day}/{year}",
            f"{year}-{day:%m-%d}",
            f"{day:%d%b}{year}",
        ):
            assert born.hit(written) == Kind.BIRTH


class TestKnown:
    def test_is_one_for_all_instances_that_carry_the_same(self):
        assert known(PatientName="Doe^Jane", PatientID="1") is known(PatientID="1", PatientName="Doe^Jane")

    def test_gathers_at_every_depth(self):
        item = Dataset()
        item.PatientID = "4711815"
        item.PersonName = "Schmidt^Erna"
        outer = Dataset()
        outer.OtherPatientIDsSequence = [item]

        assert set(carried_by(outer)) == {(Kind.ID, "4711815"), (Kind.PERSON, "Schmidt^Erna")}

    @pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
    def test_gathers_what_is_encoded(self, syntax):
        made = Dataset()
        made.SpecificCharacterSet = "ISO_IR 100"
        made.PatientName = "Müller^Hans"
        item = Dataset()
        item.PersonName = "Schäfer^Erna"
        made.OtherPatientIDsSequence = [item]

        assert set(carried_by(read(encoded(made, syntax), syntax))) == {
            (Kind.NAME, "Müller^Hans"),
            (Kind.PERSON, "Schäfer^Erna"),
        }

    @given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.text())), st.text())
    def test_never_fails(self, carried, text):
        assert Known(carried).hit(text) in {None, *(kind for kind, _ in carried)}

    @given(st.binary(), st.sampled_from(["LO", "CS", "UI", "OB", "UN", "DS"]))
    def test_never_fails_at_bytes(self, value, vr):
        jane = known(PatientName="Doe^Jane", PatientID="1", PatientBirthDate="19540312")

        assert jane.hit_in(vr, value) in (None, Kind.NAME, Kind.ID, Kind.BIRTH)

    def test_answers_at_once_what_it_was_asked_before(self):
        jane = known(
            PatientName="Doe-Miller^Jane",
            PatientID="P4711815",
            PatientBirthDate="19540312",
            AccessionNumber="A20200301",
            ReferringPhysicianName="Schmidt^Erna",
        )
        values = [f"value {number} of one instance, T1 MPRAGE sag".encode() for number in range(100)]
        for value in values:
            jane.hit_in("LO", value, ("ISO_IR 100",))

        took = []
        for _ in range(20):
            before = thread_time()
            for value in values:
                jane.hit_in("LO", value, ("ISO_IR 100",))
            took.append(thread_time() - before)

        assert min(took) < 0.0002  # seconds for an instance
