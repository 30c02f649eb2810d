"""LOG-30, LOG-31, ACC-30 and ACC-31: what a node makes of itself in the records it writes."""

from collections.abc import Mapping
from typing import Any, Final

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.published import append, drafts, read_past
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import encode
from sopro_conformance.world.client import Client, read_record
from sopro_conformance.world.scene import CANDIDATE, organisation

_STRUCTURED: Final = "application/vnd.sopro.document+msgpack"
_ROUND: Final = 12
_ENTITY_REST: Final = frozenset({"site_keys", "log_state"})


@case(
    "LOG-30",
    "Every record has a salt of its own, and every new thing an entity of its own.",
    clauses="REC-9",
    profiles="publisher",
    verbs="start append kill9",
)
async def salts(trial: Trial) -> None:
    """Append records that say the same, before and after a kill, and compare what is random."""
    client = await trial.member()
    indexes = await append(trial, _ROUND)
    await trial.scene.ask("kill9")
    await trial.scene.ask("start")
    indexes += await append(trial, _ROUND)
    await read_past(trial, client, max(indexes))
    records = client.records()
    found = [one.get("salt") for one in records]
    salts = [one for one in found if isinstance(one, bytes) and len(one) == 16]
    trial.check(
        f"the salts of {len(found)} records",
        holds=len(set(salts)) == len(found),
        expected="16 bytes each, and no two alike",
        actual=f"{len(set(salts))} different of {len(found)}",
    )
    entities = [read_record(client.entries[one]).get("entity") for one in indexes]
    others = [
        one.get("entity")
        for at, one in enumerate(records)
        if at not in indexes and str(one.get("family")).partition("/")[0] in _ENTITY_REST
    ]
    new = {one for one in entities if isinstance(one, bytes) and len(one) == 16}
    trial.check(
        f"the entities of {len(entities)} new things",
        holds=len(new) == len(entities) and not new & set(map(_as_bytes, others)),
        expected="16 bytes each, no two alike, and none that the log has for itself",
        actual=f"{len(new)} different of {len(entities)}",
    )


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@case(
    "LOG-31",
    "A trade item number that does not add up is not recorded.",
    clauses="DOC-9",
    profiles="publisher",
    verbs="start append",
)
async def trade_items(trial: Trial) -> None:
    """Offer something under numbers whose last digit, or whose length, is wrong."""
    client = await trial.member()
    holder = (await trial.scene.ask("append", records=drafts())).ok or {}
    entities = holder.get("entities")
    trial.need(isinstance(entities, list) and entities, "append gives no entities")
    twin = _offering(entities, "4006381333931")
    for delta, gtin in (
        ("its last digit is another", "4006381333932"),
        ("two of its digits have changed places", "4006383133931"),
        ("nine digits", "400638133"),
    ):
        await _refuses(trial, client, _offering(entities, gtin), twin, f"a number: {delta}")


def _offering(entities: Any, gtin: str) -> dict[str, Any]:
    body = {
        "effective_date": "2026-02-01",
        "gtin": gtin,
        "kind": "product",
        "organisation": entities[0],
        "status": "published",
    }
    return {"family": "offering/1", "body": body}


@case(
    "ACC-31",
    "An identifier that does not add up is not recorded without a reason.",
    clauses="DOC-9 DOC-5 DOC-4",
    profiles="peer",
    verbs="start append",
    feature="documents",
)
async def identifiers(trial: Trial) -> None:
    """Name an organisation by a legal entity identifier with a wrong digit."""
    client = await trial.member()
    right, wrong = "529900T8BM49AURSDO55", "529900T8BM49AURSDO56"
    twin = _named({"identifiers": [["LEI", right]]})
    await _refuses(
        trial, client, _named({"identifiers": [["LEI", wrong]]}), twin, "its check digits"
    )
    empty = {"identifiers": [["LEI", wrong]], "identifier_overrides": [["LEI", wrong, ""]]}
    reason = {"identifiers": [["LEI", wrong]], "identifier_overrides": [["LEI", wrong, "as filed"]]}
    await _refuses(trial, client, _named(empty), _named(reason), "the reason beside it is empty")


def _named(more: Mapping[str, Any]) -> dict[str, Any]:
    content = {"name": "Beispiel GmbH"} | dict(more)
    document = {
        "name": "organisation",
        "content": encode(content),
        "type": _STRUCTURED,
        "visibility": "public",
    }
    body = organisation(CANDIDATE)
    return {"family": "organisation/1", "body": body, "documents": [document]}


async def _refuses(
    trial: Trial,
    client: Client,
    record: Mapping[str, Any],
    twin: Mapping[str, Any],
    delta: str,
) -> None:
    """Check that an own record is refused for its one difference, and that nothing is appended."""
    accepted = await trial.candidate.ask("append", records=[twin])
    before = await _of_family(client, record["family"])
    answer = await trial.candidate.ask("append", records=[record])
    after = await _of_family(client, record["family"])
    verdict = trial.failed
    if accepted.ok is None or answer.error:
        verdict = Verdict.NOT_MEASURED
    elif answer.code == "doc.identifier" and after == before:
        verdict = Verdict.PASS
    trial.checks.append(
        Check(
            delta,
            verdict,
            "refused doc.identifier, and the log holds no more of the family than before",
            _say(answer, after - before),
            accepted.words,
        )
    )


async def _of_family(client: Client, family: str) -> int:
    await client.read()
    return sum(one.get("family") == family for one in client.records())


def _say(answer: Answer, more: int) -> str:
    return f"{answer.words}; {more} records more"


@case(
    "ACC-30",
    "Every document has a key of its own, whatever is in it.",
    clauses="DOC-3 EXCH-12 DOC-2",
    profiles="peer",
    verbs="start append",
    feature="documents",
)
async def keys(trial: Trial) -> None:
    """Record the same content again and again, and compare keys and commitments."""
    client = await trial.member()
    content = b"the same words every time"
    same = [
        {"name": f"note{number}", "content": content, "type": "text/plain", "visibility": "public"}
        for number in range(3)
    ]
    record = {"family": "organisation/1", "body": organisation(CANDIDATE), "documents": same}
    given = (await trial.scene.ask("append", records=[record, record])).ok or {}
    indexes = given.get("indexes")
    trial.need(isinstance(indexes, list) and len(indexes) == 2, "append gives no positions")
    await read_past(trial, client, max(indexes or [0]))
    found, commitments = set(), set()
    for index in indexes or ():
        docs = read_record(client.entries[index]).get("docs")
        commitments |= {
            _as_bytes(one.get("commitment")) for one in docs or () if isinstance(one, dict)
        }
        for number in range(3):
            reply = await client.ask(f"{client.prefix}/document/{index}/{number}")
            trial.need(reply.status == 200, f"document {number} of entry {index}: {reply.status}")
            found.add(reply.headers.get("sopro-document-key", ""))
    trial.check(
        "the keys of six documents with the same content, in two records",
        holds=len(found) == 6 and all(len(one) == 64 for one in found),
        expected="six of 32 bytes, no two alike",
        actual=f"{len(found)} different",
    )
    trial.check(
        "the commitments to them",
        holds=len(commitments) == 6,
        expected="six, no two alike: nobody can see that the content is the same",
        actual=f"{len(commitments)} different",
    )
