"""What a site's people can have done, by name: the operations behind the command line.

The command line calls them in its own process, or over the control socket of the node that is
serving; either way they are these functions. Arguments and results are plain msgpack values.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from sopro_node import clock
from sopro_node.anchoring import plan_anchor, plan_successor
from sopro_node.application import APPLICATION_CONTEXT, sign_application
from sopro_node.assessing import application_at, applications, assessors, criteria_in_force
from sopro_node.certificate_desk import certificate, page
from sopro_node.complaining import appeals, complaint_at, complaints
from sopro_node.continuing import check_end, check_log, continued, describe_end, known_beyond
from sopro_node.documents import NewDocument
from sopro_node.evidence import describe_evidence
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite
from sopro_node.keyoffice import keys, plan_keys, put_keys
from sopro_node.keyrecovery import collect_approvals, list_recoveries, new_root, plan_approval
from sopro_node.keyring import find_key
from sopro_node.log import CURRENT, Appended, Draft
from sopro_node.node import Node
from sopro_node.rootkeys import current_root, prove_succession, roots_of_site
from sopro_node.standing import describe_standing, export_policy, policy, publish_policy
from sopro_node.target import MAX_KEYS, Pulled, parse_keys
from sopro_node.transferring import hand_over, offers, take_over
from sopro_node.withholding import plan_withholding, put_withholding
from sopro_node.zones import check_zone
from sopro_protocol.bundle import Item
from sopro_protocol.encoding import Value, decode, encode
from sopro_protocol.errors import (
    ConflictError,
    FormatError,
    NotFoundError,
    PeerError,
    RefusedError,
    SoproError,
    VerificationError,
)
from sopro_protocol.keys import check_public_key, verify_ed25519
from sopro_protocol.record import parse_entry
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import decode_state
from sopro_registry.families import site_membership
from sopro_registry.fields import format_day, parse_day
from sopro_registry.keyhistory import open_key_history

Answer = dict[str, Any]
Operation = Callable[[Node, Mapping[str, Any]], Awaitable[Answer]]

MAX_LABELS: Final = 500
_DAYS_TO_ERASE: Final = 30
MAX_APPLICATION: Final = 16 * 1024
MAX_APPLICATIONS: Final = 256


async def append(node: Node, values: Mapping[str, Any]) -> Answer:
    """Append drafts in order, each on its own merits.

    `drafts`: list of {family, values, entity?, seen?, documents?: [{name, content, type?,
    visibility?, parties?}]}. Answers `outcomes`: {index, entity, entry_id, values} or
    {kind, code, error, is_conflict}.
    """
    drafts = [_draft(draft) for draft in values["drafts"]]
    outcomes = await node.log.append_all(drafts)
    return {"outcomes": [_outcome(outcome) for outcome in outcomes]}


def _draft(values: Mapping[str, Any]) -> Draft:
    documents = [NewDocument(**document) for document in values.get("documents", ())]
    return Draft(
        values["family"],
        values["values"],
        entity=values.get("entity"),
        seen=values.get("seen", CURRENT),
        documents=documents,
    )


def _outcome(outcome: Appended | SoproError) -> Answer:
    if isinstance(outcome, SoproError):
        return {
            "kind": type(outcome).__name__,
            "code": outcome.code,
            "error": str(outcome),
            "is_conflict": isinstance(outcome, ConflictError),
        }
    return {
        "index": outcome.index,
        "entity": outcome.entity,
        "entry_id": outcome.entry_id,
        "values": dict(outcome.values),
    }


async def entities(node: Node, values: Mapping[str, Any]) -> Answer:
    """Return what this node's own log holds on some entities.

    `entities`: list of 16 bytes; `with_body`?: whether body and document are wanted, too. Answers
    `rows`: {family, head, state, body, fields} or None; a label's body is in its state.
    """
    rows: list[Answer | None] = []
    bodies = _Bodies(node) if values.get("with_body", True) else None
    for entity in values["entities"]:
        row = node.reader.entity(1, entity)
        if row is None or not isinstance(row.state, bytes):
            rows.append(None)
            continue
        state = decode_state(row.family, row.state)
        position: int | None = getattr(state, "index", None)
        body: Answer = {}
        fields: Mapping[str, Value] = {}
        if bodies is not None and position is not None:
            body, fields = bodies.read(position), node.desk.document_fields(1, position)
        rows.append(
            {
                "family": row.family,
                "head": row.head,
                "state": msgspec.to_builtins(_as_map(state), builtin_types=(bytes,)),
                "body": body,
                "fields": dict(fields),
            }
        )
    return {"rows": rows}


class _Bodies:
    """Bodies of entries of this node's own log; a bundle is unpacked once for many."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._bundle: tuple[int, Sequence[Item]] = (-1, [])

    def read(self, position: int) -> Answer:
        """Return a record's body."""
        record = decode(self._record(position))
        body = record.get("body") if isinstance(record, dict) else None
        return dict(body) if isinstance(body, dict) else {}

    def _record(self, position: int) -> bytes:
        holdings, reader = self._node.holdings, self._node.reader
        number, offset = divmod(position, WIDTH)
        if number != self._bundle[0]:
            self._bundle = (number, holdings.bundle_of(reader, holdings.own, number))
        item = self._bundle[1][offset]
        if isinstance(item, bytes):
            return parse_entry(item).record
        return holdings.record(reader, holdings.own, position)


