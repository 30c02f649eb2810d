"""Requests signed by a site's access key (SPEC ACCESS-1, RFC 9421)."""

import base64
import time
from typing import Any

from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.client import Client


def sign_request(
    client: Client, path: str, key: SigningKey, nonce: bytes, **other: Any
) -> dict[str, str]:
    """Return the headers that say whose a GET of a path is.

    Args:
        client: of the node that is asked.
        path: with its query.
        key: that signs.
        nonce: at least 16 bytes, used once.
        other: `created` (POSIX seconds), `tag`, `covered`, `signed_path`: instead of what is right.
    """
    where, _, query = str(other.get("signed_path", path)).partition("?")
    values = {
        "@method": "GET",
        "@authority": f"{client.host}:{client.port}",
        "@path": where,
        "@query": f"?{query}",
    }
    covered = other.get("covered", tuple(values))
    named = " ".join(f'"{name}"' for name in covered)
    parameters = (
        f'({named});created={other.get("created", int(time.time()))};keyid="{key.key_id.hex()}";'
        f'nonce="{base64.b64encode(nonce).decode()}";tag="{other.get("tag", "sopro-access/1")}"'
        ';alg="ed25519"'
    )
    lines = [f'"{name}": {values[name]}' for name in covered]
    text = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = base64.b64encode(key.sign(text.encode())).decode()
    return {"Signature-Input": f"sig={parameters}", "Signature": f"sig=:{signature}:"}
