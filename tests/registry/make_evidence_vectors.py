"""Make the frozen vectors of evidence: `python -m tests.registry.make_evidence_vectors`.

Nothing is random: the logs are those of `world`. Of one site's log there are two histories, which
part behind its first entries.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.encoding import decode, encode
from sopro_protocol.evidence import MAX_EVIDENCE, Evidence, Fork, ShownHead, format_evidence
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.merkle import (
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_at,
    subtree_reader,
)
from sopro_protocol.proof import TlogProof, format_proof
from sopro_registry.evidence import OpenedEvidence, open_evidence, open_evidence_by_root
from tests.registry.world import Author, World, bytes16, organisation_body, signer

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors" / "evidence.json"
Case = dict[str, Any]
COMMENT = (
    "file is base64; coordinator_root, root and id are hex. Each case of accept must be accepted, "
    "with the coordinator's origin and root key where it has these and with the site's root key "
    "where it has that, and give `gives`; each of reject must be refused with its code. Clauses "
    "are of SPEC.md."
)


class History:
    """One history of a log: its leaves, whatever another history of it holds."""

    def __init__(self, author: Author, entries: list[bytes], signed_by: Ed25519Signer) -> None:
        self.origin = author.origin
        self.entries = entries
        self._signer = signed_by
        self._read = subtree_reader([leaf_hash(data) for data in entries])

    def root(self, size: int) -> bytes:
        return root_at(self._read, size)

    def note(self, size: int) -> bytes:
        return sign_checkpoint(
            Checkpoint(self.origin, size, root_at(self._read, size)), self._signer
        )

    def shown(self, head: int, *, at: int) -> ShownHead:
        """Show a head by its root at a smaller size."""
        proof = prove_consistency(self._read, old_size=at, new_size=head)
        return ShownHead(self.note(head), self.root(at), tuple(proof))

    def proof(self, index: int, *, size: int) -> bytes:
        hashes = prove_inclusion(self._read, index=index, size=size)
        return format_proof(TlogProof(index, tuple(hashes), self.note(size)))


class Courtroom:
    """Two histories of `at` that part behind entry 5, and of the coordinator behind entry 3."""

    def __init__(self) -> None:
        world = World()
        self.at, self.coordinator = world.at, world.coordinator
        self.one = self.history(self.at, "one", shared=5)
        self.other = self.history(self.at, "other", shared=5)
        self.eu_one = self.history(self.coordinator, "one", shared=5)
        self.eu_other = self.history(self.coordinator, "other", shared=3)
        place = next(
            number
            for number, data in enumerate(self.coordinator.entries)
            if b"at/1" in data and b"site_membership" in data
        )
        self.membership = (
            self.coordinator.entries[place],
            self.eu_one.proof(place, size=5),
        )

    @staticmethod
    def history(
        author: Author, name: str, *, shared: int, signed_by: Ed25519Signer | None = None
    ) -> History:
        more = [
            author.draft(
                "organisation/1", organisation_body(), entity=bytes16(f"{name} {number}"), prev=None
            )
            for number in range(600)
        ]
        entries = [*author.entries[:shared], *more]
        return History(author, entries, signed_by or author.keys["log"])

    def fork(self, first: int, second: int, *, at: int) -> Fork:
        return Fork(
            self.at.origin, at, (self.one.shown(first, at=at), self.other.shown(second, at=at))
        )

    def evidence(self, fork: Fork, **changes: Any) -> Evidence:
        whole = Evidence(
            fork, (self.at.entries[0],), self.membership, (self.coordinator.entries[0],)
        )
        return whole._replace(**changes)

    def file(self, first: int, second: int, *, at: int, **changes: Any) -> bytes:
        """Write evidence on two heads of `at`; what is changed need not be true."""
        fork = self.fork(first, second, at=at)
        heads = fork.heads
        keys = [
            (size, shown.root if size == at else b"")
            for size, shown in zip((first, second), heads, strict=True)
        ]
        ordered = fork if keys[0] <= keys[1] else fork._replace(heads=(heads[1], heads[0]))
        return format_evidence(self.evidence(ordered, **changes))

    def case(self, data: bytes, **more: Any) -> Case:
        return {
            "file": b64encode(data).decode(),
            "coordinator": self.coordinator.origin,
            "coordinator_root": self.coordinator.keys["root"].public_key.hex(),
        } | more

    def rooted(self, data: bytes, **more: Any) -> Case:
        return {
            "file": b64encode(data).decode(),
            "root": self.at.keys["root"].public_key.hex(),
        } | more

    def coordinator_fork(self) -> Evidence:
        fork = Fork(
            self.coordinator.origin,
            4,
            (self.eu_one.shown(5, at=4), self.eu_other.shown(9, at=4)),
        )
        return Evidence(fork, (self.coordinator.entries[0],), None, ())


def open_case(case: Case) -> OpenedEvidence:
    data = b64decode(case["file"])
    if "root" in case:
        return open_evidence_by_root(data, root=bytes.fromhex(case["root"]))
    return open_evidence(
        data,
        coordinator=case["coordinator"],
        coordinator_root=bytes.fromhex(case["coordinator_root"]),
    )


def gives(case: Case) -> Case:
    opened = open_case(case)
    return {
        "id": opened.id.hex(),
        "origin": opened.origin,
        "size": opened.size,
        "sizes": list(opened.sizes),
    }


def accepted(court: Courtroom) -> list[Case]:
    same = court.file(9, 9, at=9)
    larger = court.file(9, 20, at=9)
    cases = [
        court.case(same, clause="EVID-4", why="one size"),
        court.case(larger, clause="EVID-4", why="the smaller head's size"),
        court.case(court.file(20, 9, at=9), clause="EVID-4", why="the larger head held"),
        court.case(court.file(9, 20, at=7), clause="EVID-4", why="a size below both"),
        court.case(court.file(20, 9, at=8), clause="EVID-4", why="a size that is a power of two"),
        court.case(court.file(300, 600, at=256), clause="EVID-4", why="behind a full bundle"),
        court.case(court.file(6, 6, at=6), clause="EVID-4", why="right behind where they part"),
        court.rooted(larger, clause="EVID-5", why="with the site's root key"),
        court.case(
            format_evidence(court.coordinator_fork()),
            clause="EVID-5",
            why="against the coordinator",
        ),
        court.case(changed(same, note="for later versions"), clause="EVID-1", why="unknown field"),
    ]
    for case in cases:
        case["gives"] = gives(case)
    return cases


def changed(data: bytes, **fields: Any) -> bytes:
    """Change fields of a file; None drops one."""
    value = decode(data, limit=2 * MAX_EVIDENCE)
    assert isinstance(value, dict)
    value = {**value, **fields}
    return encode({name: one for name, one in value.items() if one is not None})


def heads_of(data: bytes) -> Any:
    value = decode(data, limit=MAX_EVIDENCE)
    assert isinstance(value, dict)
    return value["heads"]


def refused(court: Courtroom) -> list[Case]:
    data = court.file(9, 20, at=7)
    one, other = heads_of(data)
    mallory = signer("mallory")
    stranger = History(court.at, court.other.entries, mallory)
    hu = World().hu
    eu = court.coordinator

    def with_heads(*heads: Any) -> bytes:
        return changed(data, heads=list(heads))

    def head(shown: ShownHead) -> list[Any]:
        return [shown.note, shown.root, list(shown.proof)]

    def grown(first: int, second: int, at: int) -> bytes:
        shown = court.one.shown(first, at=at), court.one.shown(second, at=at)
        return format_evidence(court.evidence(Fork(court.at.origin, at, shown)))

    forged = court.at.draft(
        "site_keys/1",
        {
            "keys": [{"public": mallory.public_key, "role": "log"}],
            "next_root": bytes(32),
            "root": mallory.public_key,
        },
        entity=bytes16("keys"),
        signers=[mallory],
    )
    proof = court.membership[1]
    table: list[tuple[str, str, str, bytes]] = [
        # Honest sites are not accused.
        ("EVID-4", "evid.none", "an older head", grown(5, 20, 5)),
        ("EVID-4", "evid.none", "the same head twice", grown(20, 20, 20)),
        ("EVID-4", "evid.none", "a lagging mirror's head", grown(1, 300, 1)),
        ("EVID-4", "evid.none", "heads that part only later", court.file(9, 20, at=5)),
        (
            "EVID-4",
            "proof.invalid",
            "the other history's root",
            with_heads([one[0], other[1], one[2]], other),
        ),
        (
            "EVID-4",
            "proof.invalid",
            "an invented root",
            with_heads([one[0], bytes(32), one[2]], other),
        ),
        (
            "EVID-4",
            "proof.invalid",
            "a proof with a hash too few",
            with_heads(one, [other[0], other[1], other[2][:-1]]),
        ),
        (
            "EVID-4",
            "proof.invalid",
            "a proof with a hash too many",
            with_heads(one, [other[0], other[1], [*other[2], bytes(32)]]),
        ),
        ("EVID-4", "proof.invalid", "no proof", with_heads(one, [other[0], other[1], []])),
        ("EVID-4", "proof.invalid", "a size beyond a head", changed(data, size=12)),
        ("EVID-4", "proof.invalid", "another size than the proof's", changed(data, size=8)),
        # Notes.
        (
            "EVID-3",
            "ckp.signature",
            "a head somebody else signed",
            with_heads(one, head(stranger.shown(20, at=7))),
        ),
        (
            "EVID-3",
            "ckp.signature",
            "a garbled signature",
            with_heads(one, [other[0][:-8] + b"AAAAAA=\n", other[1], other[2]]),
        ),
        (
            "EVID-3",
            "ckp.format",
            "a garbled note",
            with_heads(one, [other[0].replace(b"\n", b"\r\n"), other[1], other[2]]),
        ),
        ("EVID-3", "ckp.format", "no note", with_heads(one, [b"no note", other[1], other[2]])),
        (
            "EVID-3",
            "hos.origin",
            "a head of another log",
            with_heads(one, head(court.eu_one.shown(20, at=7))),
        ),
        (
            "EVID-5",
            "mem.untrusted",
            "another log's name",
            changed(
                data, origin=hu.origin, keys=[hu.entries[0]], membership=None, coordinator_keys=None
            ),
        ),
        # Who says so.
        (
            "EVID-5",
            "sig.unknown-key",
            "keys that another root signed",
            changed(data, keys=[forged]),
        ),
        (
            "EVID-5",
            "mem.untrusted",
            "keys of another log",
            changed(
                data,
                keys=[
                    court.at.draft(
                        "site_keys/1",
                        decode_body(hu.entries[0]),
                        entity=bytes16("keys"),
                        role="root",
                        log=hu.origin,
                    )
                ],
            ),
        ),
        (
            "EVID-5",
            "mem.untrusted",
            "no keys record",
            changed(
                data,
                keys=[
                    court.at.draft(
                        "organisation/1", organisation_body(), entity=bytes16("x"), role="root"
                    )
                ],
            ),
        ),
        (
            "EVID-5",
            "mem.untrusted",
            "membership of another site",
            changed(data, membership=[membership_of(eu, "hu"), proof]),
        ),
        (
            "EVID-5",
            "mem.untrusted",
            "no membership record",
            changed(data, membership=[eu.entries[1], court.eu_one.proof(1, size=5)]),
        ),
        (
            "EVID-5",
            "mem.untrusted",
            "no membership against a site",
            changed(data, membership=None, coordinator_keys=None),
        ),
        (
            "EVID-5",
            "proof.invalid",
            "a membership that was never logged",
            changed(
                data,
                membership=[
                    eu.draft(
                        "site_membership/1",
                        decode_body(court.membership[0]),
                        entity=bytes16("other"),
                    ),
                    proof,
                ],
            ),
        ),
        (
            "EVID-5",
            "sig.unknown-key",
            "a membership the site signed",
            changed(
                data,
                membership=[
                    eu.draft(
                        "site_membership/1",
                        decode_body(court.membership[0]),
                        entity=bytes16("other"),
                        signers=[court.at.keys["registrar"]],
                    ),
                    proof,
                ],
            ),
        ),
        (
            "EVID-5",
            "sig.unknown-key",
            "coordinator keys of a stranger",
            changed(data, coordinator_keys=[forged]),
        ),
        # Form.
        ("EVID-1", "evid.form", "the larger head first", with_heads(other, one)),
        ("EVID-1", "evid.form", "three heads", with_heads(one, other, other)),
        ("EVID-1", "evid.form", "one head", with_heads(one)),
        ("EVID-1", "evid.form", "size 0", changed(data, size=0)),
        ("EVID-1", "evid.form", "a size that is true", changed(data, size=True)),
        ("EVID-1", "evid.form", "size above 2^48", changed(data, size=2**48 + 1)),
        (
            "EVID-1",
            "evid.form",
            "64 hashes",
            with_heads(one, [other[0], other[1], [bytes(32)] * 64]),
        ),
        (
            "EVID-1",
            "evid.form",
            "a hash of 31 bytes",
            with_heads(one, [other[0], other[1], [bytes(31)]]),
        ),
        ("EVID-1", "evid.form", "a root of 31 bytes", with_heads(one, [other[0], bytes(31), []])),
        ("EVID-1", "evid.form", "no keys", changed(data, keys=[])),
        ("EVID-1", "evid.form", "65 keys", changed(data, keys=[b""] * 65)),
        (
            "EVID-1",
            "evid.form",
            "membership without the coordinator's keys",
            changed(data, coordinator_keys=None),
        ),
        ("EVID-1", "evid.form", "another version", changed(data, sopro_evidence=2)),
        ("EVID-1", "evid.form", "not a map", encode([1])),
        ("ENC-9", "enc.framing", "bytes behind the end", data + b"\0"),
        ("CKP-2", "ckp.format", "an origin with white space", changed(data, origin="a b")),
    ]
    cases = [
        court.case(bytes_, clause=clause, code=code, why=why) for clause, code, why, bytes_ in table
    ]
    cases.append(
        court.rooted(
            data,
            clause="EVID-5",
            code="sig.unknown-key",
            why="with another site's root key",
            root=hu.keys["root"].public_key.hex(),
        )
    )
    return cases


def decode_body(entry: bytes) -> Any:
    [record, _] = decode(entry, limit=MAX_EVIDENCE)  # type: ignore[misc]  # an entry is a pair
    value = decode(record)  # type: ignore[arg-type]  # of a record and signatures
    return value["body"]  # type: ignore[index, call-overload]  # a record is a map


def membership_of(eu: Author, site: str) -> bytes:
    return next(data for data in eu.entries if f"{site}/1".encode() in data)


def render() -> str:
    court = Courtroom()
    vectors = {"comment": COMMENT, "accept": accepted(court), "reject": refused(court)}
    return json.dumps(vectors, indent=1, ensure_ascii=False) + "\n"


MAKERS: dict[str, Callable[[], str]] = {"evidence": render}

if __name__ == "__main__":
    VECTORS.write_text(render(), encoding="utf-8")
