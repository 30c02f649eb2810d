"""LBL-11, labels as everybody sees them; NEG-01 and NEG-02."""

from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.published import read_past
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import words
from sopro_conformance.world.federation import SCHEME
from sopro_conformance.world.scene import CANDIDATE, organisation


@case(
    "LBL-11",
    "Everybody can look at a label by its number.",
    clauses="CERT-11 ERR-1",
    profiles="publisher",
    verbs="start append",
)
async def looked_up(trial: Trial) -> None:
    """Have a label granted, look at its page, and guess others."""
    client = await trial.member()
    scene = trial.scene
    holder = await _append(trial, "organisation/1", organisation(CANDIDATE))
    offering = await _append(
        trial,
        "offering/1",
        {
            "effective_date": "2026-02-01",
            "kind": "product",
            "organisation": holder,
            "status": "published",
        },
    )
    number = f"SOPRO/{CANDIDATE.upper()}0/001/{trial.random.randrange(10**5):06}"
    body = scene.world.decision("grant", number, offering=offering, scheme=SCHEME, status_index=0)
    grants = [
        one
        for one in client.records()
        if one.get("family") == "label_decision/1" and one["body"].get("action") == "grant"
    ]
    body["status_index"] = len(grants)
    given = await scene.ask("append", records=[{"family": "label_decision/1", "body": body}])
    await read_past(trial, client, (given.ok or {})["indexes"][0])
    reply = await client.ask(f"/label/{number}")
    trial.check(
        number,
        holds=reply.status == 200 and number.encode() in reply.body,
        expected="200, a page that names it",
        actual=words(reply)[:150],
    )
    count = 1000 if trial.scene.is_long else 100
    guessed = [f"{number[:-6]}{trial.random.randrange(10**6, 10**7)}" for _ in range(count)]
    statuses = {(await client.ask(f"/label/{one}")).status for one in guessed}
    trial.check(
        f"{count} numbers that nobody gave",
        holds=statuses == {404},
        expected="404",
        actual=str(statuses),
    )


async def _append(trial: Trial, family: str, body: dict[str, Any]) -> Any:
    given = (await trial.scene.ask("append", records=[{"family": family, "body": body}])).ok or {}
    entities = given.get("entities")
    trial.need(isinstance(entities, list) and entities, f"append gives no entity: {given}")
    return (entities or [""])[0]


def _undefined(trial: Trial) -> None:
    trial.check(
        "the feature 'procurement'",
        holds=False,
        expected="not declared: this version of the protocol has no record families for it",
        actual="declared",
    )


@case(
    "NEG-01",
    "Nobody declares procurement before there are rules for it.",
    clauses="REC-12 EXCH-2",
    feature="procurement",
)
async def acceptance(trial: Trial) -> None:
    """Refuse the claim: acceptance of offers has no clause to be tried by."""
    _undefined(trial)


@case(
    "NEG-02",
    "Nobody keeps negotiations for others before there are rules for it.",
    clauses="REC-12 EXCH-2",
    profiles="peer",
    feature="procurement",
)
async def negotiation(trial: Trial) -> None:
    """Refuse the claim: negotiations have no clause to be tried by."""
    _undefined(trial)
