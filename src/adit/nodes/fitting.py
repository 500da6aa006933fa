"""What is wrong with the values of a node, one sentence per field, for the person who typed them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

from adit.dimse.tls import usable_pem
from adit.nodes.secrets import Secret
from adit.nodes.windows import BadWindows, Windows

if TYPE_CHECKING:
    from adit.nodes.models import Node

MOST_ASSOCIATIONS = 256


def misfits(node: Node) -> dict[str, str]:
    """Field → sentence, for every field of *node* that is wrong or does not go with the others."""
    wrong: dict[str, str] = {}
    if re.search(r"[/\\\x00-\x1f\x7f]", node.name):
        wrong["name"] = "A name holds no slash, backslash or control character."
    for field in ("ae_title", "calling_ae_title"):
        if sentence := _of_ae_title(getattr(node, field)):
            wrong[field] = sentence
    try:
        Windows.from_json(node.windows)
    except BadWindows as bad:
        wrong["windows"] = str(bad)
    wrong |= _of_server(node) if node.is_server else _of_folder(node)
    if node.suspended_at and not node.suspended_reason:
        wrong["suspended_reason"] = "Say why the node is suspended; users read it while their tasks wait."
    return wrong


def _of_server(node: Node) -> dict[str, str]:
    wrong: dict[str, str] = {}
    address = {"ae_title": node.ae_title, "host": node.host, "port": node.port}
    missing = [field for field, value in address.items() if not value]
    if missing and (len(missing) < len(address) or not node.dicomweb_url):
        sentence = "A server is reached by AE title, host and port together, or by a DICOMweb URL."
        wrong |= dict.fromkeys(missing, sentence)
    if re.search(r"[\s/]", node.host):
        wrong["host"] = "A host is a name or an address such as pacs.example.org, without http:// and path."
    if node.port is not None and not 1 <= node.port <= 65535:
        wrong["port"] = "A port is a number from 1 to 65535."
    if not node.host and node.uses_dimse:
        wrong["host"] = "C-FIND, C-GET, C-MOVE, C-STORE and storage commitment need AE title, host and port."
    if not node.dicomweb_url and node.uses_dicomweb:
        wrong["dicomweb_url"] = "QIDO, WADO and STOW need a DICOMweb URL."
    wrong |= _of_tls(node)
    wrong |= _of_dicomweb(node)
    if not 1 <= node.max_associations <= MOST_ASSOCIATIONS:
        wrong["max_associations"] = f"A server takes between 1 and {MOST_ASSOCIATIONS} associations at the same time."
    for field in ("connect_timeout", "idle_timeout"):
        # Neither "nan" nor "inf" is a number of seconds.
        if not 0 < getattr(node, field) < float("inf"):
            wrong[field] = "A time-out is more than 0 seconds."
    of_folder = {"path": node.path or None, "quota_gb": node.quota_gb, "warning_gb": node.warning_gb}
    sentence = "Path, quota and warning belong to a folder, not to a server."
    wrong |= {field: sentence for field, value in of_folder.items() if value is not None}
    return wrong


def _of_dicomweb(node: Node) -> dict[str, str]:
    wrong: dict[str, str] = {}
    prefixes = ("qido_prefix", "wado_prefix", "stow_prefix")
    settings_of_web = (*prefixes, "authorization", "dicomweb_ca", "dicomweb_certificate")
    if not node.dicomweb_url:
        if any(getattr(node, field) for field in settings_of_web):
            wrong["dicomweb_url"] = "Authorization, certificates and prefixes are for DICOMweb only, which needs a URL."
        return wrong
    if not _is_web_address(node.dicomweb_url):
        wrong["dicomweb_url"] = "A DICOMweb URL begins with http:// or https:// and a host: http://pacs:8042/dicom-web."
    elif re.search(r"[?#]", node.dicomweb_url) or "@" in node.dicomweb_url.partition("://")[2].partition("/")[0]:
        wrong["dicomweb_url"] = "A DICOMweb URL holds neither ?, # nor a password; give that with the authorization."
    for field in prefixes:
        if re.search(r"[^A-Za-z0-9._~/-]", getattr(node, field)):
            wrong[field] = "A prefix is a path such as wadors."
    if node.authorization is not None and re.search(r"[^\x20-\x7e]", node.authorization.reveal()):
        wrong["authorization"] = "An authorization header is one line of plain letters, such as Bearer abc."
    return wrong | _of_certificates(node, trusted="dicomweb_ca", shown="dicomweb_certificate")


def _is_web_address(written: str) -> bool:
    """Whether it names a host, be it one without a domain, as in hospitals; and a port, if any, that there is."""
    try:
        parts = urlsplit(written)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https") and re.search(r"[^!-~]", written) is None


def _of_tls(node: Node) -> dict[str, str]:
    if not node.host and (node.tls or node.tls_ca or node.tls_certificate or not node.tls_check_name):
        return {"tls": "TLS for DIMSE needs AE title, host and port; DICOMweb uses it where its URL begins with https."}
    return _of_certificates(node, trusted="tls_ca", shown="tls_certificate")


def _of_certificates(node: Node, *, trusted: str, shown: str) -> dict[str, str]:
    wrong = {}
    if not usable_pem(trusted=getattr(node, trusted)):
        wrong[trusted] = "This holds no certificate in PEM form."
    own: Secret | None = getattr(node, shown)
    if own and not usable_pem(shown=own.reveal()):
        wrong[shown] = "This is no certificate in PEM form together with its private key without a password."
    return wrong


def _of_folder(node: Node) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if sentence := _of_path(node.path):
        wrong["path"] = sentence
    if node.ae_title or node.host or node.port or node.dicomweb_url or node.abilities:
        wrong["kind"] = "A folder has a path and neither AE title, host, port, URL nor abilities."
    if node.tls or node.tls_ca or node.tls_certificate or not node.tls_check_name:
        wrong["tls"] = "TLS is for servers, not for folders."
    for field in ("quota_gb", "warning_gb"):
        value = getattr(node, field)
        if value is not None and not 0 < value < float("inf"):
            wrong[field] = "A size is more than 0 GB; leave it empty for no limit."
    if node.quota_gb is not None and node.warning_gb is not None and node.warning_gb > node.quota_gb:
        wrong["warning_gb"] = "The warning comes before the quota is reached: it is not above it."
    return wrong


def _of_ae_title(title: str) -> str:
    """What is wrong with an AE title (PS3.5 6.2, VR AE), or an empty text."""
    if not title:
        return ""
    if len(title) > 16:
        return "An AE title has at most 16 characters."
    if re.search(r"[^\x20-\x7e]|\\", title):
        return "An AE title holds plain letters, digits and signs, no backslash and no control character."
    # Leading and trailing spaces are not significant, so with them two titles could be one.
    if title != title.strip():
        return "An AE title does not begin or end with a space."
    return ""


def _of_path(text: str) -> str:
    """What is wrong with a folder's path, or an empty text."""
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        return "The path of a folder begins with a slash."
    roots = [Path(root).resolve() for root in settings.ADIT_FOLDER_ROOTS]
    # Resolved, so that neither .. nor a link leads out of the roots.
    if not any(path.resolve().is_relative_to(root) for root in roots):
        return f"A folder lies below {' or '.join(map(str, roots))}; ADIT_FOLDER_ROOTS can allow another place."
    return ""
