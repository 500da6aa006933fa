import pytest

from adit.transfer.sheets.number_formats import GENERAL, Meaning, NumberFormat, built_in, understood


class TestANumberFormat:
    @pytest.mark.parametrize("code", ["General", "GENERAL", "@", "", "[Red]General", "General;-General", "General_)"])
    def test_of_none_leaves_the_number_as_it_is(self, code):
        assert understood(code) == GENERAL

    @pytest.mark.parametrize(
        ("code", "whole", "decimals"),
        [
            ("0", 1, (0, 0)),
            ("000000", 6, (0, 0)),
            ("#", 0, (0, 0)),
            ("0.00", 1, (2, 2)),
            ("0.0##", 1, (1, 3)),
            ("#,##0.00", 1, (2, 2)),
            ("#,##0_);[Red](#,##0)", 1, (0, 0)),
            ('0;"less than nothing"', 1, (0, 0)),
        ],
    )
    def test_of_digits_says_how_many_are_shown(self, code, whole, decimals):
        assert understood(code) == NumberFormat(Meaning.DIGITS, whole, decimals)

    @pytest.mark.parametrize(
        "code",
        ['0"m"', "0\\m", '"P-"000', "000-00-0000", "0%", "# ?/?", "[>100]0", "[$€-407] 0", "[$USD] 0", "0,", "(0)"],
    )
    def test_that_shows_anything_else_is_another_one(self, code):
        assert understood(code).meaning is Meaning.OTHER

    @pytest.mark.parametrize("code", ["0.00E+00", "##0.0E+0", "0E-0"])
    def test_with_an_exponent_is_scientific(self, code):
        assert understood(code).meaning is Meaning.SCIENTIFIC

    @pytest.mark.parametrize(
        ("code", "short", "clock"),
        [
            ("yyyy-mm-dd", False, False),
            ("yyyy\\-mm\\-dd;@", False, False),
            ("dd.mm.yy", True, False),
            ("[$-F800]dddd, mmmm dd, yyyy", False, False),
            ('d". day of "mmmm yyyy', False, False),
            ("m/d/yyyy h:mm AM/PM", False, True),
            ("DD.MM.YYYY", False, False),
        ],
    )
    def test_with_day_month_and_year_is_a_date(self, code, short, clock):
        assert understood(code) == NumberFormat(Meaning.DATE, short_year=short, clock=clock)

    @pytest.mark.parametrize("code", ["d-mmm", "mmm-yy", "mmmm", "yyyy", "dddd"])
    def test_with_less_of_it_is_a_part_of_a_date(self, code):
        assert understood(code).meaning is Meaning.PARTIAL_DATE

    @pytest.mark.parametrize("code", ["h:mm", "mm:ss", "[h]:mm:ss", "mm:ss.0", "h AM/PM"])
    def test_with_hours_or_seconds_alone_is_a_time(self, code):
        assert understood(code).meaning is Meaning.TIME

    @pytest.mark.parametrize(
        ("number", "meaning"),
        [
            (0, Meaning.GENERAL),
            (1, Meaning.DIGITS),
            (11, Meaning.SCIENTIFIC),
            (14, Meaning.DATE),
            (16, Meaning.PARTIAL_DATE),
            (21, Meaning.TIME),
            (49, Meaning.GENERAL),
            (163, Meaning.OTHER),
        ],
    )
    def test_that_every_workbook_has_is_known_by_its_number(self, number, meaning):
        assert built_in(number).meaning is meaning
