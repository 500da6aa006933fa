"""Instances that somebody is lent, while another keeps them for a second try."""

from __future__ import annotations

from adit.dicom.instance import Body, Instance


def lent(instance: Instance) -> Instance:
    """*instance* for a sink that closes what it gets: the original stays open, and its holder's to close."""
    return Instance(instance.ref, instance.sop_class, instance.transfer_syntax, _Lent(instance.body))


class _Lent:
    """A body that closing leaves open."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.chunks = body.chunks

    @property
    def size(self) -> int | None:
        return self._body.size

    def close(self) -> None:
        pass
