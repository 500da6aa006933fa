"""Who may make batches, and their files, for the tests of these pages."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from adit.accounts.models import User
from adit.jobs.files import keep_file
from adit.jobs.models import BatchFile
from adit.nodes.models import Node
from adit.transfer.sheets.returning import new_table
from tests.nodes.making import folder, server
from tests.web.people import client_of
from tests.web.searching import give, searcher

TRANSFER_COLUMNS = ("PatientID", "StudyInstanceUID", "Pseudonym")
QUERY_COLUMNS = ("PatientID", "Modality")


class Batcher:
    """A user who may make batches, with a source and a destination."""

    def __init__(self, tmp_path: object, *permissions: str) -> None:
        self.user: User = searcher("dora", "can_query_in_batches", "can_transfer_in_batches", *permissions)
        self.source: Node = give(self.user, server("Archive"), source=True)
        self.shelf: Node = give(self.user, folder("Shelf", tmp_path), destination=True)
        self.client: Client = client_of(self.user)

    def upload(self, content: bytes, name: str = "list.csv", *, kind: str = "transfer") -> Any:
        """Drop a file on the page."""
        posted = {"source": self.source.pk, "file": SimpleUploadedFile(name, content)}
        return self.client.post(f"/batch/{kind}/", posted)

    def kept(self, *rows: tuple[str, ...], columns: tuple[str, ...] = TRANSFER_COLUMNS) -> BatchFile:
        """A file for a batch transfer."""
        return keep_file(
            table(rows, columns), "list.csv", kind="batch_transfer", by=self.user, group=self.user.active_group
        )

    def asked(self, *rows: tuple[str, ...], columns: tuple[str, ...] = QUERY_COLUMNS) -> BatchFile:
        """A file for a batch query."""
        return keep_file(
            table(rows, columns), "list.csv", kind="batch_query", by=self.user, group=self.user.active_group
        )

    def order(self, file: BatchFile, **values: object) -> Any:
        """Press the button below the file."""
        sort = "query" if file.kind == "batch_query" else "transfer"
        told = {"source": self.source.pk, "destination": self.shelf.pk, "identity": "pseudonymised", "do": "send"}
        told |= values
        return self.client.post(f"/batch/{sort}/{file.pk}/order/", told)


def table(rows: Any, columns: tuple[str, ...] = TRANSFER_COLUMNS) -> bytes:
    """A CSV."""
    return new_table(columns, rows, form="csv")
