"""pynetdicom as a PACS: C-ECHO, C-FIND of studies, C-GET of a study, C-STORE."""

from contextlib import contextmanager

from pydicom import Dataset, dcmread
from pynetdicom import AE, evt

from adit.dicom.contexts import STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION
from tests.peers.data import CT_IMAGE, EXPLICIT_LITTLE, JPEG_2000_LOSSLESS
from tests.peers.process import HOST, Peer


@contextmanager
def pynetdicom_pacs(files, kept=None):
    """Serve Part 10 *files*; what is stored in it goes into *kept*, by SOP Instance UID."""
    held = [dcmread(file) for file in files]

    def studies(identifier):
        return [
            data
            for data in held
            if identifier.get("StudyInstanceUID", "") in ("", data.StudyInstanceUID)
            and identifier.get("PatientID", "") in ("", data.PatientID)
        ]

    def find(event):
        for uid in dict.fromkeys(data.StudyInstanceUID for data in studies(event.identifier)):
            answer = Dataset()
            answer.QueryRetrieveLevel = "STUDY"
            answer.StudyInstanceUID = uid
            yield 0xFF00, answer

    def get(event):
        chosen = studies(event.identifier)
        yield len(chosen)
        for data in chosen:
            yield 0xFF00, data

    def store(event):
        kept[event.request.AffectedSOPInstanceUID] = event.request.DataSet.getvalue()
        return 0

    entity = AE("PYNETDICOM")
    entity.maximum_pdu_size = 1 << 17
    for model in (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET):
        entity.add_supported_context(model)
    entity.add_supported_context(CT_IMAGE, [EXPLICIT_LITTLE, JPEG_2000_LOSSLESS], scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_GET, get), (evt.EVT_C_STORE, store)]
    server = entity.start_server((HOST, 0), block=False, evt_handlers=handlers)
    try:
        yield Peer("PYNETDICOM", HOST, server.server_address[1])
    finally:
        server.shutdown()
