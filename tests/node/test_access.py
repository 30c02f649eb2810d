"""Whose a request is: every way to get it wrong beside the one that is right."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier

from sopro_node.access import COVERED, TAG, _Ed25519, _Keys, _Message
from sopro_node.keyring import load_keys
from sopro_node.node import Node
from sopro_protocol.keys import Ed25519Signer, Role
from tests.node.conftest import Federation, until

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "rfc9421" / "ed25519.json"
TARGET = "/log/at/1/document/5/0?part=1"


def sign(signer: Ed25519Signer, url: str, **how: Any) -> dict[str, str]:
    """Sign as `sign_request` does, but for what is said otherwise."""
    message = _Message(how.pop("method", "GET"), url)
    key_id = signer.key_id.hex()
    for when in ("created", "expires"):
        if when in how:
            how[when] = datetime.now(tz=UTC) - timedelta(seconds=how[when])
    label = {"nonce": "bm9uY2U=", "tag": TAG, "covered_component_ids": COVERED} | how
    HTTPMessageSigner(signature_algorithm=_Ed25519, key_resolver=_Keys({key_id: signer})).sign(
        message, key_id=key_id, label="any", **label
    )
    return message.headers


# How to sign otherwise, times in seconds ago; and whether that is good.
CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "as it should be": ({}, True),
    "a while ago": ({"created": 50}, True),
    "by a clock that is ahead": ({"created": -50}, True),
    "too long ago": ({"created": 70}, False),
    "in the future": ({"created": -70}, False),
    "expired": ({"expires": 65}, False),
    "without a nonce": ({"nonce": None}, False),
    "for another purpose": ({"tag": "sopro-access/2"}, False),
    "for no purpose": ({"tag": None}, False),
    "without its query": ({"covered_component_ids": COVERED[:-1]}, False),
    "without its path": ({"covered_component_ids": (*COVERED[:2], "@query")}, False),
    "without its host": ({"covered_component_ids": ("@method", "@path", "@query")}, False),
    "with more than it must": ({"covered_component_ids": (*COVERED, "@scheme")}, True),
}


def is_known(node: Node, origin: str) -> bool:
    """Say whether a node has judged the keys of a log."""
    held = node.holdings.logs.get(origin)
    return held is not None and bool(held.keys)


@pytest.mark.parametrize("case", CASES)
async def test_a_request_is_signed(federation: Federation, case: str) -> None:
    how, is_good = CASES[case]
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    await until(lambda: is_known(at.node, hu.node.log.held.origin))
    signer = load_keys(hu.node.folder, Role.ACCESS)[Role.ACCESS]
    url = at.node.settings.public_url + TARGET
    at.node.gate._began -= 3600
    found = at.node.gate.caller("GET", TARGET, sign(signer, url, **how))
    assert (found.sites if found else None) == ({"hu"} if is_good else None)


async def test_a_nonce_serves_once_for_each_key(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    await until(lambda: is_known(at.node, hu.node.log.held.origin))
    signer = load_keys(hu.node.folder, Role.ACCESS)[Role.ACCESS]
    own = load_keys(at.node.folder, Role.ACCESS)[Role.ACCESS]
    url = at.node.settings.public_url + TARGET

    def ask(headers: dict[str, str]) -> object:
        return at.node.gate.caller("GET", TARGET, headers)

    assert ask(sign(signer, url)) is not None
    assert ask(sign(signer, url)) is None
    assert ask(sign(own, url)) is not None
    assert ask(sign(signer, url, nonce="another=")) is not None
    flipped = sign(signer, url, nonce="third===")
    flipped["Signature"] = flipped["Signature"].replace("any=:", "any=:AAAA", 1)
    assert ask(flipped) is None
    assert ask({}) is None
    assert ask({"Signature": "any=:AAAA:", "Signature-Input": "%%%"}) is None


async def test_a_request_does_not_serve_again_after_a_start(federation: Federation) -> None:
    await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    await until(lambda: is_known(at.node, hu.node.log.held.origin))
    signer = load_keys(hu.node.folder, Role.ACCESS)[Role.ACCESS]
    url = at.node.settings.public_url + TARGET
    at.node.gate._began -= 3600
    used = sign(signer, url, created=5)
    assert at.node.gate.caller("GET", TARGET, used) is not None
    port = at.node.settings.address[1]
    await federation.served.pop("at").close()
    at = await federation.open("at", port)
    assert is_known(at.node, hu.node.log.held.origin)
    assert at.node.gate.caller("GET", TARGET, used) is None
    assert at.node.gate.caller("GET", TARGET, sign(signer, url)) is not None


@pytest.mark.shared
def test_verifies_the_example_of_the_rfc() -> None:
    for case in json.loads(VECTORS.read_text(encoding="utf-8")):
        request = case["request"]
        url = f"https://{request['headers']['Host']}{request['target']}"
        signed = {"Signature-Input": case["signature_input"], "Signature": case["signature"]}
        message = _Message(request["method"], url, request["headers"] | signed)
        public = bytes.fromhex(case["public_key_hex"])
        keys = _Keys({case["keyid"]: public})
        verifier = HTTPMessageVerifier(signature_algorithm=_Ed25519, key_resolver=keys)
        assert len(verifier.verify(message, max_age=None)) == 1
        signer = Ed25519Signer(bytes.fromhex(case["private_seed_hex"]))
        base = case["signature_base"].encode()
        assert _Ed25519(private_key=signer).sign(base) == _signature(case["signature"])


def _signature(value: str) -> bytes:
    return base64.b64decode(value.split(":")[1])
