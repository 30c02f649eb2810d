"""Make the frozen vectors of status tree and certificates: run this file with `python -m`.

Nothing is random: logs are those of `tests.registry.world`, whose keys and salts follow from names.
`OPERATIONS` says what each `call` of a vector means; the tests run the frozen files through it.
"""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sopro_protocol.encoding import encode
from sopro_protocol.errors import SoproError, VerificationError
from sopro_protocol.merkle import prove_inclusion, root_of, subtree_reader
from sopro_protocol.proof import parse_proof
from sopro_protocol.status import StatusTree, check_status, status_leaf_hash
from sopro_registry.certificate_file import Certificate, StatusPath, format_certificate
from sopro_registry.fields import day_of, earliest_day, format_day
from sopro_registry.label import Decision, Label, Status
from sopro_registry.status import format_leaf, parse_leaf, standing_on
from sopro_registry.verdict import judge_certificate
from tests.registry.certifying import TODAY, certify, end_batch, indexes_of, prove
from tests.registry.world import NOW, World, bytes16, dates_of, membership_body

Case = dict[str, Any]
Refusal = tuple[str, str, Case]

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"
COMMENT = (
    "Hashes and keys are hex, names and days are text, everything else that is bytes is base64."
    " Each case of accept must be accepted and give `gives`; each of reject must be refused; its"
    " code is the reason. Clauses are of SPEC.md."
)
NUMBER = "SOPRO/AT1/001/00001"
ENTRY = b"\x11" * 32
LATER = NOW + 3_600_000
LEAVES = [f"leaf {number}".encode() for number in range(9)]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    return base64.b64decode(text)


# What each call means


def call_root(case: Case) -> str:
    tree = StatusTree()
    for index, leaf in case["puts"]:
        tree.put(index, status_leaf_hash(unb64(leaf)))
    return tree.root().hex()


def call_check_status(case: Case) -> None:
    check_status(
        unb64(case["leaf"]),
        index=case["index"],
        size=case["size"],
        proof=[bytes.fromhex(one) for one in case["proof"]],
        root=bytes.fromhex(case["root"]),
    )


def call_leaf_of(case: Case) -> str:
    decisions = [
        Decision(
            index,
            0,
            day_of(one["since"], field="since") if one["since"] else 0,
            Status[one["state"].upper()],
            day_of(one["valid_until"], field="valid_until") if one["valid_until"] else 0,
            0,
        )
        for index, one in enumerate(case["decisions"])
    ]
    recorded = earliest_day(case["time"])
    return b64(format_leaf(Label(ENTRY, NUMBER, b"", "sopro", 0, decisions, recorded)))


def call_status_on(case: Case) -> str | None:
    found = standing_on(parse_leaf(unb64(case["leaf"])), day_of(case["day"], field="day"))
    return found[0].word if found else None


def call_judge(case: Case) -> Case:
    judged = judge_certificate(
        unb64(case["file"]),
        coordinator=case["coordinator"],
        coordinator_root=bytes.fromhex(case["root"]),
        day=day_of(case["day"], field="day"),
        now=NOW,
    )
    if judged.opened is None:
        raise VerificationError(judged.why, code=judged.code)
    return {"verdict": judged.verdict.value, "as_of": judged.as_of, "size": judged.opened.size}


OPERATIONS: dict[str, Callable[[Case], Any]] = {
    "status_leaf_hash": lambda case: status_leaf_hash(unb64(case["leaf"])).hex(),
    "status_root": call_root,
    "check_status": call_check_status,
    "parse_leaf": lambda case: parse_leaf(unb64(case["leaf"])).state,
    "leaf_of": call_leaf_of,
    "status_on": call_status_on,
    "judge_certificate": call_judge,
}


def group(
    name: str, clause: str, call: str, accept: Sequence[Case], reject: Sequence[Refusal] = ()
) -> Case:
    """Complete a group with what each case gives; a refusal is (why, code, case)."""
    for why, code, case in reject:
        try:
            OPERATIONS[call](case)
        except SoproError as error:
            assert error.code == code, f"{why}: {error.code}, expected {code}"
            continue
        raise AssertionError(f"{why}: was accepted")
    return {
        "name": name,
        "clause": clause,
        "call": call,
        "accept": [{**case, "gives": OPERATIONS[call](case)} for case in accept],
        "reject": [{"why": why, "code": code, **case} for why, code, case in reject],
    }


# The status tree


def path_case(index: int, size: int) -> Case:
    hashes = [status_leaf_hash(leaf) for leaf in LEAVES[:size]]
    return {
        "leaf": b64(LEAVES[index]),
        "index": index,
        "size": size,
        "proof": [
            one.hex() for one in prove_inclusion(subtree_reader(hashes), index=index, size=size)
        ],
        "root": root_of(hashes).hex(),
    }


def decision(since: str, state: str, valid_until: str = "") -> Case:
    return {"since": since, "state": state, "valid_until": valid_until}


