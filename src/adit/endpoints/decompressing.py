"""What goes to a destination that does not take it as it is: the same instance, decompressed into the spool."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from adit.dicom.contexts import DEFLATED, EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT, name_of
from adit.dicom.decoding import NotDecodable, decodable
from adit.dicom.decompressing import decompressed
from adit.dicom.errors import BadData
from adit.dicom.explicit import explicit, inflated
from adit.dicom.implicit import implicit
from adit.dicom.instance import Instance
from adit.dicom.protocols import Cancellation
from adit.dicom.refs import UID
from adit.endpoints.decoder import Decoder
from adit.endpoints.spool import Spool

_Rewrite = Callable[[Instance], Iterator[bytes | memoryview]]

OFF = "decompressing for it is switched off"
"""Why an instance is not decompressed: its node's setting."""

_PLAIN = frozenset((EXPLICIT, IMPLICIT, EXPLICIT_BIG_ENDIAN))


class Decompressor:
    """Makes of instances what one node takes. Their SOP Instance UIDs stay (see decision 11). `close` it in the end.

    For one thread at a time.

    Args:
        node: Who gets them, for the notes.
    """

    def __init__(self, node: str, spool: Spool, cancel: Cancellation) -> None:
        self._node = node
        self._spool = spool
        self._cancel = cancel
        self._decode = Decoder(cancel)

    def __call__(self, instance: Instance, syntax: UID) -> Instance:
        """*instance* in *syntax*, Explicit or Implicit VR Little Endian. The caller closes both.

        Raises:
            NotDecodable: There is no decoder for it.
            BadData: It is broken.
            Full: The spool has no room for it.
            Canceled: The cancel token was set.
        """
        steps = self._steps(instance.transfer_syntax, syntax)
        current = instance
        for became, rewrite in steps:
            previous = current
            try:
                current = self._written(previous, became, rewrite)
            finally:
                if previous is not instance:
                    previous.close()
        return current

    def _steps(self, came: UID, wanted: UID) -> list[tuple[UID, _Rewrite]]:
        """What an instance becomes one after the other.

        Raises:
            NotDecodable: It cannot become anything else.
        """
        steps: list[tuple[UID, _Rewrite]] = []
        if came in (IMPLICIT, EXPLICIT_BIG_ENDIAN):
            steps.append((EXPLICIT, explicit))
        elif came == DEFLATED:
            steps.append((EXPLICIT, inflated))
        elif came != EXPLICIT:
            if not decodable(came):
                raise NotDecodable(f"there is no decoder for {name_of(came)}")
            steps.append((EXPLICIT, self._decompressed))
        if wanted == IMPLICIT:
            steps.append((IMPLICIT, implicit))
        return steps

    def _decompressed(self, instance: Instance) -> Iterator[bytes | memoryview]:
        return decompressed(instance, self._decode)

    def close(self) -> None:
        """End the process that decodes."""
        self._decode.close()

    def _written(self, instance: Instance, syntax: UID, rewrite: _Rewrite) -> Instance:
        body = self._spool.body_in_file()
        try:
            for piece in rewrite(instance):
                self._cancel.check()
                body.write(piece)
        except BaseException:
            body.close()
            raise
        body.finish()
        return Instance(instance.ref, instance.sop_class, syntax, body)

    def note(self, came: UID, went: UID) -> str:
        """For the ledger: an instance that came in one transfer syntax went in another."""
        if came in _PLAIN:
            return f"sent as {name_of(went)}, because {self._node} does not take {name_of(came)}"
        return f"decompressed from {name_of(came)} for {self._node}, which takes it in no other form"


class Fitting:
    """What a server that negotiates nothing (STOW-RS) does not take as it is: learnt from its refusals.

    Args:
        decompressor: None where nothing may be decompressed.
    """

    def __init__(self, decompressor: Decompressor | None) -> None:
        self._decompressor = decompressor
        self._untaken: set[UID] = set()
        self._came: dict[UID, UID] = {}
        self._lock = threading.Lock()

    def prepared(self, instances: Iterable[Instance]) -> Iterator[Instance]:
        """*instances*; those in a transfer syntax that was refused before are decompressed at once."""
        for instance in instances:
            if instance.transfer_syntax not in self._untaken:
                yield instance
                continue
            try:
                fitting = self(instance)
            except (NotDecodable, BadData):
                # The server's refusal, which comes now, is told together with the reason.
                yield instance
            else:
                instance.close()
                yield fitting

    def __call__(self, instance: Instance) -> Instance:
        """*instance*, whose transfer syntax was refused, in Explicit VR Little Endian. The caller closes both.

        Raises:
            NotDecodable: There is no decoder for it, or it may not be decompressed.
            BadData: It is broken.
        """
        if self._decompressor is None:
            raise NotDecodable(OFF)
        self._untaken.add(instance.transfer_syntax)
        # What comes next is prepared in another thread.
        with self._lock:
            fitting = self._decompressor(instance, EXPLICIT)
        self._came[instance.uid] = instance.transfer_syntax
        return fitting

    def notes(self, instance: UID) -> list[str]:
        """What the ledger is told of an instance that was sent."""
        came = self._came.pop(instance, None)
        return [] if came is None or self._decompressor is None else [self._decompressor.note(came, EXPLICIT)]

    def close(self) -> None:
        if self._decompressor is not None:
            self._decompressor.close()
