"""What the coordinator decides about members: admission, suspension, change, recovery."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from sopro_node import clock
from sopro_node.admission import drop_application, open_application
from sopro_node.continuing import check_end, describe_end, known_beyond
from sopro_node.drafting import Draft, Note
from sopro_node.found import check_country, check_language
from sopro_node.keyrecovery import collect_approvals, list_recoveries
from sopro_node.keyuse import check_keys
from sopro_node.node import Node
from sopro_node.outside import try_again
from sopro_node.renewal import is_stale
from sopro_node.rootkeys import prove_succession
from sopro_node.stated import profiles_of
from sopro_node.statements import open_statement
from sopro_node.zones import check_zone
from sopro_protocol.encoding import Value
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_registry.families import site_membership
from sopro_registry.fields import Cut, format_day

Answer = dict[str, Any]

ASKED: Final = ("country", "languages", "name", "origin", "root", "site", "urls", "zone")
"""What a site says of itself when it asks for admission; the rest is the coordinator's to say."""
STATEMENT: Final = ("conformance", "conformance_until")


async def members(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List members, new root keys that some have approved, and the open requests for admission.

    Of a member with a statement of conformance `profiles` are those that the statement shows, where
    its log is held here, and `stale` says whether it has ended. `as_of` is when a site last found
    the coordinator's log current; None where it never has, and at the coordinator.
    """
    today = node.desk.today()
    listed = [
        _in_hex(_fields_of(member))
        | {"stale": is_stale(member, today=today), "profiles": profiles_of(node, member)}
        for member in node.holdings.directory.members()
    ]
    waiting = []
    for site, received, data in node.reader.others.applications():
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
    coordinator = None if node.identity.coordinator else node.holdings.coordinator_origin
    return {
        "members": listed,
        "applications": waiting,
        "recoveries": recoveries,
        "as_of": node.exchange.confirmed_at(coordinator) if coordinator else None,
    }


def _in_hex(value: Any) -> Any:
    """Write bytes in hex, as programs and people read them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _in_hex(one) for name, one in value.items()}
    return [_in_hex(one) for one in value] if isinstance(value, list) else value


