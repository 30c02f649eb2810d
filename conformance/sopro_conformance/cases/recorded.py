"""LBL-37: since when it is on record how a label stands on a day, and what was recorded late."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.judged import new_world, question
from sopro_conformance.trial import Trial, with_request
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog, Written

NEXT: Final = "2026-02-21"
"""The day after that of the grants."""
BEFORE: Final = "2026-03-23"
IN_TIME: Final = "2026-03-23T23:59:57.999"
"""Two records, each a second long, before the last millisecond of the 31st day after the grants."""
LATE: Final = "2026-03-24T00:00"
"""The first of the next."""
AFTER: Final = "2026-03-24"


class Said(NamedTuple):
    """What is to be said of a label on a day."""

    status: str
    on_record: str | None
    recorded_late: bool


def _wait(log: SiteLog, until: str) -> None:
    log.time = round(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp() * 1000)


def _decide(world: World, log: SiteLog, granted: Written, action: str, **fields: Value) -> None:
    body = world.decision(action, fields.pop("number"), **fields)  # type: ignore[arg-type]
    log.append("label_decision/1", body, entity=granted.entity)


@case(
    "LBL-37",
    "What is said of a day says since when it is on record, and whether that was late.",
    clauses="OVL-11 ASK-8",
)
async def on_record(trial: Trial) -> None:
    """Grant labels for one day, record them in time and late, and ask about days around it."""
    world = new_world(trial, "records of later days")
    log = world.sites["at"]
    names = ("known", "in time", "late", "imported", "followed")
    numbers = {name: f"SOPRO/AT0/037/{at:06}" for at, name in enumerate(names)}
    granted = {"known": world.grant(log, numbers["known"])}
    _wait(log, IN_TIME)
    granted["in time"] = world.grant(log, numbers["in time"])
    _wait(log, LATE)
    for name in names[2:]:
        basis = "imported" if name == "imported" else "assessed"
        granted[name] = world.grant(log, numbers[name], basis=basis)
    # What follows in time on what was late makes nothing of it known.
    for name, action, day in (("known", "suspend", NEXT), ("followed", "correct", BEFORE)):
        dates: dict[str, Value] = {"decided_on": day, "effective_date": day}
        _decide(world, log, granted[name], action, number=numbers[name], **dates)
    active, late = "active", AFTER
    wanted = {
        "2026-02-19": dict.fromkeys(names, Said("none", None, False)),
        "2026-02-20": {
            "known": Said(active, "2026-03-01", False),
            "in time": Said(active, BEFORE, False),
            "late": Said(active, late, True),
            "imported": Said(active, late, False),
            "followed": Said(active, late, True),
        },
        BEFORE: {
            "known": Said("suspended", late, False),
            "in time": Said(active, BEFORE, False),
            "late": Said(active, late, True),
            "imported": Said(active, late, False),
            "followed": Said(active, late, True),
        },
        AFTER: {
            "known": Said("suspended", late, False),
            "in time": Said(active, BEFORE, False),
            **dict.fromkeys(names[2:], Said(active, late, False)),
        },
    }
    for day, said in wanted.items():
        await _says(trial, world, {numbers[name]: one for name, one in said.items()}, day)


async def _says(trial: Trial, world: World, wanted: Mapping[str, Said], day: str) -> None:
    def judge(answer: Answer) -> None:
        given = (answer.ok or {}).get("labels")
        labels = given if isinstance(given, Mapping) else {}
        for number, said in wanted.items():
            found = _read(labels.get(number))
            if answer.error:
                verdict = Verdict.NOT_MEASURED
            else:
                verdict = Verdict.PASS if found == said else trial.failed
            actual = str(found) if answer.ok is not None else answer.words
            check = Check(f"{number} on {day}", verdict, str(said), actual)
            trial.checks.append(with_request(check, answer))

    trial.ask(judge, question(trial, world, day))


def _read(label: Any) -> Said | None:
    if not isinstance(label, Mapping):
        return None
    return Said(label.get("status"), label.get("on_record"), label.get("recorded_late"))  # type: ignore[arg-type]
