"""SIG: signatures of records and the keys behind them."""

import hashlib

from sopro_conformance.case import case
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import decode, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.edwards import (
    LOW_ORDER,
    ORDER,
    PRIME,
    SMALL_POINTS,
    Forger,
    write,
)
from sopro_conformance.wire.note import write_vkey
from sopro_conformance.wire.records import CONTEXT, entry_id, random_draft, write_entry


def _key(trial: Trial) -> SigningKey:
    return SigningKey(trial.random.randbytes(32))


def _record(trial: Trial) -> bytes:
    filling = trial.random.randbytes(trial.random.randint(1, 200))
    return random_draft(trial.random, trial.origin, "x-test/1", {"filling": filling}).encode()


def _strangers(trial: Trial) -> list[bytes]:
    """Return keys at hand that sign nothing."""
    return [_key(trial).public for _ in range(trial.random.randint(0, 4))]


@case("SIG-01", "A signature of a key at hand is accepted.", clauses="REC-4 KEY-2")
async def valid(trial: Trial) -> None:
    """Sign with one key, and with eight."""
    for count in (1, 2, 8):
        keys = [_key(trial) for _ in range(count)]
        entry = write_entry(_record(trial), keys)
        publics = [one.public for one in keys]
        await trial.accepts(
            "entry",
            {"id": entry_id(entry)},
            what=f"{count} signatures",
            bytes=entry,
            keys=publics,
        )
        await trial.refuses(
            "entry",
            "sig.unknown-key",
            delta="one of the keys is not at hand",
            twin={"keys": publics},
            bytes=entry,
            keys=publics[1:] or [_key(trial).public],
        )


@case("SIG-02", "A signature covers the whole record.", clauses="REC-4 KEY-2")
async def covers(trial: Trial) -> None:
    """Change one bit of the record, and of the signature."""
    key = _key(trial)
    record = _record(trial)
    entry = write_entry(record, [key])
    twin = {"bytes": entry}
    signature = decode(entry)[1][0][1]
    fields = decode(record)
    for name in ("salt", "entity", "log"):
        at = record.index(fields[name].encode() if name == "log" else fields[name])
        changed = record[:at] + bytes((record[at] ^ 1,)) + record[at + 1 :]
        await trial.refuses(
            "entry",
            "sig.invalid",
            delta=f"one bit of its {name}",
            twin=twin,
            bytes=encode([changed, [[key.key_id, signature]]]),
            keys=[key.public],
        )
    for at in (0, 31, 32, 62):
        changed = signature[:at] + bytes((signature[at] ^ 1,)) + signature[at + 1 :]
        await trial.refuses(
            "entry",
            "sig.invalid",
            delta=f"one bit of the signature at {at}",
            twin=twin,
            bytes=encode([record, [[key.key_id, changed]]]),
            keys=[key.public],
        )


@case("SIG-03", "What was signed for another purpose is no signature.", clauses="REC-4")
async def domains(trial: Trial) -> None:
    """Sign the same bytes as other things are signed."""
    key = _key(trial)
    record = _record(trial)
    twin = {"bytes": write_entry(record, [key])}
    contexts = (b"", b"sopro-record/2\n", b"sopro-document/1\n", b"cosignature/v1\n", CONTEXT[:-1])
    for context in contexts:
        await trial.refuses(
            "entry",
            "sig.invalid",
            delta=f"signed behind {context!r}",
            twin=twin,
            bytes=write_entry(record, [key], context),
            keys=[key.public],
        )


@case(
    "SIG-04",
    "Ed25519 is strict: no small-order or non-canonical A or R, cofactorless.",
    clauses="KEY-2 KEY-3",
    profiles="reader witness",
)
async def strict(trial: Trial) -> None:
    """Write signatures that a lax or cofactored verifier takes."""
    secret = trial.random.randrange(1, ORDER)
    message = trial.random.randbytes(24)
    honest = Forger(secret)
    nonce = trial.random.randrange(1, ORDER)
    signature = honest.sign(message, nonce=nonce)
    good = {"key": honest.public, "message": message, "signature": signature}

    async def refuse(delta: str, key: bytes, signature: bytes) -> None:
        await trial.refuses(
            "signature",
            "sig.invalid sig.weak-key",
            delta=delta,
            twin=good,
            key=key,
            message=message,
            signature=signature,
        )

    for point in sorted(LOW_ORDER):
        lax = Forger(0, spelled=point)
        await refuse(f"key of small order {point.hex()[:8]}", point, lax.sign(message, nonce=nonce))
        signature = honest.sign(message, nonce=0, spelled=point)
        await refuse(f"R of small order {point.hex()[:8]}", honest.public, signature)
        both = Forger(0, spelled=point).sign(message, nonce=0, spelled=write((0, 1)))
        await refuse(f"both of small order {point.hex()[:8]}", point, both)
    for number, torsion in enumerate(SMALL_POINTS[1:], 1):
        # The part of small order vanishes for who multiplies by the cofactor, and for nobody else.
        mixed = Forger(secret, torsion)
        signature = _unlucky(trial, mixed, message)
        await refuse(f"key with a part of small order {number}", mixed.public, signature)
        signature = honest.sign(message, nonce=nonce, torsion=torsion)
        await refuse(f"R with a part of small order {number}", honest.public, signature)


