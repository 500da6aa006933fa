"""What proposal and answer come to."""

import pytest

from adit.dicom.contexts import EXPLICIT, IMPLICIT, PresentationContext
from adit.dicom.refs import UID
from adit.dimse.negotiation import AcceptedContext, agreed, answer, check_ae_title, propose
from adit.dimse.pdu import Answered, AssociateAccept, Role, UserInformation

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

    @pytest.mark.parametrize("title", ["", "  ", "SEVENTEENLETTERSX", "A\\B", "Ä"])
    def test_refuses_what_is_no_ae_title(self, title):
        with pytest.raises(ValueError, match="no AE title"):
            check_ae_title(title)
