"""Files that are opened as spreadsheets: what they are by their content; the parts of an Excel workbook, bounded."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from xml.etree import ElementTree
from xml.parsers import expat

from adit.transfer.sheets.values import BadSheet

MOST_UNPACKED = 256 << 20
"""Bytes of a workbook after decompression, all parts together."""

_MOST_OF_A_TREE = 8 << 20
"""Bytes of a part that is held in memory as elements."""

_MOST_PARTS = 5_000

_AS_XLSX = "save it as an Excel workbook (.xlsx) or as CSV, and upload that"

DAMAGED = f"The workbook is damaged and cannot be read: open it in Excel, {_AS_XLSX}."

_PASSWORD = (
    "The workbook is protected with a password: open it in Excel, remove the password "
    "(File, Info, Protect Workbook, Encrypt with Password), save it, and upload that."
)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLDER = b"\x09\x08"
"""How workbooks of Excel 5 and before begin."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")

_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed file (7z)"),
    (b"Rar!", "a compressed file (RAR)"),
    (b"SQLite format 3", "a database"),
)

_MARKUP = (
    (b"<!doctype html", "a web page, though Excel opens it"),
    (b"<html", "a web page, though Excel opens it"),
    (b"<table", "a web page, though Excel opens it"),
    (b"<?xml", "an XML file"),
)


def is_workbook(content: bytes) -> bool:
    """Whether *content* is an Excel workbook (.xlsx), whatever its name says. Anything else may be a text.

    Raises:
        BadSheet: It is neither, and what it is can be said.
    """
    if content.startswith(_ZIP):
        return True
    if content.startswith((_OLE, _OLDER)):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise BadSheet(_PASSWORD)
        raise BadSheet(f"The file is a workbook of an old Excel (.xls) or another old document: {_AS_XLSX}.")
    begin = content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, what in _OTHERS:
        if content.startswith(beginning):
            raise BadSheet(f"The file is {what}, not a table: open the table in Excel, {_AS_XLSX}.")
    for beginning, what in _MARKUP:
        if begin.startswith(beginning):
            raise BadSheet(f"The file is {what}: open it in Excel, {_AS_XLSX}.")
    return False


class OfficeFile:
    """The parts of an Excel workbook. What it holds was not checked by anybody: each reading is bounded.

    Attributes:
        workbook: Name of the part that names the worksheets.
    """

    def __init__(self, content: bytes) -> None:
        """Look at what there is.

        Raises:
            BadSheet: It is no Excel workbook, is protected, damaged, or too large when decompressed.
        """
        with damage_explained():
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        # What stands there is never passed when a part is read: zipfile reads no further.
        if len(self.infos) > _MOST_PARTS or sum(info.file_size for info in self.infos) > MOST_UNPACKED:
            raise BadSheet(
                f"The workbook is larger than {MOST_UNPACKED >> 20} MB when decompressed: "
                "copy the table alone into a new workbook, and upload that."
            )
        names = {info.filename for info in self.infos}
        if any(info.flag_bits & 1 for info in self.infos):
            raise BadSheet("The file is protected with a password: remove it, and upload the file without.")
        self.workbook = self._found_workbook(names)
        self._names = names

    @property
    def infos(self) -> list[zipfile.ZipInfo]:
        """The entries, in their order."""
        return self._zip.infolist()

    def _found_workbook(self, names: set[str]) -> str:
        if "mimetype" in names and b"opendocument" in self.read("mimetype", most=200):
            raise BadSheet(f"The file is an OpenDocument spreadsheet (.ods) or text: open it, {_AS_XLSX}.")
        if "xl/workbook.bin" in names:
            raise BadSheet(f"The file is a binary workbook (.xlsb): open it in Excel, {_AS_XLSX}.")
        for folder, what in (
            ("word/", "a Word document"),
            ("ppt/", "a presentation"),
            ("Index/", "a Numbers document"),
        ):
            if any(name.startswith(folder) for name in names):
                raise BadSheet(f"The file is {what}, not a spreadsheet: open it, {_AS_XLSX}.")
        if "_rels/.rels" not in names:
            raise BadSheet(f"The file is a ZIP archive, not a spreadsheet: unpack it, {_AS_XLSX}.")
        for kind, target in self.relations("").values():
            if kind == "officeDocument":
                return target
        raise BadSheet(DAMAGED)

    def __contains__(self, part: str) -> bool:
        return part in self._names

    @contextmanager
    def opened(self, part: str) -> Iterator[IO[bytes]]:
        """A *part*, to be read in pieces.

        Raises:
            BadSheet: There is none, or it is damaged; also while it is read inside the `with`.
        """
        with damage_explained(), self._zip.open(part) as opened:
            yield opened

    def read(self, part: str, *, most: int = MOST_UNPACKED) -> bytes:
        """All of a *part*.

        Raises:
            BadSheet: There is none, it is damaged or larger than *most* bytes.
        """
        with self.opened(part) as opened:
            content = opened.read(most + 1)
        if len(content) > most:
            raise BadSheet(DAMAGED)
        return content

    def tree(self, part: str) -> ElementTree.Element:
        """A *part* as XML, its names without namespaces.

        Raises:
            BadSheet: As `read`.
        """
        with damage_explained():
            tree = ElementTree.fromstring(self.read(part, most=_MOST_OF_A_TREE))
        for element in tree.iter():
            element.tag = element.tag.rpartition("}")[2]
        return tree

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """The parts that *part* refers to, by the id it uses: kind and name of each.

        Raises:
            BadSheet: As `read`.
        """
        folder, name = posixpath.split(part)
        described = posixpath.join(folder, "_rels", f"{name}.rels")
        if part and described not in self._names:
            return {}
        return {
            one.get("Id", ""): (
                one.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/"),
            )
            for one in self.tree(described)
            if one.get("TargetMode") != "External"
        }


@contextmanager
def damage_explained() -> Iterator[None]:
    """What the libraries say of damaged files, in the one sentence that helps."""
    try:
        yield
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, OverflowError, RuntimeError),
        *(ElementTree.ParseError, expat.ExpatError, LookupError, ValueError),
    ) as error:
        if isinstance(error, BadSheet):
            raise
        raise BadSheet(DAMAGED) from error
