"""What `verify` of the adapter protocol asks: bytes in, verdict out (conformance/README.md)."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from sopro_cli.judging import judge_logs
from sopro_cli.knowing import know_logs
from sopro_protocol import merkle
from sopro_protocol.checkpoint import open_checkpoint
from sopro_protocol.commitment import check_document
from sopro_protocol.cosignature import open_cosignature
from sopro_protocol.encoding import MAX_RECORD, decode
from sopro_protocol.errors import VerificationError
from sopro_protocol.keys import VerifierKey, key_id, parse_vkey, verify_ed25519
from sopro_protocol.note import open_note, parse_note
from sopro_protocol.policy import check_quorum, parse_policy
from sopro_protocol.proof import open_proof, parse_proof
from sopro_protocol.record import Commitment, check_signatures, parse_entry, read_record
from sopro_protocol.tile import parse_entry_bundle
from sopro_registry.catalogue import READERS
from sopro_registry.fields import day_of
from sopro_registry.verdict import Verdict, judge_certificate

_AHEAD: Final = 300
"""So many seconds may a cosignature be ahead of the clock (SPEC WIT-14)."""


class Unsupported(Exception):  # noqa: N818  # an answer of the protocol, not a fault
    """The adapter cannot do what it was asked."""


def give_verdict(kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Judge bytes; returns what `ok` gives.

    Raises:
        SoproError: a rule refuses them.
        Unsupported: there is no such kind.
        KeyError: a field is missing.
        ValueError: a field is not what it has to be.
    """
    judge = _KINDS.get(kind)
    if judge is None:
        raise Unsupported(f"no kind {kind!r}; there are {', '.join(_KINDS)}")
    return judge(request)


def _bytes(request: Mapping[str, Any], field: str = "bytes") -> bytes:
    return base64.b64decode(request[field], validate=True)


def _write(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _hashes(request: Mapping[str, Any]) -> list[bytes]:
    return [base64.b64decode(one, validate=True) for one in request["proof"]]


def _vkeys(request: Mapping[str, Any]) -> list[VerifierKey]:
    return [parse_vkey(one) for one in request["keys"]]


def _value(request: Mapping[str, Any]) -> dict[str, Any]:
    decode(_bytes(request), limit=request.get("limit", MAX_RECORD))
    return {}


def _record(request: Mapping[str, Any]) -> dict[str, Any]:
    record, body = read_record(_bytes(request), READERS)
    if isinstance(body, Exception):
        raise body
    return {"family": record.family}


def _entry(request: Mapping[str, Any]) -> dict[str, Any]:
    data = _bytes(request)
    entry = parse_entry(data)
    if "keys" in request:
        publics = [base64.b64decode(one, validate=True) for one in request["keys"]]
        check_signatures(entry, {key_id(one): one for one in publics})
    return {"id": _write(merkle.leaf_hash(data))}


def _signature(request: Mapping[str, Any]) -> dict[str, Any]:
    verify_ed25519(
        _bytes(request, "key"),
        message=_bytes(request, "message"),
        signature=_bytes(request, "signature"),
    )
    return {}


def _vkey(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": parse_vkey(request["text"]).name}


def _inclusion(request: Mapping[str, Any]) -> dict[str, Any]:
    merkle.check_inclusion(
        _bytes(request, "leaf"),
        index=request["index"],
        size=request["size"],
        proof=_hashes(request),
        root=_bytes(request, "root"),
    )
    return {}


def _consistency(request: Mapping[str, Any]) -> dict[str, Any]:
    merkle.check_consistency(
        old_size=request["old_size"],
        new_size=request["new_size"],
        old_root=_bytes(request, "old_root"),
        new_root=_bytes(request, "new_root"),
        proof=_hashes(request),
    )
    return {}


def _entries(request: Mapping[str, Any]) -> dict[str, Any]:
    entries = parse_entry_bundle(_bytes(request), width=request["count"])
    return {"lengths": [len(one) for one in entries]}


def _note(request: Mapping[str, Any]) -> dict[str, Any]:
    opened = open_note(_bytes(request), _vkeys(request))
    return {"names": [one.name for one in opened.verified_by]}


def _checkpoint(request: Mapping[str, Any]) -> dict[str, Any]:
    head = open_checkpoint(_bytes(request), origin=request["origin"], keys=_vkeys(request))
    return {"size": head.size, "root": _write(head.root)}


def _cosignature(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"time": open_cosignature(parse_note(_bytes(request)), parse_vkey(request["key"]))}


def _quorum(request: Mapping[str, Any]) -> dict[str, Any]:
    note = parse_note(_bytes(request))
    policy = parse_policy(request["policy"].encode())
    found = check_quorum(note, policy, latest=request["now"] + _AHEAD)
    return {"cosigned": len(found.times)}


def _proof(request: Mapping[str, Any]) -> dict[str, Any]:
    file = _bytes(request, "file")
    entry, keys = _bytes(request, "entry"), _vkeys(request)
    head = open_proof(file, entry=entry, origin=request["origin"], keys=keys)
    return {"index": parse_proof(file).index, "size": head.size}


def _document(request: Mapping[str, Any]) -> dict[str, Any]:
    commitment = Commitment(
        commitment=_bytes(request, "commitment"),
        name="document",
        size=request["size"],
        type="application/octet-stream",
        visibility="public",
    )
    check_document(_bytes(request, "content"), key=_bytes(request, "key"), commitment=commitment)
    return {}


def _certificate(request: Mapping[str, Any]) -> dict[str, Any]:
    policy = request.get("policy")
    judged = judge_certificate(
        _bytes(request, "file"),
        coordinator=request["coordinator"],
        coordinator_root=_bytes(request, "root"),
        day=day_of(request["day"], field="day"),
        now=request["now"],
        policy=parse_policy(policy.encode()) if policy else None,
        knowledge=know_logs(request) if "logs" in request else None,
    )
    if judged.verdict in (Verdict.MALFORMED, Verdict.FORGED):
        raise VerificationError(judged.why, code=judged.code)
    number = judged.opened.number if judged.opened else ""
    return {"verdict": judged.verdict.value, "number": number, "as_of": judged.as_of}


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "value": _value,
    "record": _record,
    "entry": _entry,
    "signature": _signature,
    "vkey": _vkey,
    "inclusion": _inclusion,
    "consistency": _consistency,
    "entries": _entries,
    "note": _note,
    "checkpoint": _checkpoint,
    "cosignature": _cosignature,
    "quorum": _quorum,
    "proof": _proof,
    "document": _document,
    "certificate": _certificate,
    "logs": judge_logs,
}
