"""LBL-20 and LBL-21: what a criterion says, and which criteria a scheme judges by."""

from typing import Final, NamedTuple, TypeAlias

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import is_void, new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import SCHEME, World
from sopro_conformance.world.sitelog import SiteLog, Written

NO_DAY: Final = "2026-02-30"
A_DAY: Final = "2026-02-28"
OTHER: Final = "other"
"""Another scheme that is there."""
Body: TypeAlias = dict[str, Value]
_FIRST: Final[Body] = {}


def _criterion(world: World, code: str, changes: Body = _FIRST, *, entity: bytes = b"") -> Written:
    """Append a version of a criterion, as it has to be but for what changes."""
    body: dict[str, Value] = {
        "applies_from": "2026-01-01",
        "code": code,
        "dimension": "ecological",
        "kind": "boolean",
        "obligation": "mandatory",
        "principle": "quality",
        "scheme": SCHEME,
        "status": "active",
        "title": {"en": f"Criterion {code}"},
        "version": 1,
    }
    return world.coordinator.append("criterion/1", body | changes, entity=entity)


class _Rule(NamedTuple):
    """One rule of a criterion.

    Attributes:
        delta: what is wrong.
        code: why.
        good: of the right one, beyond what every criterion has.
        bad: what differs from it.
        before: of the version before; None for a first one.
        beside: of another criterion that is there, with the code `C-1`.
    """

    delta: str
    code: str
    good: Body
    bad: Body
    before: Body | None = None
    beside: Body | None = None


_NEXT: Final[Body] = {"version": 2}
_LIMIT: Final[Body] = {
    "kind": "threshold",
    "threshold": 50,
    "threshold_scale": 1,
    "unit": "KGM",
}
"""At least 5.0 kg."""
_AT_MOST: Final[Body] = _LIMIT | {"operator": "<="}
_EXACTLY: Final[Body] = _LIMIT | {"operator": "="}


def _tightening(delta: str, beside: Body, bad: Body, *, good: Body = _FIRST) -> _Rule:
    country: Body = {"country": "AT", "tightens": "C-1"}
    return _Rule(delta, "lbl.criteria", country | beside | good, bad, beside=beside)


_RULES: Final = (
    _Rule("applies from a day that is none", "rec.body", {}, {"applies_from": NO_DAY}),
    _Rule(
        "a transition until a day that is none",
        "rec.body",
        {"transition_until": A_DAY},
        {"transition_until": NO_DAY},
    ),
    _Rule("of a scheme that is not there", "lbl.criteria", {}, {"scheme": "nobody"}),
    _Rule("under the code of another", "mem.name", {}, {"code": "C-1"}, beside=_FIRST),
    _Rule("another code than before", "mem.name", _NEXT, {"code": "C-3"}, before=_FIRST),
    _Rule("another scheme than before", "mem.name", _NEXT, {"scheme": OTHER}, before=_FIRST),
    _Rule("begins with version 2", "lbl.criteria", {}, {"version": 2}),
    _Rule("version 1 again", "lbl.criteria", _NEXT, {"version": 1}, before=_FIRST),
    _Rule("leaves out a version", "lbl.criteria", _NEXT, {"version": 3}, before=_FIRST),
    _Rule("a country afterwards", "lbl.criteria", _NEXT, {"country": "AT"}, before=_FIRST),
    _Rule(
        "another country than before",
        "lbl.criteria",
        {"country": "AT", "version": 2},
        {"country": "HU"},
        before={"country": "AT"},
    ),
    _Rule(
        "of a country, and for points",
        "lbl.criteria",
        {"country": "AT"},
        {"obligation": "points"},
    ),
    _tightening("tightens what is not there", _FIRST, {"tightens": "C-9"}),
    _tightening("tightens what is of another scheme", _FIRST, {"scheme": OTHER}),
    _tightening("of a threshold, and is none", _LIMIT, {"kind": "boolean"}),
    _tightening("another unit", _LIMIT, {"unit": "LTR"}),
    _tightening("another operator", _LIMIT, {"operator": "<="}),
    _tightening("asks for less", _LIMIT, {"threshold": 49}, good={"threshold": 51}),
    _tightening(
        "asks for less, at another scale",
        _LIMIT,
        {"threshold": 499},
        good={"threshold": 500, "threshold_scale": 2},
    ),
    _tightening("allows more", _AT_MOST, {"threshold": 51}, good={"threshold": 49}),
    _tightening("asks for something else", _EXACTLY, {"threshold": 51}),
)


@case(
    "LBL-20",
    "A criterion has its code for ever and rising versions, and countries only add to it.",
    clauses="LBL-2 LBL-3 LBL-4",
)
async def criteria(trial: Trial) -> None:
    """Break one rule of a criterion after the other."""
    for rule in _RULES:

        def act(world: World, bad: bool, rule: _Rule = rule) -> tuple[SiteLog, Written]:
            world.publish_scheme(scheme=OTHER, title={"en": "Another"})
            if rule.beside is not None:
                _criterion(world, "C-1", rule.beside)
            entity = world.source.randbytes(16)
            if rule.before is not None:
                _criterion(world, "C-2", rule.before, entity=entity)
            changes = rule.good | (rule.bad if bad else {})
            return world.coordinator, _criterion(world, "C-2", changes, entity=entity)

        await is_void(trial, rule.code, act, delta=rule.delta)
    await is_void(trial, "lbl.criteria", _of_a_country, delta="tightens what is of a country")
    await is_void(trial, "lbl.criteria", _of_all, delta="of all countries, and tightens another")
    await _said_or_not(trial)


