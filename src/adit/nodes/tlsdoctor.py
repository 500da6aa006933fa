"""How TLS with a server is tried."""

from __future__ import annotations

from adit.dicom.contexts import VERIFICATION, model_context
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Cancellation
from adit.dimse.association import Peer
from adit.dimse.errors import TlsFailed, TlsTimedOut
from adit.dimse.explaining import Place, associate, look


def encrypt(peer: Peer, cancel: Cancellation) -> str:
    """Speak TLS with *peer*, and say what its certificate says. Over an association: before the server reads
    from one, TLS 1.3 does not tell that it refuses our certificate.

    Raises:
        TlsFailed, TlsTimedOut: It does not come about, with the reason.
    """
    assert peer.tls is not None
    try:
        associate(peer, [model_context(VERIFICATION)], cancel=cancel).release()
    except (Canceled, TlsFailed, TlsTimedOut):
        raise
    except DicomError:
        # No matter of TLS: the step to come tells.
        pass
    shown = look(Place(str(peer), peer.host, peer.port, peer.tls), cancel=cancel)
    if shown is None:
        return "It is spoken."
    unchecked = "" if peer.tls.checks_name else " Whose name it holds is not checked."
    return f"{shown.version}; its certificate, from '{shown.issuer}', is valid until {shown.ends:%Y-%m-%d}.{unchecked}"
