"""Make the frozen vectors of key records: `python -m tests.registry.make_key_vectors`.

Nothing is random: keys come from names, salts are repeated bytes. Each hostile case differs from
its accepted twin in the one thing that `delta` states.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.encoding import encode
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.merkle import Hash, leaf_hash
from sopro_protocol.record import sign_record

Case = dict[str, Any]
History = list[tuple[int, bytes]]

FILE: Final = Path(__file__).parents[2] / "protocol" / "vectors" / "key-history.json"
ORIGIN: Final = "sopro.example/at/1"
COMMENT: Final = (
    "Key records of a log with their positions, as /keys serves them, and a root key that is"
    " trusted; bytes are lower-case hex. The seed of the key NAME is SHA-256 of 'seed of NAME'."
    " A history is followed (KEY-10) to the keys that stand beside it: role, public key, first"
    " position, position after the last, size at which it was cut off. A succession (MEM-4) leads"
    " from one root key to another. A head is opened with the log keys that may sign its size"
    " (KEY-9). Approvals (MEM-10) are those of `members`, who decide; a mandate names who they are."
    " Each reject differs from the accept of its case as its delta says, and is refused"
    " with its code. Clauses are of SPEC.md."
)
NAMES: Final = ("root", "next root", "third root", "log", "second log", "registrar", "thief")
VOTERS: Final = ("hu", "fr", "si", "it")
KEYS: Final = {
    name: Ed25519Signer(hashlib.sha256(f"seed of {name}".encode()).digest())
    for name in (*NAMES, *(f"{site} root" for site in VOTERS))
}


def public(name: str) -> bytes:
    return KEYS[name].public_key


def commit(name: str) -> bytes:
    return hashlib.sha256(public(name)).digest()


def write(
    roles: Mapping[str, str],
    *,
    root: str = "root",
    next_root: str = "next root",
    by: str = "",
    prev: bytes | None = None,
    log: str = ORIGIN,
    revoked: Mapping[str, int] | None = None,
    renew_by: Mapping[str, str] | None = None,
    approvers: Sequence[str] = (),
) -> bytes:
    """Write a key record; `roles` maps the name of a key to its role."""
    body: Case = {
        "keys": [{"public": public(name), "role": role} for name, role in roles.items()],
        "next_root": commit(next_root),
        "root": public(root),
    }
    if revoked:
        body["revoked"] = [{"key": public(name), "size": size} for name, size in revoked.items()]
    if renew_by:
        body["renew_by"] = [{"by": day, "key": public(name)} for name, day in renew_by.items()]
    if approvers:
        body["approvers"] = list(approvers)
    record: Case = {
        "body": body,
        "entity": b"\x11" * 16,
        "family": "site_keys/1",
        "log": log,
        "salt": b"\x22" * 16,
        "time": 1_700_000_000_000,
        "v": 1,
    }
    if prev is not None:
        record["prev"] = leaf_hash(prev)
    return sign_record(encode(record), [KEYS[by or root]])


OLD: Final = {"log": "log", "registrar": "registrar"}
BOTH: Final = {"log": "log", "second log": "log", "registrar": "registrar"}
NEW: Final = {"second log": "log", "registrar": "registrar"}
FIRST: Final = write(OLD)
BESIDE: Final = write(BOTH, prev=FIRST)
ALONE: Final = write(NEW, prev=BESIDE)
CUT: Final = write(NEW, prev=BESIDE, revoked={"log": 7})
SUCCESSOR: Final = write(NEW, prev=ALONE, root="next root", next_root="third root")

ROTATED: Final[History] = [(0, FIRST), (10, BESIDE), (20, ALONE)]
REVOKED: Final[History] = [(0, FIRST), (10, BESIDE), (20, CUT)]
SUCCEEDED: Final[History] = [*ROTATED, (30, SUCCESSOR)]


def show(history: History) -> list[list[Any]]:
    return [[position, entry.hex()] for position, entry in history]


def spans(*rows: tuple[str, str, int, int | None, int | None]) -> list[Case]:
    return [
        {
            "role": role,
            "public": public(name).hex(),
            "since": since,
            "until": until,
            "cut": cut,
        }
        for role, name, since, until, cut in rows
    ]


def refuse(delta: str, code: str, history: History, root: str = "root") -> Case:
    return {"delta": delta, "code": code, "root": public(root).hex(), "history": show(history)}


def histories() -> list[Case]:
    forged = write(OLD, root="thief")
    both = write(BOTH)
    return [
        {
            "name": "a log key is replaced",
            "clauses": ["KEY-10", "STATE-4"],
            "root": public("root").hex(),
            "history": show(ROTATED),
            "keys": spans(
                ("root", "root", 0, None, None),
                ("log", "log", 1, 21, None),
                ("registrar", "registrar", 1, None, None),
                ("log", "second log", 11, None, None),
            ),
            "reject": [
                refuse("no records", "mem.untrusted", []),
                refuse("entry 0 is missing", "mem.untrusted", ROTATED[1:]),
                refuse("positions fall", "hos.keys", [ROTATED[0], ROTATED[2], ROTATED[1]]),
                refuse("another root is trusted", "mem.untrusted", ROTATED, "next root"),
                refuse(
                    "a record of another log",
                    "mem.untrusted",
                    [ROTATED[0], (10, write(BOTH, log="sopro.example/hu/1"))],
                ),
                refuse(
                    "a record signed by another key than it names",
                    "sig.unknown-key",
                    [ROTATED[0], (10, write(BOTH, by="thief"))],
                ),
                refuse(
                    "the old log key comes back",
                    "mem.key",
                    [*ROTATED, (30, write(BOTH, prev=ALONE))],
                ),
            ],
        },
        {
            "name": "a log key is cut off",
            "clauses": ["KEY-10", "STATE-12"],
            "root": public("root").hex(),
            "history": show(REVOKED),
            "keys": spans(
                ("root", "root", 0, None, None),
                ("log", "log", 1, 21, 7),
                ("registrar", "registrar", 1, None, None),
                ("log", "second log", 11, None, None),
            ),
            "reject": [
                refuse(
                    "what is cut off is no key of the site",
                    "mem.key",
                    [*REVOKED[:2], (20, write(NEW, prev=BESIDE, revoked={"thief": 7}))],
                ),
                refuse(
                    "the root key that signs is cut off",
                    "mem.key",
                    [*REVOKED[:2], (20, write(NEW, prev=BESIDE, revoked={"root": 7}))],
                ),
            ],
        },
        {
            "name": "the successor replaces the root key",
            "clauses": ["KEY-10", "STATE-5"],
            "root": public("next root").hex(),
            "history": show(SUCCEEDED),
            "keys": spans(
                ("root", "root", 0, 31, None),
                ("log", "log", 1, 21, None),
                ("registrar", "registrar", 1, None, None),
                ("log", "second log", 11, None, None),
                ("root", "next root", 31, None, None),
            ),
            "reject": [
                refuse(
                    "by a key that nobody has committed to",
                    "mem.untrusted",
                    [*ROTATED, (30, write(NEW, prev=ALONE, root="third root"))],
                ),
                refuse(
                    "the old root key signs after its successor",
                    "mem.untrusted",
                    [*SUCCEEDED, (40, write(NEW, prev=SUCCESSOR))],
                    "next root",
                ),
                refuse(
                    "another beginning, which commits to the trusted key",
                    "mem.untrusted",
                    [(0, forged), (30, SUCCESSOR)],
                    "next root",
                ),
                refuse(
                    "a record left out between, where only the successor is trusted",
                    "mem.untrusted",
                    [(0, FIRST), (10, both), (30, SUCCESSOR)],
                    "next root",
                ),
            ],
        },
    ]


def recovered() -> Case:
    """A root key that no record has committed to, and that the membership names (MEM-10)."""
    return {
        "name": "a root key that the membership names vouches for what came before",
        "clauses": ["KEY-10", "STATE-5"],
        "root": public("third root").hex(),
        "history": show([*ROTATED, (30, write(NEW, prev=ALONE, root="third root"))]),
        "keys": spans(
            ("root", "root", 0, 31, None),
            ("log", "log", 1, 21, None),
            ("registrar", "registrar", 1, None, None),
            ("log", "second log", 11, None, None),
            ("root", "third root", 31, None, None),
        ),
        "reject": [
            refuse(
                "its record does not name the one before",
                "mem.untrusted",
                [*ROTATED, (30, write(NEW, prev=BESIDE, root="third root"))],
                "third root",
            ),
            refuse(
                "a record before it does not name the one before",
                "mem.untrusted",
                [
                    (0, write(OLD, root="thief")),
                    *ROTATED[1:],
                    (30, write(NEW, prev=ALONE, root="third root")),
                ],
                "third root",
            ),
        ],
    }


def dated() -> Case:
    """A key that was to be replaced counts as before (STATE-14)."""
    said = {"log": "2028-02-29", "root": "0001-01-01", "thief": "2026-12-31"}
    return {
        "name": "days by which keys are to be replaced",
        "clauses": ["KEY-10", "STATE-14"],
        "root": public("root").hex(),
        "history": show([(0, write(OLD, renew_by=said))]),
        "keys": spans(
            ("root", "root", 0, None, None),
            ("log", "log", 1, None, None),
            ("registrar", "registrar", 1, None, None),
        ),
        "reject": [
            refuse(
                "a day that no calendar has",
                "rec.body",
                [(0, write(OLD, renew_by=said | {"log": "2027-02-29"}))],
            ),
            refuse(
                "a day that is not written as one",
                "rec.body",
                [(0, write(OLD, renew_by=said | {"log": "2027-2-9"}))],
            ),
        ],
    }


def head(size: int, *names: str) -> str:
    """Sign a head by keys of a name each, and return the note of the first."""
    note = sign_checkpoint(Checkpoint(ORIGIN, size, Hash(b"\x33" * 32)), KEYS[names[0]])
    return note.decode()


def heads() -> list[Case]:
    def refused(delta: str, note: str) -> Case:
        return {"delta": delta, "code": "ckp.signature", "note": note}

    return [
        {
            "name": "before, while and after a log key is replaced",
            "clauses": ["KEY-9"],
            "history": show(ROTATED),
            "accept": [
                head(1, "log"),
                head(21, "log"),
                head(11, "second log"),
                head(22, "second log"),
            ],
            "reject": [
                refused("the old key, one entry later", head(22, "log")),
                refused("the new key, one entry earlier", head(10, "second log")),
                refused("a registrar key", head(15, "registrar")),
            ],
        },
        {
            "name": "a log key that was cut off",
            "clauses": ["KEY-9", "STATE-12"],
            "history": show(REVOKED),
            "accept": [head(7, "log"), head(21, "second log")],
            "reject": [refused("one entry above the cut", head(8, "log"))],
        },
    ]


def successions() -> list[Case]:
    def case(name: str, entries: list[bytes], root: str) -> Case:
        return {"succession": [one.hex() for one in entries], "root": public(root).hex()}

    def refused(delta: str, entries: list[bytes], root: str = "next root") -> Case:
        return {"delta": delta, "code": "mem.key"} | case(delta, entries, root)

    third = write(NEW, prev=SUCCESSOR, root="third root")
    return [
        {
            "name": "from the root key to its successor",
            "clauses": ["MEM-4"],
            "before": public("root").hex(),
            **case("", [ALONE, SUCCESSOR], "next root"),
            "reject": [
                refused("not signed by the root key named before", [SUCCESSOR, SUCCESSOR]),
                refused("a key that nobody has committed to", [ALONE, third], "third root"),
                refused("leads further than the key it names", [ALONE, SUCCESSOR, third]),
                refused("stays with the old root key", [FIRST, ALONE]),
                refused(
                    "the successor's record signed by the old root key",
                    [ALONE, write(NEW, prev=ALONE, root="next root", by="root")],
                ),
            ],
        },
        {
            "name": "two successions at once",
            "clauses": ["MEM-4"],
            "before": public("root").hex(),
            **case("", [ALONE, SUCCESSOR, third], "third root"),
            "reject": [refused("the record between is missing", [ALONE, third], "third root")],
        },
    ]


def approve(site: str, *, root: str = "third root", by: str = "", **changes: Any) -> bytes:
    """Write a member's approval that `at` gets a new root key."""
    record: Case = {
        "body": {"before": public("root"), "origin": ORIGIN, "root": public(root), **changes},
        "entity": b"\x44" * 16,
        "family": "key_recovery/1",
        "log": f"sopro.example/{site}/1",
        "salt": b"\x55" * 16,
        "time": 1_700_000_000_000,
        "v": 1,
    }
    return sign_record(encode(record), [KEYS[by or f"{site} root"]])


