"""Make the vectors of witnesses and policies: `python tests/protocol/make_witness_vectors.py`.

Keys, entries and the form of the files are those of `make_tree_vectors.py`.
"""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.cosignature import AddCheckpoint, cosign, format_add_checkpoint
from sopro_protocol.keys import COSIGNATURE, Ed25519Signer, format_vkey, make_vkey, parse_vkey
from sopro_protocol.merkle import prove_consistency
from sopro_protocol.note import (
    NoteSignature,
    add_signatures,
    format_signature,
    parse_note,
    sign_note,
)
from sopro_protocol.policy import check_quorum, format_policy, parse_policy
from sopro_protocol.witness import check_growth, cosign_submission, open_request, parse_request

TREE = runpy.run_path(str(Path(__file__).with_name("make_tree_vectors.py")))
b64, unb64, group = TREE["b64"], TREE["unb64"], TREE["group"]
LOG, WITNESS, READER, head_of = TREE["LOG"], TREE["WITNESS"], TREE["READER"], TREE["head_of"]
ORIGIN, NAME, TIME = TREE["ORIGIN"], TREE["WITNESS_NAME"], TREE["TIME"]
OTHER = Ed25519Signer(b"\x03" * 32)
OTHER_NAME = "si.sopro.example/witness"
Case = dict[str, Any]


def call_add_checkpoint(case: Case) -> Case:
    submission = open_request(parse_request(unb64(case["body"])), [parse_vkey(case["log"])])
    check_growth(submission, size=case["size"], root=bytes.fromhex(case["root"]))
    line, note = cosign_submission(submission, name=NAME, signer=WITNESS, time=case["time"])
    return {"answer": b64(format_signature(line).encode()), "kept": b64(note)}


def call_parse_policy(case: Case) -> str:
    return format_policy(parse_policy(unb64(case["file"])))


def call_check_quorum(case: Case) -> Case:
    policy, note = parse_policy(case["policy"].encode()), parse_note(unb64(case["note"]))
    found = check_quorum(note, policy, latest=case.get("latest"))
    times = dict(sorted(found.times.items()))
    return {"times": times, "earliest": found.earliest, "median": found.median}


OPERATIONS = TREE["OPERATIONS"]
OPERATIONS |= {
    "add_checkpoint": call_add_checkpoint,
    "parse_policy": call_parse_policy,
    "check_quorum": call_check_quorum,
}


def witness_vectors() -> list[Case]:
    """A witness with the key 02 02 .. that holds a head of some size, and what it is asked."""

    def request(old: int, new: int, *, note: bytes | None = None) -> bytes:
        proof = prove_consistency(READER, old_size=old, new_size=new) if old <= new else []
        signed = note or sign_checkpoint(head_of(new), LOG)
        return format_add_checkpoint(AddCheckpoint(old, tuple(proof), signed))

    def case(body: bytes, *, holds: int) -> Case:
        return {
            "body": b64(body),
            "log": format_vkey(TREE["LOG_KEY"]),
            "size": holds,
            "root": head_of(holds).root.hex(),
            "time": TIME,
        }

    signed = sign_checkpoint(head_of(7), LOG)
    forged = NoteSignature(NAME, TREE["WITNESS_KEY"].note_key_id, bytes(72))
    stranger = NoteSignature("example.com/x", b"abcd", b"whatever")
    [own] = parse_note(signed).signatures
    by_other = sign_checkpoint(head_of(7), OTHER)
    failing = add_signatures(by_other, [NoteSignature(own.name, own.key_id, bytes(64))])
    wrong_root = sign_checkpoint(Checkpoint(ORIGIN, 7, head_of(6).root), LOG)
    wrong_empty = sign_note(f"{ORIGIN}\n0\n{b64(bytes(32))}\n", name=ORIGIN, signer=LOG)
    absurd = sign_note(f"{ORIGIN}\n{2**63 - 1}\n{b64(bytes(32))}\n", name=ORIGIN, signer=LOG)
    extended = sign_note(parse_note(signed).text + "more\n", name=ORIGIN, signer=LOG)
    short = format_add_checkpoint(AddCheckpoint(3, (), signed))
    unneeded = format_add_checkpoint(AddCheckpoint(0, (head_of(7).root,), signed))
    return [
        group(
            "requests, in the order of the statuses",
            "WIT-3",
            "add_checkpoint",
            [
                case(request(0, 0), holds=0),
                case(request(0, 7), holds=0),
                case(request(7, 7), holds=7),
                case(request(3, 7), holds=3),
                case(request(256, 300), holds=256),
                case(request(0, 7, note=add_signatures(signed, [forged, stranger])), holds=0),
            ],
            [
                ("400: no request", "ckp.format", case(b"old 0\n", holds=0)),
                ("400: absurd size", "ckp.format", case(request(0, 7, note=absurd), holds=0)),
                ("400: extension line", "ckp.format", case(request(0, 7, note=extended), holds=0)),
                (
                    "403: of a stranger",
                    "ckp.signature",
                    case(request(0, 7, note=by_other), holds=0),
                ),
                (
                    "403: line that fails",
                    "ckp.signature",
                    case(request(0, 7, note=failing), holds=0),
                ),
                ("400: old above new", "wit.old-size", case(request(8, 7), holds=8)),
                ("400 comes before 409", "wit.old-size", case(request(8, 7), holds=3)),
                ("409: holds more", "wit.size", case(request(3, 7), holds=6)),
                ("409: holds less", "wit.size", case(request(3, 7), holds=0)),
                ("409: holds nothing", "wit.size", case(request(7, 7), holds=0)),
                (
                    "409 comes before 422",
                    "wit.size",
                    case(request(0, 0, note=wrong_empty), holds=3),
                ),
                (
                    "422: root of nothing",
                    "proof.invalid",
                    case(request(0, 0, note=wrong_empty), holds=0),
                ),
                ("422: proof too short", "proof.invalid", case(short, holds=3)),
                ("422: proof unneeded", "proof.invalid", case(unneeded, holds=0)),
                (
                    "422: another root",
                    "proof.invalid",
                    case(request(3, 7, note=wrong_root), holds=3),
                ),
                (
                    "422: of one size",
                    "proof.invalid",
                    case(request(7, 7, note=wrong_root), holds=7),
                ),
            ],
        )
    ]


