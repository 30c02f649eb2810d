"""Make the frozen vectors of keys, tree and notes: `python tests/protocol/make_tree_vectors.py`.

Nothing is random: keys come from the seeds 01 01 .., 02 02 .., entries are decimal numbers.
`OPERATIONS` says what each `call` of a vector means; the tests run the frozen files through it.
"""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

from sopro_protocol.checkpoint import (
    Checkpoint,
    check_origin,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint_text,
    sign_checkpoint,
)
from sopro_protocol.cosignature import (
    AddCheckpoint,
    cosign,
    format_add_checkpoint,
    open_cosignature,
    parse_add_checkpoint,
)
from sopro_protocol.errors import SoproError
from sopro_protocol.keys import (
    COSIGNATURE,
    Ed25519Signer,
    check_public_key,
    format_vkey,
    key_id,
    make_vkey,
    parse_vkey,
    verify_ed25519,
)
from sopro_protocol.merkle import (
    check_consistency,
    check_inclusion,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_at,
    root_of,
    subtree_reader,
)
from sopro_protocol.note import Note, add_signatures, format_note, open_note, parse_note, sign_text
from sopro_protocol.proof import TlogProof, format_proof, open_proof, parse_proof
from sopro_protocol.tile import (
    check_tile,
    format_entry_bundle,
    parse_entry_bundle,
    parse_index,
    parse_tile_path,
    resources_of,
)

Case = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"
COMMENT = (
    "Keys, hashes and signatures are hex, names and texts are text, everything else that is bytes"
    " is base64. Each case of accept must be accepted and give `gives`; each of reject must be"
    " refused; its code is the reason of the conformance catalogue. Clauses are of SPEC.md."
)
LOG = Ed25519Signer(b"\x01" * 32)
WITNESS = Ed25519Signer(b"\x02" * 32)
ORIGIN = "at.sopro.example/log"
WITNESS_NAME = "hu.sopro.example/witness"
TIME = 1700000002
LOG_KEY = make_vkey(ORIGIN, LOG.public_key)
WITNESS_KEY = make_vkey(WITNESS_NAME, WITNESS.public_key, key_type=COSIGNATURE)
ORDER = 2**252 + 27742317777372353535851937790883648493
LEAVES = [leaf_hash(str(index).encode()) for index in range(300)]
READER = subtree_reader(LEAVES)
DASH = "\N{EM DASH}"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    return base64.b64decode(text)


def unhex(values: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


# What each call means


def call_verify(case: Case) -> None:
    verify_ed25519(
        bytes.fromhex(case["key"]),
        message=unb64(case["message"]),
        signature=bytes.fromhex(case["signature"]),
    )


def call_inclusion(case: Case) -> None:
    check_inclusion(
        bytes.fromhex(case["leaf"]),
        index=case["index"],
        size=case["size"],
        proof=unhex(case["proof"]),
        root=bytes.fromhex(case["root"]),
    )


def call_consistency(case: Case) -> None:
    check_consistency(
        old_size=case["old_size"],
        new_size=case["new_size"],
        old_root=bytes.fromhex(case["old_root"]),
        new_root=bytes.fromhex(case["new_root"]),
        proof=unhex(case["proof"]),
    )


def call_path(case: Case) -> Case:
    resource = parse_tile_path(case["path"])
    assert resource.path == case["path"]
    return {
        "kind": resource.kind.value,
        "level": resource.level,
        "index": resource.index,
        "width": resource.width,
    }


def call_tile(case: Case) -> str:
    expected = bytes.fromhex(case["root"]) if "root" in case else None
    return check_tile(unb64(case["data"]), width=case["width"], expected=expected).hex()


def call_bundle(case: Case) -> list[str]:
    entries = parse_entry_bundle(unb64(case["data"]), width=case["width"])
    assert format_entry_bundle(entries) == unb64(case["data"])
    return [b64(entry) for entry in entries]


def call_parse_note(case: Case) -> Case:
    note = parse_note(unb64(case["note"]))
    assert format_note(note) == unb64(case["note"])
    lines = [
        {"name": line.name, "key_id": line.key_id.hex(), "signature": line.signature.hex()}
        for line in note.signatures
    ]
    return {"text": note.text, "signatures": lines}


def call_open_note(case: Case) -> list[str]:
    keys = [parse_vkey(key) for key in case["vkeys"]]
    return [format_vkey(key) for key in open_note(unb64(case["note"]), keys).verified_by]


def call_parse_checkpoint(case: Case) -> Case:
    checkpoint = parse_checkpoint_text(case["text"])
    assert format_checkpoint(checkpoint) == case["text"]
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}


def call_open_checkpoint(case: Case) -> Case:
    keys = [parse_vkey(key) for key in case["vkeys"]]
    head = open_checkpoint(unb64(case["note"]), origin=case["origin"], keys=keys)
    return {"size": head.size, "root": head.root.hex()}


def call_open_cosignature(case: Case) -> int:
    return open_cosignature(parse_note(unb64(case["note"])), parse_vkey(case["vkey"]))


def call_add_checkpoint(case: Case) -> Case:
    request = parse_add_checkpoint(unb64(case["body"]))
    assert format_add_checkpoint(request) == unb64(case["body"])
    return {"old_size": request.old_size, "proof": [part.hex() for part in request.proof]}


