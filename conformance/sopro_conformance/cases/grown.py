"""LOG-11 and ENC-12: how large a tree may be, what a proof does not say, and text as it came."""

import unicodedata
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.enc import surround
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value, decode, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import sign_text, write_note, write_text, write_vkey
from sopro_conformance.wire.proof import write_proof
from sopro_conformance.wire.records import entry_id, random_draft, write_entry
from sopro_conformance.wire.tree import Tree, leaf_hash, node_hash

LARGEST: Final = 2**48
SAME_SHAPE: Final = range(5, 9)
"""Sizes in which the proof of the first leaves has three hashes."""


def _sign(origin: str, key: SigningKey, size: int, root: bytes) -> bytes:
    text = write_text(origin, size, root)
    return write_note(text, [sign_text(text, origin, key)])


@case(
    "LOG-11",
    "A tree has at most 2^48 leaves, and the signed head alone says its size.",
    clauses="TREE-4 TREE-5 TREE-6 CKP-2",
)
async def sizes(trial: Trial) -> None:
    """Hand over proofs under heads of other sizes, and trees of one leaf too many."""
    key = SigningKey(trial.random.randbytes(32))
    entries = [trial.random.randbytes(40) for _ in range(max(SAME_SHAPE))]
    tree = Tree([leaf_hash(one) for one in entries])
    known = {"origin": trial.origin, "keys": [write_vkey(trial.origin, key.public)]}
    for index in (0, 3):
        for size in SAME_SHAPE:
            note = _sign(trial.origin, key, size, tree.root(size))
            right = write_proof(index, tree.inclusion(index, size), note)
            good = {"file": right, "entry": entries[index], **known}
            what = f"leaf {index} of {size}"
            await trial.accepts("proof", {"index": index, "size": size}, what=what, **good)
            for other in set(SAME_SHAPE) - {size}:
                wrong = write_proof(index, tree.inclusion(index, other), note)
                await trial.refuses(
                    "proof",
                    "proof.invalid",
                    delta=f"{what}, proven in a tree of {other}",
                    twin=good,
                    **{**good, "file": wrong},
                )
    await _largest(trial, key)


async def _largest(trial: Trial, key: SigningKey) -> None:
    good, wrong = _giant(trial, LARGEST), _giant(trial, LARGEST + 1)
    await trial.refuses(
        "inclusion", "proof.invalid", delta="a leaf more than 2^48", twin=good, **wrong
    )
    root = trial.random.randbytes(32)
    known = {"origin": trial.origin, "keys": [write_vkey(trial.origin, key.public)]}
    twin = {"bytes": _sign(trial.origin, key, LARGEST, root), **known}
    await trial.accepts("checkpoint", {"size": LARGEST}, what="a head of 2^48", **twin)
    await trial.refuses(
        "checkpoint",
        "ckp.format",
        delta="a head of a leaf more than 2^48",
        twin=twin,
        **{**twin, "bytes": _sign(trial.origin, key, LARGEST + 1, root)},
    )


def _giant(trial: Trial, size: int) -> dict[str, object]:
    """Return the proof of the first leaf of a tree that nobody has to build."""
    leaf = root = trial.random.randbytes(32)
    proof = [trial.random.randbytes(32) for _ in range((size - 1).bit_length())]
    for one in proof:
        root = node_hash(root, one)
    return {"leaf": leaf, "index": 0, "size": size, "proof": proof, "root": root}


_TEXTS: Final = ("Zaunk\u00f6nig", "\u00c5rhus", "\u1ed9", "\ufb01n", "\u2126", "\uac00", "e\u0301")


@case(
    "ENC-12",
    "Text is taken as it came, in whatever normal form.",
    clauses="ENC-13 ENC-8 ENC-11",
)
async def forms(trial: Trial) -> None:
    """Write the same words in several normal forms, as values, as keys and in records."""
    key = SigningKey(trial.random.randbytes(32))
    for text in _TEXTS:
        spelled = {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKD"))}
        for one in sorted(spelled):
            said = one.encode("unicode_escape").decode()
            value = surround(trial)(encode({"text": one}))
            await trial.accepts("value", what=f"the text {said}", bytes=value)
            draft = random_draft(trial.random, trial.origin, "x-test/1", {"a": one})
            entry = write_entry(draft.encode(), [key])
            await trial.accepts(
                "entry",
                {"id": entry_id(entry)},
                what=f"a record with {said}",
                bytes=entry,
                keys=[key.public],
            )
            other = min(spelled - {one}, default=one + one)
            rewritten = draft._replace(body={"a": other}).encode()
            await trial.refuses(
                "entry",
                "sig.invalid",
                delta=f"{said}, written in another form behind the signature",
                twin={"bytes": entry},
                bytes=encode([rewritten, decode(entry)[1]]),
                keys=[key.public],
            )
        keys: dict[str, Value] = dict.fromkeys(sorted(spelled), 1)
        value = surround(trial)(encode(keys))
        await trial.accepts("value", what=f"{len(spelled)} keys of other forms", bytes=value)
