import pytest

from adit.web.doors.visits import last_hop


class TestTheAddressThatAProxyTells:
    @pytest.mark.parametrize(
        ("forwarded", "address"),
        [
            ("10.1.2.3", "10.1.2.3"),
            ("6.6.6.6, 10.1.2.3", "10.1.2.3"),
            ("10.1.2.3:4567", "10.1.2.3"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4567", "2001:db8::1"),
            ("unknown", None),
            ("", None),
            ("<script>", None),
        ],
    )
    def test_is_the_last_one_if_it_is_one(self, forwarded, address):
        assert last_hop(forwarded) == address
