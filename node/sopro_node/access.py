"""Requests that say whose they are: RFC 9421 signatures by a site's access key (SPEC ACCESS).

A request that is not signed, or not well, is not refused: it is one by anybody, and is answered
like any other. So nobody learns from an answer whether there is something he may not see.
"""

import base64
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
)

from sopro_node import clock
from sopro_node.holdings import Holdings
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import Ed25519Signer, Role, verify_ed25519

TAG: Final = "sopro-access/1"
COVERED: Final = ("@method", "@authority", "@path", "@query")
_NONCE: Final = 16
_WINDOW: Final = timedelta(seconds=60)
_LONGEST: Final = 512
_MOST_NONCES: Final = 8192


@dataclass
class _Message:
    """A request as the library reads it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


class _Ed25519(HTTPSignatureAlgorithm):
    """Strict Ed25519 (SPEC KEY-2), on the keys as they are in records."""

    algorithm_id = "ed25519"

    def __init__(
        self, public_key: bytes | None = None, private_key: Ed25519Signer | None = None
    ) -> None:
        self._public = public_key
        self._signer = private_key

    def sign(self, message: bytes) -> bytes:
        assert self._signer is not None, "made by a signer"  # noqa: S101  # a bug if not
        return self._signer.sign(message)

    def verify(self, signature: bytes, message: bytes) -> None:
        assert self._public is not None, "made by a verifier"  # noqa: S101  # a bug if not
        verify_ed25519(self._public, message=message, signature=signature)


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._keys = keys

    def resolve_public_key(self, key_id: str) -> bytes | None:
        found: bytes | None = self._keys.get(key_id)
        return found

    def resolve_private_key(self, key_id: str) -> Any:
        return self._keys[key_id]


def sign_request(method: str, url: str, signer: Ed25519Signer) -> dict[str, str]:
    """Return the headers that say whose a request is (SPEC ACCESS-1).

    Args:
        method: in capitals.
        url: the whole address.
        signer: the site's access key.
    """
    key_id = signer.key_id.hex()
    message = _Message(method, url)
    HTTPMessageSigner(signature_algorithm=_Ed25519, key_resolver=_Keys({key_id: signer})).sign(
        message,
        key_id=key_id,
        nonce=base64.b64encode(os.urandom(_NONCE)).decode(),
        tag=TAG,
        label="sopro",
        include_alg=True,
        covered_component_ids=COVERED,
    )
    return message.headers


class Caller(NamedTuple):
    """Whose a request is: the sites that name the key, more than one where one copies another's.

    Naming somebody else's key wins nothing, because its owner alone can sign with it.
    """

    sites: frozenset[str]


class Gate:
    """Tells whose a request is, from the access keys of admitted members."""

    def __init__(self, holdings: Holdings, *, urls: Callable[[], Iterable[str]]) -> None:
        self._holdings = holdings
        self._urls = urls
        self._seen: dict[str, OrderedDict[str, int]] = {}
        self._began = clock.now() // 1000

    def caller(self, method: str, target: str, headers: Mapping[str, str]) -> Caller | None:
        """Return whose a request is; None where nobody shows that he is a member (SPEC ACCESS-2).

        Args:
            method: of the request.
            target: its path and query, as they were sent.
            headers: of the request.
        """
        said = {name: headers.get(name, "") for name in ("Signature-Input", "Signature")}
        if not all(said.values()) or any(len(value) > _LONGEST for value in said.values()):
            return None
        sites = self._keys()
        for authority in dict.fromkeys(urlsplit(url)[:2] for url in self._urls()):
            scheme, host = authority
            message = _Message(method, f"{scheme}://{host}{target}", said)
            found = self._verify(message, sites)
            if found is not None:
                return found
        return None

    def _keys(self) -> dict[str, tuple[frozenset[str], bytes]]:
        """Return sites and public key of every access key in force, by key id."""
        found: dict[str, tuple[frozenset[str], bytes]] = {}
        for member in self._holdings.directory.members():
            held = self._holdings.logs.get(member.origin)
            if member.status != "admitted" or held is None:
                continue
            for span in held.keys:
                if span.role == Role.ACCESS and span.counts_at(held.size):
                    others, _ = found.get(span.key_id.hex(), (frozenset(), b""))
                    found[span.key_id.hex()] = (others | {member.site}, span.public)
        return found

    def _verify(
        self, message: _Message, sites: Mapping[str, tuple[frozenset[str], bytes]]
    ) -> Caller | None:
        keys = _Keys({key_id: public for key_id, (_, public) in sites.items()})
        verifier = HTTPMessageVerifier(signature_algorithm=_Ed25519, key_resolver=keys)
        verifier.max_clock_skew = _WINDOW
        try:
            [result] = verifier.verify(
                message, max_age=timedelta(0), expect_tag=TAG, require_components=COVERED
            )
        except (HTTPMessageSignaturesException, SoproError, ValueError):
            return None
        key_id = str(result.parameters["keyid"])
        if not self._is_first(key_id, result.nonce, int(result.parameters["created"])):
            return None
        return Caller(sites[key_id][0])

    def _is_first(self, key_id: str, nonce: str | None, created: int) -> bool:
        """Say whether a key uses a nonce for the first time, and remember it.

        Which nonces were used before the node was started nobody knows any more.
        """
        if not nonce or created < self._began:
            return False
        seen = self._seen.setdefault(key_id, OrderedDict())
        now = clock.now() // 1000
        oldest = now - 2 * int(_WINDOW.total_seconds())
        while seen and (next(iter(seen.values())) < oldest):
            seen.popitem(last=False)
        if nonce in seen or len(seen) >= _MOST_NONCES:
            return False
        seen[nonce] = max(created, now)
        return True