def call_parse_proof(case: Case) -> Case:
    proof = parse_proof(unb64(case["file"]))
    assert format_proof(proof) == unb64(case["file"])
    return {
        "index": proof.index,
        "proof": [part.hex() for part in proof.hashes],
        "extra": None if proof.extra is None else b64(proof.extra),
    }


def call_open_proof(case: Case) -> Case:
    keys = [parse_vkey(key) for key in case["vkeys"]]
    head = open_proof(
        unb64(case["file"]), entry=unb64(case["entry"]), origin=case["origin"], keys=keys
    )
    return {"size": head.size, "root": head.root.hex()}


OPERATIONS: dict[str, Callable[[Case], Any]] = {
    "key_id": lambda case: key_id(bytes.fromhex(case["key"])).hex(),
    "check_public_key": lambda case: check_public_key(bytes.fromhex(case["key"])),
    "verify": call_verify,
    "parse_vkey": lambda case: parse_vkey(case["vkey"]).public_key.hex(),
    "root": lambda case: root_of([leaf_hash(unb64(entry)) for entry in case["entries"]]).hex(),
    "check_inclusion": call_inclusion,
    "check_consistency": call_consistency,
    "parse_index": lambda case: parse_index(case["index"]),
    "parse_path": call_path,
    "resources": lambda case: [resource.path for resource in resources_of(case["size"])],
    "check_tile": call_tile,
    "parse_entry_bundle": call_bundle,
    "parse_note": call_parse_note,
    "open_note": call_open_note,
    "check_origin": lambda case: check_origin(case["origin"]),
    "parse_checkpoint": call_parse_checkpoint,
    "open_checkpoint": call_open_checkpoint,
    "open_cosignature": call_open_cosignature,
    "parse_add_checkpoint": call_add_checkpoint,
    "parse_proof": call_parse_proof,
    "open_proof": call_open_proof,
}


def group(
    name: str,
    clause: str,
    call: str,
    accept: Sequence[Case],
    reject: Sequence[tuple[str, str, Case]] = (),
) -> Case:
    """Complete a group; a refusal is (why, code, case)."""
    run = OPERATIONS[call]
    refused = []
    for why, code, case in reject:
        try:
            run(case)
        except SoproError as error:
            assert error.code == code, (name, why, error.code)
        else:
            raise AssertionError((name, why))
        refused.append({"why": why, **case, "code": code})
    accepted = [{**case, "gives": run(case)} for case in accept]
    return {"name": name, "clause": clause, "call": call, "accept": accepted, "reject": refused}


