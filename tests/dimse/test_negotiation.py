"""What proposal and answer come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit.dicom.contexts import EXPLICIT, IMPLICIT, PresentationContext
from adit.dicom.refs import UID
from adit.dimse import pdu
from adit.dimse.negotiation import AcceptedContext, agreed, answer, check_ae_title, propose
from adit.dimse.pdu import Answered, AssociateAccept, AssociateRequest, Proposed, Role, UserInformation

CT, MR = UID("1.2.840.10008.5.1.4.1.1.2"), UID("1.2.840.10008.5.1.4.1.1.4")


def accepting(*contexts, roles=()):
    return AssociateAccept("B", "A", contexts, UserInformation(16384, UID("1.2"), roles=roles))


class TestANegotiation:
    def test_agrees_on_what_was_proposed_and_accepted(self):
        contexts = [PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, MR, (EXPLICIT, IMPLICIT))]

        request = propose("B", "A", contexts, 16384)

        assert agreed(request, accepting(Answered(1, 4, EXPLICIT), Answered(3, 0, IMPLICIT))) == {
            3: AcceptedContext(3, MR, IMPLICIT)
        }

    def test_leaves_out_what_was_never_proposed(self):
        request = propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], 16384)

        assert agreed(request, accepting(Answered(1, 0, IMPLICIT), Answered(5, 0, EXPLICIT))) == {}

    @pytest.mark.parametrize(("granted", "serves"), [((Role(CT, False, True),), True), ((), False)])
    def test_gives_a_role_only_when_the_peer_grants_it(self, granted, serves):
        wish = PresentationContext(1, CT, (EXPLICIT,), scu_role=False, scp_role=True)
        request = propose("B", "A", [wish], 16384)

        [context] = agreed(request, accepting(Answered(1, 0, EXPLICIT), roles=granted)).values()

        assert context.scp_role is serves

    def test_is_answered_context_by_context(self):
        contexts = [PresentationContext(1, CT, (EXPLICIT, IMPLICIT)), PresentationContext(3, MR, (IMPLICIT,))]
        request = propose("B", "A", contexts, 16384)

        accept = answer(request, lambda p: p.transfer_syntaxes[0] if p.abstract_syntax == CT else None, 4096)

        assert agreed(request, accept) == {1: AcceptedContext(1, CT, EXPLICIT)}

    def test_grants_roles_for_what_it_accepts(self):
        contexts = [
            PresentationContext(1, CT, (EXPLICIT,), scu_role=False, scp_role=True),
            PresentationContext(3, MR, (EXPLICIT,), scu_role=True, scp_role=True),
        ]
        request = propose("B", "A", contexts, 16384)

        accept = answer(request, lambda p: p.transfer_syntaxes[0] if p.abstract_syntax == MR else None, 4096)

        assert accept.user.roles == (Role(MR, True, True),)
        assert agreed(request, accept) == {3: AcceptedContext(3, MR, EXPLICIT, True, True)}

    def test_can_answer_a_request_that_is_full_of_roles(self):
        roles = tuple(Role(UID(f"1.2.{n:050}"), True, True) for n in range(1000))
        user = UserInformation(16384, UID("1.2"), "", roles)
        request = AssociateRequest("B", "A", (Proposed(1, CT, (EXPLICIT,)),), user)
        read = pdu.decode(1, pdu.encode(request)[6:])

        assert pdu.encode(answer(read, lambda p: p.transfer_syntaxes[0], 4096))

    def test_says_who_and_what_we_are(self):
        user = propose("B", "A", [PresentationContext(1, CT, (EXPLICIT,))], 16384).user

        assert user.max_length == 16384
        assert user.implementation_class.startswith("2.25.")
        assert 1 <= len(user.implementation_version) <= 16

    def test_passes_over_user_information_that_it_does_not_know(self):
        # Asynchronous operations window, extended negotiation, user identity, and one of a later standard.
        others = ((0x53, b"\0\1\0\1"), (0x56, b"\0\3" + b"1.2" + b"\1"), (0x58, bytes(6)), (0x7E, b"?"))
        request = AssociateRequest(
            "B", "A", (Proposed(1, CT, (EXPLICIT,)),), UserInformation(0, UID("1.2"), "", (), others)
        )

        read = pdu.decode(1, pdu.encode(request)[6:])
        accept = answer(read, lambda p: p.transfer_syntaxes[0], 4096)

        assert read.user.others == others
        assert accept.user.others == ()
        assert agreed(read, accept) == {1: AcceptedContext(1, CT, EXPLICIT)}

    @pytest.mark.parametrize("count", [0, 129])
    def test_proposes_1_to_128_contexts(self, count):
        contexts = [PresentationContext(2 * (n % 128) + 1, CT, (EXPLICIT,)) for n in range(count)]

        with pytest.raises(ValueError, match="1 to 128 presentation contexts"):
            propose("B", "A", contexts, 16384)

    @given(st.text([chr(n) for n in range(32, 127) if chr(n) != "\\"], min_size=1, max_size=16).filter(str.strip))
    def test_calls_by_any_title_that_is_legal(self, title):
        encoded = pdu.encode(propose(title, title, [PresentationContext(1, CT, (EXPLICIT,))], 16384))

        read = pdu.decode(1, encoded[6:])

        assert read.called == read.calling == check_ae_title(title) == title.strip(" ")

    @pytest.mark.parametrize("title", ["A\nB", "TAB\tTAB", "\x7f", "", "  ", "SEVENTEENLETTERSX", "A\\B", "Ä"])
    def test_refuses_what_is_no_ae_title(self, title):
        with pytest.raises(ValueError, match="no AE title"):
            check_ae_title(title)
