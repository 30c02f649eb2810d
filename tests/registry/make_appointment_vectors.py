"""Make the frozen vectors of successions: `python -m tests.registry.make_appointment_vectors`.

Nothing is random. Each hostile case differs from the accepted one in the one thing that `delta`
states.
"""

import json
from pathlib import Path
from typing import Any, Final

from sopro_registry.appointment import Voter, digest_voters, list_voters
from sopro_registry.family import KeySpan
from tests.registry.appointing import HEIR, Orphaned
from tests.registry.world import bytes16, signer

Case = dict[str, Any]

FILE: Final = Path(__file__).parents[2] / "protocol" / "vectors" / "appointment.json"
COMMENT: Final = (
    "Key records of a coordinator's log that a successor has taken over, with their positions, as"
    " /keys serves them, and the root key of the invite of before; bytes are lower-case hex. The"
    " history is followed (KEY-10, SUCC-4) to the keys that stand beside it: role, public key,"
    " first position, position after the last. Each reject differs from it as its delta says, and"
    " is refused with its code. `votes` has the same again with SUCC-10. A digest is that of the"
    " members before it (SUCC-1). Clauses are of SPEC.md."
)


def show(span: KeySpan) -> Case:
    return {
        "role": span.role,
        "public": span.public.hex(),
        "since": span.since,
        "until": span.until,
    }


def history(gone: Orphaned, appointed: Case | None, **changes: Any) -> list[list[Any]]:
    """Return entry 0 and the record with which the heir takes over."""
    position = changes.pop("position", gone.size)
    data = gone.eu.draft(
        "site_keys/1",
        gone.body(appointed, **changes),
        entity=bytes16("keys"),
        signers=[HEIR["root"]],
    )
    return [[0, gone.eu.entries[0].hex()], [position, data.hex()]]


def few(gone: Orphaned, *sites: str) -> list[Case]:
    return [
        {"origin": one.origin, "root": one.root}
        for one in gone.voters
        if one.origin.split("/")[1] in sites
    ]


def rejects(gone: Orphaned) -> list[Case]:
    proof = gone.proof
    other = gone.approval("hu", successor=signer("another heir").public_key)
    elsewhere = gone.approval("hu", urls=["https://elsewhere.example"])
    smaller = gone.approval("hu", size=gone.size - 1)
    by_registrar = gone.approval("hu", role="registrar")
    old = [{"public": signer("eu log").public_key, "role": "log"}]
    two = ["at", "fr"]
    cases = {
        "one too few": (proof(two), {}),
        "one twice": (proof([*two, "fr"]), {}),
        "one appoints another": (proof(two, approvals=[other]), {}),
        "one names another address": (proof(two, approvals=[elsewhere]), {}),
        "one names another head": (proof(two, approvals=[smaller]), {}),
        "one is not signed by the root key": (proof(two, approvals=[by_registrar]), {}),
        "one is no anchor": (proof(two, approvals=[gone.eu.entries[0]]), {}),
        "members are left out": (proof(two, members=few(gone, *two)), {}),
        "the head is signed by nobody who may": (proof(head=gone.head(key="at log")), {}),
        "the state is not the last record": (proof(state=gone.eu.entries[0]), {}),
        "the state is not below the head": (proof(path=[]), {}),
        "at another position": (proof(), {"position": gone.size + 1}),
        "a key of before is named": (proof(), {"keys": old}),
    }
    refused = [
        {"delta": delta, "code": "mem.key", "history": history(gone, appointed, **changes)}
        for delta, (appointed, changes) in cases.items()
    ]
    return [
        *refused,
        {"delta": "nobody is appointed", "code": "mem.untrusted", "history": history(gone, None)},
    ]


def voting(gone: Orphaned) -> Case:
    """Return a record in which all but one of those who agree are votes, and hostile ones."""
    hu = gone.vote("hu")
    cases = {
        "one too few": [hu],
        "one votes twice": [hu, hu],
        "one has a whole anchor, too": [hu, gone.vote("at")],
        "one is of nobody": [hu, gone.vote("fr", member=5)],
        "one is counted for another": [hu, gone.vote("fr", member=4)],
        "one has another salt": [hu, gone.vote("fr", salt=bytes16("x"))],
        "one has another time": [hu, gone.vote("fr", time=0)],
        "one is on another entity": [hu, gone.vote("fr", entity=bytes16("x"))],
        "one is not signed": [hu, gone.vote("fr", signature=bytes(64))],
    }
    good = gone.proof(["at"], votes=[hu, gone.vote("fr")])
    return {
        "history": history(gone, good),
        "reject": [
            {
                "delta": delta,
                "code": "mem.key",
                "history": history(gone, gone.proof(["at"], votes=votes)),
            }
            for delta, votes in cases.items()
        ],
    }


def digests(gone: Orphaned) -> list[Case]:
    def case(voters: list[Voter]) -> Case:
        members = [{"origin": one.origin, "root": one.root.hex()} for one in voters]
        return {"members": members, "digest": digest_voters(voters).hex()}

    voters = list_voters(gone.world.node.directory.members())
    return [case(voters[:count]) for count in (0, 1, len(voters))]


def render() -> str:
    """Make the file's text."""
    gone = Orphaned()
    taken = Orphaned()
    assert taken.take_over().code is None
    value: Case = {
        "comment": COMMENT,
        "clauses": ["KEY-10", "STATE-4", "SUCC-1", "SUCC-3", "SUCC-4", "SUCC-5"],
        "origin": gone.eu.origin,
        "root": signer("eu root").public_key.hex(),
        "history": history(gone, gone.proof()),
        "keys": [show(span) for span in taken.eu.cursor.keys],
        "reject": rejects(gone),
        "digests": digests(gone),
        "votes": voting(gone),
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