def _as_map(state: msgspec.Struct) -> Answer:
    return {name: getattr(state, name) for name in state.__struct_fields__}


async def label(node: Node, values: Mapping[str, Any]) -> Answer:
    """Say how a label stands. `number`; `at`?: civil date."""
    at = values.get("at")
    answer = node.desk.label(values["number"], parse_day(at, field="at") if at else None)
    described = node.desk.describe(values["number"])
    return {**msgspec.to_builtins(answer), "describes": msgspec.to_builtins(described)}


async def labels(node: Node, values: Mapping[str, Any]) -> Answer:
    """List labels by number. `site`?: code; `after`?: number; `limit`?; `at`?: civil date."""
    at = values.get("at")
    found = node.desk.labels(
        site=values.get("site") or "",
        after=values.get("after") or "",
        limit=values.get("limit") or MAX_LABELS,
        day=parse_day(at, field="at") if at else None,
    )
    return {
        "labels": [
            {
                **msgspec.to_builtins(one),
                "describes": msgspec.to_builtins(node.desk.describe(one.number)),
            }
            for one in found
        ]
    }


async def label_entity(node: Node, values: Mapping[str, Any]) -> Answer:
    """Find one of this site's own labels. `number`. Answers `entity` and `head`."""
    number, own = values["number"], node.identity.origin
    course = node.desk.courses.of(number)
    if course is None or node.identity.site not in {stage.site for stage in course.stages}:
        raise NotFoundError(f"this site has no label {number[:64]!r}")
    stage = course.competent
    if stage.origin != own and stage.site == node.identity.site:
        raise RefusedError(
            f"{number} stands in the log that this one continues; take it over first: "
            "sopro transfer in DIRECTORY",
            code="lbl.competence",
        )
    if stage.origin != own:
        raise RefusedError(
            f"{number} has been taken over by {stage.site}, which decides on it now",
            code="lbl.competence",
        )
    entity = node.reader.entity(1, stage.entity)
    return {"entity": stage.entity, "head": entity.head if entity else None}


