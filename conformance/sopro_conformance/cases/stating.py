"""LOG-12: the states that a node appends say the root of its status tree."""

import hashlib
from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.published import append, read_past
from sopro_conformance.trial import Trial


@case(
    "LOG-12",
    "Every state that a node appends says the root of its status tree.",
    clauses="STATE-6 STATE-10 STATE-11",
    profiles="publisher",
    verbs="start append",
)
async def stated(trial: Trial) -> None:
    """Have a batch appended, and look at every state in the log."""
    client = await trial.member()
    [*_, last] = await append(trial, 2)
    await read_past(trial, client, last)
    states = [
        (position, one["body"])
        for position, one in enumerate(client.records())
        if one.get("family") == "log_state/1"
    ]
    trial.check(
        "a state behind the batch",
        holds=any(position > last for position, _ in states),
        expected=f"behind position {last}",
        actual=str([position for position, _ in states][-3:]),
    )
    wrong = [position for position, body in states if not _says_root(body)]
    trial.check(
        f"all {len(states)} states",
        holds=bool(states) and not wrong,
        expected="'status_root', which of no label is the root of no leaves",
        actual=f"not at {wrong[:10]}" if wrong else "as expected",
    )


def _says_root(body: dict[str, Any]) -> bool:
    root = body.get("status_root")
    if body.get("certificates") == 0:
        return root == hashlib.sha256().digest()
    return isinstance(root, bytes) and len(root) == 32
