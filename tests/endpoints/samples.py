"""Real images in every way of encoding, from the files that pydicom is shipped with."""

import zlib
from pathlib import Path

from pydicom.data import get_testdata_file

from adit.dicom.part10 import read_part10
from adit.dicom.scan import identify
from tests.peers.data import EXPLICIT_LITTLE, File

DEFLATED = "1.2.840.10008.1.2.1.99"

_ENCODED = {
    "implicit": "MR_small_implicit.dcm",
    "explicit": "MR_small.dcm",
    "big-endian": "MR_small_bigendian.dcm",
    "rle": "MR_small_RLE.dcm",
    "jpeg-2000": "MR_small_jp2klossless.dcm",
    "jpeg-ls": "MR_small_jpeg_ls_lossless.dcm",
}


def samples() -> dict[str, File]:
    """One MR image, each time encoded otherwise, as instances of one series."""
    files = {}
    for number, (name, source) in enumerate(_ENCODED.items(), 1):
        path = Path(str(get_testdata_file(source)))
        found = read_part10(path)
        encoded = path.read_bytes()[found.offset :]
        # Without Data Set Trailing Padding (PS3.10 7.2), which DCMTK leaves out when it sends.
        padding = encoded.find(b"\xff\xfc\xff\xfc" if name == "big-endian" else b"\xfc\xff\xfc\xff")
        encoded = encoded[:padding] if padding > 0 else encoded
        if found.transfer_syntax.startswith(("1.2.840.10008.1.2.4", "1.2.840.10008.1.2.5")):
            # What is encapsulated is OB (PS3.5 A.4), which DCMTK puts right when it sends.
            encoded = encoded.replace(b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0OB")
        identity = identify(encoded, found.transfer_syntax, complete=True)
        uid = f"{identity.instance[:-1]}{number}"
        files[name] = File(
            identity.study,
            identity.series,
            uid,
            found.sop_class,
            found.transfer_syntax,
            encoded.replace(identity.instance.encode(), uid.encode()),
        )
    files["deflated"] = _deflated(files["explicit"])
    return files


def _deflated(file: File) -> File:
    uid = f"{file.uid[:-1]}9"
    # PS3.5 A.5: a raw deflate stream without zlib's header.
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    encoded = squeeze.compress(file.encoded.replace(file.uid.encode(), uid.encode())) + squeeze.flush()
    encoded += bytes(len(encoded) % 2)
    assert file.transfer_syntax == EXPLICIT_LITTLE
    return File(file.study, file.series, uid, file.sop_class, DEFLATED, encoded)