def leaf(**changes: Any) -> Case:
    value = {
        "certificate": NUMBER,
        "decision": ENTRY,
        "pending": [{"since": "2028-03-01", "state": "revoked"}],
        "since": "2026-01-10",
        "state": "active",
        "valid_until": "2028-01-10",
    } | changes
    fields = {name: value[name] for name in sorted(value) if value[name] is not None}
    return {"leaf": b64(encode(fields))}


def tree_groups() -> list[Case]:
    puts = [[index, b64(one)] for index, one in enumerate(LEAVES)]
    good = path_case(5, 7)
    return [
        group(
            "leaf hash",
            "STATUS-1",
            "status_leaf_hash",
            [{"leaf": ""}, *[{"leaf": b64(one)} for one in LEAVES[:2]]],
        ),
        group(
            "root",
            "STATUS-3",
            "status_root",
            [{"puts": puts[:size]} for size in range(10)]
            + [
                {"puts": [*puts, [0, b64(b"other")]]},
                {"puts": [*puts[:4], [2, b64(b"other")], *puts[4:]]},
            ],
            [
                ("a gap", "proof.format", {"puts": [puts[0], puts[2]]}),
                ("below zero", "proof.format", {"puts": [[-1, ""]]}),
            ],
        ),
        group(
            "path",
            "STATUS-2",
            "check_status",
            [path_case(index, size) for size in (1, 2, 5, 9) for index in {0, size // 2, size - 1}],
            [
                ("other leaf", "proof.invalid", {**good, "leaf": b64(b"leaf 6")}),
                ("other index", "proof.invalid", {**good, "index": 4}),
                ("index at the size", "proof.invalid", {**good, "index": 7}),
                ("other size", "proof.invalid", {**good, "size": 5}),
                ("missing hash", "proof.invalid", {**good, "proof": good["proof"][:-1]}),
                ("extra hash", "proof.invalid", {**good, "proof": good["proof"] * 2}),
                ("other root", "proof.invalid", {**good, "root": path_case(5, 8)["root"]}),
                (
                    "leaf with the context of itself",
                    "proof.invalid",
                    {**good, "leaf": b64(b"sopro-status/1\nleaf 5")},
                ),
            ],
        ),
    ]


def leaf_groups() -> list[Case]:
    noon = {"time": NOW}
    life = [decision("2027-06-01", "active", "2028-05-31"), decision("2028-03-01", "suspended")]
    later = [decision(format_day(TODAY + number), "active") for number in range(1, 19)]
    return [
        group(
            "leaf form",
            "STATUS-4",
            "parse_leaf",
            [leaf(), leaf(pending=None), leaf(since=None), leaf(state="none", since=None)],
            [
                ("number of four digits", "sta.leaf", leaf(certificate="SOPRO/AT1/001/0001")),
                ("decision of 31 bytes", "sta.leaf", leaf(decision=ENTRY[1:])),
                ("no decision", "sta.leaf", leaf(decision=None)),
                ("expired is computed", "sta.leaf", leaf(state="expired")),
                ("a day that is none", "sta.leaf", leaf(valid_until="2027-02-30")),
                ("no pending", "sta.leaf", leaf(pending=[])),
                (
                    "pending that does not rise",
                    "sta.leaf",
                    leaf(pending=[{"since": "2026-01-10", "state": "revoked"}]),
                ),
                ("another field", "sta.leaf", leaf(verdict="good")),
                ("bytes after it", "enc.framing", {"leaf": b64(unb64(leaf()["leaf"]) + b"\x00")}),
                ("too long", "enc.limit", {"leaf": b64(b"\x80" + bytes(4096))}),
            ],
        ),
        group(
            "leaf of a label",
            "STATUS-5",
            "leaf_of",
            [
                {**noon, "decisions": life},
                {**noon, "decisions": life[:1]},
                {**noon, "decisions": [*life, decision("2028-02-01", "revoked")]},
                {**noon, "decisions": life[1:]},
                {**noon, "decisions": [decision("", "active"), decision("2020-01-01", "revoked")]},
                {**noon, "decisions": [decision("2028-01-01", "active")]},
                {"time": NOW - 1, "decisions": [decision("2028-01-01", "active")]},
                {**noon, "decisions": [decision("2027-06-01", "active"), *later]},
            ],
        ),
        group(
            "status on a day",
            "STATUS-7",
            "status_on",
            [
                {**leaf(), "day": day}
                for day in (
                    "2026-01-09",
                    "2026-01-10",
                    "2028-01-10",
                    "2028-01-11",
                    "2028-02-29",
                    "2028-03-01",
                )
            ]
            + [
                {**leaf(since=None), "day": "0001-01-01"},
                {**leaf(answers_until="2028-04-01"), "day": "2028-04-01"},
                {**leaf(answers_until="2028-04-01"), "day": "2028-04-02"},
            ],
        ),
    ]


# Certificates


def granted() -> World:
    world = World()
    world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    end_batch(world)
    return world


def revoked() -> World:
    world = granted()
    world.at.decide("revoke", **dates_of("revoke", "2027-12-01"))
    end_batch(world)
    return world


def file(world: World, certificate: Certificate, *, day: str = "2028-01-01") -> Case:
    coordinator = world.coordinator
    return {
        "file": b64(format_certificate(certificate)),
        "coordinator": coordinator.origin,
        "root": coordinator.keys["root"].public_key.hex(),
        "day": day,
    }


def certificate_groups() -> list[Case]:
    before, after = granted(), revoked()
    good, ended = certify(before), certify(after)
    old_state = prove(after.at, len(before.at.entries) - 1)
    assert good.status is not None
    wrong_leaf = good.status.leaf.replace(b"2028-05-31", b"2029-05-31")
    without = ended._replace(state=None, status=None)
    tampered = StatusPath(wrong_leaf, good.status.index, good.status.hashes)
    return [
        group(
            "certificate",
            "CERT-10",
            "judge_certificate",
            [
                file(before, good),
                file(before, good, day="2027-05-31"),
                file(before, good, day="2028-06-01"),
                file(before, good._replace(state=None, status=None)),
                file(before, good._replace(status=None)),
                file(after, ended),
                file(after, without),
                file(after, without._replace(decisions=ended.decisions[:1])),
            ],
            [
                (
                    "last decision left out",
                    "sta.status",
                    file(after, ended._replace(decisions=ended.decisions[:1])),
                ),
                (
                    "old log_state under a newer head",
                    "proof.invalid",
                    file(
                        after,
                        ended._replace(
                            decisions=ended.decisions[:1], state=old_state, status=good.status
                        ),
                    ),
                ),
                (
                    "old log_state under its own head",
                    "proof.invalid",
                    file(after, ended._replace(state=good.state, status=good.status)),
                ),
                ("other leaf", "proof.invalid", file(before, good._replace(status=tampered))),
                (
                    "records in the wrong order",
                    "lbl.reference",
                    file(before, good._replace(records=good.records[::-1])),
                ),
                (
                    "another coordinator",
                    "sig.unknown-key",
                    {**file(before, good), "root": bytes16("x").hex() * 2},
                ),
            ],
        )
    ]


def gone_groups() -> list[Case]:
    """Files of a site that has gone: what it claims itself does not count any more."""
    world = granted()
    good, size = certify(world), len(world.at.entries)
    origin = world.at.origin

    def recorded(status: str, end: int | None) -> Case:
        ended = granted()
        body = membership_body(ended.at) | {"status": status}
        if end is not None:
            body["ends"] = {"origin": origin, "size": end}
        entity = bytes16("membership of at")
        written = ended.coordinator.write("site_membership/1", body, entity=entity, time=LATER)
        assert written.code is None
        last = indexes_of(ended.coordinator, "site_membership/1", entity="membership of at")[-1]
        return file(world, good._replace(membership=prove(ended.coordinator, last)))

    [granting] = [parse_proof(one.proof).index for one in good.decisions]
    return [
        group(
            "certificate of a site that has gone",
            "CERT-15",
            "judge_certificate",
            [
                recorded("left", size),
                recorded("expelled", size - 1),
                recorded("suspended", size),
                recorded("left", size + 1),
                recorded("expelled", None),
            ],
            [
                ("decided at the end", "mem.inactive", recorded("left", granting)),
            ],
        )
    ]


def void_groups() -> list[Case]:
    """Files with a decision that counts for nothing, by what the file itself shows."""
    late = {"effective_date": "2027-12-01", "decided_on": "2027-12-01"}

    def with_void(action: str, **changes: Any) -> Case:
        world = granted()
        if changes.get("basis") == "imported":
            assert world.at.decide("revoke", **dates_of("revoke", "2027-11-01")).code is None
            end_batch(world)
        assert world.at.decide(action, **late | changes).code is not None
        end_batch(world)
        return file(world, certify(world))

    gap = {"valid_from": "2028-06-02", "valid_until": "2028-12-31"}
    return [
        group(
            "certificate with a decision that does not count",
            "CERT-4",
            "judge_certificate",
            [file(revoked(), certify(revoked()))],
            [
                ("renewal that leaves a gap", "lbl.dates", with_void("renew", **gap)),
                (
                    "revocation that nobody can appeal against",
                    "lbl.dates",
                    with_void("revoke", appeal_until="2027-11-30"),
                ),
                (
                    "an existing register behind the site's own decision",
                    "lbl.imported",
                    with_void("reinstate", basis="imported"),
                ),
            ],
        )
    ]


MAKERS: dict[str, Callable[[], list[Case]]] = {
    "status": lambda: [*tree_groups(), *leaf_groups()],
    "certificate": lambda: [*certificate_groups(), *gone_groups(), *void_groups()],
}


def render(name: str) -> str:
    """Make one file's text."""
    value = {"comment": COMMENT, "groups": MAKERS[name]()}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for file_name in MAKERS:
        (FOLDER / f"{file_name}.json").write_text(render(file_name), encoding="utf-8")