def keys_vectors() -> list[Case]:
    message = b"sopro-record/1\nrecord"
    signature = LOG.sign(message)
    good = {"key": LOG.public_key.hex(), "message": b64(message), "signature": signature.hex()}

    def wrong(**changed: str) -> Case:
        return {**good, **changed}

    scalar = int.from_bytes(signature[32:], "little")

    def with_scalar(value: int) -> str:
        return (signature[:32] + value.to_bytes(32, "little")).hex()

    # Under the identity point every scalar s with R = s*B satisfies the plain equation.
    any_scalar = (7).to_bytes(32, "little")
    forged = crypto_scalarmult_ed25519_base_noclamp(any_scalar) + any_scalar
    identity = (1).to_bytes(32, "little")
    vkey = format_vkey(LOG_KEY)
    name, note_id, material = vkey.split("+", 2)
    weak_material = b64(b"\x01" + identity)
    prime = 2**255 - 19
    low = [0, 1, prime - 1]
    low += [
        int.from_bytes(bytes.fromhex(y), "little")
        for y in (
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        )
    ]
    weak = [(y + sign).to_bytes(32, "little").hex() for y in low for sign in (0, 2**255)]
    twice = [
        (y + sign).to_bytes(32, "little").hex()
        for y in (prime, prime + 1, prime + 18)
        for sign in (0, 2**255)
    ]
    return [
        group(
            "key id",
            "KEY-1",
            "key_id",
            [{"key": LOG.public_key.hex()}, {"key": WITNESS.public_key.hex()}],
        ),
        group(
            "signature",
            "KEY-2",
            "verify",
            [
                good,
                wrong(message="", signature=LOG.sign(b"").hex()),
                wrong(key=WITNESS.public_key.hex(), signature=WITNESS.sign(message).hex()),
            ],
            [
                ("other message", "sig.invalid", wrong(message=b64(message + b"."))),
                ("other key", "sig.invalid", wrong(key=WITNESS.public_key.hex())),
                ("flipped bit in R", "sig.invalid", wrong(signature=flip(signature, 0).hex())),
                ("flipped bit in S", "sig.invalid", wrong(signature=flip(signature, 40).hex())),
                ("63 bytes", "sig.invalid", wrong(signature=signature[:63].hex())),
                ("65 bytes", "sig.invalid", wrong(signature=(signature + b"\0").hex())),
                ("empty", "sig.invalid", wrong(signature="")),
                ("S + L", "sig.invalid", wrong(signature=with_scalar(scalar + ORDER))),
                ("S = L", "sig.invalid", wrong(signature=with_scalar(ORDER))),
                ("S = 2^253-1", "sig.invalid", wrong(signature=with_scalar(2**253 - 1))),
                ("key of 31 bytes", "sig.invalid", wrong(key=LOG.public_key[:31].hex())),
                (
                    "identity point as key, valid for every message in lenient verifiers",
                    "sig.invalid",
                    wrong(key=identity.hex(), signature=forged.hex()),
                ),
            ],
        ),
        group(
            "public key",
            "KEY-3",
            "check_public_key",
            [
                {"key": LOG.public_key.hex()},
                {"key": WITNESS.public_key.hex()},
                {"key": (prime - 2).to_bytes(32, "little").hex()},
            ],
            [
                *(("low order", "sig.weak-key", {"key": key}) for key in weak),
                *(("y not below 2^255-19", "sig.weak-key", {"key": key}) for key in twice),
                ("31 bytes", "sig.weak-key", {"key": LOG.public_key[:31].hex()}),
                ("33 bytes", "sig.weak-key", {"key": LOG.public_key.hex() + "00"}),
                ("empty", "sig.weak-key", {"key": ""}),
            ],
        ),
        group(
            "verifier key",
            "KEY-4",
            "parse_vkey",
            [{"vkey": vkey}, {"vkey": format_vkey(WITNESS_KEY)}],
            [
                ("two parts", "sig.key", {"vkey": f"{name}+{note_id}"}),
                ("no name", "sig.key", {"vkey": f"+{note_id}+{material}"}),
                ("white space in the name", "sig.key", {"vkey": f"a b+{note_id}+{material}"}),
                ("other key id", "sig.key", {"vkey": f"{name}+00000000+{material}"}),
                ("upper-case key id", "sig.key", {"vkey": f"{name}+{note_id.upper()}+{material}"}),
                ("other name", "sig.key", {"vkey": f"{name}x+{note_id}+{material}"}),
                ("no key", "sig.key", {"vkey": f"{name}+{note_id}+"}),
                ("not base64", "sig.key", {"vkey": f"{name}+{note_id}+*{material[1:]}"}),
                ("loose base64 bits", "sig.key", {"vkey": f"{name}+{note_id}+AYF="}),
                (
                    "key type 2",
                    "sig.key",
                    {"vkey": f"{name}+{note_id}+{b64(bytes([2]) + LOG.public_key)}"},
                ),
                ("weak key", "sig.weak-key", {"vkey": f"{name}+{note_id}+{weak_material}"}),
                (
                    "31 bytes",
                    "sig.weak-key",
                    {"vkey": f"{name}+{note_id}+{b64(bytes([1]) + LOG.public_key[1:])}"},
                ),
            ],
        ),
    ]


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def inclusion_case(index: int, size: int) -> Case:
    return {
        "leaf": LEAVES[index].hex(),
        "index": index,
        "size": size,
        "proof": [part.hex() for part in prove_inclusion(READER, index=index, size=size)],
        "root": root_at(READER, size).hex(),
    }


def consistency_case(old_size: int, new_size: int) -> Case:
    proof = prove_consistency(READER, old_size=old_size, new_size=new_size)
    return {
        "old_size": old_size,
        "new_size": new_size,
        "old_root": root_at(READER, old_size).hex(),
        "new_root": root_at(READER, new_size).hex(),
        "proof": [part.hex() for part in proof],
    }