def approvals() -> list[Case]:
    def case(number: int, entries: list[bytes]) -> Case:
        members = [
            {"origin": f"sopro.example/{site}/1", "root": public(f"{site} root").hex()}
            for site in VOTERS[:number]
        ]
        return {"members": members, "approvals": [one.hex() for one in entries]}

    def refused(delta: str, number: int, entries: list[bytes]) -> Case:
        return {"delta": delta, "code": "mem.key", **case(number, entries)}

    hu, fr, si, it = (approve(site) for site in VOTERS)
    return [
        {
            "name": f"{len(enough)} of {number}",
            "clauses": ["MEM-10"],
            "before": public("root").hex(),
            "root": public("third root").hex(),
            **case(number, enough),
            "reject": [
                refused("one too few", number, enough[1:]),
                *([refused("one twice", number, [*enough[1:], enough[-1]])] if number > 1 else []),
                refused(
                    "one approves another key",
                    number,
                    [*enough[1:], approve("hu", root="thief")],
                ),
                refused(
                    "one names another root key before",
                    number,
                    [*enough[1:], approve("hu", before=public("log"))],
                ),
                refused(
                    "one is about another site",
                    number,
                    [*enough[1:], approve("hu", origin="sopro.example/si/1")],
                ),
                refused(
                    "one is not signed by the member's root key",
                    number,
                    [*enough[1:], approve("hu", by="registrar")],
                ),
                refused(
                    "one is of nobody who is a member",
                    number,
                    [*enough[1:], approve("xx", by="thief")],
                ),
                refused("one is no approval", number, [*enough[1:], FIRST]),
                refused("one of them is no entry", number, [*enough, b""]),
                refused("there are no members", 0, []),
            ],
        }
        for number, enough in ((1, [hu]), (2, [hu, fr]), (3, [hu, fr]), (4, [hu, si, it]))
    ]


