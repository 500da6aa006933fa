"""How the misbehaving PACS answers a C-GET or a C-MOVE."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from pydicom import Dataset

from tests.peers.data import File, uid_of
from tests.peers.scripts import Gate, Script, Seen
from tests.peers.wire import (
    C_STORE_RQ,
    C_STORE_RSP,
    HAS_DATA_SET,
    Gone,
    Message,
    Wire,
    encode_data,
)

PENDING, SUCCESS, WARNING = 0xFF00, 0x0000, 0xB000
_LOOK = 0.005  # seconds between two looks at a gate and at the peer


def pause(peer: Wire, script: Script) -> None:
    """Wait as long as *script* says before an instance or an answer.

    Raises:
        Gone: Meanwhile the peer left.
    """
    if script.delay and not peer.still_there(script.delay):
        peer.ignore()
    if script.gate is not None:
        wait_at(script.gate, peer)


def wait_at(gate: Gate, peer: Wire) -> None:
    """Wait until *gate* lets us through.

    Raises:
        Gone: Meanwhile the peer left.
    """
    gate.stand(+1)
    try:
        while not gate.passes():
            if not peer.still_there(_LOOK):
                peer.ignore()
    finally:
        gate.stand(-1)


class Retrieval:
    """One C-GET or C-MOVE.

    Args:
        chosen: What it names.
        to: Where the instances go, for a C-MOVE; else to whoever asks.

    Attributes:
        finished: The final response has gone.
        positions: The position of each instance in its study, by UID, from 1.
    """

    def __init__(
        self,
        peer: Wire,
        request: Message,
        chosen: Sequence[File],
        positions: Mapping[str, int],
        script: Script,
        seen: Seen,
        to: Wire | None = None,
    ) -> None:
        self._peer, self._request, self._script, self._seen = peer, request, script, seen
        self._to = to or peer
        # What a C-STORE request says of the C-MOVE that it comes from (PS3.7 9.1.1.1).
        self._origin: dict[str, int | str] = {}
        self._chosen, self._positions = chosen, positions
        self._completed = self._sent = self._messages = 0
        self._failed: list[str] = []
        self.finished = False

    def comes_from(self, calling: str) -> None:
        """Name *calling*, who asked for it, in each C-STORE request."""
        self._origin["MoveOriginatorApplicationEntityTitle"] = calling
        self._origin["MoveOriginatorMessageID"] = self._request.command["MessageID"]

    def run(self) -> None:
        """Send everything, and the final response; or break off as the script says.

        Raises:
            Gone: The conversation is over.
        """
        for file in self._script.sends_unasked:
            self._send(file)
        late = len(self._chosen) - self._script.late
        for place, file in enumerate(self._chosen, 1):
            if place > late:
                self._completed += 1
                continue
            position = self._positions[file.uid]
            if position in self._script.withholds:
                self._completed += 1
                continue
            pause(self._peer, self._script)
            times = 2 if position in self._script.sends_twice else 1
            statuses = [self._send(file) for _ in range(times)]
            if statuses[-1] is None or statuses[-1] >> 12 in (0xA, 0xC) or statuses[-1] >> 8 == 0x01:
                self._failed.append(file.uid)
            else:
                self._completed += 1
            self._peer.respond(self._request, PENDING, b"", **self._counts(len(self._chosen) - place))
            self._break_off_between()
        self._finish()
        for file in self._chosen[max(late, 0) :] if self._script.late else ():
            if self._script.late_gate is not None:
                wait_at(self._script.late_gate, self._to)
            self._send(file)

    def _finish(self) -> None:
        if self._script.final_gate is not None:
            wait_at(self._script.final_gate, self._peer)
        if self._script.get_status is not None:
            status = self._script.get_status
        elif not self._chosen:
            status = self._script.unknown_status
        else:
            status = WARNING if self._failed else SUCCESS
        data = b""
        if self._failed:
            listed = Dataset()
            listed.FailedSOPInstanceUIDList = self._failed
            data = encode_data(listed, self._peer.syntaxes[self._request.context])
        counts = self._counts(None) if self._chosen else {}
        self._peer.respond(self._request, status, data, **counts)
        self.finished = True

    def _counts(self, remaining: int | None) -> dict[str, int]:
        if self._script.leaves_out_suboperations:
            return {}
        counts = {
            "NumberOfCompletedSuboperations": self._completed,
            "NumberOfFailedSuboperations": len(self._failed),
            "NumberOfWarningSuboperations": 0,
        }
        return counts if remaining is None else counts | {"NumberOfRemainingSuboperations": remaining}

    def _send(self, file: File) -> int | None:
        """Send one instance.

        Returns:
            The peer's status, or None where it accepted no presentation context for it.
        """
        context = self._context_for(file)
        if context is None:
            return None
        self._messages += 1
        uid = uid_of("mislabelled") if self._positions.get(file.uid) in self._script.mislabels else file.uid
        command = {
            "AffectedSOPClassUID": file.sop_class,
            "CommandField": C_STORE_RQ,
            "MessageID": self._messages,
            "Priority": 0,
            "CommandDataSetType": HAS_DATA_SET,
            "AffectedSOPInstanceUID": uid,
            **self._origin,
        }
        message = Message(context, command, file.encoded)
        self._break_off_within(message)
        self._to.send(message)
        self._sent += 1
        with self._seen.changed:
            self._seen.sent.append(file.uid)
            self._seen.changed.notify_all()
        answer = self._to.message()
        while answer.kind != C_STORE_RSP:  # a C-CANCEL, which many a PACS does not heed
            answer = self._to.message()
        status = int(answer.command["Status"])
        self._seen.statuses.append(status)
        return status

    def _context_for(self, file: File) -> int | None:
        wanted = (file.sop_class, file.transfer_syntax)
        syntaxes = self._to.syntaxes
        return next((n for n, syntax in syntaxes.items() if (self._to.abstract[n], syntax) == wanted), None)

    def _break_off_between(self) -> None:
        if self._sent == self._script.aborts_after:
            self._peer.abort()
            raise Gone("broken")
        if self._sent == self._script.closes_after:
            raise Gone("broken")

    def _break_off_within(self, message: Message) -> None:
        number = self._sent + 1
        if number not in (self._script.closes_in, self._script.stalls_in):
            return
        command, *data = self._to.pieces(message)
        self._to.send_raw(command)
        if number == self._script.stalls_in:
            octets = b"".join(data)
            self._to.send_raw(octets[: len(octets) // 2])
            with self._seen.changed:
                self._seen.stalled += 1
                self._seen.changed.notify_all()
            self._fall_silent()
        self._to.send_raw(data[0][: len(data[0]) // 2])
        raise Gone("broken")

    def _fall_silent(self) -> NoReturn:
        """Do nothing until whoever asked, or whoever is sent to, has gone.

        Raises:
            Gone: Always.
        """
        while self._to is not self._peer and not self._to.left:
            if not self._peer.still_there(_LOOK):
                self._peer.ignore()
        self._to.ignore()