def merkle_vectors() -> list[Case]:
    def numbers(size: int) -> Case:
        return {"entries": [b64(str(index).encode()) for index in range(size)]}

    good = inclusion_case(5, 7)
    alone = inclusion_case(0, 1)
    grown = consistency_case(3, 7)
    whole = consistency_case(4, 7)
    same = consistency_case(7, 7)
    empty = consistency_case(0, 7)
    proof, zero = good["proof"], "00" * 32
    invalid = "proof.invalid"
    node_as_leaf = {**inclusion_case(0, 4), "size": 2, "index": 0}
    node_as_leaf["leaf"] = root_of(LEAVES[:2]).hex()
    node_as_leaf["proof"] = [root_of(LEAVES[2:4]).hex()]
    return [
        group(
            "root",
            "TREE-1",
            "root",
            [*(numbers(size) for size in range(10)), {"entries": [""]}, numbers(255), numbers(257)],
        ),
        group(
            "inclusion",
            "TREE-2",
            "check_inclusion",
            [inclusion_case(index, size) for size in range(1, 9) for index in range(size)]
            + [inclusion_case(255, 256), inclusion_case(256, 257), inclusion_case(299, 300)],
            [
                ("other index", invalid, {**good, "index": 4}),
                ("index at the size", invalid, {**good, "index": 7}),
                ("negative index", invalid, {**good, "index": -1}),
                ("other size", invalid, {**good, "size": 6}),
                ("size 0", invalid, {**alone, "size": 0}),
                ("other leaf", invalid, {**good, "leaf": zero}),
                ("other root", invalid, {**good, "root": zero}),
                ("missing hash", invalid, {**good, "proof": proof[:-1]}),
                ("extra hash", invalid, {**good, "proof": [*proof, zero]}),
                ("swapped hashes", invalid, {**good, "proof": [proof[1], proof[0], *proof[2:]]}),
                ("proof for one leaf", invalid, {**alone, "proof": [zero]}),
            ],
        ),
        group(
            "consistency",
            "TREE-3",
            "check_consistency",
            [consistency_case(old, new) for new in range(9) for old in range(new + 1)]
            + [consistency_case(255, 256), consistency_case(256, 257), consistency_case(44, 300)],
            [
                ("other old size", invalid, {**grown, "old_size": 2}),
                ("other new size", invalid, {**grown, "new_size": 9}),
                ("old larger than new", invalid, {**same, "new_size": 6}),
                ("negative old size", invalid, {**empty, "old_size": -1}),
                ("other old root", invalid, {**grown, "old_root": zero}),
                ("other new root", invalid, {**grown, "new_root": zero}),
                ("roots differ at one size", invalid, {**same, "new_root": zero}),
                ("proof at one size", invalid, {**same, "proof": [zero]}),
                ("proof from size 0", invalid, {**empty, "proof": [zero]}),
                ("wrong root of size 0", invalid, {**empty, "old_root": zero}),
                (
                    "both roots of size 0 wrong",
                    invalid,
                    {**consistency_case(0, 0), "old_root": zero, "new_root": zero},
                ),
                ("no proof", invalid, {**grown, "proof": []}),
                ("no proof from a power of two", invalid, {**whole, "proof": []}),
                ("missing hash", invalid, {**grown, "proof": grown["proof"][:-1]}),
                ("extra hash", invalid, {**grown, "proof": [*grown["proof"], zero]}),
            ],
        ),
        group(
            "limits of inclusion proofs",
            "TREE-4",
            "check_inclusion",
            [good, alone],
            [
                ("31-byte hash", invalid, {**good, "proof": [proof[0][2:], *proof[1:]]}),
                ("33-byte leaf", invalid, {**alone, "leaf": alone["leaf"] + "00"}),
                ("empty root and leaf", invalid, {**alone, "leaf": "", "root": ""}),
                ("64 hashes", invalid, {**good, "proof": [zero] * 64}),
                ("size above 2^48", invalid, {**good, "size": 2**48 + 1}),
                ("size 2^63", invalid, {**good, "size": 2**63}),
            ],
        ),
        group(
            "limits of consistency proofs",
            "TREE-4",
            "check_consistency",
            [grown, same],
            [
                ("12-byte roots", invalid, {**same, "old_root": "61" * 12, "new_root": "61" * 12}),
                ("31-byte hash", invalid, {**grown, "proof": ["00" * 31, *grown["proof"][1:]]}),
                ("64 hashes", invalid, {**grown, "proof": [zero] * 64}),
                ("size above 2^48", invalid, {**grown, "new_size": 2**48 + 1}),
            ],
        ),
        # A hash of two leaves stands where a leaf should: only the 0x00 before an entry says no.
        group(
            "a node is no leaf",
            "TREE-1",
            "root",
            [{"entries": [b64(LEAVES[0] + LEAVES[1])]}, {"entries": [b64(b"0"), b64(b"1")]}],
        ),
        group(
            "a node at a leaf's place in a tree of another size",
            "TREE-2",
            "check_inclusion",
            [node_as_leaf],
            [("the size is signed", invalid, {**node_as_leaf, "size": 4})],
        ),
    ]


