"""LBL-28: what was taken from an existing register is told from what the site decided."""

import re
from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.published import read_past
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import words
from sopro_conformance.world.federation import SCHEME
from sopro_conformance.world.scene import CANDIDATE, organisation

_WORD: Final = re.compile(r"[^\W\d_]+")
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)
_DIGEST: Final = re.compile(r"\b[0-9a-f]{8,}\b")
"""What differs from record to record, whatever it says."""


@case(
    "LBL-28",
    "What was imported is marked as such where a label is shown.",
    clauses="LBL-21 CERT-11",
    profiles="publisher",
    verbs="start append",
)
async def imported(trial: Trial) -> None:
    """Have labels granted and imported, alike in all else, and compare their pages."""
    client = await trial.member()
    scene = trial.scene
    holder = await _append(trial, "organisation/1", organisation(CANDIDATE))
    body = {
        "effective_date": "2026-02-01",
        "kind": "product",
        "organisation": holder["entities"][0],
        "status": "published",
    }
    offering = (await _append(trial, "offering/1", body))["entities"][0]
    pages: dict[str, list[set[str]]] = {"assessed": [], "imported": []}
    for basis in (*pages, *pages):
        await client.read()
        number = f"SOPRO/{CANDIDATE.upper()}0/021/{trial.random.randrange(10**6, 10**7)}"
        decision = scene.world.decision(
            "grant",
            number,
            basis=basis,
            offering=offering,
            scheme=SCHEME,
            status_index=sum(map(_is_grant, client.records())),
        )
        written = await _append(trial, "label_decision/1", decision)
        await read_past(trial, client, written["indexes"][0])
        reply = await client.ask(f"/label/{number}")
        trial.need(reply.status == 200, f"no page of the {basis} label: {words(reply)[:150]}")
        pages[basis].append(_words(reply.body))
    first, second = pages["imported"]
    marks = (first & second).difference(*pages["assessed"])
    trial.check(
        "two labels that were imported, beside two that were not",
        holds=bool(marks),
        expected="words on both their pages that are on none of the others",
        actual=", ".join(sorted(marks)[:12]) or "no word more",
    )


def _is_grant(record: dict[str, Any]) -> bool:
    return record.get("family") == "label_decision/1" and record["body"].get("action") == "grant"


def _words(page: bytes) -> set[str]:
    text = _TAG.sub(" ", page.decode("utf-8", "replace"))
    return set(_WORD.findall(_DIGEST.sub(" ", text).lower()))


async def _append(trial: Trial, family: str, body: dict[str, Any]) -> dict[str, Any]:
    given = (await trial.scene.ask("append", records=[{"family": family, "body": body}])).ok or {}
    is_right = all(isinstance(given.get(name), list) and given[name] for name in _GIVEN)
    trial.need(is_right, f"append gives no position and entity: {given}")
    return dict(given)


_GIVEN: Final = ("entities", "indexes")
