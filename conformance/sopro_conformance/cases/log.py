"""LOG: the tree, its proofs, tiles and entry bundles."""

from sopro_conformance.case import case
from sopro_conformance.cases.cert import witnessed
from sopro_conformance.trial import Trial
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import sign_text, write_note, write_text, write_vkey
from sopro_conformance.wire.proof import write_proof
from sopro_conformance.wire.tree import Tree, leaf_hash, node_hash


def _grown(trial: Trial, size: int) -> Tree:
    return Tree([leaf_hash(trial.random.randbytes(20)) for _ in range(size)])


@case(
    "LOG-08",
    "Inclusion and consistency proofs are checked to the last hash.",
    clauses="TREE-1 TREE-2 TREE-3 TREE-4",
)
async def proofs(trial: Trial) -> None:
    """Hand over many shapes, all of them in a long run, and proofs that are nearly right."""
    tree = _grown(trial, 70)
    pairs = [(index, size) for size in (*range(1, 18), 63, 64, 65, 70) for index in range(size)]
    chosen = [*trial.random.sample(pairs, 60), (0, 1), (69, 70), (63, 64), (64, 65)]
    if trial.scene.is_long:
        chosen = [(index, size) for size in range(1, 71) for index in range(size)]
    for index, size in chosen:
        await _refuse_inclusion(trial, tree, index, size)
    for old, new in ((1, 2), (3, 4), (4, 8), (6, 8), (7, 70), (33, 65), (64, 70), (69, 70)):
        await _refuse_consistency(trial, tree, old, new)
    await _edges(trial, tree)


async def _refuse_inclusion(trial: Trial, tree: Tree, index: int, size: int) -> None:
    proof = tree.inclusion(index, size)
    good = {
        "leaf": tree.leaves[index],
        "index": index,
        "size": size,
        "proof": proof,
        "root": tree.root(size),
    }
    other = trial.random.randbytes(32)
    wrong: list[tuple[str, dict[str, object]]] = [
        ("index is the size", {"index": size}),
        ("a hash too many", {"proof": [*proof, other]}),
        ("another root", {"root": other}),
        ("another leaf", {"leaf": other}),
        ("a node's hash for the leaf", {"leaf": node_hash(tree.leaves[index], other)}),
    ]
    if proof:
        at = trial.random.randrange(len(proof))
        wrong += [
            ("a hash too few", {"proof": proof[:-1]}),
            ("another hash", {"proof": [*proof[:at], other, *proof[at + 1 :]]}),
            ("the next index", {"index": (index + 1) % size}),
        ]
    if len(proof) > 1 and proof[0] != proof[-1]:
        wrong.append(("two hashes swapped", {"proof": [proof[-1], *proof[1:-1], proof[0]]}))
    for delta, fields in trial.random.sample(wrong, 3):
        what = f"{delta}, leaf {index} of {size}"
        await trial.refuses(
            "inclusion", "proof.invalid", delta=what, twin=good, **{**good, **fields}
        )


async def _refuse_consistency(trial: Trial, tree: Tree, old: int, new: int) -> None:
    proof = tree.consistency(old, new)
    good = {
        "old_size": old,
        "new_size": new,
        "old_root": tree.root(old),
        "new_root": tree.root(new),
        "proof": proof,
    }
    other = trial.random.randbytes(32)
    for delta, fields in (
        ("a hash too many", {"proof": [*proof, other]}),
        ("a hash too few", {"proof": proof[:-1]}),
        ("another hash", {"proof": [other, *proof[1:]]}),
        ("no proof at all", {"proof": []}),
        ("another old root", {"old_root": other}),
        ("another new root", {"new_root": other}),
        ("the sizes swapped", {"old_size": new, "new_size": old}),
    ):
        what = f"{delta}, {old} to {new}"
        await trial.refuses(
            "consistency", "proof.invalid", delta=what, twin=good, **{**good, **fields}
        )


async def _edges(trial: Trial, tree: Tree) -> None:
    """Sizes that are equal, and none at all."""
    same = {"old_size": 7, "new_size": 7, "old_root": tree.root(7), "new_root": tree.root(7)}
    await trial.refuses(
        "consistency",
        "proof.invalid",
        delta="one size, two roots",
        twin={"new_root": tree.root(7)},
        **{**same, "new_root": tree.root(8), "proof": []},
    )
    from_nothing = {"old_size": 0, "new_size": 7, "new_root": tree.root(7)}
    await trial.refuses(
        "consistency",
        "proof.invalid",
        delta="a root of no entries that is another",
        twin={"old_root": tree.root(0)},
        **{**from_nothing, "old_root": tree.root(1), "proof": []},
    )


@case(
    "LOG-09",
    "A proof file leads from an entry to a head that its log signed.",
    clauses="PROOF-1 PROOF-2 PROOF-3 CKP-6 CERT-8 CERT-14 WIT-14",
)
async def proof_file(trial: Trial) -> None:
    """Hand over proof files in other spellings, of other entries and logs."""
    key, stranger = (SigningKey(trial.random.randbytes(32)) for _ in range(2))
    entries = [trial.random.randbytes(50) for _ in range(11)]
    tree = Tree([leaf_hash(one) for one in entries])
    note = _sign(tree, trial.origin, key)
    vkey = write_vkey(trial.origin, key.public)
    good = {
        "file": write_proof(6, tree.inclusion(6, 11), note),
        "entry": entries[6],
        "origin": trial.origin,
        "keys": [vkey],
    }
    await trial.accepts("proof", {"index": 6, "size": 11}, what="a proof", **good)
    hashes = tree.inclusion(6, 11)
    extra = write_proof(6, hashes, note, b"nobody vouches for this")
    await trial.accepts("proof", {"index": 6}, what="extra data", **{**good, "file": extra})
    await witnessed(trial)
    file = good["file"]
    assert isinstance(file, bytes), "as written above"  # noqa: S101
    unsigned = _sign(tree, trial.origin, stranger)
    elsewhere = _sign(tree, "sopro.example/hu/1", key)
    for delta, code, fields in (
        ("another first line", "proof.format", {"file": file.replace(b"@v1", b"@v2", 1)}),
        ("index 06", "proof.format", {"file": file.replace(b"index 6", b"index 06", 1)}),
        ("index +6", "proof.format", {"file": file.replace(b"index 6", b"index +6", 1)}),
        ("CRLF", "proof.format", {"file": file.replace(b"\n", b"\r\n", 2)}),
        (
            "a hash of 31 bytes",
            "proof.format",
            {"file": write_proof(6, [hashes[0][:31], *hashes[1:]], note)},
        ),
        ("the next index", "proof.invalid", {"file": write_proof(7, hashes, note)}),
        ("a hash too few", "proof.invalid", {"file": write_proof(6, hashes[:-1], note)}),
        ("another entry", "proof.invalid", {"entry": entries[5]}),
        ("a head nobody known signed", "ckp.signature", {"file": write_proof(6, hashes, unsigned)}),
        ("the head of another log", "hos.origin", {"file": write_proof(6, hashes, elsewhere)}),
    ):
        await trial.refuses("proof", code, delta=delta, twin=good, **{**good, **fields})


def _sign(tree: Tree, origin: str, key: SigningKey) -> bytes:
    text = write_text(origin, len(tree.leaves), tree.root())
    return write_note(text, [sign_text(text, origin, key)])