def tile_vectors() -> list[Case]:
    indexes = ["000", "001", "255", "999", "x001/000", "x001/x234/067", "x001/x099/x511/x627/775"]
    bad_indexes = [
        ("empty", ""),
        ("two digits", "00"),
        ("four digits", "0000"),
        ("superfluous group", "x000/001"),
        ("no x", "001/234"),
        ("x in the last group", "x001/x234"),
        ("upper case", "X001/234"),
        ("trailing slash", "001/"),
        ("sign", "+01"),
        ("underscore", "0_1"),
        ("other digits", "٠٠١"),
        ("newline", "001\n"),
        ("beyond 2^48 entries", "x001/x099/x511/x627/776"),
        ("six groups", "x001/x000/x000/x000/x000/000"),
        ("dots", "../000"),
    ]
    paths = [
        "tile/0/000",
        "tile/0/000.p/1",
        "tile/63/000",
        "tile/1/x001/x234/067.p/255",
        "tile/entries/000",
        "tile/entries/x001/000.p/8",
        "bundle/000",
        "bundle/x001/000.p/8",
    ]
    bad_paths = [
        ("level 64", "tile/64/000"),
        ("level with a zero in front", "tile/00/000"),
        ("negative level", "tile/-1/000"),
        ("level of three digits", "tile/100/000"),
        ("width 0", "tile/0/000.p/0"),
        ("width 256", "tile/0/000.p/256"),
        ("width 999", "tile/0/000.p/999"),
        ("width with a zero in front", "tile/0/000.p/01"),
        ("no width", "tile/0/000.p/"),
        ("no .p", "tile/0/000/1"),
        ("slash in front", "/tile/0/000"),
        ("no index", "tile/0"),
        ("superfluous group", "tile/0/x000/001"),
        ("bundle with level", "bundle/0/000"),
        ("other kind", "tiles/0/000"),
        ("upwards", "tile/0/../000"),
        ("escaped", "tile/0/%2e%2e"),
        ("very long", "tile/0/" + "x001/" * 50 + "000"),
        ("newline", "tile/0/000\n"),
        ("beyond 2^48 entries", "tile/0/x001/x099/x511/x627/776"),
        ("empty", ""),
    ]
    full = b"".join(LEAVES[:256])
    root = root_of(LEAVES[:256]).hex()
    entries = format_entry_bundle([b"0", b"", b"22"])
    tile = {"data": b64(full), "width": 256, "root": root}
    bundle = {"data": b64(entries), "width": 3}
    return [
        group(
            "index",
            "TILE-2",
            "parse_index",
            [{"index": index} for index in indexes],
            [(why, "err.path", {"index": index}) for why, index in bad_indexes],
        ),
        group(
            "path",
            "TILE-2",
            "parse_path",
            [{"path": path} for path in paths],
            [(why, "err.path", {"path": path}) for why, path in bad_paths],
        ),
        group(
            "resources of a size",
            "TILE-3",
            "resources",
            [{"size": size} for size in (0, 1, 2, 255, 256, 257, 511, 512, 513)],
            [
                ("negative", "err.path", {"size": -1}),
                ("above 2^48", "err.path", {"size": 2**48 + 1}),
            ],
        ),
        group(
            "hash tile",
            "TILE-4",
            "check_tile",
            [
                tile,
                {"data": b64(full), "width": 256},
                {"data": b64(full[:32]), "width": 1, "root": LEAVES[0].hex()},
                {"data": b64(full[:96]), "width": 3, "root": root_of(LEAVES[:3]).hex()},
            ],
            [
                ("flipped bit", "hos.tile", {**tile, "data": b64(flip(full, 77))}),
                ("truncated", "hos.tile", {**tile, "data": b64(full[:-1])}),
                ("one hash too many", "hos.tile", {**tile, "data": b64(full + full[:32])}),
                ("empty", "hos.tile", {**tile, "data": ""}),
                ("width 0", "hos.tile", {"data": "", "width": 0}),
                ("width 257", "hos.tile", {"data": b64(full + full[:32]), "width": 257}),
                ("other root", "hos.tile", {**tile, "root": "00" * 32}),
            ],
        ),
        group(
            "entry bundle",
            "TILE-5",
            "parse_entry_bundle",
            [
                bundle,
                {"data": b64(b"\0\0"), "width": 1},
                {"data": b64(format_entry_bundle([b"x"] * 256)), "width": 256},
            ],
            [
                ("too few entries", "hos.bundle", {**bundle, "width": 4}),
                ("too many entries", "hos.bundle", {**bundle, "width": 2}),
                ("truncated entry", "hos.bundle", {**bundle, "data": b64(entries[:-1])}),
                ("truncated length", "hos.bundle", {"data": b64(entries + b"\0"), "width": 4}),
                ("lone length byte", "hos.bundle", {"data": b64(b"\0"), "width": 1}),
                ("trailing byte", "hos.bundle", {**bundle, "data": b64(entries + b"\0")}),
                ("length beyond the end", "hos.bundle", {"data": b64(b"\xff\xff"), "width": 1}),
                ("empty", "hos.bundle", {"data": "", "width": 1}),
                ("width 0", "hos.bundle", {"data": "", "width": 0}),
                ("width 257", "hos.bundle", {"data": b64(b"\0\0" * 257), "width": 257}),
            ],
        ),
    ]


def unknown_line(number: int) -> str:
    return f"{DASH} other{number}.example {b64(bytes([number]) * 68)}\n"


