"""Other people's vectors, beside the checkout: ours must agree with every one of them."""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sopro_protocol.checkpoint import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint_text,
    sign_checkpoint,
)
from sopro_protocol.cosignature import (
    cosign,
    cosigned_message,
    format_add_checkpoint,
    open_cosignature,
    parse_add_checkpoint,
)
from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import (
    Ed25519Signer,
    check_public_key,
    format_vkey,
    parse_vkey,
    verify_ed25519,
)
from sopro_protocol.merkle import (
    CompactRange,
    Hash,
    check_consistency,
    check_inclusion,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_at,
    root_of,
    subtree_reader,
)
from sopro_protocol.note import add_signatures, format_signature, open_note, parse_note
from sopro_protocol.proof import format_proof, open_proof, parse_proof
from sopro_protocol.tile import (
    WIDTH,
    Kind,
    count_resources,
    format_entry_bundle,
    parse_entry_bundle,
    parse_tile_path,
    resources_of,
    right_edge,
)
from sopro_protocol.witness import check_growth, open_request, parse_request

pytestmark = pytest.mark.shared

SHARED = Path(__file__).parents[2].parent / "shared" / "vectors"
LOG_SIZES = (0, 1, 2, 3, 255, 256, 257, 300, 512, 513, 600)


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        message = f"shared vectors are missing: {path}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def load(name: str) -> Any:
    return json.loads(shared(name).read_text(encoding="utf-8"))


def hashes(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or []]


def log_entries() -> list[bytes]:
    """Entries of log-600: not text, and some are empty."""
    return [b"" if i % 97 == 13 else b"record %d \x00\xff\n" % i for i in range(600)]


def tree(size: int) -> list[Hash]:
    return [leaf_hash(str(index).encode()) for index in range(size)]


def signer_of(role: str, place: int = 0) -> tuple[Ed25519Signer, dict[str, str]]:
    keys = [key for key in load("known-answers/checkpoints.json")["keys"] if key["role"] == role]
    return Ed25519Signer(bytes.fromhex(keys[place]["seed_hex"])), keys[place]


def test_agrees_with_inclusion_verdicts() -> None:
    cases = load("merkle/inclusion.json")
    wrong = []
    for case in cases:
        try:
            check_inclusion(
                base64.b64decode(case["leafHash"]),
                index=case["leafIdx"],
                size=case["treeSize"],
                proof=hashes(case["proof"]),
                root=base64.b64decode(case["root"]),
            )
            refused = False
        except VerificationError:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(case["id"])
    assert (len(cases), wrong) == (98, [])


def test_agrees_with_consistency_verdicts_except_short_roots() -> None:
    cases = load("merkle/consistency.json")
    wrong = []
    for case in cases:
        try:
            check_consistency(
                old_size=case["size1"],
                new_size=case["size2"],
                old_root=base64.b64decode(case["root1"]),
                new_root=base64.b64decode(case["root2"]),
                proof=hashes(case["proof"]),
            )
            refused = False
        except VerificationError:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(case["id"])
    assert len(cases) == 98
    # Its roots have 12 bytes; ours refuses every hash that has not 32.
    assert wrong == ["consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"]


def test_agrees_with_known_roots() -> None:
    known = load("known-answers/merkle-accumulated.json")
    leaves = tree(known["max_size"])
    reader, grown = subtree_reader(leaves), CompactRange()
    for size, root in enumerate(known["roots"]):
        assert root_of(leaves[:size]).hex() == root
        assert root_at(reader, size).hex() == root
        assert grown.root().hex() == root
        if size < len(leaves):
            grown.append(leaves[size])


