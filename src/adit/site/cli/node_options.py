"""The options of `adit node add` and `adit node edit`, and the fields of a node that they fill."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.site.cli.node_abilities import Root
from adit.site.cli.output import Misused
from adit.site.cli.reading import text

Name = Annotated[str, typer.Argument(help="The node's name.")]


class Demand(StrEnum):
    ANYTHING = "anything"
    PSEUDONYMISED = "pseudonymised"
    MODIFIED_DATES = "modified-dates"
    IDENTIFIED = "identified"


@dataclass(frozen=True, slots=True)
class About:
    """What may be said of a node; None is not said."""

    ae_title: Annotated[str | None, typer.Option("--ae-title", help="The server's AE title.")] = None
    host: Annotated[str | None, typer.Option(help="Host name or address.")] = None
    port: Annotated[int | None, typer.Option(help="DIMSE port.")] = None
    can: Annotated[
        str | None,
        typer.Option(
            help="What the server can do, by comma: find, get, move, store, commit, qido, wado, stow.", metavar="LIST"
        ),
    ] = None
    root: Annotated[Root | None, typer.Option(help="Information model for find, get and move.")] = None
    max_associations: Annotated[int | None, typer.Option(help="Associations at the same time, over all processes.")] = (
        None
    )
    idle_timeout: Annotated[
        float | None, typer.Option(help="Seconds of silence after which the server is given up.")
    ] = None
    tls: Annotated[bool | None, typer.Option("--tls/--no-tls", help="DIMSE over TLS.")] = None
    tls_ca: Annotated[
        Path | None, typer.Option("--tls-ca", help="PEM certificates that are trusted for TLS, not the system's.")
    ] = None
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", help="PEM certificate with its key, to show for TLS.")
    ] = None
    tls_check_name: Annotated[
        bool | None,
        typer.Option("--tls-check-name/--no-tls-check-name", help="The server's certificate has to name its host."),
    ] = None
    decompress: Annotated[
        bool | None,
        typer.Option("--decompress/--no-decompress", help="Decompress, without loss, what it takes in no other form."),
    ] = None
    dicomweb: Annotated[str | None, typer.Option("--dicomweb", help="DICOMweb base URL.", metavar="URL")] = None
    prefixes: Annotated[
        str | None,
        typer.Option(help="Paths of QIDO, WADO and STOW below the DICOMweb URL, by comma.", metavar="LIST"),
    ] = None
    authorization: Annotated[
        Path | None,
        typer.Option(
            "--authorization-file", help="A file that holds the Authorization header for DICOMweb; - is stdin."
        ),
    ] = None
    ca_bundle: Annotated[
        Path | None,
        typer.Option("--ca-bundle", help="PEM certificates that are trusted for DICOMweb, not the system's."),
    ] = None
    client_certificate: Annotated[
        Path | None, typer.Option("--client-certificate", help="PEM certificate with its key, to show for DICOMweb.")
    ] = None
    folder: Annotated[Path | None, typer.Option(help="A folder instead of a server.")] = None
    quota: Annotated[float | None, typer.Option(help="Of a folder: GB that ADIT may fill.")] = None
    accepts: Annotated[
        Demand | None, typer.Option("--accepts", help="What it demands of the studies that are sent to it.")
    ] = None
    id_domain: Annotated[
        str | None, typer.Option("--id-domain", help="Nodes with the same one name patients by the same PatientIDs.")
    ] = None

    def fields(self) -> dict[str, Any]:
        """The fields of a node that were given, but for what it can do. An empty file takes its field away.

        Raises:
            Misused: The folder cannot be written, a file not be read, or the prefixes are not three.
        """
        return self._addresses() | self._of_web() | self._of_tls() | self._of_patients()

    def _addresses(self) -> dict[str, Any]:
        folder = None
        if self.folder is not None:
            folder = self.folder.expanduser().absolute()
            _can_be_written(folder)
        given = {
            "ae_title": self.ae_title,
            "host": self.host,
            "port": self.port,
            "max_associations": self.max_associations,
            "idle_timeout": self.idle_timeout,
            "decompress": self.decompress,
            "dicomweb_url": self.dicomweb,
            "path": None if folder is None else str(folder),
            "quota_gb": self.quota,
        }
        return {field: value for field, value in given.items() if value is not None}

    def _of_web(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self.prefixes is not None:
            three = [prefix.strip().strip("/") for prefix in self.prefixes.split(",")]
            if len(three) != 3:
                raise Misused(
                    "--prefixes wants three paths by comma, those of QIDO, WADO and STOW: qidors,wadors,stowrs."
                )
            values |= dict(zip(("qido_prefix", "wado_prefix", "stow_prefix"), three, strict=True))
        if self.authorization is not None:
            values["authorization"] = _content(self.authorization) or None
        if self.ca_bundle is not None:
            values["dicomweb_ca"] = _content(self.ca_bundle)
        if self.client_certificate is not None:
            values["dicomweb_certificate"] = _content(self.client_certificate) or None
        return values

    def _of_tls(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self.tls_ca is not None:
            values["tls_ca"] = _content(self.tls_ca)
        if self.tls_certificate is not None:
            values["tls_certificate"] = _content(self.tls_certificate) or None
        if self.tls is not None or any(values.values()):
            # Whoever gives a file wants TLS.
            values["tls"] = self.tls is not False
        if self.tls_check_name is not None:
            values["tls_check_name"] = self.tls_check_name
        return values

    def _of_patients(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self.accepts is not None:
            values["accepts"] = self.accepts.replace("-", " ")
        if self.id_domain is not None:
            values["id_domain"] = self.id_domain.strip()
        return values


def _content(file: Path) -> str:
    return (sys.stdin.read() if str(file) == "-" else text(file)).strip()


def _can_be_written(folder: Path) -> None:
    """See that files can be put into *folder*, or it can be made. The workers of this machine run as who asks."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise Misused(f"--folder: {folder} is no folder{'' if there == folder else f': {there} is a file'}.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Misused(f"--folder: {folder} cannot be written; whoever looks after {there} can allow it.")
