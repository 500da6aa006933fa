"""Certificates made on the spot: signed by their own key, or by an authority of the test."""

import datetime
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str = field(repr=False)

    @property
    def pem(self) -> str:
        return self.certificate + self.key

    def files(self, folder: Path) -> tuple[str, str]:
        """Paths of the key and of the certificate, written into *folder*."""
        folder.mkdir(parents=True, exist_ok=True)
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        key.write_text(self.key)
        certificate.write_text(self.certificate)
        return str(key), str(certificate)


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
"""What a CA may do with its key, and a certificate that is its own CA."""


class Authority:
    """A CA that certifies whatever a test wants."""

    def __init__(self, name: str = "Hospital CA") -> None:
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _pem(
            _begun(self._name, self._name, self._key.public_key(), 2000, 2100, by=self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def certify(self, name: str, *, subject: str = "PACS", since: int = 2000, until: int = 2100) -> Pair:
        """Of the host or address *name*, valid from the beginning of a year to that of another."""
        key = ec.generate_private_key(ec.SECP256R1())
        owner = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
        signed = (
            _begun(owner, self._name, key.public_key(), since, until, by=self._key.public_key())
            .add_extension(x509.SubjectAlternativeName([_known(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Pair(_pem(signed), _secret(key))


def certified(name: str, *, since: int = 2000, until: int = 2100) -> tuple[str, str]:
    """A certificate for the host or address *name*, signed by its own key, and that key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    owner = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "PACS")])
    signed = (
        _begun(owner, owner, key.public_key(), since, until, by=key.public_key())
        .add_extension(x509.SubjectAlternativeName([_known(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(signed), _secret(key)


def serving(certificate: str, key: str, *, demands: str = "") -> ssl.SSLContext:
    """A server's side of TLS; *demands* is the certificate that a client has to show, if any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(file.name)
    if demands:
        context.load_verify_locations(cadata=demands)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _begun(
    owner: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    since: int,
    until: int,
    *,
    by: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    # With both key identifiers (RFC 5280 4.2.1): Python 3.13's own contexts insist on that and on key usage.
    return (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(since, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(until, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by), critical=False)
    )


def _known(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _secret(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
