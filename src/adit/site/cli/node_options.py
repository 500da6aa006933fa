"""The options of `adit node add` and `adit node edit`, and the fields of a node that they fill."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.site.cli.output import Misused


class Root(StrEnum):
    STUDY = "study"
    PATIENT = "patient"


class Demand(StrEnum):
    ANYTHING = "anything"
    PSEUDONYMISED = "pseudonymised"
    MODIFIED_DATES = "modified-dates"
    IDENTIFIED = "identified"


Can = Annotated[
    str | None,
    typer.Option(
        help="What the server can do, by comma: find, get, move, store, commit, qido, wado, stow.", metavar="LIST"
    ),
]
RootOption = Annotated[Root | None, typer.Option(help="Information model for find, get and move.")]
AeTitle = Annotated[str | None, typer.Option("--ae-title", help="The server's AE title.")]
Host = Annotated[str | None, typer.Option(help="Host name or address.")]
Port = Annotated[int | None, typer.Option(help="DIMSE port.")]
MaxAssociations = Annotated[int | None, typer.Option(help="Associations at the same time, over all processes.")]
IdleTimeout = Annotated[float | None, typer.Option(help="Seconds of silence after which the server is given up.")]
Tls = Annotated[bool | None, typer.Option("--tls/--no-tls", help="DIMSE over TLS.")]
TlsCa = Annotated[
    Path | None, typer.Option("--tls-ca", help="PEM certificates that are trusted for TLS, not the system's.")
]
TlsCertificate = Annotated[
    Path | None, typer.Option("--tls-certificate", help="PEM certificate with its key, to show for TLS.")
]
TlsCheckName = Annotated[
    bool | None,
    typer.Option("--tls-check-name/--no-tls-check-name", help="The server's certificate has to name its host."),
]
Decompress = Annotated[
    bool | None,
    typer.Option("--decompress/--no-decompress", help="Decompress, without loss, what it takes in no other form."),
]
DicomWeb = Annotated[str | None, typer.Option("--dicomweb", help="DICOMweb base URL.", metavar="URL")]
Authorization = Annotated[
    Path | None,
    typer.Option("--authorization-file", help="A file that holds the Authorization header for DICOMweb; - is stdin."),
]
CaBundle = Annotated[
    Path | None, typer.Option("--ca-bundle", help="PEM certificates that are trusted for DICOMweb, not the system's.")
]
ClientCertificate = Annotated[
    Path | None, typer.Option("--client-certificate", help="PEM certificate with its key, to show for DICOMweb.")
]
Prefixes = Annotated[
    str | None,
    typer.Option(help="Paths of QIDO, WADO and STOW below the DICOMweb URL, by comma.", metavar="LIST"),
]
Folder = Annotated[Path | None, typer.Option(help="A folder instead of a server.")]
Takes = Annotated[Demand | None, typer.Option("--accepts", help="What it demands of the studies that are sent to it.")]
IdDomain = Annotated[
    str | None, typer.Option("--id-domain", help="Nodes with the same one name patients by the same PatientIDs.")
]
Quota = Annotated[float | None, typer.Option(help="Of a folder: GB that ADIT may fill.")]


def values(
    *,
    ae_title: str | None,
    host: str | None,
    port: int | None,
    max_associations: int | None,
    idle_timeout: float | None,
    decompress: bool | None,
    dicomweb: str | None,
    folder: Path | None,
    quota: float | None,
) -> dict[str, Any]:
    """The fields of a node that were given.

    Raises:
        Misused: The folder cannot be written.
    """
    if folder is not None:
        folder = folder.expanduser().absolute()
        _can_be_written(folder)
    given = {
        "ae_title": ae_title,
        "host": host,
        "port": port,
        "max_associations": max_associations,
        "idle_timeout": idle_timeout,
        "decompress": decompress,
        "dicomweb_url": dicomweb,
        "path": None if folder is None else str(folder),
        "quota_gb": quota,
    }
    return {field: value for field, value in given.items() if value is not None}


def web_values(
    prefixes: str | None, authorization: Path | None, ca_bundle: Path | None, client_certificate: Path | None
) -> dict[str, Any]:
    """The fields about DICOMweb that were given; an empty file takes its field away."""
    values: dict[str, Any] = {}
    if prefixes is not None:
        three = [prefix.strip().strip("/") for prefix in prefixes.split(",")]
        if len(three) != 3:
            raise Misused("--prefixes wants three paths by comma, those of QIDO, WADO and STOW: qidors,wadors,stowrs.")
        values |= dict(zip(("qido_prefix", "wado_prefix", "stow_prefix"), three, strict=True))
    if authorization is not None:
        values["authorization"] = _content(authorization).strip() or None
    if ca_bundle is not None:
        values["dicomweb_ca"] = _content(ca_bundle).strip()
    if client_certificate is not None:
        values["dicomweb_certificate"] = _content(client_certificate).strip() or None
    return values


def tls_values(tls: bool | None, ca: Path | None, certificate: Path | None, check_name: bool | None) -> dict[str, Any]:
    """The fields about TLS that were given; an empty file takes its field away. Whoever gives a file wants TLS."""
    values: dict[str, Any] = {}
    if ca is not None:
        values["tls_ca"] = _content(ca).strip()
    if certificate is not None:
        values["tls_certificate"] = _content(certificate).strip() or None
    if tls is not None or any(values.values()):
        values["tls"] = tls is not False
    if check_name is not None:
        values["tls_check_name"] = check_name
    return values


def patient_values(accepts: Demand | None, id_domain: str | None) -> dict[str, Any]:
    """The fields about whose studies these are, as far as they were given."""
    values: dict[str, Any] = {}
    if accepts is not None:
        values["accepts"] = accepts.replace("-", " ")
    if id_domain is not None:
        values["id_domain"] = id_domain.strip()
    return values


def _content(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error


def _can_be_written(folder: Path) -> None:
    """See that files can be put into *folder*, or it can be made. The workers of this machine run as who asks."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise Misused(f"--folder: {folder} is no folder{'' if there == folder else f': {there} is a file'}.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Misused(f"--folder: {folder} cannot be written; whoever looks after {there} can allow it.")