def test_agrees_with_all_known_proofs() -> None:
    known = load("known-answers/merkle-accumulated.json")
    reader = subtree_reader(tree(known["max_size"]))
    inclusion, consistency = hashlib.sha256(), hashlib.sha256()
    counted = 0
    for size in range(1, known["max_size"] + 1):
        for index in range(size):
            proof = prove_inclusion(reader, index=index, size=size)
            inclusion.update(framed(size, index, proof))
            proof = prove_consistency(reader, old_size=index + 1, new_size=size)
            consistency.update(framed(index + 1, size, proof))
            counted += 1
    assert counted == known["inclusion_count"] == known["consistency_count"]
    assert inclusion.hexdigest() == known["inclusion_sha256"]
    assert consistency.hexdigest() == known["consistency_sha256"]


def framed(first: int, second: int, proof: list[Hash]) -> bytes:
    numbers = first.to_bytes(8, "big") + second.to_bytes(8, "big")
    return numbers + bytes((len(proof),)) + b"".join(proof)


def test_agrees_with_known_sample_proofs() -> None:
    known = load("known-answers/merkle-accumulated.json")
    reader = subtree_reader(tree(known["max_size"]))
    for sample in known["samples"]:
        if sample["kind"] == "inclusion":
            proof = prove_inclusion(reader, index=sample["index"], size=sample["size"])
        else:
            proof = prove_consistency(reader, old_size=sample["size1"], new_size=sample["size2"])
        assert [part.hex() for part in proof] == sample["proof"]
    assert len(known["samples"]) == 23


def test_writes_known_checkpoints_and_cosignatures() -> None:
    known = load("known-answers/checkpoints.json")
    log, log_key = signer_of("log")
    witnesses = [signer_of("witness", place) for place in (0, 1)]
    for case in known["checkpoints"]:
        checkpoint = parse_checkpoint_text(case["text"])
        note = sign_checkpoint(checkpoint, log)
        for signer, key in witnesses:
            name = key["vkey"].split("+")[0]
            line = cosign(checkpoint, name=name, signer=signer, time=int(key["time"]))
            note = add_signatures(note, [line])
        assert note.decode() == case["note"]
        assert cosigned_message(1700000002, case["text"]) == case["cosigned_message_hu"].encode()
        vkey = parse_vkey(log_key["vkey"])
        head = open_checkpoint(note, origin="at.sopro.example/log", keys=[vkey])
        assert (head.size, head.root) == (case["size"], root_of(tree(case["size"])))
        times = [open_cosignature(parse_note(note), parse_vkey(k["vkey"])) for _, k in witnesses]
        assert times == [int(key["time"]) for _, key in witnesses]


def test_reads_and_writes_known_verifier_keys() -> None:
    for key in load("known-answers/checkpoints.json")["keys"]:
        assert format_vkey(parse_vkey(key["vkey"])) == key["vkey"]


def test_parses_known_requests_to_cosign() -> None:
    cases = load("known-answers/add-checkpoint.json")
    vkey = parse_vkey(signer_of("log")[1]["vkey"])
    for case in cases:
        request = parse_add_checkpoint(case["body"].encode())
        assert request.old_size == case["old"]
        assert format_add_checkpoint(request).decode() == case["body"]
        head = open_checkpoint(request.note, origin="at.sopro.example/log", keys=[vkey])
        assert head.size == case["size"]
        check_consistency(
            old_size=request.old_size,
            new_size=head.size,
            old_root=root_of(tree(request.old_size)),
            new_root=head.root,
            proof=request.proof,
        )
    assert len(cases) == 5


def test_cosigns_known_requests_one_after_the_other() -> None:
    key = parse_vkey(signer_of("log")[1]["vkey"])
    size = 0
    for case in load("known-answers/add-checkpoint.json"):
        submission = open_request(parse_request(case["body"].encode()), [key])
        check_growth(submission, size=size, root=root_of(tree(size)))
        size = submission.checkpoint.size
    assert size == 300