def note_vectors() -> list[Case]:
    text = "a text\n\nof three lines\n"
    line = sign_text(text, name=ORIGIN, signer=LOG)
    note = format_note(Note(text, (line,))).decode()
    good_line = note.removeprefix(text + "\n")
    blob = good_line.split(" ")[2].strip()
    other = format_vkey(make_vkey("hu.sopro.example/log", WITNESS.public_key))
    vkey = format_vkey(LOG_KEY)
    unknown = "".join(unknown_line(number) for number in range(15))
    broken_line = f"{DASH} {ORIGIN} {b64(line.key_id + flip(line.signature, 3))}\n"

    def raw(*lines: str, body: str = text) -> Case:
        return {"note": b64((body + "\n" + "".join(lines)).encode())}

    def data(value: bytes) -> Case:
        return {"note": b64(value)}

    malformed = [
        ("empty", data(b"")),
        ("no empty line", data((text.replace("\n\n", "\n") + good_line).encode())),
        ("no signature", raw()),
        ("no newline at the end", data(note[:-1].encode())),
        ("empty line at the end", data((note + "\n").encode())),
        ("CRLF", data(note.replace("\n", "\r\n").encode())),
        ("tab", raw(good_line, body="a\ttext\n")),
        ("NUL", raw(good_line, body="a\0text\n")),
        ("bad UTF-8 in the text", data(b"\xff" + note.encode())),
        ("UTF-8 surrogate", data(b"\xed\xa0\x80" + note.encode())),
        ("bad UTF-8 in a name", data(note.encode() + f"{DASH} ".encode() + b"\xff AAAAAAAA\n")),
        ("hyphen for the dash", raw(good_line.replace(DASH, "-"))),
        ("two spaces", raw(good_line.replace(" ", "  "))),
        ("no name", raw(f"{DASH}  {blob}\n")),
        ("plus sign in the name", raw(f"{DASH} a+b {blob}\n")),
        ("no-break space in the name", raw(f"{DASH} a\u00a0b {blob}\n")),
        ("no signature bytes", raw(f"{DASH} {ORIGIN} {b64(line.key_id)}\n")),
        ("no blob", raw(f"{DASH} {ORIGIN}\n")),
        ("base64 without padding", raw(f"{DASH} {ORIGIN} {b64(bytes(5)).rstrip('=')}\n")),
        ("base64 with loose bits", raw(f"{DASH} {ORIGIN} AAAAAAB=\n")),
        ("base64url", raw(f"{DASH} {ORIGIN} AAAAAA__\n")),
        ("byte after base64", raw(good_line.replace("\n", " \n"))),
        ("one line twice", raw(good_line, good_line)),
        ("two lines of one key", raw(good_line, broken_line)),
        ("an unknown line twice", raw(good_line, unknown_line(1), unknown_line(1))),
        (
            "101 lines",
            raw(*(f"{DASH} n{number} AAAAAAAA\n" for number in range(101))),
        ),
    ]
    opened = {"note": raw(good_line)["note"], "vkeys": [vkey]}
    renamed = good_line.replace(ORIGIN, "hu.sopro.example/log")
    other_id = f"{DASH} {ORIGIN} {b64(flip(line.key_id, 0) + line.signature)}\n"
    return [
        group(
            "form",
            "NOTE-1",
            "parse_note",
            [
                raw(good_line),
                raw(good_line, body="\n"),
                raw(good_line, body="Gütesiegel – 人\n"),
                raw(f"{DASH} n AAAAAAA=\n"),
                raw(*(f"{DASH} n{number} AAAAAAAA\n" for number in range(100))),
                raw(good_line, unknown),
            ],
            [(why, "ckp.format", case) for why, case in malformed],
        ),
        group(
            "verified by known keys",
            "NOTE-7",
            "open_note",
            [
                opened,
                {**opened, "vkeys": [other, vkey]},
                {**raw(unknown, good_line), "vkeys": [vkey]},
                {**opened, "vkeys": [vkey, other]},
            ],
            [
                ("no key", "ckp.signature", {**opened, "vkeys": []}),
                ("only unknown lines", "ckp.signature", {**opened, "vkeys": [other]}),
                ("same id, other name", "ckp.signature", {**raw(renamed), "vkeys": [vkey]}),
                ("same name, other id", "ckp.signature", {**raw(other_id), "vkeys": [vkey]}),
                (
                    "the key is a cosigner's",
                    "sig.key",
                    {**opened, "vkeys": [format_vkey(WITNESS_KEY)]},
                ),
            ],
        ),
        group(
            "a failing line of a known key is fatal",
            "NOTE-8",
            "open_note",
            [
                {
                    **raw(good_line, f"{DASH} hu.sopro.example/log {b64(bytes(4) + bytes(64))}\n"),
                    "vkeys": [vkey, other],
                }
            ],
            [
                ("flipped bit", "ckp.signature", {**raw(broken_line), "vkeys": [vkey]}),
                (
                    "one good line, one broken line of another known key",
                    "ckp.signature",
                    {
                        **raw(
                            good_line,
                            f"{DASH} hu.sopro.example/log"
                            f" {b64(parse_vkey(other).note_key_id + bytes(64))}\n",
                        ),
                        "vkeys": [vkey, other],
                    },
                ),
                (
                    "text changed",
                    "ckp.signature",
                    {**raw(good_line, body="A text\n"), "vkeys": [vkey]},
                ),
                (
                    "signature cut to 63 bytes",
                    "ckp.signature",
                    {
                        **raw(f"{DASH} {ORIGIN} {b64(line.key_id + line.signature[:63])}\n"),
                        "vkeys": [vkey],
                    },
                ),
            ],
        ),
    ]


def head_of(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root_at(READER, size))