async def status(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Describe the node: its log, its mirrors, what went wrong, and its keys."""
    return describe_standing(node) | await keys(node, {})


async def alone(node: Node, values: Mapping[str, Any]) -> Answer:
    """Open the log although no peer has answered. `reason`. Answers `index`, None if not needed."""
    return {"index": await node.open_alone(values["reason"])}


async def statistics(node: Node, values: Mapping[str, Any]) -> Answer:
    """Count labels and decisions over every log held. `at`?: civil date."""
    at = values.get("at")
    counted = await node.statistics(parse_day(at, field="at") if at else None)
    return dict(msgspec.to_builtins(counted))


async def sync(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Pull every followed log once. Answers `pulled`: by origin, {size, added} or {code, error}."""
    results = await node.exchange.sync_once()
    return {"pulled": {origin: _pulled(result) for origin, result in results.items()}}


def _pulled(result: Pulled | SoproError) -> Answer:
    """Describe a pull; with an error and a size where another node stood in for the site's own."""
    problem = result if isinstance(result, SoproError) else result.problem
    done = {"size": result.size, "added": result.added} if isinstance(result, Pulled) else {}
    return done | ({"code": problem.code, "error": str(problem)} if problem else {})


# Membership.


async def join(node: Node, values: Mapping[str, Any]) -> Answer:
    """Pin the coordinator and ask it for admission.

    `invite`: its fields; `request`?: what `application` answered and its signature by the root
    key, where that key is not here.
    """
    if node.identity.coordinator:
        raise RefusedError("this node is the coordinator of its federation; it joins none")
    invite = msgspec.convert(values["invite"], Invite)
    node.check_invite(invite)
    request = values.get("request") or make_application(node)
    last: SoproError | None = None
    async with Fetch(reach=node.settings.reach) as fetch:
        for url in invite.urls:
            try:
                await check_coordinator(invite, url, fetch)
                await fetch.post(f"{url.rstrip('/')}/api/v1/applications", request, limit=64 * 1024)
            except PeerError as error:
                last = error
                continue
            await node.pin(invite)
            return {
                "asked": url,
                "site": node.identity.site,
                "is_continued": bool(continued(node)),
            }
    await node.pin(invite)
    raise PeerError(
        f"the coordinator could not be asked ({last}); the invite is pinned, run the same "
        "command again when it can be reached",
        code="hos.unreachable",
    )


async def check_coordinator(invite: Invite, url: str, fetch: Fetch) -> None:
    """See that a node serves the coordinator's log under the root key that an invite names.

    Raises:
        FormatError: it serves another one, so the invite is wrong.
        PeerError: it cannot be asked.
    """
    path = "/log/" + invite.origin.split("/", 1)[1]
    served = await fetch.get(f"{url.rstrip('/')}{path}/keys", limit=MAX_KEYS)
    try:
        history = parse_keys(served.body)
        open_key_history(history, origin=invite.origin, root=invite.root_key, is_coordinator=True)
    except (FormatError, VerificationError):
        raise FormatError(
            f"the node at {url} is not the coordinator whose root key this invite names; "
            "ask the coordinator's operator for the invite file that is in force",
            code="mem.untrusted",
        ) from None


async def application(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Write this site's request for admission. Answers `content` and `root`, who has to sign it."""
    return {"content": _application(node), "root": current_root(node)}


def make_application(node: Node) -> bytes:
    """Write this site's request for admission, signed by its root key.

    Raises:
        RefusedError: the root key is not here.
    """
    content = _application(node)
    file = find_key(node.folder, current_root(node), passphrase=node.passphrase)
    return sign_application(content, file.signer)


def _application(node: Node) -> bytes:
    identity = node.identity
    request: dict[str, Value] = {
        "country": identity.country,
        "languages": list(identity.languages),
        "name": dict(identity.name),
        "origin": identity.origin,
        "root": current_root(node),
        "site": identity.site,
        "time": clock.now(),
        "urls": [node.settings.public_url],
        "zone": identity.zone,
    }
    return encode(request | continued(node))


def open_application(data: bytes) -> dict[str, Any]:
    """Read a request for admission and check that the asker holds the root key it names.

    Raises:
        FormatError: it is none, or its key is weak.
        VerificationError: it is not signed by that key.
    """
    match decode(data, limit=MAX_APPLICATION):
        case [bytes(content), bytes(signature)]:
            pass
        case _:
            raise FormatError("application: expected [request, signature]", code="mem.format")
    request = decode(content, limit=MAX_APPLICATION)
    if not isinstance(request, dict) or not isinstance(request.get("root"), bytes):
        raise FormatError("application: expected a map with a root key", code="mem.format")
    check_public_key(request["root"])
    verify_ed25519(request["root"], message=APPLICATION_CONTEXT + content, signature=signature)
    try:
        msgspec.convert(
            {**request, "status": "applicant", "prefix": "000", "effective_date": "2000-01-01"},
            site_membership.Body,
        )
    except msgspec.ValidationError as error:
        raise FormatError(f"application: {error}", code="mem.format") from None
    return request


async def receive_application(node: Node, data: bytes) -> Answer:
    """Keep a request for admission until the coordinator's officer decides on it.

    Raises:
        RefusedError: this node is not the coordinator, or the name is taken.
        FormatError, VerificationError: as `open_application`.
    """
    if not node.identity.coordinator:
        raise NotFoundError("this node is not the coordinator; it admits nobody")
    request = open_application(data)
    site = request["site"]
    if site == node.identity.site:
        raise RefusedError(f"the site code {site!r} is the coordinator's own", code="mem.name")
    federation = node.identity.federation
    if request["origin"].rsplit("/", 1)[0] != f"{federation}/{site}":
        raise RefusedError(
            f"application: origin {request['origin'][:80]!r}, expected {federation}/{site}/<epoch>",
            code="mem.name",
        )
    member = node.holdings.directory.membership(site)
    check_log(member, request)
    if member is not None and request["root"] not in roots_of_site(node, member):
        raise RefusedError(
            f"the site code {site!r} is taken by another root key; where its successor has "
            "replaced it, ask again when the coordinator has this site's log",
            code="mem.name",
        )
    waiting = {known: held for known, _, held in node.reader.applications()}
    if (
        member is None
        and site in waiting
        and open_application(waiting[site])["root"] != request["root"]
    ):
        raise RefusedError(f"the site code {site!r} is being asked for already", code="mem.name")
    if len(waiting) >= MAX_APPLICATIONS and site not in waiting:
        raise RefusedError("too many open requests; ask the coordinator", code="mem.full")
    if member is not None and (member.status, member.origin, list(member.urls), member.root) == (
        "admitted",
        request["origin"],
        request["urls"],
        request["root"],
    ):
        return {"status": "admitted"}

    def keep() -> None:
        with node.store.transaction():
            node.store.put_application(site, clock.now(), data)

    await node.writer.run(keep)
    return {"status": "received"}


async def members(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List members, new root keys that some have approved, and the open requests for admission."""
    listed = [_in_hex(_fields_of(member)) for member in node.holdings.directory.members()]
    waiting = []
    for site, received, data in node.reader.applications():
        request = open_application(data)
        waiting.append(
            {
                "site": site,
                "country": request["country"],
                "root": request["root"].hex(),
                "urls": request["urls"],
                "received": clock.format_time(received),
                "continues": describe_end(request),
            }
        )
    recoveries = [
        {
            "site": one.site,
            "root": one.root.hex(),
            "by": sorted(one.approvals),
            "needed": one.needed,
            "voters": one.voters,
        }
        for one in list_recoveries(node)
    ]
    return {"members": listed, "applications": waiting, "recoveries": recoveries}


def _in_hex(value: Any) -> Any:
    """Write bytes in hex, as programs and people read them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _in_hex(one) for name, one in value.items()}
    return [_in_hex(one) for one in value] if isinstance(value, list) else value


async def admit(node: Node, values: Mapping[str, Any]) -> Answer:
    """Admit a site that asked. `site`; `prefix`?: of its numbers."""
    site = values["site"]
    _must_coordinate(node)
    waiting = {known: data for known, _, data in node.reader.applications()}
    if site not in waiting:
        known = ", ".join(sorted(waiting)) or "nobody"
        raise NotFoundError(f"{site!r} has not asked for admission; waiting: {known}")
    request = open_application(waiting[site])
    before = node.holdings.directory.membership(site)
    if "epoch" in request:
        raise RefusedError(
            f"{site} asks that its log goes on in {request['origin']}; see 'sopro members list', "
            f"and if so: sopro members renew-epoch DIRECTORY {site}",
            code="mem.epoch",
        )
    prefix = before.prefix if before else values.get("prefix") or default_prefix(site)
    outcome = await node.log.append(
        Draft(
            "site_membership",
            {
                **{key: value for key, value in request.items() if key != "time"},
                **prove_succession(node, before, request["root"]),
                "effective_date": format_day(node.desk.today()),
                "prefix": prefix,
                "status": "admitted",
            },
            entity=node.reader.named(1, "site_membership", site),
        )
    )
    await _drop_application(node, site)
    node.exchange.refresh_soon()
    return {"site": site, "prefix": prefix, "index": outcome.index}


async def refuse(node: Node, values: Mapping[str, Any]) -> Answer:
    """Drop a request for admission. `site`."""
    _must_coordinate(node)
    site = values["site"]
    if site not in {known for known, _, _ in node.reader.applications()}:
        raise NotFoundError(f"{site!r} has not asked for admission")
    await _drop_application(node, site)
    return {"site": site}


async def set_membership(node: Node, values: Mapping[str, Any]) -> Answer:
    """Suspend, release or end a membership. Answers `abandoned`.

    `site`; `status`; `size`?: of its log, from which its records count no more; by default what
    this node holds of it; `successor`?: code of the site that looks after its labels; `keep`?.

    Releasing a site settles evidence of two histories against it: the federation goes on with the
    history that the coordinator holds, or that the roots in `keep` name, and abandons the heads of
    the other (SPEC EVID-10).
    """
    _must_coordinate(node)
    site, status = values["site"], values["status"]
    member = node.holdings.directory.membership(site)
    if member is None:
        raise NotFoundError(f"no member {site!r}")
    fields = _fields_of(member)
    for past in ("ends", "abandoned"):
        fields.pop(past, None)
    abandoned: list[dict[str, Value]] = []
    if status == "admitted":
        heads = node.evidence.choose(member.origin, keep=values.get("keep", ()))
        abandoned = [{"root": root, "size": size} for size, root in heads]
        fields |= {"abandoned": abandoned} if abandoned else {}
    size = None
    if status in site_membership.ENDED and member.status != "applicant":
        size = _end_of(node, member, values.get("size"))
        fields["ends"] = {"origin": member.origin, "size": size}
    successor = values.get("successor")
    if successor is not None:
        _check_successor(node, site, successor)
        fields["successor"] = successor
    fields |= {"status": status, "effective_date": format_day(node.desk.today())}
    entity = node.reader.named(1, "site_membership", site)
    outcome = await node.log.append(Draft("site_membership", fields, entity=entity))
    return {
        "site": site,
        "status": status,
        "size": size,
        "index": outcome.index,
        "abandoned": _in_hex(abandoned),
    }


async def change_membership(node: Node, values: Mapping[str, Any]) -> Answer:
    """Record what is new about a member. `site`; `changes`: fields of its membership."""
    _must_coordinate(node)
    site, changes = values["site"], values["changes"]
    member = node.holdings.directory.membership(site)
    if member is None:
        raise NotFoundError(f"no member {site!r}")
    if "zone" in changes:
        check_zone(changes["zone"])
    fields = _fields_of(member) | changes
    fields["effective_date"] = format_day(node.desk.today())
    entity = node.reader.named(1, "site_membership", site)
    outcome = await node.log.append(Draft("site_membership", fields, entity=entity))
    return {"site": site, "index": outcome.index}


async def renew_epoch(node: Node, values: Mapping[str, Any]) -> Answer:
    """Close the log of a member that has lost entries; the one it has begun goes on. `site`.

    Answers `origin`; `before` and `size`: the log that is closed and its size; `lost`: how many
    more entries of it are known to have been signed.
    """
    _must_coordinate(node)
    site = values["site"]
    waiting = {known: data for known, _, data in node.reader.applications()}
    request = open_application(waiting[site]) if site in waiting else {}
    member = node.holdings.directory.membership(site)
    if member is None or "epoch" not in request:
        raise NotFoundError(
            f"{site!r} has not asked that its log goes on in another; it does so with 'sopro "
            "recover --new-epoch' and 'sopro join'"
        )
    end = check_end(node, member, request)
    outcome = await node.log.append(
        Draft(
            "site_membership",
            {
                **_fields_of(member),
                "effective_date": format_day(node.desk.today()),
                "ends": {"origin": end.origin, "size": end.size},
                "epoch": request["epoch"],
                "origin": request["origin"],
                "urls": request["urls"],
            },
            entity=node.reader.named(1, "site_membership", site),
        )
    )
    await _drop_application(node, site)
    node.exchange.refresh_soon()
    return {
        "site": site,
        "origin": request["origin"],
        "before": end.origin,
        "size": end.size,
        "lost": known_beyond(node, end),
        "index": outcome.index,
    }


async def _drop_application(node: Node, site: str) -> None:
    def drop() -> None:
        with node.store.transaction():
            node.store.cut_application(site)

    await node.writer.run(drop)


def _fields_of(member: site_membership.Body) -> dict[str, Any]:
    """Copy a membership without what proves how it came to its root key."""
    fields: dict[str, Any] = msgspec.to_builtins(member, builtin_types=(bytes,))
    if member.ends is not UNSET and member.ends.origin != member.origin:
        del fields["ends"]  # of the log before
    proofs = ("approvals", "epoch", "succession")
    return {name: value for name, value in fields.items() if name not in proofs}


def _end_of(node: Node, member: site_membership.Body, size: int | None) -> int:
    """Return where a member's log ends: where it was told to, or at what is held of it."""
    held = node.holdings.logs.get(member.origin)
    known = held.signed_size if held is not None else 0
    if size is None:
        if not known:
            raise RefusedError(
                f"{member.site}: its log is not held here, so nobody here can say where it ends; "
                "say it with --size",
                code="mem.end",
            )
        return known
    if size < known:
        raise RefusedError(
            f"{member.site}: cannot end at {size}, its log is known here up to {known}: "
            "what it decided while it was a member counts for ever",
            code="mem.end",
        )
    return size


def _check_successor(node: Node, site: str, successor: str) -> None:
    found = node.holdings.directory.membership(successor)
    if successor == site or found is None or found.status != "admitted":
        raise RefusedError(
            f"{site}: its successor must be another admitted member, {successor!r} is "
            f"{found.status if found else 'unknown here'}",
            code="mem.status",
        )


async def evidence(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the evidence of two histories that is kept here."""
    return {"evidence": describe_evidence(node.evidence)}


async def evidence_file(node: Node, values: Mapping[str, Any]) -> Answer:
    """Return an evidence file. `id`: its first hexadecimal digits. Answers `id`, `content`."""
    found = [one for one in node.evidence if one.id.hex().startswith(values["id"])]
    if len(found) != 1:
        known = ", ".join(one.id.hex()[:16] for one in node.evidence) or "none"
        raise NotFoundError(f"no single evidence {values['id'][:64]!r} is kept here; kept: {known}")
    return {"id": found[0].id, "content": node.reader.evidence_file(found[0].id)}


async def recover_member(node: Node, values: Mapping[str, Any]) -> Answer:
    """Name a member's new root key where enough of the others approve it. `site`."""
    _must_coordinate(node)
    recovery = collect_approvals(node, values["site"])
    member = node.holdings.directory.membership(values["site"])
    assert member is not None, "its approvals were collected"  # noqa: S101  # a bug if not
    outcome = await node.log.append(
        Draft(
            "site_membership",
            {
                **_fields_of(member),
                "approvals": list(recovery.approvals.values()),
                "effective_date": format_day(node.desk.today()),
                "root": recovery.root,
            },
            entity=node.reader.named(1, "site_membership", values["site"]),
        )
    )
    node.exchange.refresh_soon()
    return {
        "site": values["site"],
        "root": recovery.root,
        "index": outcome.index,
        "by": len(recovery.approvals),
    }


def _must_coordinate(node: Node) -> None:
    if not node.identity.coordinator:
        raise RefusedError("only the coordination node decides on members")


def default_prefix(site: str) -> str:
    """Return the prefix a site gets where none is asked for: `at` becomes `AT0`."""
    letters = "".join(letter for letter in site.upper() if letter.isalnum())
    return (letters + "000")[:3]


async def erase(node: Node, values: Mapping[str, Any]) -> Answer:
    """Erase the documents of an entity everywhere. `entity`; `reason`; `deadline`?: civil date."""
    deadline = values.get("deadline") or format_day(node.desk.today() + _DAYS_TO_ERASE)
    done = await node.eraser.erase(values["entity"], reason=values["reason"], deadline=deadline)
    places = [{"index": one.position, "document": one.number} for one in done]
    return {"erased": places, "deadline": deadline}


async def publish_criteria(node: Node, values: Mapping[str, Any]) -> Answer:
    """Publish what labels are judged by. `schemes`, `criteria`, `criteria_sets`: their fields."""
    _must_coordinate(node)
    published = []
    kinds = (("scheme", "schemes"), ("criterion", "criteria"), ("criteria_set", "criteria_sets"))
    for family, key in kinds:
        for fields in values.get(key, ()):
            is_criterion = family == "criterion"
            name = f"{fields['scheme']} {fields['code']}" if is_criterion else fields["scheme"]
            entity = node.reader.named(1, family, name)
            outcome = await node.log.append(Draft(family, fields, entity=entity))
            published.append({"family": family, "name": name, "index": outcome.index})
    return {"published": published}


async def identity(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Say who this node is."""
    return {
        "site": node.identity.site,
        "origin": node.identity.origin,
        "country": node.identity.country,
        "zone": node.identity.zone,
        "languages": node.identity.languages,
        "coordinator": node.identity.coordinator,
        "root": hashlib.sha256(node.identity.root).hexdigest(),
        "today": format_day(node.desk.today()),
    }


OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.__name__: operation
    for operation in (
        append,
        entities,
        label,
        labels,
        label_entity,
        status,
        alone,
        statistics,
        sync,
        certificate,
        page,
        application,
        join,
        keys,
        plan_keys,
        put_keys,
        members,
        admit,
        new_root,
        plan_approval,
        plan_anchor,
        plan_successor,
        recover_member,
        refuse,
        renew_epoch,
        set_membership,
        change_membership,
        evidence,
        evidence_file,
        publish_criteria,
        erase,
        plan_withholding,
        put_withholding,
        policy,
        publish_policy,
        export_policy,
        hand_over,
        offers,
        take_over,
        applications,
        application_at,
        assessors,
        criteria_in_force,
        complaints,
        complaint_at,
        appeals,
        identity,
    )
}
