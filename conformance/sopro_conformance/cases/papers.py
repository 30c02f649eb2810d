"""LOG-20 and LOG-22: certificates across rotations, and of a site that has gone."""

from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.judged import new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import COSIGNER, write_vkey
from sopro_conformance.world.certificate import Paper
from sopro_conformance.world.sitelog import SiteLog, Written


def paper_in(trial: Trial, name: str, site: str = "at") -> Paper:
    """Return a label of a site in a new world."""
    world = new_world(trial, name)
    return Paper(world, world.sites[site])


def _rotate(paper: Paper, log: SiteLog, *roles: str) -> dict[str, SigningKey]:
    """Put new keys in the place of those of some roles; return the old ones."""
    before = dict(log.keys)
    for role in roles:
        log.keys[role] = SigningKey(paper.world.source.randbytes(32))
    log.name_keys()
    return before


@case(
    "LOG-20",
    "A certificate is verified by the keys it holds, and all it holds besides is verified, too.",
    clauses="CERT-5 CERT-12",
)
async def rotated(trial: Trial) -> None:
    """Verify labels of before and after rotations, with what is not as it has to be."""
    paper = paper_in(trial, "rotated")
    old = _rotate(paper, paper.log, "decision", "log", "registrar")
    state = paper.close()
    twin = paper.question(paper.write(state))
    gives = {"verdict": "valid", "number": paper.number}
    await trial.accepts("certificate", gives, what="of before a rotation", **twin)
    foreign = Paper(paper.world, paper.world.sites["hu"])
    _rotate(foreign, foreign.log, "decision")
    alien = foreign.write(foreign.close())
    await trial.accepts(
        "certificate", {"verdict": "valid"}, what="another site's", **foreign.question(alien)
    )
    [at] = foreign.log.key_positions[1:]
    theirs = foreign.prove(Written(at, b"", b"", b""), foreign.log.size)
    for delta, code, changes in (
        ("without the later key record", "ckp.signature", {"key_history": b""}),
        ("with another site's key record", "mem.untrusted", {"key_history": [theirs]}),
        (
            "with its first key record twice",
            "proof.invalid mem.untrusted",
            {"key_history": [paper.prove(Written(0, b"", b"", b""), state.position + 1)] * 2},
        ),
    ):
        bad = {**twin, "file": paper.write(state, **changes)}
        await trial.refuses("certificate", code, delta=delta, twin=twin, **bad)
    paper.head = old["log"]
    bad = {**twin, "file": paper.write(state)}
    paper.head = None
    delta = "a head signed by the key that was left out"
    await trial.refuses("certificate", "ckp.signature", delta=delta, twin=twin, **bad)
    await _form(trial, paper, state, twin)
    await _by_an_old_key(trial)
    await _coordinator_rotated(trial)


async def _form(trial: Trial, paper: Paper, state: Written, twin: dict[str, Any]) -> None:
    """CERT-5: what stands in a file besides has its form, too."""
    size = state.position + 1
    keys = paper.prove(Written(0, b"", b"", b""), size)
    path: list[Value] = [b"", paper.index, [bytes(32)] * 64]
    row: list[Value] = [0, 0, bytes(32), b""]
    more = {"file": paper.write(state, note_of_the_office="unknown")}
    what = "with a key that nobody knows"
    await trial.accepts("certificate", {"verdict": "valid"}, what=what, **{**twin, **more})
    for delta, changes in (
        ("257 later key records of the coordinator", {"coordinator_key_history": [keys] * 257}),
        ("257 later key records", {"key_history": [keys] * 257}),
        ("65 documents", {"documents": [row] * 65}),
        ("a document of three parts", {"documents": [row[:3]]}),
        ("17 records", {"records": [keys] * 17}),
        ("a state of three parts", {"state": [*keys, b""]}),
        ("a status with a path of 64 hashes", {"status": path}),
        ("a status of two parts", {"status": path[:2]}),
        ("a file before that is text", {"before": "before"}),
    ):
        bad = {**twin, "file": paper.write(state, **changes)}
        await trial.refuses("certificate", "cert.form", delta=delta, twin=twin, **bad)