def _unlucky(trial: Trial, forger: Forger, message: bytes) -> bytes:
    """Return a signature whose challenge does not by chance remove the key's torsion."""
    while True:
        signature = forger.sign(message, nonce=trial.random.randrange(1, ORDER))
        digest = hashlib.sha512(signature[:32] + forger.public + message).digest()
        # Reduced or not, an odd challenge times a point whose order divides 8 is not neutral.
        if digest[0] & 1 and int.from_bytes(digest, "little") % ORDER & 1:
            return signature


@case("SIG-05", "The second half of a signature is below the group order.", clauses="KEY-2")
async def malleable(trial: Trial) -> None:
    """Add the order to S."""
    key = _key(trial)
    message = trial.random.randbytes(40)
    signature = key.sign(message)
    first, second = signature[:32], int.from_bytes(signature[32:], "little")
    for delta, number in (
        ("S + L", second + ORDER),
        ("S = L", ORDER),
        ("S = 2^253 - 1", 2**253 - 1),
        ("S = 2^256 - 1", 2**256 - 1),
        ("S + 8 L", (second + 8 * ORDER) % 2**256),
    ):
        await trial.refuses(
            "signature",
            "sig.invalid",
            delta=delta,
            twin={"signature": signature},
            key=key.public,
            message=message,
            signature=first + number.to_bytes(32, "little"),
        )


@case("SIG-07", "A key is found by its full id.", clauses="KEY-1 REC-4")
async def full_id(trial: Trial) -> None:
    """Name a key by an id that only begins like its own, and one that nobody knows."""
    key, other = _key(trial), _key(trial)
    record = _record(trial)
    entry = write_entry(record, [key])
    signature = decode(entry)[1][0][1]
    begins = key.key_id[:4] + other.key_id[4:]
    for delta, name in (
        ("its id begins with the same 4 bytes", begins),
        ("its id is another's", other.key_id),
        ("its last byte differs", key.key_id[:-1] + bytes((key.key_id[-1] ^ 1,))),
    ):
        await trial.refuses(
            "entry",
            "sig.unknown-key",
            delta=delta,
            twin={"bytes": entry},
            bytes=encode([record, [[name, signature]]]),
            keys=[key.public],
        )
    await trial.refuses(
        "entry",
        "sig.invalid",
        delta="signed by another key at hand",
        twin={"bytes": entry},
        bytes=encode([record, [[other.key_id, signature]]]),
        keys=[key.public, other.public],
    )


@case(
    "SIG-09", "An entry has 1 to 8 signatures of 64 bytes, sorted, each key once.", clauses="REC-3"
)
async def form(trial: Trial) -> None:
    """Leave signatures out, and write them in other forms."""
    keys = sorted((_key(trial) for _ in range(9)), key=lambda one: one.key_id)
    record = _record(trial)
    pairs = decode(write_entry(record, keys[:8]))[1]
    single = [pairs[0]]
    inputs = {
        "none": [],
        "an empty one": [[keys[0].key_id, b""]],
        "one of 63 bytes": [[keys[0].key_id, single[0][1][:63]]],
        "one of 65 bytes": [[keys[0].key_id, single[0][1] + b"\x00"]],
        "a key id of 4 bytes": [[keys[0].key_id[:4], single[0][1]]],
        "the same twice": [pairs[0], pairs[0]],
        "out of order": [pairs[1], pairs[0]],
        "nine": [*pairs, [keys[8].key_id, keys[8].sign(CONTEXT + record)]],
        "a pair of three": [[*pairs[0], b""]],
    }
    twin = {"bytes": encode([record, pairs])}
    publics = [one.public for one in keys] + _strangers(trial)
    for delta, signatures in inputs.items():
        await trial.refuses(
            "entry",
            "sig.missing",
            delta=delta,
            twin=twin,
            bytes=encode([record, signatures]),
            keys=publics,
        )
    await trial.refuses(
        "entry",
        "rec.entry",
        delta="a map instead of an array",
        twin=twin,
        bytes=encode({"record": record, "signatures": single}),
        keys=publics,
    )


@case("SIG-10", "The algorithm is the key's; no field chooses it.", clauses="REC-4 KEY-4 REC-3")
async def algorithm(trial: Trial) -> None:
    """Put an algorithm beside a signature, and keys of other types into verifier keys."""
    key = _key(trial)
    record = _record(trial)
    entry = write_entry(record, [key])
    signature = decode(entry)[1][0][1]
    for name in ("none", "ES256", "ed25519"):
        await trial.refuses(
            "entry",
            "sig.missing",
            delta=f"algorithm {name!r} in the signature",
            twin={"bytes": entry},
            bytes=encode([record, [[key.key_id, signature, name]]]),
            keys=[key.public],
        )
    await _refuse_vkeys(trial, key)


async def _refuse_vkeys(trial: Trial, key: SigningKey) -> None:
    good = write_vkey(trial.origin, key.public)
    spelled = int.from_bytes(write((0, 1)), "little") + PRIME
    for delta, text, code in (
        ("type 2", write_vkey(trial.origin, key.public, 2), "sig.key"),
        ("type 255", write_vkey(trial.origin, key.public, 255), "sig.key"),
        ("another note key id", good.replace(good.split("+")[1], "00000000"), "sig.key"),
        ("a key of 31 bytes", write_vkey(trial.origin, key.public[:31]), "sig.key sig.weak-key"),
        ("the neutral point", write_vkey(trial.origin, write((0, 1))), "sig.weak-key"),
        ("y not below p", write_vkey(trial.origin, spelled.to_bytes(32, "little")), "sig.weak-key"),
    ):
        await trial.refuses("vkey", code, delta=delta, twin={"text": good}, text=text)