def policy_vectors() -> list[Case]:
    log = f"log {format_vkey(TREE['LOG_KEY'])} https://at.sopro.example/log\n"
    witness_key = format_vkey(TREE["WITNESS_KEY"])
    other_key = format_vkey(make_vkey(OTHER_NAME, OTHER.public_key, key_type=COSIGNATURE))
    hu, si = f"witness hu {witness_key}\n", f"witness si {other_key} https://si.sopro.example/w\n"
    both, either = "group both all hu si\n", "group either any hu si\n"
    nested = f"{log}{hu}{si}group one 1 hu\ngroup two 2 one si\nquorum two\n"

    def case(text: str | bytes) -> Case:
        return {"file": b64(text.encode() if isinstance(text, str) else text)}

    def note(*lines: NoteSignature) -> str:
        return b64(add_signatures(sign_checkpoint(head_of(7), LOG), lines))

    def by_hu(time: int, size: int = 7) -> NoteSignature:
        return cosign(head_of(size), name=NAME, signer=WITNESS, time=time)

    def by_si(time: int) -> NoteSignature:
        return cosign(head_of(7), name=OTHER_NAME, signer=OTHER, time=time)

    all_of = {"policy": f"{hu}{si}{both}quorum both\n"}
    one_of = {"policy": f"{hu}{si}{either}quorum either\n"}
    failing = "wit.policy-text"
    return [
        group(
            "policy file",
            "WIT-15",
            "parse_policy",
            [
                case("quorum none\n"),
                case(f"{log}quorum none"),
                case(f"# comment\n\n \t# another\n{hu}\tquorum \t hu \n"),
                case(nested),
                case(f"{hu}{si}{either}quorum si\n"),
                case(b"# \xff\xfe\nquorum none\n"),
            ],
            [
                ("nothing", failing, case("")),
                ("two quorums", failing, case("quorum none\nquorum none\n")),
                ("unknown word", failing, case("logs x\nquorum none\n")),
                ("quorum before its name", failing, case(f"quorum hu\n{hu}")),
                ("name twice", failing, case(f"{hu}{si.replace(' si ', ' hu ')}quorum hu\n")),
                ("name none", failing, case(f"{hu.replace(' hu ', ' none ')}quorum none\n")),
                ("key twice", failing, case(f"{hu}{hu.replace(' hu ', ' x ')}quorum hu\n")),
                (
                    "log key as witness",
                    failing,
                    case(f"{log.replace('log', 'witness x', 1)}quorum x\n"),
                ),
                ("cosigner's key as log", failing, case(f"log {witness_key}\nquorum none\n")),
                ("member after its group", failing, case(f"{hu}{both}{si}quorum both\n")),
                ("member of two groups", failing, case(f"{hu}{si}{both}{either}quorum both\n")),
                ("threshold 0", failing, case(f"{hu}group g 0 hu\nquorum g\n")),
                ("threshold too high", failing, case(f"{hu}group g 2 hu\nquorum g\n")),
                ("threshold with a zero", failing, case(f"{hu}group g 01 hu\nquorum g\n")),
                ("group of nobody", failing, case(f"{hu}group g any\nquorum g\n")),
                ("CRLF", failing, case("quorum none\r\n")),
                ("control character", failing, case("quorum none\n\x7f")),
                ("key that is none", "sig.key", case("witness x y\nquorum none\n")),
            ],
        ),
        group(
            "quorum",
            "WIT-16",
            "check_quorum",
            [
                {**all_of, "note": note(by_hu(TIME), by_si(TIME + 5))},
                {**one_of, "note": note(by_si(TIME))},
                {**one_of, "note": note(by_hu(TIME), by_si(TIME + 5)), "latest": TIME},
                {"policy": "quorum none\n", "note": note()},
                {"policy": nested, "note": note(by_hu(TIME), by_si(1))},
            ],
            [
                ("one is not both", "ckp.quorum", {**all_of, "note": note(by_hu(TIME))}),
                ("nobody", "ckp.quorum", {**one_of, "note": note()}),
                (
                    "cosigned another head",
                    "ckp.quorum",
                    {**one_of, "note": note(by_hu(TIME, size=6))},
                ),
                (
                    "too far in the future",
                    "ckp.quorum",
                    {**one_of, "note": note(by_hu(TIME)), "latest": TIME - 1},
                ),
                ("no note", "ckp.format", {**one_of, "note": ""}),
            ],
        ),
    ]


MAKERS: dict[str, Callable[[], list[Case]]] = {
    "policy": policy_vectors,
    "witness": witness_vectors,
}


def render(name: str) -> str:
    """Make one file's text."""
    value = {"comment": TREE["COMMENT"], "groups": MAKERS[name]()}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for file_name in MAKERS:
        (TREE["FOLDER"] / f"{file_name}.json").write_text(render(file_name), encoding="utf-8")