def test_opens_known_tlog_proofs() -> None:
    cases = load("known-answers/tlog-proofs.json")
    vkey = parse_vkey(signer_of("log")[1]["vkey"])
    for case in cases:
        data, entry = case["proof"].encode(), case["entry"].encode()
        proof = parse_proof(data)
        assert (proof.index, format_proof(proof)) == (case["index"], data)
        head = open_proof(data, entry=entry, origin="at.sopro.example/log", keys=[vkey])
        assert head.size == case["size"]
        with pytest.raises(VerificationError, match=r"^inclusion"):
            open_proof(data, entry=entry + b"0", origin="at.sopro.example/log", keys=[vkey])
    assert len(cases) == 5


def test_counts_known_resources_and_right_edges() -> None:
    cases = load("known-answers/tiles.json")
    for case in cases:
        assert count_resources(case["size"]) == case["resources"]
        assert [resource.path for resource in right_edge(case["size"])] == case["right_edge"]
        if case["resources"] < 200_000:
            assert sum(1 for _ in resources_of(case["size"])) == case["resources"]
    assert len(cases) == 18


def test_reproduces_every_tile_and_bundle_of_a_known_log() -> None:
    folder = shared("known-answers/log-600")
    entries = log_entries()
    reader = subtree_reader([leaf_hash(entry) for entry in entries])
    wanted = {resource for size in LOG_SIZES for resource in resources_of(size)}
    for resource in wanted:
        places = range(resource.index * WIDTH, resource.index * WIDTH + resource.width)
        if resource.kind is Kind.ENTRIES:
            ours = format_entry_bundle([entries[place] for place in places])
            assert parse_entry_bundle(ours, width=resource.width) == [entries[p] for p in places]
        else:
            ours = b"".join(reader(8 * resource.level, place) for place in places)
        assert ours == (folder / resource.path).read_bytes(), resource
    stored = {
        path.relative_to(folder).as_posix() for path in folder.rglob("tile/**/*") if path.is_file()
    }
    assert {resource.path for resource in wanted} == stored
    assert {parse_tile_path(path) for path in stored} == wanted


def test_reproduces_every_checkpoint_of_a_known_log() -> None:
    folder = shared("known-answers/log-600")
    log, _ = signer_of("log")
    witnesses = [signer_of("witness", place) for place in (0, 1)]
    reader = subtree_reader([leaf_hash(entry) for entry in log_entries()])
    for size in LOG_SIZES:
        checkpoint = Checkpoint("at.sopro.example/log", size, root_at(reader, size))
        lines = [
            cosign(checkpoint, name=k["vkey"].split("+")[0], signer=s, time=int(k["time"]))
            for s, k in witnesses
        ]
        stored = (folder / f"checkpoint.{size}").read_bytes()
        assert add_signatures(sign_checkpoint(checkpoint, log), lines) == stored
        assert "".join(map(format_signature, lines)).encode() in stored
    assert (folder / "checkpoint").read_bytes() == stored


def test_opens_example_notes() -> None:
    cases = load("note-examples.json")
    for case in cases:
        opened = open_note(case["note"].encode(), [parse_vkey(case["vkey"])])
        assert [format_vkey(key) for key in opened.verified_by] == [case["vkey"]]
    assert len(cases) == 4


def test_accepts_exactly_43_of_the_cctv_signatures() -> None:
    accepted = 0
    cases = load("cctv-ed25519/ed25519vectors.json")
    for case in cases:
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        try:
            verify_ed25519(key, message=case["msg"].encode(), signature=signature)
        except VerificationError:
            continue
        check_public_key(key)
        weak = {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R"}
        assert not weak & set(case["flags"] or [])
        accepted += 1
    assert (len(cases), accepted) == (914, 43)


def test_refuses_every_low_order_key() -> None:
    keys = load("ed25519-low-order-keys.json")["keys_hex"]
    for key in keys:
        with pytest.raises(FormatError) as refusal:
            check_public_key(bytes.fromhex(key))
        assert refusal.value.code == "sig.weak-key"
    assert len(keys) == 14


def test_says_which_shared_folder_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"missing: .*/shared/vectors/nothing"):
        shared("nothing")
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match=r"missing: .*/shared/vectors/nothing"):
        shared("nothing")
