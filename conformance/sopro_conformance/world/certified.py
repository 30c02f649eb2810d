"""Certificates for nodes of the world that speak TLS, and what no certificate should say."""

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ADDRESS = "127.0.0.1"
_DAY = timedelta(days=1)


class Spoken(NamedTuple):
    """What a server shows of itself.

    Attributes:
        certificate: PEM.
        key: PEM.
    """

    certificate: bytes
    key: bytes

    def context(self) -> ssl.SSLContext:
        """Return what a server speaks TLS with."""
        found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "both.pem"
            path.write_bytes(self.certificate + self.key)
            found.load_cert_chain(path)
        return found


class Authority:
    """Certifies nodes."""

    def __init__(self, name: str = "conformance") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            self._begin((self._name, self._name), self._key.public_key(), now - _DAY, 30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = certificate.public_bytes(Encoding.PEM)

    def certify(
        self, *, address: str = ADDRESS, since: int = -1, days: int = 30, by_itself: bool = False
    ) -> Spoken:
        """Certify a node.

        Args:
            address: that it is said to be at: an IP address or a name.
            since: days from now.
            days: that it holds.
            by_itself: signed by its own key instead.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        issuer = subject if by_itself else self._name
        builder = self._begin(
            (issuer, subject), key.public_key(), datetime.now(UTC) + since * _DAY, days
        ).add_extension(x509.SubjectAlternativeName([_name(address)]), critical=False)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(known, critical=False)
        certificate = builder.sign(key if by_itself else self._key, hashes.SHA256())
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Spoken(certificate.public_bytes(Encoding.PEM), written)

    def _begin(
        self,
        names: tuple[x509.Name, x509.Name],
        public: ec.EllipticCurvePublicKey,
        since: datetime,
        days: int,
    ) -> x509.CertificateBuilder:
        issuer, subject = names
        return x509.CertificateBuilder(
            issuer_name=issuer,
            subject_name=subject,
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=since,
            not_valid_after=since + timedelta(days=days),
        )


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
