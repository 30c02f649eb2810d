"""MEM: who is a member, and which keys count."""

from functools import partial

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.judged import is_void, lists, new_world, question
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.edwards import LOW_ORDER
from sopro_conformance.world.federation import World, status_of
from sopro_conformance.world.sitelog import ROLES, SiteLog, Written


def _organisation(log: SiteLog, **more: object) -> Written:
    """Append a record that only a member's log may hold."""
    body: dict[str, Value] = {
        "actor_type": "enterprise",
        "country": "AT",
        "effective_date": "2026-02-01",
        "status": "active",
    }
    return log.append("organisation/1", body, **more)  # type: ignore[arg-type]  # as it says


@case("MEM-01", "Trust starts from the pinned root key alone.", clauses="STATE-2 KEY-10 SYNC-1")
async def pinned_root(trial: Trial) -> None:
    """Ask the same with another root key, and with a member's for the coordinator's."""
    world = new_world(trial, "pinned")
    wanted = {"at": "admitted", "hu": "admitted"}
    await lists(trial, world, wanted, what="the list of members")
    twin = question(trial, world)
    for delta, root in (
        ("another root key", SigningKey(trial.random.randbytes(32)).public),
        ("a member's root key", world.sites["at"].keys["root"].public),
        ("the successor that is committed to", world.coordinator.next_root.public),
    ):

        def judge(accepted: Answer, other: Answer, delta: str = delta) -> None:
            given = other.ok or {}
            trial.need(accepted.ok, f"the twin is not accepted: {accepted.words}")
            trial.check(
                delta,
                holds=given.get("refused", {}).get(world.coordinator.origin) == "mem.untrusted"
                and given.get("members") == {}
                and given.get("logs") == {},
                expected="the coordinator's log is refused mem.untrusted, and nobody is a member",
                answer=other,
            )

        trial.ask(judge, twin, trial.question("logs", **{**world.question(), "root": root}))


