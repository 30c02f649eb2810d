"""A node that speaks TLS itself, and a peer that checks its certificate."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sopro_node.config import Settings
from sopro_node.fetch import Fetch
from sopro_node.found import Plan, create_node
from sopro_node.node import Node
from sopro_node.reach import ANYWHERE
from sopro_protocol.errors import FormatError, PeerError
from tests.node.conftest import Served, free_port


def write_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "tls.pem", folder / "tls.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


async def serve(tmp_path: Path, **values: str) -> Served:
    plan = Plan(federation="sopro.example", site="at", country="AT")
    create_node(tmp_path / "node", plan, coordinator=False)
    port = free_port()
    settings = Settings(listen=f"127.0.0.1:{port}", drain_seconds=0, **values)
    node = await Node.open(tmp_path / "node", settings=settings)
    served = Served(node, settings.public_url)
    try:
        await served.start()
    except BaseException:
        await node.close()
        raise
    return served


async def test_serves_over_tls_and_refuses_to_be_believed_blindly(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    served = await serve(tmp_path, tls_certificate=str(certificate), tls_key=str(key))
    assert served.url.startswith("https://")
    context = ssl.create_default_context(cafile=str(certificate))
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{served.url}/health", ssl=context) as answer,
    ):
        assert answer.status == 200
    async with Fetch(reach=ANYWHERE) as fetch:
        with pytest.raises(PeerError, match="certificate") as caught:
            await fetch.get(f"{served.url}/health", limit=1_000)
    assert caught.value.code == "hos.unreachable"
    await served.close()


async def test_says_which_tls_files_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("not a certificate")
    with pytest.raises(FormatError, match=r"tls_certificate .* and tls_key .* cannot be used"):
        await serve(
            tmp_path, tls_certificate=str(tmp_path / "tls.pem"), tls_key=str(tmp_path / "tls.pem")
        )
