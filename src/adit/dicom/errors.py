"""What can go wrong with a peer, a file or a data set, as every floor above sees it.

The leaf says what happened, the attributes say what to do about it.
"""

from typing import Self


class DicomError(Exception):
    """Something went wrong with a peer, a file or a data set."""

    transient: bool = False
    """Trying again later may help."""

    mended_by: str = "the administrator of ADIT"
    """Who can do something about it, in words for a user."""

    node: str = ""
    """The node on which it happened, once that is known."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n")[0])

    def on(self, node: str) -> Self:
        """Name the node on which it happened, unless one is named already."""
        self.node = self.node or node
        return self

    def __str__(self) -> str:
        message = super().__str__()
        return f"{self.node}: {message}" if self.node else message

    def explained(self) -> str:
        """What went wrong, where, and who can mend it, as sentences that a person reads."""
        what = str(self).rstrip(".")
        if not self.node:
            what = what[:1].upper() + what[1:]
        return f"{what}. Who can mend it: {self.mended_by}."


class NotFound(DicomError):
    """Nothing is stored under what was asked for."""

    mended_by = "whoever asked for it"


class Canceled(DicomError):
    """The transfer was told to stop."""

    mended_by = "nobody, it was meant"


class BadData(DicomError):
    """A data set or a message breaks the rules of the standard beyond use."""

    mended_by = "whoever runs the sending system"


class Full(DicomError):
    """There is no room for more: the quota or the disk is used up.

    Neither transient nor permanent: the attempt ends, keeps what is stored, and its task waits.
    """

    mended_by = "whoever looks after the folder"


class NeedsReceiver(DicomError):
    """Instances that are moved here need a receiver on this machine, and none runs.

    Neither transient nor permanent: the task waits for a worker that has one.
    """

    mended_by = "the administrator of ADIT, who starts 'adit receiver'"


class Refused(DicomError):
    """The peer answered with a failure status."""

    mended_by = "the administrator of the PACS"

    def __init__(self, message: str = "", *, status: int) -> None:
        words = message or "the peer answered with a failure status"
        number = f"(0x{status:04X})"
        super().__init__(words if words.endswith(number) else f"{words} {number}")
        self.status = status
        # "Out of Resources", PS3.4 B.2.3 and C.4.1.1.4: the peer is full or busy, not wrong.
        self.transient = status >> 8 == 0xA7


class Unreachable(DicomError):
    """No connection to the peer could be had, or it broke off."""

    transient = True
    mended_by = "the administrator of the PACS or of the network"


class TimedOut(DicomError):
    """The peer was silent for longer than it may be."""

    transient = True
    mended_by = "the administrator of the PACS"
