"""Certificates: the other half of LOG-09, LBL-10 and ACC-07."""

from sopro_conformance.case import case
from sopro_conformance.cases.judged import new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import COSIGNER, write_vkey
from sopro_conformance.wire.records import commit
from sopro_conformance.world.certificate import Paper, documents_of


def _paper(trial: Trial, name: str) -> Paper:
    world = new_world(trial, name)
    return Paper(world, world.sites["at"])


@case(
    "LBL-10",
    "A certificate says how a label stood when its head was signed, and never better.",
    clauses="CERT-2 CERT-3 CERT-4 CERT-6 CERT-7 CERT-10 STATUS-1 STATUS-2 STATUS-3 STATUS-4",
)
async def revocation(trial: Trial) -> None:
    """Verify certificates of before and after a revocation, and such as leave it out."""
    paper = _paper(trial, "revoked")
    before = paper.close()
    old = paper.write(before)
    time = paper.log.time - 1000
    gives = {"verdict": "valid", "number": paper.number, "as_of": time}
    await trial.accepts("certificate", gives, what="before it is revoked", **paper.question(old))
    late = paper.question(old, "2027-02-20")
    await trial.accepts("certificate", {"verdict": "expired"}, what="a year later", **late)
    stale_leaf = list(paper.log.statuses or [])
    paper.decide("revoke")
    after = paper.close()
    new = paper.write(after)
    gives = {"verdict": "revoked", "number": paper.number}
    await trial.accepts("certificate", gives, what="after it is revoked", **paper.question(new))
    twin = paper.question(new)
    granted = paper.decisions[:1]
    size = after.position + 1
    hidden: list[Value] = [paper.prove(one, size) for one in granted]
    path: list[Value] = [stale_leaf[paper.index], paper.index, []]
    none: Value = b""
    for delta, code, changes in (
        ("the revocation is left out", "sta.status proof.invalid", {"decisions": hidden}),
        ("with the leaf of before", "proof.invalid", {"decisions": hidden, "status": path}),
        ("with the state of before", "proof.invalid", {"state": paper.prove(before, size)}),
        (
            "with all there was before, under the head of now",
            "proof.invalid",
            {"decisions": hidden, "state": paper.prove(before, size), "status": path},
        ),
        (
            "the decisions swapped",
            "proof.invalid",
            {"decisions": [paper.prove(one, size) for one in reversed(paper.decisions)]},
        ),
        ("the other site's keys", "mem.untrusted sig.unknown-key", {"keys": _foreign(paper)}),
        ("the number of another", "lbl.reference cert.form", {"number": "SOPRO/AT0/001/999999"}),
        ("a status without its state", "cert.form", {"state": none}),
    ):
        bad = {**twin, "file": paper.write(after, **changes)}
        await trial.refuses("certificate", code, delta=delta, twin=twin, **bad)
    await _forged(trial, paper, twin)


def _foreign(paper: Paper) -> Value:
    other = Paper(paper.world, paper.world.sites["hu"])
    return other.prove(other.close()._replace(position=0), other.log.size)


async def _forged(trial: Trial, paper: Paper, twin: dict[str, object]) -> None:
    """Signatures and roots that are not those of the federation."""
    honest, paper.head = paper.head, SigningKey(trial.random.randbytes(32))
    state = paper.close()
    forged = paper.question(paper.write(state))
    paper.head = honest
    await trial.refuses(
        "certificate", "ckp.signature", delta="a head that nobody signed", twin=twin, **forged
    )
    for delta, fields in (
        ("another root key", {"root": SigningKey(trial.random.randbytes(32)).public}),
        ("another coordinator", {"coordinator": "other.example/eu/1"}),
    ):
        code = "mem.untrusted sig.unknown-key hos.replay hos.origin"
        bad = {**twin, **fields}
        await trial.refuses("certificate", code, delta=delta, twin=twin, **bad)
    await trial.refuses(
        "certificate",
        "cert.form enc.framing",
        delta="a byte behind it",
        twin=twin,
        **{**twin, "file": paper.write(paper.close()) + b"\x00"},
    )
    await trial.refuses(
        "certificate",
        "cert.form",
        delta="a map of nothing",
        twin=twin,
        **{**twin, "file": encode({"sopro_certificate": 1})},
    )


async def witnessed(trial: Trial) -> None:
    """Ask with a policy of three witnesses (CERT-8, CERT-14)."""
    paper = _paper(trial, "witnessed")
    names = [f"conformance.example/w{number}/witness" for number in range(3)]
    keys = [SigningKey(trial.random.randbytes(32)) for _ in names]
    lines = [
        f"witness w{number} {write_vkey(name, key.public, COSIGNER)}"
        for number, (name, key) in enumerate(zip(names, keys, strict=True))
    ]
    policy = "\n".join([*lines, "group g 2 w0 w1 w2", "quorum g", ""])
    seconds = paper.log.time // 1000
    for count, verdict in ((3, "valid"), (2, "valid"), (1, "unproven"), (0, "unproven")):
        paper.witnesses = [
            (name, key, seconds + 5) for name, key in zip(names[:count], keys, strict=False)
        ]
        question = paper.question(paper.write(paper.close()), policy=policy)
        gives: dict[str, object] = {"verdict": verdict}
        if verdict == "valid":
            gives["as_of"] = (seconds + 5) * 1000
        await trial.accepts("certificate", gives, what=f"{count} of three witnesses", **question)


@case(
    "ACC-07",
    "A certificate survives the erasure of what it discloses.",
    clauses="CERT-9 DOC-2 DOC-7 DOC-8",
)
async def erased(trial: Trial) -> None:
    """Verify it with its documents, without them, and with others."""
    world = new_world(trial, "erased")
    key, content = trial.random.randbytes(32), encode({"name": {"en": "A chair"}})
    commitment: dict[str, Value] = {
        "commitment": commit(key, content),
        "name": "description",
        "size": len(content),
        "type": "application/vnd.sopro.document+msgpack",
        "visibility": "public",
    }
    log = world.sites["at"]
    thing = world.describe(log, [commitment])
    paper = Paper(world, log, thing.entity)
    state = paper.close()
    size = state.position + 1
    records: list[Value] = [paper.prove(thing, size)]
    rows = [(thing.position, 0, key, content)]
    twin = paper.question(paper.write(state, records=records, documents=documents_of(rows)))
    for what, question in (
        ("with its document", twin),
        ("after it was erased", paper.question(paper.write(state, records=records))),
        ("with no record either", paper.question(paper.write(state))),
    ):
        await trial.accepts("certificate", {"verdict": "valid"}, what=what, **question)
    for delta, code, row in (
        ("another content", "acc.commitment", (thing.position, 0, key, content[:-1] + b"s")),
        ("another key", "acc.commitment", (thing.position, 0, bytes(32), content)),
        ("of an entry that is not there", "cert.form", (thing.position + 1, 0, key, content)),
        ("the second of one", "cert.form", (thing.position, 1, key, content)),
    ):
        file = paper.write(state, records=records, documents=documents_of([row]))
        await trial.refuses("certificate", code, delta=delta, twin=twin, **{**twin, "file": file})