async def _by_an_old_key(trial: Trial) -> None:
    """CERT-12: decisions are by keys that count at their positions."""
    questions = []
    for is_bad in (False, True):
        paper = paper_in(trial, "an old key")
        old = _rotate(paper, paper.log, "decision")
        signer = old["decision"] if is_bad else paper.log.keys["decision"]
        paper.decide("suspend", signers=[signer])
        state = paper.close()
        questions.append(paper.question(paper.write(state)))
    twin, bad = questions
    await trial.accepts("certificate", {"verdict": "suspended"}, what="suspended later", **twin)
    delta = "suspended by the key that was left out"
    await trial.refuses("certificate", "sig.key-retired", delta=delta, twin=twin, **bad)
    bad = {**twin, "file": paper.write(state, key_history=b"")}
    delta = "without the key record that leaves a key out"
    await trial.refuses("certificate", "sta.keys sig.unknown-key", delta=delta, twin=twin, **bad)


async def _coordinator_rotated(trial: Trial) -> None:
    """Verify from the root key of an invite of before the coordinator's own rotation."""
    questions = []
    for is_bad in (False, True):
        paper = paper_in(trial, "the coordinator's root key")
        log = paper.world.coordinator
        fresh = SigningKey(paper.world.source.randbytes(32))
        log.keys["root"] = fresh if is_bad else log.next_root
        _rotate(paper, log, "registrar", "log")
        questions.append(paper.question(paper.write(paper.close())))
    twin, bad = questions
    what = "from the coordinator's root key of before"
    await trial.accepts("certificate", {"verdict": "valid"}, what=what, **twin)
    delta = "from a root key whose successor is another"
    await trial.refuses("certificate", "mem.untrusted", delta=delta, twin=twin, **bad)


# Of a site that has gone.


def _policy(trial: Trial, paper: Paper) -> str:
    """Have three witnesses cosign the heads; return their policy (CERT-14)."""
    names = [f"conformance.example/w{number}/witness" for number in range(3)]
    keys = [SigningKey(trial.random.randbytes(32)) for _ in names]
    seconds = paper.log.time // 1000 + 7
    paper.witnesses = [(name, key, seconds) for name, key in zip(names, keys, strict=True)]
    lines = [
        f"witness w{number} {write_vkey(name, key.public, COSIGNER)}"
        for number, (name, key) in enumerate(zip(names, keys, strict=True))
    ]
    return "\n".join([*lines, "group g 2 w0 w1 w2", "quorum g", ""])


@case(
    "LOG-22",
    "Of a site that has gone its own word for a time counts for nothing.",
    clauses="CERT-15",
)
async def gone(trial: Trial) -> None:
    """Let sites leave, with and without an end, and ask about labels with and without witnesses."""
    for status in ("suspended", "left", "expelled"):
        for what, beyond, is_witnessed, verdict in (
            ("up to its end", 0, False, "valid"),
            ("not up to its end", 1, False, "unproven"),
            ("not up to its end, but seen by witnesses", 1, True, "valid"),
            ("no end is named", None, False, "unproven"),
            ("no end is named, but seen by witnesses", None, True, "unproven"),
        ):
            paper = paper_in(trial, f"{status} {what}")
            ending = paper.close()
            coordinator = paper.world.coordinator
            changes: dict[str, Value] = {"status": status}
            if beyond is not None:
                size = paper.log.size + beyond
                changes["ends"] = {"origin": paper.log.origin, "size": size}
            recorded = coordinator.time
            paper.world.change_membership("at", **changes)
            coordinator.state()
            more = {"policy": _policy(trial, paper)} if is_witnessed else {}
            gives: dict[str, Any] = {"verdict": verdict}
            if verdict == "valid":
                gives["as_of"] = paper.witnesses[0][2] * 1000 if is_witnessed else recorded
            question = paper.question(paper.write(ending), **more)
            await trial.accepts("certificate", gives, what=f"{status}: {what}", **question)
    paper = paper_in(trial, "revoked before")
    paper.decide("revoke")
    ending = paper.close()
    paper.world.change_membership("at", status="left")
    gives = {"verdict": "revoked"}
    question = paper.question(paper.write(ending))
    await trial.accepts("certificate", gives, what="revoked before it left", **question)
