"""Writing the trial that a study is sent for into its instances, which are not changed otherwise (PS3.3 C.7.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adit.deid.dataset import DataSet
from adit.deid.deflated import Deflated, Inflated
from adit.deid.elements import element
from adit.deid.treatedbody import head_of
from adit.dicom.instance import Body, Instance
from adit.dicom.scan import DEFLATED_SYNTAXES

_GROUP_LENGTH = 0x00120000
_PROTOCOL_ID, _PROTOCOL_NAME = 0x00120020, 0x00120021
_NEEDED = {0x00120010: "NOT GIVEN", 0x00120030: "", 0x00120031: "", 0x00120040: "NOT GIVEN"}
"""Sponsor, site and subject: what the module of the trial must have besides, where the object has nothing there."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Protocol id and name of a trial, plain ASCII; one of them may be empty and is left out then."""

    protocol_id: str
    protocol_name: str

    def apply(self, instance: Instance) -> Instance:
        """The labelled instance. Takes *instance* over: it is closed with the labelled one, or here on failure.

        Raises:
            BadData: Its head cannot be split into elements.
            DicomError: What broke the arrival off.
        """
        try:
            return self._labelled(instance)
        except BaseException:
            instance.close()
            raise

    def _labelled(self, instance: Instance) -> Instance:
        deflated = instance.transfer_syntax in DEFLATED_SYNTAXES
        original: Body = Inflated(instance.body) if deflated else instance.body
        head = head_of(original, instance.transfer_syntax)
        encoded = b"".join(self._pieces(head.dataset))
        body = _Spliced(encoded, original, head.dataset.end)
        return Instance(
            instance.ref, instance.sop_class, instance.transfer_syntax, Deflated(body) if deflated else body
        )

    def _pieces(self, dataset: DataSet) -> list[bytes]:
        pieces = [(part.tag, dataset.encoded[part.at : part.behind]) for part in dataset.parts]
        texts = {tag: text for tag, text in _NEEDED.items() if not dataset.text_of(tag)}
        if self.protocol_id or not dataset.text_of(_PROTOCOL_ID):
            texts[_PROTOCOL_ID] = self.protocol_id or "NOT GIVEN"
        if self.protocol_name:
            texts[_PROTOCOL_NAME] = self.protocol_name
        vr = "" if dataset.coding.implicit else "LO"
        written = [
            (tag, element(tag, vr, text.encode("ascii"), dataset.coding, padded_as="LO")) for tag, text in texts.items()
        ]
        # The length of the group is retired (PS3.5 7.2), and would be wrong now.
        kept = [(tag, piece) for tag, piece in pieces if tag not in texts and tag != _GROUP_LENGTH]
        return [piece for _, piece in sorted([*kept, *written], key=lambda piece: piece[0])]


class _Spliced:
    """*head* instead of the first *behind* bytes of *original* (`adit.dicom.instance.Body`). Owns *original*."""

    def __init__(self, head: bytes, original: Body, behind: int) -> None:
        self._head = head
        self._original = original
        self._behind = behind

    @property
    def size(self) -> int | None:
        size = self._original.size
        return None if size is None else size - self._behind + len(self._head)

    def chunks(self, start: int = 0) -> Iterator[memoryview]:
        """See `Body.chunks`."""
        if start < len(self._head):
            yield memoryview(self._head)[start:]
        yield from self._original.chunks(self._behind + max(0, start - len(self._head)))

    def close(self) -> None:
        self._original.close()