def _of_a_country(world: World, bad: bool) -> tuple[SiteLog, Written]:
    _criterion(world, "C-1", {"country": "AT"} if bad else {})
    return world.coordinator, _criterion(world, "C-2", {"country": "AT", "tightens": "C-1"})


def _of_all(world: World, bad: bool) -> tuple[SiteLog, Written]:
    _criterion(world, "C-1")
    country: Body = {} if bad else {"country": "AT"}
    return world.coordinator, _criterion(world, "C-2", {"tightens": "C-1"} | country)


async def _said_or_not(trial: Trial) -> None:
    """Let one say all that people read, and another nothing: both count."""
    world = new_world(trial, "what people read")
    bench = Bench(trial, world, world.coordinator)
    bench.counts("a criterion without text or verification", _criterion(world, "C-1"))
    said: Body = {"text": {"en": "Asks for this."}, "verification": ["document", "on_site"]}
    bench.counts("a criterion with both", _criterion(world, "C-2", said))
    await bench.judge()


class _SetRule(NamedTuple):
    """One rule of a set of criteria; as `_Rule`."""

    delta: str
    code: str
    good: Body
    bad: Body
    before: bool = False
    is_beside: bool = False


def _parts(*parts: tuple[str, int]) -> list[Value]:
    return [{"code": code, "version": version} for code, version in parts]


_SET_RULES: Final = (
    *(
        _SetRule(f"{what} that is none", "rec.body", {"transition_until": A_DAY}, {name: NO_DAY})
        for what, name in (
            ("a day of publication", "published_on"),
            ("a first day", "applies_from"),
            ("a last day of transition", "transition_until"),
        )
    ),
    _SetRule(
        "applies before it is published",
        "lbl.dates",
        {"published_on": "2026-01-01"},
        {"published_on": "2026-01-02"},
    ),
    _SetRule(
        "a transition that ends before it applies",
        "lbl.dates",
        {"transition_until": "2026-01-01"},
        {"transition_until": "2025-12-31"},
    ),
    _SetRule("of a scheme that is not there", "lbl.criteria", {}, {"scheme": "nobody"}),
    _SetRule(
        "a second set of a scheme",
        "mem.name",
        {"scheme": OTHER, "criteria": _parts(("O-1", 1))},
        {"scheme": SCHEME, "criteria": _parts(("C-1", 1))},
        is_beside=True,
    ),
    _SetRule(
        "another scheme than before",
        "mem.name",
        {"version": 2},
        {"scheme": OTHER, "criteria": _parts(("O-1", 1))},
        before=True,
    ),
    _SetRule("begins with version 2", "lbl.criteria", {}, {"version": 2}),
    _SetRule("version 1 again", "lbl.criteria", {"version": 2}, {"version": 1}, before=True),
    _SetRule("leaves out a version", "lbl.criteria", {"version": 2}, {"version": 3}, before=True),
    *(
        _SetRule(delta, "lbl.criteria", {}, {"criteria": parts})
        for delta, parts in (
            ("criteria in another order", _parts(("C-2", 1), ("C-1", 1))),
            ("a criterion twice", _parts(("C-1", 1), ("C-1", 1))),
            ("a criterion in two versions", _parts(("C-1", 1), ("C-1", 2))),
            ("a criterion that is not there", _parts(("C-1", 1), ("C-3", 1))),
            ("a version that is not there", _parts(("C-1", 3), ("C-2", 1))),
            ("a criterion of another scheme", _parts(("C-1", 1), ("O-1", 1))),
        )
    ),
)


def _set(world: World, entity: bytes, **changes: Value) -> Written:
    body: dict[str, Value] = {
        "applies_from": "2026-01-01",
        "criteria": _parts(("C-1", 2), ("C-2", 1)),
        "published_on": "2026-01-01",
        "scheme": SCHEME,
        "version": 1,
    }
    return world.coordinator.append("criteria_set/1", body | changes, entity=entity)


def _publish(world: World) -> None:
    """Publish another scheme, two criteria of this, one of them twice, and one of that."""
    world.publish_scheme(scheme=OTHER, title={"en": "Another"})
    first = _criterion(world, "C-1")
    _criterion(world, "C-1", {"version": 2}, entity=first.entity)
    _criterion(world, "C-2")
    _criterion(world, "O-1", {"scheme": OTHER})


@case(
    "LBL-21",
    "A scheme has one set of criteria, of rising versions, and each names what is there.",
    clauses="ASS-1 ASS-2",
)
async def sets(trial: Trial) -> None:
    """Break one rule of a set of criteria after the other."""
    for rule in _SET_RULES:

        def act(world: World, bad: bool, rule: _SetRule = rule) -> tuple[SiteLog, Written]:
            _publish(world)
            entity = world.source.randbytes(16)
            if rule.before or rule.is_beside:
                _set(world, entity if rule.before else b"")
            changes = rule.good | (rule.bad if bad else {})
            return world.coordinator, _set(world, entity, **changes)

        await is_void(trial, rule.code, act, delta=rule.delta)