def checkpoint_vectors() -> list[Case]:
    text = format_checkpoint(head_of(7))
    empty = format_checkpoint(head_of(0))
    origin, size, root, _ = text.split("\n")

    def lines(*values: str) -> Case:
        return {"text": "".join(value + "\n" for value in values)}

    note = sign_checkpoint(head_of(7), LOG)
    vkey = format_vkey(LOG_KEY)
    good = {"note": b64(note), "origin": ORIGIN, "vkeys": [vkey]}
    sizes = ["", "07", "00", "+7", "-7", "7_0", " 7", "7 ", "٧", "7.0", "1e3", "9" * 40]
    bad = [
        *((f"size {bad!r}", lines(origin, bad, root)) for bad in sizes),
        ("size above 2^48", lines(origin, str(2**48 + 1), root)),
        ("no origin", lines(size, root)),
        ("empty origin", lines("", size, root)),
        ("31-byte root", lines(origin, size, b64(bytes(31)))),
        ("33-byte root", lines(origin, size, b64(bytes(33)))),
        ("hex root", lines(origin, size, unb64(root).hex())),
        ("root without padding", lines(origin, size, root.rstrip("="))),
        ("loose bits in the root", lines(origin, size, "A" * 42 + "B=")),
        ("extension line", lines(origin, size, root, "extension")),
        ("empty line", lines(origin, size, root, "")),
        ("no newline at the end", {"text": text[:-1]}),
        ("CRLF", {"text": text.replace("\n", "\r\n")}),
        ("size 0 with another root", lines(origin, "0", root)),
        ("empty", {"text": ""}),
    ]
    names = ["", "a b", "a+b", "cosignature/a", "subtree/a", "a\tb", "österreich", "a" * 256, "a\n"]
    return [
        group(
            "origin",
            "CKP-2",
            "check_origin",
            [
                {"origin": name}
                for name in (ORIGIN, "sopro.example/at/1", "a", "a" * 255, "x/cosignature/", "~!")
            ],
            [(f"{name[:16]!r}", "ckp.format", {"origin": name}) for name in names],
        ),
        group(
            "text",
            "CKP-1",
            "parse_checkpoint",
            [
                {"text": text},
                {"text": empty},
                lines(origin, str(2**48), root),
                lines(origin, "7", b64(bytes(32))),
            ],
            [(why, "ckp.format", case) for why, case in bad],
        ),
        group(
            "signed",
            "CKP-5",
            "open_checkpoint",
            [
                good,
                {**good, "note": b64(sign_checkpoint(head_of(0), LOG))},
                {**good, "note": b64(cosigned(head_of(7)))},
            ],
            [
                ("not a note", "ckp.format", {**good, "note": b64(text.encode())}),
                ("other origin", "hos.origin", {**good, "origin": "hu.sopro.example/log"}),
                ("origin in other case", "hos.origin", {**good, "origin": ORIGIN.upper()}),
                ("origin with a dot", "hos.origin", {**good, "origin": ORIGIN + "."}),
                (
                    "key of another log",
                    "ckp.signature",
                    {**good, "vkeys": [format_vkey(make_vkey(ORIGIN, WITNESS.public_key))]},
                ),
                (
                    "size changed",
                    "ckp.signature",
                    {**good, "note": b64(note.replace(b"\n7\n", b"\n8\n"))},
                ),
            ],
        ),
    ]


def cosigned(checkpoint: Checkpoint, time: int = TIME) -> bytes:
    line = cosign(checkpoint, name=WITNESS_NAME, signer=WITNESS, time=time)
    return add_signatures(sign_checkpoint(checkpoint, LOG), [line])


def cosignature_vectors() -> list[Case]:
    vkey = format_vkey(WITNESS_KEY)
    note = cosigned(head_of(7))
    line = parse_note(note).signatures[1]
    good = {"note": b64(note), "vkey": vkey}

    def blob(data: bytes, checkpoint: Checkpoint | None = None) -> Case:
        text = f"{DASH} {WITNESS_NAME} {b64(line.key_id + data)}\n"
        signed = sign_checkpoint(checkpoint or head_of(7), LOG)
        return {"note": b64(signed + text.encode()), "vkey": vkey}

    signature = line.signature[8:]
    other_log = Checkpoint("de.sopro.example/log", 7, head_of(7).root)
    plain = sign_text(format_checkpoint(head_of(7)), name=WITNESS_NAME, signer=WITNESS).signature
    failing = "ckp.cosignature"
    proof = prove_consistency(READER, old_size=3, new_size=7)
    signed = sign_checkpoint(head_of(7), LOG)
    body = format_add_checkpoint(AddCheckpoint(3, tuple(proof), signed))
    first = format_add_checkpoint(AddCheckpoint(0, (), signed))
    longest = format_add_checkpoint(AddCheckpoint(3, (proof[0],) * 63, signed))
    too_long = format_add_checkpoint(AddCheckpoint(3, (proof[0],) * 64, signed))
    bad = [
        ("empty", b""),
        ("no old line", body.split(b"\n", 1)[1]),
        ("old without size", body.replace(b"old 3", b"old ")),
        ("old with a zero in front", body.replace(b"old 3", b"old 03")),
        ("old with a sign", body.replace(b"old 3", b"old +3")),
        ("old above 2^48", body.replace(b"old 3", b"old 281474976710657")),
        ("upper case", body.replace(b"old 3", b"Old 3")),
        ("no empty line", body.replace(b"\n\n", b"\n")),
        ("64 hashes", too_long),
        ("31-byte hash", body.replace(b64(proof[0]).encode(), b64(bytes(31)).encode())),
        ("not ASCII", body.replace(b"old 3", b"old \xb3")),
        ("no note", body[: body.index(b"\n\n") + 2]),
        ("CRLF", body.replace(b"\n", b"\r\n")),
        ("extra empty line", body.replace(b"\n\n", b"\n\n\n", 1)[:60]),
    ]
    return [
        group(
            "cosignature",
            "COS-3",
            "open_cosignature",
            [
                good,
                {**good, "note": b64(cosigned(head_of(0)))},
                {**good, "note": b64(cosigned(head_of(7), 1))},
                {**good, "note": b64(cosigned(head_of(7), 2**63 - 1))},
            ],
            [
                ("no line", failing, {**good, "note": b64(sign_checkpoint(head_of(7), LOG))}),
                ("time changed", failing, blob((TIME + 1).to_bytes(8, "big") + signature)),
                ("time 0", failing, blob(bytes(8) + signature)),
                ("time 2^63", failing, blob((2**63).to_bytes(8, "big") + signature)),
                ("flipped bit", failing, blob(flip(line.signature, 20))),
                ("taken from another size", failing, blob(line.signature, head_of(6))),
                ("taken from another log", failing, blob(line.signature, other_log)),
                ("no time", failing, blob(signature)),
                ("signature without context", failing, blob(line.signature[:8] + plain)),
                ("71 bytes", failing, blob(line.signature[:-1])),
                ("73 bytes", failing, blob(line.signature + b"\0")),
                ("key of a log", "sig.key", {**good, "vkey": format_vkey(LOG_KEY)}),
            ],
        ),
        group(
            "request to cosign",
            "COS-4",
            "parse_add_checkpoint",
            [{"body": b64(data)} for data in (body, first, longest)],
            [(why, "ckp.format", {"body": b64(data)}) for why, data in bad],
        ),
    ]