@case(
    "MEM-02",
    "A membership counts only under the coordinator's keys.",
    clauses="VOID-6 VOID-7 KEY-7 VOID-13",
)
async def untrusted_membership(trial: Trial) -> None:
    """Admit somebody with other keys, and in another log."""

    def act(
        world: World, bad: bool, role: str = "registrar", site: str = ""
    ) -> tuple[SiteLog, Written]:
        keys = world.sites[site].keys if site and bad else world.coordinator.keys
        chosen = keys[role if bad else "registrar"]
        log = world.coordinator
        body = world.membership("at") | {"country": "SI"}
        entity = world.member_entity("at")
        written = log.append("site_membership/1", body, entity=entity, signers=[chosen])
        return log, written

    by_member = partial(act, site="hu")
    await is_void(trial, "sig.unknown-key", by_member, delta="signed by a member")
    for role in ("decision", "log", "root"):
        delta = f"signed by the coordinator's {role} key"
        await is_void(trial, "sig.role", partial(act, role=role), delta=delta)

    def elsewhere(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"] if bad else world.coordinator
        entity = trial.random.randbytes(16) if bad else world.member_entity("at")
        return log, log.append("site_membership/1", world.membership("at"), entity=entity)

    await is_void(trial, "lbl.competence", elsewhere, delta="in a member's own log")


@case("MEM-03", "Who is admitted counts from there on.", clauses="VOID-13 MEM-2 MEM-9 STATE-9")
async def admission(trial: Trial) -> None:
    """Let an applicant write before it is admitted, and after."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["si"] = world.found("si")
        world.change_membership("si", status="applicant")
        world.coordinator.state()
        log.state(world.coordinator)
        if not bad:
            world.change_membership("si", status="admitted")
            world.coordinator.state()
            log.state(world.coordinator)
        written = _organisation(log)
        return log, written

    await is_void(trial, "mem.inactive", act, delta="by an applicant")
    world = new_world(trial, "members")
    world.sites["si"] = world.found("si")
    world.change_membership("si", status="applicant")
    world.change_membership("hu", status="suspended")
    world.coordinator.state()
    wanted = {"at": "admitted", "hu": "suspended", "si": "applicant"}
    await lists(trial, world, wanted, what="the list of members")


@case(
    "MEM-04",
    "A planned rotation leaves old records valid and lets new keys sign.",
    clauses="STATE-3 STATE-4 KEY-8",
)
async def rotation(trial: Trial) -> None:
    """Name a new registrar key beside the old one, and let both sign where they may."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        fresh = SigningKey(world.source.randbytes(32))
        _organisation(log)
        named = [(role, log.keys[role]) for role in ROLES]
        if not bad:
            log.name_keys([*named, ("registrar", fresh)])
        written = _organisation(log, signers=[fresh])
        if bad:
            log.name_keys([*named, ("registrar", fresh)])
        _organisation(log, signers=[fresh])
        return log, written

    await is_void(trial, "sig.unknown-key", act, delta="signed before the key is named")

    def other_role(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        keys = [(role, log.keys[role]) for role in ROLES]
        extra = log.keys["decision"] if bad else SigningKey(world.source.randbytes(32))
        before = log.keys_id
        written = log.name_keys([*keys, ("registrar", extra)])
        log.keys_id = before if bad else written.id
        return log, written

    await is_void(trial, "mem.key", other_role, delta="a key in two roles")


@case("MEM-05", "Keys count by position in the log, not by time.", clauses="KEY-8 STATE-4 VOID-6")
async def retired(trial: Trial) -> None:
    """Sign with a key that was left out, with a time at which it counted."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        old, fresh = log.keys["registrar"], SigningKey(world.source.randbytes(32))
        log.keys["registrar"] = fresh
        log.name_keys()
        return log, _organisation(log, signers=[old if bad else fresh])

    await is_void(trial, "sig.key-retired", act, delta="signed by the key that was left out")

    def again(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        old = log.keys["registrar"]
        log.keys["registrar"] = SigningKey(world.source.randbytes(32))
        log.name_keys()
        before = log.keys_id
        keys = [(role, log.keys[role]) for role in ROLES]
        extra = old if bad else SigningKey(world.source.randbytes(32))
        written = log.name_keys([*keys, ("registrar", extra)])
        log.keys_id = before if bad else written.id
        return log, written

    await is_void(trial, "mem.key", again, delta="a key that was left out comes back")


@case(
    "MEM-06",
    "A revoked key is cut off at a size; what it signed before stays.",
    clauses="STATE-12 KEY-8 VOID-6",
)
async def revoked(trial: Trial) -> None:
    """Revoke a key at a size, and let it sign before and after."""

    def act(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        stolen = log.keys["decision"]
        number = world.number(log)
        granted = world.grant(log, number)
        log.keys["decision"] = SigningKey(world.source.randbytes(32))
        log.name_keys(revoked=[{"key": stolen.public, "size": log.size}])
        body = world.decision("suspend", number)
        signer = stolen if bad else log.keys["decision"]
        written = log.append("label_decision/1", body, entity=granted.entity, signers=[signer])
        return log, written

    await is_void(trial, "sig.key-retired", act, delta="signed by the key that was revoked")

    def root(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        key = log.keys["root" if bad else "access"].public
        before = log.keys_id
        written = log.name_keys(revoked=[{"key": key, "size": log.size}])
        log.keys_id = before if bad else written.id
        return log, written

    await is_void(trial, "mem.key", root, delta="revokes the root key that signs it")


@case(
    "MEM-07",
    "Of who is suspended or has left nothing counts beyond the end; what was decided stays.",
    clauses="MEM-5 MEM-7 MEM-8 MEM-9 VOID-13",
)
async def inactive(trial: Trial) -> None:
    """Suspend a member, and let it go on; acting on that or not."""
    for delta, acts_on_it in (("acts on its suspension", True), ("does not act on it", False)):

        def act(world: World, bad: bool, acts_on_it: bool = acts_on_it) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            _organisation(log)
            ends: dict[str, Value] = {"origin": log.origin, "size": log.size}
            if bad:
                world.change_membership("at", status="suspended", ends=ends)
            else:
                world.change_membership("at", country="SI")
            world.coordinator.state()
            if acts_on_it:
                log.state(world.coordinator)
            return log, _organisation(log)

        await is_void(trial, "mem.inactive", act, delta=delta)
    world = new_world(trial, "what was decided")
    log = world.sites["at"]
    number = world.number(log)
    world.grant(log, number)
    log.state(world.coordinator)
    ends: dict[str, Value] = {"origin": log.origin, "size": log.size}
    world.change_membership("at", status="expelled", ends=ends)
    world.coordinator.state()

    def judge(answer: Answer) -> None:
        trial.check(
            "a label of who was expelled",
            holds=status_of(answer.ok, number) == "active",
            expected="active",
            answer=answer,
        )

    trial.ask(judge, question(trial, world))


@case(
    "MEM-09",
    "A root key is replaced only by the successor it has committed to.",
    clauses="STATE-5 MEM-4 VOID-6",
)
async def root_rotation(trial: Trial) -> None:
    """Sign key records with the successor, and with a key nobody has announced."""
    for delta, of in (("a member's root key", "at"), ("the coordinator's root key", "eu")):

        def act(world: World, bad: bool, of: str = of) -> tuple[SiteLog, Written]:
            log = world.coordinator if of == "eu" else world.sites[of]
            keys, before = dict(log.keys), log.keys_id
            log.keys["root"] = SigningKey(world.source.randbytes(32)) if bad else log.next_root
            log.next_root = SigningKey(world.source.randbytes(32))
            written = log.name_keys()
            if bad:
                log.keys, log.keys_id = keys, before
            return log, written

        await is_void(trial, "sig.unknown-key", act, delta=delta)

    def by_coordinator(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.coordinator
        root = SigningKey(world.source.randbytes(32)).public
        changes: dict[str, Value] = {"root": root} if bad else {"country": "SI"}
        body = world.membership("at") | changes
        return log, log.append("site_membership/1", body, entity=world.member_entity("at"))

    await is_void(trial, "mem.key", by_coordinator, delta="the coordinator names another root key")


@case(
    "HOS-18",
    "A weak key is never a member's.",
    clauses="KEY-3 MEM-3 STATE-3",
)
async def weak_keys(trial: Trial) -> None:
    """Admit a site with a root key of small order, and name such a key."""
    for point in sorted(LOW_ORDER)[::4]:

        def act(world: World, bad: bool, point: bytes = point) -> tuple[SiteLog, Written]:
            world.found("si")
            body = world.membership("si")
            entity = world.member_entity("si")
            changes: dict[str, Value] = {"root": point} if bad else {}
            log = world.coordinator
            return log, log.append("site_membership/1", body | changes, entity=entity)

        await is_void(trial, "sig.weak-key", act, delta=f"root key {point.hex()[:8]}")

        def named(world: World, bad: bool, point: bytes = point) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            keys: list[Value] = [{"public": log.keys[role].public, "role": role} for role in ROLES]
            extra = point if bad else SigningKey(world.source.randbytes(32)).public
            before = log.keys_id
            written = log.name_keys([], keys=[*keys, {"public": extra, "role": "registrar"}])
            log.keys_id = before if bad else written.id
            return log, written

        await is_void(trial, "sig.weak-key", named, delta=f"a registrar key {point.hex()[:8]}")


@case("SIG-06", "A key signs for its own site only.", clauses="VOID-6 REC-4")
async def own_site(trial: Trial) -> None:
    """Sign with the same role's key of another member, and of the coordinator."""
    for signer in ("hu", "eu"):

        def act(world: World, bad: bool, signer: str = signer) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            other = world.coordinator if signer == "eu" else world.sites[signer]
            return log, _organisation(log, signers=[(other if bad else log).keys["registrar"]])

        await is_void(trial, "sig.unknown-key", act, delta=f"signed by {signer}")


@case("SIG-08", "A key signs the families of its role only.", clauses="KEY-6 KEY-7 VOID-6")
async def roles(trial: Trial) -> None:
    """Sign records with keys of every other role."""
    for role in ("root", "log", "witness", "decision", "access"):

        def act(world: World, bad: bool, role: str = role) -> tuple[SiteLog, Written]:
            log = world.sites["at"]
            return log, _organisation(log, signers=[log.keys[role if bad else "registrar"]])

        await is_void(trial, "sig.role", act, delta=f"an organisation signed by the {role} key")

    def decides(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        number = world.number(log)
        granted = world.grant(log, number)
        signer = log.keys["registrar" if bad else "decision"]
        body = world.decision("suspend", number)
        written = log.append("label_decision/1", body, entity=granted.entity, signers=[signer])
        return log, written

    await is_void(trial, "sig.role", decides, delta="a decision signed by the registrar key")

    def both(world: World, bad: bool) -> tuple[SiteLog, Written]:
        log = world.sites["at"]
        more = [log.keys["decision"]] if bad else []
        return log, _organisation(log, signers=[log.keys["registrar"], *more])

    await is_void(trial, "sig.role", both, delta="signed by a second key of another role")