def mandates() -> list[Case]:
    """Whom a site has named to approve a new root key, under the root key of before."""

    def named(*approvers: str, **changes: Any) -> bytes:
        return write(NEW, prev=ALONE, approvers=approvers, **changes)

    def refused(delta: str, entry: bytes) -> Case:
        return {"delta": delta, "code": "mem.key", "mandate": entry.hex()}

    return [
        {
            "name": "a site names who may approve",
            "clauses": ["MEM-10", "STATE-15"],
            "before": public("root").hex(),
            "approvers": ["fr", "hu"],
            "mandate": named("fr", "hu").hex(),
            "reject": [
                refused("out of order", named("hu", "fr")),
                refused("one twice", named("hu", "hu")),
                refused("the site itself", named("at", "hu")),
                refused("no site code", named("HU")),
                refused("one more than may be named", named(*(f"a{n:02}" for n in range(65)))),
                refused("nobody is named", named()),
                refused("by another root key", named("fr", "hu", root="third root")),
                refused("not signed by the root key it names", named("fr", "hu", by="thief")),
                refused("of another log", named("fr", "hu", log="sopro.example/si/1")),
                refused("no key record", approve("hu")),
                refused("no entry", b""),
            ],
        }
    ]


def render() -> str:
    """Make the file's text."""
    groups = {
        "histories": [*histories(), recovered(), dated()],
        "heads": heads(),
        "successions": successions(),
        "approvals": approvals(),
        "mandates": mandates(),
    }
    clauses = sorted(
        {one for cases in groups.values() for case in cases for one in case["clauses"]}
    )
    value: Case = {
        "comment": COMMENT,
        "clauses": clauses,
        "origin": ORIGIN,
        "keys": {name: public(name).hex() for name in KEYS},
        **groups,
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
