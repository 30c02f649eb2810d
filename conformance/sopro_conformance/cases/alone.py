"""LOG-43: an operator decides that a node signs although nobody answers."""

from collections.abc import Sequence
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.past import ENTRIES, VERBS, Past, past
from sopro_conformance.trial import Trial
from sopro_conformance.world.client import read_record
from sopro_conformance.world.copies import copy_log

_FAMILY: Final = "serve_alone/1"
_REASON: Final = "the suite answers nothing"


@case(
    "LOG-43",
    "That a node signs although nobody answers is its operator's word, and the log says so.",
    clauses="FENCE-5 STATE-13",
    profiles="peer",
    verbs=VERBS,
    feature="serve-alone",
    apart=True,
)
async def alone(trial: Trial) -> None:
    """Decide it while nobody has ever answered, and once somebody has shown more."""
    async with past(trial) as held:
        await held.put_back()
        held.show(None)
        await held.scene.ask("start", alone=_REASON)
        code, indexes = await held.append()
        trial.check(
            "a record, once its operator has decided so",
            holds=not code,
            expected="appended",
            actual=f"refused {code}" if code else "as expected",
        )
        trial.need(not code, "the rest rests on it")
        await _is_said(held, indexes)
        await held.put_back()
        held.show(held.new)
        held.lie(held.own + ENTRIES)
        await held.scene.ask("start")
        code, _ = await held.appends(["fence.asking"])
        trial.need(code == "fence.behind", f"others show more: {code or 'appended'}")
        await held.scene.ask("kill9")
        held.show(None)
        await held.scene.ask("start", alone=_REASON)
        code, _ = await held.append()
        held.signs_nothing(
            "its operator decides so once others have shown more", code, "fence.behind"
        )


async def _is_said(held: Past, indexes: Sequence[int]) -> None:
    """Check that the decision is the entry right behind those that the disk held."""
    now = await copy_log(held.client)
    families = [read_record(one).get("family") for one in now.entries]
    at = families.index(_FAMILY) if _FAMILY in families else -1
    before = now.entries[:at] if at > 0 else []
    said = read_record(now.entries[at]).get("body", {}) if at > 0 else {}
    held.trial.check(
        "the decision in the log",
        holds=at > 0
        and families.count(_FAMILY) == 1
        and before == held.new.entries[:at]
        and said.get("reason") == _REASON
        and min(indexes) > at,
        expected="one serve_alone record with the reason, before any other entry of this start",
        actual=f"at {at}, the record at {list(indexes)}, {said}" if at > 0 else "no such record",
    )
