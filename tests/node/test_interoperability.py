"""A log client that other people wrote reads what a node serves: sigstore's, for Rekor's logs.

It opens the cosigned checkpoint as a signed note and follows the inclusion proof with its own code.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint
from sigstore._internal.trust import Keyring
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey, PublicKeyDetails
from sigstore_models.rekor.v1 import TransparencyLogEntry as Message

from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_node.standing import publish_policy
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.proof import TlogProof, parse_proof
from sopro_protocol.tile import entries_path, parse_entry_bundle
from sopro_registry.witnesses import keys_in_force
from tests.node.conftest import Federation, until

pytestmark = pytest.mark.slow


class Read(NamedTuple):
    """What the network gave of a log: its entries, and the proof of one with its checkpoint."""

    entries: list[bytes]
    proof: TlogProof


@pytest.fixture
async def at(federation: Federation) -> AsyncIterator[Node]:
    """A site whose head two witnesses have cosigned."""
    eeig = await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    await federation.join("hu", "HU")
    await publish_policy(eeig.node, {"witnesses": ["at", "hu"], "faulty": 0})
    body = {"actor_type": "enterprise", "country": "AT", "effective_date": "2026-01-10"}
    await asyncio.gather(
        *(node.log.append(Draft("organisation", {**body, "status": "active"})) for _ in range(20))
    )
    own = node.holdings.own
    await until(lambda: own.witnessed_size == own.signed_size > 20)
    yield node


async def read(node: Node, index: int) -> Read:
    base = f"{node.settings.public_url}{node.holdings.own.path}/"

    async with aiohttp.ClientSession(raise_for_status=True) as session:

        async def get(path: str) -> bytes:
            async with session.get(base + path) as answer:
                return await answer.read()

        proof = parse_proof(await get(f"proof/{index}"))
        size = int(proof.checkpoint_note.split(b"\n")[1])
        bundle = await get(entries_path(index=0, width=size))
        return Read(parse_entry_bundle(bundle, width=size), proof)


def key_of(node: Node) -> tuple[bytes, Keyring]:
    """Give the log's key as that client takes it; it looks for a note key id before a key."""
    own = node.holdings.own
    [public] = keys_in_force(own.keys, Role.LOG, size=own.size)
    der = Ed25519PublicKey.from_public_bytes(public).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    key = PublicKey(raw_bytes=b64encode(der), key_details=PublicKeyDetails.PKIX_ED25519)
    return make_vkey(node.identity.origin, public).note_key_id, Keyring([key])


def entry_of(node: Node, found: Read, **changes: Any) -> TransparencyLogEntry:
    proof, checkpoint = found.proof, found.proof.checkpoint_note.decode()
    note_key_id, _ = key_of(node)
    size, root = checkpoint.split("\n")[1:3]
    values: dict[str, Any] = {
        "log_index": str(proof.index),
        "log_id": {"key_id": b64encode(note_key_id)},
        "kind_version": {"kind": "sopro", "version": "1"},
        "integrated_time": "1",
        "inclusion_proof": {
            "log_index": str(proof.index),
            "root_hash": root,
            "tree_size": size,
            "hashes": [b64encode(part) for part in proof.hashes],
            "checkpoint": {"envelope": checkpoint},
        },
        "canonicalized_body": b64encode(found.entries[proof.index]),
    }
    return TransparencyLogEntry(Message.model_validate(values | changes))


@pytest.mark.parametrize("index", [0, 7, 22])
async def test_anothers_client_verifies_an_entry_under_a_cosigned_checkpoint(
    at: Node, index: int
) -> None:
    found = await read(at, index)
    entry, (_, keyring) = entry_of(at, found), key_of(at)
    verify_checkpoint(keyring, entry)
    verify_merkle_inclusion(entry)
    opened = SignedCheckpoint.from_text(found.proof.checkpoint_note.decode())
    assert opened.checkpoint.origin == at.identity.origin
    assert opened.checkpoint.log_size == len(found.entries)
    assert [line.name for line in opened.signed_note.signatures] == [
        "sopro.example/at/1",
        "sopro.example/at/witness",
        "sopro.example/hu/witness",
    ]


async def test_anothers_client_refuses_what_was_changed(at: Node) -> None:
    found = await read(at, 7)
    _, keyring = key_of(at)
    other = entry_of(at, found, canonicalized_body=b64encode(found.entries[8]))
    with pytest.raises(VerificationError, match="invalid root hash"):
        verify_merkle_inclusion(other)
    size = len(found.entries)
    changed = found.proof.checkpoint_note.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1), 1)
    proof = TlogProof(found.proof.index, found.proof.hashes, changed, None)
    with pytest.raises(VerificationError, match="invalid signature"):
        verify_checkpoint(keyring, entry_of(at, found._replace(proof=proof)))
