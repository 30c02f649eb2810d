"""LBL-36: the days that a decision states, to the day."""

from typing import Final, NamedTuple

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.cases.living import FIRST, THEN, Labels
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog, Written

LAST: Final = "2026-03-01"
"""The civil date of the records' time at UTC+14."""
TOMORROW: Final = "2026-03-02"
MONTH: Final = "month"
"""A scheme under which a label holds for a month."""
Body = dict[str, Value]


class _Rule(NamedTuple):
    """One rule: a decision on the last day that it allows, and a day beyond.

    Attributes:
        delta: what is beyond.
        status: that the label is in before.
        action: what is decided.
        name: the field.
        good: its last day.
        bad: a day beyond.
        both: what else both state.
    """

    delta: str
    status: str
    action: str
    name: str
    good: str
    bad: str
    both: Body = {}  # noqa: RUF012  # nobody writes into it


_AT_MONTHS_END: Final[Body] = {
    "decided_on": "2026-01-31",
    "effective_date": "2026-01-31",
    "scheme": MONTH,
    "valid_from": "2026-01-31",
}
_FIRST_ONES: Final = ("grant", "transfer_in")
_RULES: Final = (
    _Rule("decided after its record", "active", "suspend", "decided_on", LAST, TOMORROW),
    _Rule("held before the last one", "suspended", "revoke", "effective_date", THEN, "2026-02-09"),
    _Rule("suspended until before", "active", "suspend", "suspended_until", THEN, "2026-02-09"),
    _Rule("appealed until before", "active", "revoke", "appeal_until", THEN, "2026-02-09"),
    *(
        rule
        for action in _FIRST_ONES
        for rule in (
            _Rule("valid before it was decided", "none", action, "valid_from", FIRST, "2026-01-09"),
            _Rule("valid after it holds", "none", action, "valid_from", FIRST, "2026-01-11"),
            _Rule("ends before it begins", "none", action, "valid_until", FIRST, "2026-01-09"),
            _Rule("longer than allowed", "none", action, "valid_until", "2028-01-10", "2028-01-11"),
            _Rule(
                "longer than a month that is shorter",
                "none",
                action,
                "valid_until",
                "2026-02-28",
                "2026-03-01",
                _AT_MONTHS_END,
            ),
        )
    ),
    _Rule("valid before it was decided", "active", "renew", "valid_from", THEN, "2026-02-09"),
    _Rule(
        "valid later than the day after the end",
        "active",
        "renew",
        "valid_from",
        "2027-02-01",
        "2027-02-02",
        {"valid_until": "2027-12-31"},
    ),
    _Rule("valid after it holds, and ended", "expired", "renew", "valid_from", THEN, "2026-02-11"),
    _Rule("ends before it begins", "active", "renew", "valid_until", THEN, "2026-02-09"),
    _Rule("longer than allowed", "active", "renew", "valid_until", "2028-02-10", "2028-02-11"),
)


@case(
    "LBL-36",
    "What a decision states of days is in order to the day, and not asked of an import.",
    clauses="LBL-15 LBL-16",
)
async def days(trial: Trial) -> None:
    """State the last day that each rule allows, and the next; import the same."""
    for basis in ("assessed", "imported"):
        world = new_world(trial, basis)
        world.publish_scheme(scheme=MONTH, title={"en": "A month"}, max_validity_months=1)
        world.coordinator.state()
        world.sites["at"].state(world.coordinator)
        labels = Labels(world)
        bench = Bench(trial, world, labels.log)
        for rule in _RULES:
            found: list[Written] = []
            for day in (rule.good, rule.bad):
                label = labels.begin(basis, rule.status)
                body = label.body(rule.action) | rule.both | {rule.name: day}
                counts = basis == "imported" or day == rule.good
                found.append(label.decide(body, counts=counts))
            what = f"{rule.action}, {rule.delta}, {basis}"
            if basis == "imported":
                bench.counts(what, found[1])
            else:
                bench.is_void(what, "lbl.dates", found[1], twin=found[0])
        await bench.judge()
    await is_void(trial, "lbl.criteria", _renew, delta="renewed under a scheme that is proposed")


def _renew(world: World, bad: bool) -> tuple[SiteLog, Written]:
    """Renew under a scheme that is deprecated, or only proposed again."""
    scheme: Body = {"scheme": "young", "title": {"en": "Young"}}
    first = world.publish_scheme(**scheme)
    _act(world)
    labels = Labels(world)
    label = labels.begin("assessed")
    label.decide(label.body("grant", scheme="young"))
    body: Body = {
        "effective_date": "2026-01-01",
        "grace_days": 30,
        "kind": "product+service",
        "max_validity_months": 24,
        "status": "proposed" if bad else "deprecated",
        "surveillance_interval_months": 12,
    }
    world.coordinator.append("scheme/1", body | scheme, entity=first.entity)
    _act(world)
    return labels.log, label.decide(label.body("renew"))


def _act(world: World) -> None:
    world.coordinator.state()
    world.sites["at"].state(world.coordinator)
