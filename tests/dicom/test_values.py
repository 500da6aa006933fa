"""Values as they really come."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_charset_files

from adit.dicom.values import (
    charset_terms,
    decode_text,
    first,
    person_name,
    read_date,
    read_date_range,
    read_number,
    read_time,
    read_time_range,
    read_whole,
    text,
)


class TestADate:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("19540312", date(1954, 3, 12)),
            ("1954.03.12", date(1954, 3, 12)),
            ("1954-03-12", date(1954, 3, 12)),
            ("19540312 \0", date(1954, 3, 12)),
            ("19540312\\19550101", date(1954, 3, 12)),
            ("20200101103000.5", date(2020, 1, 1)),
            (datetime(2020, 1, 1, 10, tzinfo=UTC), date(2020, 1, 1)),
            ("20201341", None),
            ("20190229", None),
            ("00000000", None),
            ("1947", None),
            ("12.03.1954", None),
            ("unknown", None),
            ("", None),
            (None, None),
        ],
    )
    def test_is_read_or_none(self, written, meant):
        assert read_date(written) == meant

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("20200101-20201231", (date(2020, 1, 1), date(2020, 12, 31))),
            ("20200101 - 20201231", (date(2020, 1, 1), date(2020, 12, 31))),
            ("20200101-", (date(2020, 1, 1), None)),
            ("-20200101", (None, date(2020, 1, 1))),
            ("2020-01-01", (date(2020, 1, 1), date(2020, 1, 1))),
            ("-", None),
            ("20200101-2020", None),
            ("x-20200101", None),
            ("2020*", None),
        ],
    )
    def test_range_is_read_or_none(self, written, meant):
        assert read_date_range(written) == meant


class TestATime:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("10", time(10)),
            ("1030", time(10, 30)),
            ("103015.25", time(10, 30, 15, 250000)),
            ("103015.1234567", time(10, 30, 15, 123456)),
            ("10:30:15", time(10, 30, 15)),
            ("235960", time(23, 59, 59)),
            ("2400", None),
            ("noon", None),
            ("", None),
        ],
    )
    def test_is_read_or_none(self, written, meant):
        assert read_time(written) == meant

    def test_range_includes_all_of_its_last_hour_or_minute(self):
        assert read_time_range("08-12") == (time(8), time(12, 59, 59, 999999))
        assert read_time_range("0800-1200") == (time(8), time(12, 0, 59, 999999))
        assert read_time_range("-") is None


class TestANumber:
    @pytest.mark.parametrize("written", ["1", "01", " 1 ", "+1", "1.0", "1e0", "1\\2", "1\0", 1, 1.0])
    def test_is_one_however_it_is_written(self, written):
        assert read_whole(written) == 1

    @pytest.mark.parametrize("written", ["", "1A", "1.9.10.0", "NaN", "inf", "1_0", "\u0661", "1e99999", "--1", None])
    def test_is_none_when_it_is_no_number(self, written):
        assert read_number(written) is None
        assert read_whole(written) is None

    def test_with_a_fraction_is_not_whole(self):
        assert read_whole("1.5") is None
        assert read_number("1.50") == Decimal("1.5")

    def test_beyond_all_bounds_is_none(self):
        assert read_whole("1e999") is None


class TestAPersonName:
    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("Müller^Hans^^Dr.", "Müller, Dr. Hans"),
            ("Doe^John^Quincy^^Jr", "Doe, John Quincy, Jr"),
            ("Doe^John^^^ ", "Doe, John"),
            ("Doe", "Doe"),
            ("^John", "John"),
            ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎, やまだ たろう)"),
            ("=山田^太郎", "山田 太郎"),
            ("^^^^", ""),
            ("", ""),
            (None, ""),
        ],
    )
    def test_is_shown_as_people_read_it(self, written, shown):
        assert person_name(written) == shown


class TestText:
    @pytest.mark.parametrize(
        "path", [path for path in get_charset_files() if path.endswith(".dcm") and "SQ" not in path]
    )
    def test_of_all_character_sets_is_decoded_as_pydicom_does(self, path):
        dataset = pydicom.dcmread(path)
        raw = dataset.get_item("PatientName").value

        terms = charset_terms(dataset.get_item("SpecificCharacterSet").value)

        assert decode_text(raw, terms).rstrip("= ") == str(dataset.PatientName).rstrip("= ")
        assert not decode_text(raw, terms).isascii()

    def test_in_gb18030_keeps_bytes_that_look_like_a_backslash(self):
        written = "王\u4e5c^小东"

        assert decode_text(written.encode("gb18030"), ("GB18030",)) == written

    @pytest.mark.parametrize("charset", [(), ("ISO_IR 6",), ("ISO_IR 100",)])
    def test_in_utf_8_is_found_under_a_wrong_or_no_label(self, charset):
        assert decode_text("Müller".encode(), charset) == "Müller"

    def test_in_latin_1_is_found_under_the_label_of_utf_8(self):
        assert decode_text("Müller".encode("latin-1"), ("ISO_IR 192",)) == "Müller"

    def test_without_label_is_decoded_by_the_fallback(self):
        assert decode_text("Люкceмбypг".encode("iso8859_5"), (), fallback="ISO_IR 144") == "Люкceмбypг"
        assert decode_text("Müller".encode("latin-1"), (), fallback="nonsense") == "Müller"

    @given(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(sorted(charset_terms("ISO_IR 192\\ISO 2022 IR 87\\GB18030\\ISO 2022 IR 149\\ISO_IR 13"))),
            max_size=3,
        ),
    )
    def test_never_fails_to_decode(self, encoded, charset):
        assert isinstance(decode_text(encoded, charset), str)

    @pytest.mark.parametrize(
        ("written", "terms"),
        [
            ("ISO_IR 100", ("ISO_IR 100",)),
            ("ISO-IR 100", ("ISO_IR 100",)),
            ("ISO_IR_192 ", ("ISO_IR 192",)),
            ("utf-8", ("ISO_IR 192",)),
            (["", "ISO 2022 IR 87"], ("ISO_IR 6", "ISO 2022 IR 87")),
            (b"\\ISO 2022 IR 149", ("ISO_IR 6", "ISO 2022 IR 149")),
            ("nonsense", ()),
            (None, ()),
        ],
    )
    def test_says_its_character_set_in_many_spellings(self, written, terms):
        assert charset_terms(written) == terms

    @given(st.one_of(st.none(), st.text(), st.binary(), st.integers(), st.floats(), st.lists(st.text())))
    def test_is_made_of_anything(self, value):
        assert isinstance(text(value), str)
        for read in (
            first,
            person_name,
            read_date,
            read_time,
            read_date_range,
            read_time_range,
            read_whole,
        ):
            read(value)