async def admit(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Admit a site that asked.

    `site`; `prefix`?: of its numbers; `statement`?: position of its statement of conformance in its
    log; without it `conformance`? and `conformance_until`?, else those named before; `again`?:
    whether what its address shows is tried again before. What the request says beside its own
    fields is not taken over. Answers `unchecked`: why the site's keys could not be
    compared with those of the others, or None.
    """
    site = values["site"]
    must_coordinate(node)
    waiting = {known: data for known, _, data in node.reader.others.applications()}
    if site not in waiting:
        member = node.holdings.directory.membership(site)
        if member is not None and member.status == "admitted":
            raise NotFoundError(
                f"{site!r} is a member already; a new statement of conformance is taken with "
                f"'sopro members change DIRECTORY {site} --statement POSITION'"
            )
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
    unchecked = await check_keys(node, request)
    prefix = before.prefix if before else values.get("prefix") or default_prefix(site)
    fields = {
        **{key: request[key] for key in ASKED},
        **await _hold_statement(node, before, request, values),
        "effective_date": format_day(node.desk.today()),
        "prefix": prefix,
    }
    steps = [prove_succession(node, before, request["root"]) | {"status": "admitted"}]
    if before is not None and before.status == "left":
        # Who has left asks first, by a record of its own (MEM-2).
        steps = [steps[0] | {"status": "applicant"}, {"status": "admitted"}]
    for step in steps:
        entity = node.reader.named(1, "site_membership", site)
        draft = Draft("site_membership", fields | step, entity=entity)
        outcome = await node.log.append(draft, note=note)
    await drop_application(node, site)
    node.exchange.refresh_soon()
    return {"site": site, "prefix": prefix, "index": outcome.index, "unchecked": unchecked}


async def _hold_statement(
    node: Node,
    before: site_membership.Body | None,
    request: Mapping[str, Any],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what is recorded of a statement of conformance, once it is verified (SPEC CONF-5).

    Raises:
        RefusedError: `conf.missing` where one is asked for, and as `open_statement`.
    """
    index = values.get("statement")
    if index is not None:
        statement = await open_statement(node, request, index)
        if values.get("again", True):
            reach = node.settings.reach
            await try_again(reach, request["site"], request["urls"], statement.body)
        return statement.fields
    if node.settings.admit_profiles:
        raise RefusedError(
            f"{request['site']}: this coordinator admits on a statement of conformance for "
            f"{' and '.join(node.settings.admit_profiles)}; the site runs 'sopro-conformance run "
            "--nonce ...' and 'sopro conformance state', and tells you the position that says, "
            "for --statement",
            code="conf.missing",
        )
    return _statement_of(before, values)


def _statement_of(before: site_membership.Body | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is recorded of a statement of conformance: what is said now, or was before."""
    known = _fields_of(before) if before and not values.get("conformance") else {}
    said = {name: values.get(name) or known.get(name) for name in STATEMENT}
    if said["conformance_until"] and not said["conformance"]:
        raise RefusedError(
            "a last day of conformance without the digest of a statement says nothing; give both"
        )
    return {name: value for name, value in said.items() if value}


async def refuse(node: Node, values: Mapping[str, Any], _note: Note | None = None) -> Answer:
    """Drop a request for admission. `site`."""
    must_coordinate(node)
    site = values["site"]
    if site not in {known for known, _, _ in node.reader.others.applications()}:
        raise NotFoundError(f"{site!r} has not asked for admission")
    await drop_application(node, site)
    return {"site": site}


async def set_membership(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Suspend, release or end a membership. Answers `abandoned`.

    `site`; `status`; `size`?: of its log, from which its records count no more; by default what
    this node holds of it; `successor`?: code of the site that looks after its labels; `keep`?.

    Releasing a site settles evidence of two histories against it, and so does letting it go, also
    where that is known only when it has gone already: the federation goes on with the history that
    the coordinator holds, or that the roots in `keep` name, and abandons the heads of the other
    (SPEC EVID-10, MEM-14).
    """
    must_coordinate(node)
    site, status = values["site"], values["status"]
    member = node.holdings.directory.membership(site)
    if member is None:
        raise NotFoundError(f"no member {site!r}")
    if member.status == status and status in site_membership.GONE:
        return await _settle(node, member, values, note)
    fields = _fields_of(member)
    for past in ("ends", "abandoned"):
        fields.pop(past, None)
    abandoned = _abandon(node, member, values) if status != "suspended" else []
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
    draft = Draft("site_membership", fields, entity=entity)
    outcome = await node.log.append(draft, note=note)
    return {
        "site": site,
        "status": status,
        "size": size,
        "index": outcome.index,
        "abandoned": _in_hex(abandoned),
    }


def _abandon(
    node: Node, member: site_membership.Body, values: Mapping[str, Any]
) -> list[dict[str, Value]]:
    """Choose the heads of a member's log that the federation abandons (SPEC EVID-10)."""
    heads = node.evidence.choose(member.origin, keep=values.get("keep", ()))
    return [{"root": root, "size": size} for size, root in heads]


async def _settle(
    node: Node, member: site_membership.Body, values: Mapping[str, Any], note: Note | None
) -> Answer:
    """Settle two histories of a site that has gone already; all else stays (SPEC MEM-14)."""
    site, status = member.site, member.status
    abandoned = _abandon(node, member, values)
    if not abandoned or values.get("size") is not None or values.get("successor") is not None:
        raise RefusedError(
            f"{site} is {status} already: all that can still be recorded is which of two histories "
            "of its log holds, where evidence of two stands against it, with --keep ROOT",
            code="mem.status",
        )
    fields = _fields_of(member) | {"abandoned": abandoned}
    entity = node.reader.named(1, "site_membership", site)
    draft = Draft("site_membership", fields, entity=entity)
    outcome = await node.log.append(draft, note=note)
    size = member.ends.size if isinstance(member.ends, Cut) else None
    return {
        "site": site,
        "status": status,
        "size": size,
        "index": outcome.index,
        "abandoned": _in_hex(abandoned),
    }


async def change_membership(
    node: Node, values: Mapping[str, Any], note: Note | None = None
) -> Answer:
    """Record what is new about a member.

    `site`; `changes`: fields of its membership; `statement`? and `again`?: as for `admit`.
    """
    must_coordinate(node)
    site, changes = values["site"], values["changes"]
    member = node.holdings.directory.membership(site)
    if member is None:
        raise NotFoundError(f"no member {site!r}")
    _check_changes(changes)
    before = {name: one for name, one in _fields_of(member).items() if name not in STATEMENT}
    said = _statement_of(member, changes)
    if values.get("statement") is not None:
        said = await _hold_statement(node, member, _fields_of(member), values)
    fields = before | changes | said
    fields["effective_date"] = format_day(node.desk.today())
    entity = node.reader.named(1, "site_membership", site)
    draft = Draft("site_membership", fields, entity=entity)
    outcome = await node.log.append(draft, note=note)
    return {"site": site, "index": outcome.index}


def _check_changes(changes: Mapping[str, Any]) -> None:
    """Hold what is changed to what a new site is held to.

    Raises:
        FormatError: a country, language or zone is none.
    """
    if "zone" in changes:
        check_zone(changes["zone"])
    if "country" in changes:
        check_country(changes["country"])
    for field in ("languages", "name"):
        for tag in changes.get(field, ()):
            check_language(field, tag)


async def renew_epoch(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Close the log of a member that has lost entries; the one it has begun goes on. `site`.

    Answers `origin`; `before` and `size`: the log that is closed and its size; `lost`: how many
    more entries of it are known to have been signed.
    """
    must_coordinate(node)
    site = values["site"]
    waiting = {known: data for known, _, data in node.reader.others.applications()}
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
        ),
        note=note,
    )
    await drop_application(node, site)
    node.exchange.refresh_soon()
    return {
        "site": site,
        "origin": request["origin"],
        "before": end.origin,
        "size": end.size,
        "lost": known_beyond(node, end),
        "index": outcome.index,
    }


async def recover_member(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Name a member's new root key where enough of the others approve it. `site`."""
    must_coordinate(node)
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
                "mandate": recovery.mandate,
                "root": recovery.root,
            },
            entity=node.reader.named(1, "site_membership", values["site"]),
        ),
        note=note,
    )
    node.exchange.refresh_soon()
    return {
        "site": values["site"],
        "root": recovery.root,
        "index": outcome.index,
        "by": len(recovery.approvals),
    }


def _fields_of(member: site_membership.Body) -> dict[str, Any]:
    """Copy a membership without what proves how it came to its root key."""
    fields: dict[str, Any] = msgspec.to_builtins(member, builtin_types=(bytes,))
    if member.ends is not UNSET and member.ends.origin != member.origin:
        del fields["ends"]  # of the log before
    proofs = ("approvals", "epoch", "mandate", "succession")
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


def default_prefix(site: str) -> str:
    """Return the prefix a site gets where none is asked for: `at` becomes `AT0`."""
    letters = "".join(letter for letter in site.upper() if letter.isalnum())
    return (letters + "000")[:3]


def must_coordinate(node: Node) -> None:
    """Refuse what only the coordinator does.

    Raises:
        RefusedError: this node is not the coordination node.
    """
    if not node.identity.coordinator:
        raise RefusedError("only the coordination node decides on members")
