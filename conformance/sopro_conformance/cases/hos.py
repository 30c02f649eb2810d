"""HOS, NEG, ACC and VER, as far as bytes alone show them: hostile logs and what must pass."""

import hashlib
import hmac

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void, new_world, question, stands
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value, encode
from sopro_conformance.wire.records import CONTEXT, Draft, commit, write_entry
from sopro_conformance.world.federation import World, void_of
from sopro_conformance.world.sitelog import SiteLog, Written


def _place(log: SiteLog, **more: Value) -> dict[str, Value]:
    body: dict[str, Value] = {
        "actor_type": "enterprise",
        "country": log.site.upper(),
        "effective_date": "2026-02-01",
        "status": "active",
    }
    return body | more


@case("HOS-13", "A record counts once, and in its own log.", clauses="REC-6 REC-10 VOID-5 VOID-8")
async def replay(trial: Trial) -> None:
    """Append records of another log, and records again."""

    def of_another_log(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        named = world.sites["hu"].origin if bad else log.origin
        return log, log.append("organisation/1", _place(log), log=named)

    await is_void(trial, "hos.replay", of_another_log, delta="names another log")

    def other_epoch(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        named = log.origin[:-1] + "2" if bad else log.origin
        return log, log.append("organisation/1", _place(log), log=named)

    await is_void(trial, "hos.replay", other_epoch, delta="names another epoch of the log")

    def again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        first = log.append("organisation/1", _place(log))
        if bad:
            return log, log.append_entry(first.entry)
        return log, log.append("organisation/1", _place(log), entity=first.entity)

    await is_void(trial, "lbl.conflict", again, delta="the same entry again")

    def old_decision(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        number = world.number(log)
        granted = world.grant(log, number)
        first = log.append(
            "label_decision/1", world.decision("suspend", number), entity=granted.entity
        )
        log.append("label_decision/1", world.decision("reinstate", number), entity=granted.entity)
        if bad:
            return log, log.append_entry(first.entry)
        body = world.decision("suspend", number)
        return log, log.append("label_decision/1", body, entity=granted.entity)

    await is_void(trial, "lbl.conflict", old_decision, delta="an old decision again")


@case(
    "HOS-15",
    "Nothing holds before its day, is decided in the future, or moves time back.",
    clauses="REC-8 VOID-10 LBL-10 LBL-11 LBL-15 FIELD-2",
)
async def times(trial: Trial) -> None:
    """Write times and dates that cannot be."""

    def earlier(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        time = log.time - 3_600_000 if bad else log.time
        return log, log.append("organisation/1", _place(log), time=time)

    await is_void(trial, "rec.time", earlier, delta="an hour before the record before it")

    def decided_tomorrow(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        number = world.number(log)
        granted = world.grant(log, number)
        day = "2026-03-03" if bad else "2026-03-01"
        body = world.decision("suspend", number, decided_on=day, effective_date="2026-03-03")
        return log, log.append("label_decision/1", body, entity=granted.entity)

    await is_void(trial, "lbl.dates", decided_tomorrow, delta="decided after it was recorded")
    for day in ("2026-02-30", "2026-13-01", "0000-01-01", "2026-2-3", "26-02-03", "2026-02-03Z"):

        def no_day(world: World, bad: bool, day: str = day) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            body = _place(log, effective_date=day if bad else "2026-02-28")
            return log, log.append("organisation/1", body)

        await is_void(trial, "rec.body", no_day, delta=f"the day {day}")
    world = new_world(trial, "announced")
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number)
    body = world.decision("suspend", number, effective_date="2026-05-01")
    log.append("label_decision/1", body, entity=granted.entity)
    for day, status in (("2026-04-30", "active"), ("2026-05-01", "suspended")):
        await stands(trial, world, {number: status}, what="a suspension to come", day=day)


@case(
    "HOS-16",
    "One poisoned entry is void, and the log goes on behind it.",
    clauses="VOID-1 VOID-2 VOID-3 VOID-4 VOID-14 REC-1 REC-7 STATE-7 STATE-8",
)
async def poison(trial: Trial) -> None:
    """Append bytes that are no entry, records that are none, and bodies that do not fit."""

    def right(log: SiteLog) -> bytes:
        draft = Draft(
            log.origin,
            "organisation/1",
            _place(log),
            log.source.randbytes(16),
            log.source.randbytes(16),
            log.time,
        )
        return draft.encode()

    def wrapped(log: SiteLog, record: bytes) -> bytes:
        return write_entry(record, [log.keys["registrar"]])

    record = right(new_world(trial, "a record").sites["at"])
    unsigned = encode([record, []])
    for delta, code, make in (
        ("no bytes at all", "enc.framing", lambda _log: b""),
        ("bytes of no meaning", "enc.framing", lambda _log: b"\xc1" * 40),
        ("a number", "rec.entry", lambda _log: encode(7)),
        ("no signature", "sig.missing", lambda _log: unsigned),
        ("an empty record", "rec.form", lambda log: wrapped(log, encode({}))),
        ("a record that is an array", "rec.form", lambda log: wrapped(log, encode([]))),
        ("a record of floats", "enc.type", lambda log: wrapped(log, b"\x81\xa1a\xca" + bytes(4))),
        ("a broken signature", "sig.invalid", lambda log: _break(wrapped(log, right(log)))),
        ("signed as a document", "sig.invalid", lambda log: _sign_as(log, right(log))),
    ):

        def act(world: World, bad: bool, make=make) -> tuple[SiteLog, Written]:  # type: ignore[no-untyped-def]
            log = world.sites["at"]
            return log, log.append_entry(make(log) if bad else wrapped(log, right(log)))

        await is_void(trial, code, act, delta=delta)
    await _bodies(trial)
    await _states(trial)


def _break(entry: bytes) -> bytes:
    return entry[:-1] + bytes((entry[-1] ^ 1,))


def _sign_as(log: SiteLog, record: bytes) -> bytes:
    return write_entry(record, [log.keys["registrar"]], b"sopro-document/1\n" + CONTEXT)


async def _bodies(trial: Trial) -> None:
    """Bodies that do not fit their family (REC-7)."""
    wrong: dict[str, dict[str, Value]] = {
        "a status that is none": {"status": "asleep"},
        "a country in small letters": {"country": "at"},
        "a number for a text": {"actor_type": 5},
        "an empty list": {"activities": []},
        "33 of 32": {"activities": [f"2.1:{number}" for number in range(33)]},
    }
    for delta, fields in wrong.items():

        def act(
            world: World, bad: bool, fields: dict[str, Value] = fields
        ) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            return log, log.append("organisation/1", _place(log) | (fields if bad else {}))

        await is_void(trial, "rec.body", act, delta=delta)

    def missing(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        body = _place(log)
        if bad:
            del body["country"]
        return log, log.append("organisation/1", body)

    await is_void(trial, "rec.body", missing, delta="a field is missing")


async def _states(trial: Trial) -> None:
    """A log_state that says what is not so (STATE-7, STATE-8)."""
    nowhere: dict[str, Value] = {"root": bytes(32), "size": 3}
    changes: dict[str, tuple[str, dict[str, Value]]] = {
        "a certificate too many": ("sta.certificates", {"certificates": 1}),
        "another key record": ("sta.keys", {"keys": bytes(32)}),
        "another root of the coordinator": (
            "sta.coordinator",
            {"coordinator": nowhere},
        ),
        "a smaller size of the coordinator": ("sta.coordinator", {}),
    }
    for delta, (code, fields) in changes.items():

        def act(
            world: World, bad: bool, fields: dict[str, Value] = fields
        ) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            small: dict[str, Value] = {"root": world.coordinator.tree.root(2), "size": 2}
            more = fields or {"coordinator": small}
            return log, log.state(world.coordinator, **(more if bad else {}))

        await is_void(trial, code, act, delta=delta)


@case(
    "NEG-03",
    "Families nobody knows pass through: they are not interpreted, and no error.",
    clauses="REC-12 VOID-11 KEY-7",
)
async def unknown_families(trial: Trial) -> None:
    """Append records of a family that is not there, right and wrong."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        body: dict[str, Value] = {"anything": [1, {"goes": True}]}
        named = world.sites["hu"].origin if bad else log.origin
        return log, log.append("x-test/7", body, log=named)

    await is_void(trial, "hos.replay", act, delta="an unknown family, of another log")

    def role(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        signer = log.keys["witness" if bad else "decision"]
        return log, log.append("x-test/1", {}, signers=[signer])

    await is_void(trial, "sig.role", role, delta="an unknown family, signed by a witness key")


@case(
    "VER-03",
    "Fields nobody knows are passed over, and the record counts.",
    clauses="REC-11 REC-7",
)
async def unknown_fields(trial: Trial) -> None:
    """Add fields to body and envelope; then break one that is known."""
    world = new_world(trial, "later fields")
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number, later_field={"deep": [1]})
    body = world.decision("suspend", number, zz="later")
    log.append("label_decision/1", body, entity=granted.entity, more={"zz_later": True})
    await stands(trial, world, {number: "suspended"}, what="unknown fields")

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        changes: dict[str, Value] = {"later": 1, "country": 5 if bad else "AT"}
        return log, log.append("organisation/1", _place(log) | changes)

    await is_void(trial, "rec.body", act, delta="beside an unknown field, a known one breaks")


@case(
    "VER-04",
    "A record that must be understood and is not leaves its entity undetermined.",
    clauses="REC-13 VOID-12",
)
async def critical(trial: Trial) -> None:
    """Mark an unknown field as critical, and write another major."""
    for what, fields, family in (
        ("an unknown critical field", {"crit": ["later"]}, "label_decision/1"),
        ("another major", {}, "label_decision/2"),
    ):
        world = new_world(trial, what)
        log = world.sites["at"]
        number, other = world.number(log), ""
        granted = world.grant(log, number)
        other = world.number(log)
        world.grant(log, other)
        body = world.decision("suspend", number, later=1)
        signers = [log.keys["decision"]]
        written = log.append(family, body, entity=granted.entity, signers=signers, **fields)
        body = world.decision("revoke", number)
        log.append("label_decision/1", body, entity=granted.entity)
        wanted = {number: "undetermined", other: "active"}

        def judge(
            answer: Answer, what: str = what, written: Written = written, log: SiteLog = log
        ) -> None:
            trial.check(
                f"{what}: the entry is not void",
                holds=void_of(answer.ok, written, log.origin) == "",
                expected="not void",
                answer=answer,
            )

        await stands(trial, world, wanted, what=what, then=judge)
    world = new_world(trial, "a known critical field")
    log = world.sites["at"]
    number = world.number(log)
    granted = world.grant(log, number)
    body = world.decision("suspend", number)
    log.append("label_decision/1", body, entity=granted.entity, crit=["suspended_until"])
    await stands(trial, world, {number: "suspended"}, what="a known critical field")


@case("ACC-03", "Content and key are the ones a record commits to.", clauses="DOC-2 DOC-4")
async def commitment(trial: Trial) -> None:
    """Change content, key, length and commitment."""
    key, content = trial.random.randbytes(32), trial.random.randbytes(100)
    good = {
        "content": content,
        "key": key,
        "size": len(content),
        "commitment": commit(key, content),
    }
    for delta, fields in (
        ("another key", {"key": trial.random.randbytes(32)}),
        ("a key of 31 bytes", {"key": key[:31]}),
        ("a key of 33 bytes", {"key": key + b"\x00"}),
        ("no key", {"key": b""}),
        ("another content", {"content": content[:-1] + b"\x00\x01"[:1]}),
        ("content cut off", {"content": content[:-1]}),
        ("another size", {"size": 99}),
        ("a commitment without the context", {"commitment": _bare(key, content)}),
        ("a plain digest", {"commitment": _digest(content)}),
    ):
        await trial.refuses(
            "document", "acc.commitment", delta=delta, twin=good, **{**good, **fields}
        )


def _bare(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@case("HOS-14", "A checkpoint opens as that of its own log only.", clauses="CKP-2 CKP-6 STATE-1")
async def origins(trial: Trial) -> None:
    """Hand over a right log under the name of another, and in other spellings."""
    world = new_world(trial, "origins")
    given, twin = world.question(), question(trial, world)
    at, hu = world.sites["at"], world.sites["hu"]
    for delta, origin in (
        ("as another member's", hu.origin),
        ("in capitals", at.origin.upper()),
        ("with a dot behind", at.origin + "."),
        ("of another epoch", at.origin[:-1] + "2"),
    ):
        posing = at.export() | {"origin": origin}

        def judge(
            accepted: Answer, answer: Answer, delta: str = delta, origin: str = origin
        ) -> None:
            opened = (accepted.ok or {}).get("logs", {})
            is_read = isinstance(opened, dict) and at.origin in opened
            trial.need(is_read, f"the twin: {accepted.words}")
            logs = (answer.ok or {}).get("logs", {})
            trial.check(
                delta,
                holds=isinstance(logs, dict)
                and world.coordinator.origin in logs
                and origin not in logs,
                expected=f"{origin} is not opened, and the coordinator's is",
                answer=answer,
            )

        logs = [given["logs"][0], posing]
        trial.ask(judge, twin, trial.question("logs", **{**given, "logs": logs}))