def proof_vectors() -> list[Case]:
    note = cosigned(head_of(7))
    hashes = tuple(prove_inclusion(READER, index=5, size=7))
    data = format_proof(TlogProof(5, hashes, note))
    with_extra = format_proof(TlogProof(5, hashes, note, b"hello"))
    single = format_proof(TlogProof(0, (), cosigned(head_of(1))))
    longest = format_proof(TlogProof(5, (hashes[0],) * 63, note))
    too_long = format_proof(TlogProof(5, (hashes[0],) * 64, note))
    first, rest = b"c2sp.org/tlog-proof@v1\n", data.split(b"\n", 1)[1]
    bad = [
        ("empty", b""),
        ("other version", data.replace(b"@v1", b"@v2")),
        ("no first line", rest),
        ("only the first line", first + b"\n" + note),
        ("no empty line", data.replace(b"\n\n", b"\n")),
        ("index with a zero in front", data.replace(b"index 5", b"index 05")),
        ("index with a sign", data.replace(b"index 5", b"index +5")),
        ("no index", data.replace(b"index 5\n", b"")),
        ("index 2^48", data.replace(b"index 5", b"index 281474976710656")),
        ("extra after index", data.replace(b"index 5\n", b"index 5\nextra aGVsbG8=\n")),
        ("extra twice", with_extra.replace(b"extra aGVsbG8=\n", b"extra aGVsbG8=\n" * 2)),
        ("extra not base64", with_extra.replace(b"aGVsbG8=", b"aGVsbG8")),
        ("31-byte hash", data.replace(b64(hashes[0]).encode(), b64(bytes(31)).encode())),
        ("64 hashes", too_long),
        ("CRLF", data.replace(b"\n", b"\r\n")),
        ("not ASCII", data.replace(b"index 5", b"index \xb5")),
    ]
    good = {
        "file": b64(data),
        "entry": b64(b"5"),
        "origin": ORIGIN,
        "vkeys": [format_vkey(LOG_KEY)],
    }

    def file(proof: TlogProof) -> Case:
        return {**good, "file": b64(format_proof(proof))}

    return [
        group(
            "form",
            "PROOF-1",
            "parse_proof",
            [{"file": b64(file)} for file in (data, with_extra, single, longest)]
            + [{"file": b64(format_proof(TlogProof(5, hashes, note, b"")))}],
            [(why, "proof.format", {"file": b64(file)}) for why, file in bad],
        ),
        group(
            "verified",
            "PROOF-3",
            "open_proof",
            [
                good,
                {**good, "file": b64(with_extra)},
                {**good, "file": b64(single), "entry": b64(b"0")},
                file(TlogProof(5, hashes, sign_checkpoint(head_of(7), LOG))),
            ],
            [
                ("other entry", "proof.invalid", {**good, "entry": b64(b"6")}),
                ("other index", "proof.invalid", file(TlogProof(4, hashes, note))),
                ("index at the size", "proof.invalid", file(TlogProof(7, hashes, note))),
                ("missing hash", "proof.invalid", file(TlogProof(5, hashes[:-1], note))),
                ("extra hash", "proof.invalid", file(TlogProof(5, (*hashes, hashes[0]), note))),
                (
                    "checkpoint of another size",
                    "proof.invalid",
                    file(TlogProof(5, hashes, cosigned(head_of(8)))),
                ),
                ("other log", "hos.origin", {**good, "origin": "hu.sopro.example/log"}),
                (
                    "key of another log",
                    "ckp.signature",
                    {**good, "vkeys": [format_vkey(make_vkey(ORIGIN, WITNESS.public_key))]},
                ),
                ("no note", "ckp.format", file(TlogProof(5, hashes, b""))),
                ("note is none", "ckp.format", file(TlogProof(5, hashes, note[:-1]))),
            ],
        ),
    ]


MAKERS: dict[str, Callable[[], list[Case]]] = {
    "keys": keys_vectors,
    "merkle": merkle_vectors,
    "tile": tile_vectors,
    "note": note_vectors,
    "checkpoint": checkpoint_vectors,
    "cosignature": cosignature_vectors,
    "tlog-proof": proof_vectors,
}


def render(name: str) -> str:
    """Make one file's text."""
    value = {"comment": COMMENT, "groups": MAKERS[name]()}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for file_name in MAKERS:
        (FOLDER / f"{file_name}.json").write_text(render(file_name), encoding="utf-8")
