"""What a site's people can have done, by name: the operations behind the command line.

The command line calls them in its own process, or over the control socket of the node that is
serving; either way they are these functions. Arguments and results are plain msgpack values.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from sopro_node.acting import act
from sopro_node.acts.erasing import DAYS_TO_ERASE
from sopro_node.admission import application, invite, join
from sopro_node.anchoring import plan_anchor, plan_successor
from sopro_node.appending import append, import_rows, rehearse
from sopro_node.assessing import (
    application_at,
    applications,
    assessors,
    criteria_in_force,
    pseudonyms,
)
from sopro_node.certificate_desk import certificate, page
from sopro_node.classifying import codelist_at, codelists, publish_codelist
from sopro_node.complaining import appeals, complaint_at, complaint_show, complaints
from sopro_node.drafting import Note
from sopro_node.entities import entities, label_entity, own_organisations, refusal
from sopro_node.evidence import describe_evidence
from sopro_node.inbox import inbox
from sopro_node.keyoffice import drop_plan, keys, plan_keys, put_keys, unlock
from sopro_node.keyrecovery import new_root, plan_approval
from sopro_node.labelled import label, label_at
from sopro_node.memberships import (
    admit,
    change_membership,
    members,
    recover_member,
    refuse,
    renew_epoch,
    set_membership,
)
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_node.officers import CHANGES, officer_list, officer_show, officer_trail
from sopro_node.operators import for_officers
from sopro_node.publishing import criteria, publish_criteria
from sopro_node.reading import document, documents
from sopro_node.relating import lineage, relate, relations, unrelate
from sopro_node.searching import check, check_many, directory, directory_organisations
from sopro_node.standing import describe_standing, export_policy, identity, policy, publish_policy
from sopro_node.target import Pulled
from sopro_node.trail import on_trail
from sopro_node.transferring import hand_over, offers, take_over
from sopro_node.watching import watch
from sopro_node.withholding import plan_withholding, put_withholding
from sopro_protocol.errors import (
    NotFoundError,
    SoproError,
)
from sopro_registry.fields import format_day, parse_day

Answer = dict[str, Any]
Operation = Callable[[Node, Mapping[str, Any]], Awaitable[Answer]]

MAX_LABELS: Final = 500


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


async def status(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Describe the node: its log, its mirrors, what went wrong, its keys, and what waits."""
    waiting = (await inbox(node, {}))["waiting"]
    return describe_standing(node) | await keys(node, {}) | {"inbox": len(waiting)}


async def alone(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Open the log although no peer has answered. `reason`. Answers `index`, None if not needed."""
    return {"index": await node.settling.open_alone(values["reason"], note=note)}


async def statistics(node: Node, values: Mapping[str, Any]) -> Answer:
    """Count labels and decisions over every log held. `at`?: civil date."""
    at = values.get("at")
    counted = await node.counting.statistics(parse_day(at, field="at") if at else None)
    return dict(msgspec.to_builtins(counted))


async def sync(node: Node, values: Mapping[str, Any]) -> Answer:
    """Pull every followed log once, and the documents that this site may see.

    Answers `pulled`: by origin, {size, added} or {code, error}.
    `origin`?: of the one log that is wanted; of all others only the coordinator's is pulled then.
    """
    results = await node.exchange.sync_once(str(values.get("origin", "")))
    settings = node.settings
    await node.gatherer.gather_now(deadline=settings.fetch_seconds, reach=settings.reach)
    return {"pulled": {origin: _pulled(result) for origin, result in results.items()}}


def _pulled(result: Pulled | SoproError) -> Answer:
    """Describe a pull; with an error and a size where another node stood in for the site's own."""
    problem = result if isinstance(result, SoproError) else result.problem
    done = {"size": result.size, "added": result.added} if isinstance(result, Pulled) else {}
    return done | ({"code": problem.code, "error": str(problem)} if problem else {})


async def evidence(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the evidence of two histories that is kept here."""
    return {"evidence": describe_evidence(node.evidence)}


async def evidence_file(node: Node, values: Mapping[str, Any]) -> Answer:
    """Return an evidence file. `id`: its first hexadecimal digits. Answers `id`, `content`."""
    found = [one for one in node.evidence if one.id.hex().startswith(values["id"])]
    if len(found) != 1:
        known = ", ".join(one.id.hex()[:16] for one in node.evidence) or "none"
        raise NotFoundError(f"no single evidence {values['id'][:64]!r} is kept here; kept: {known}")
    return {"id": found[0].id, "content": node.reader.others.evidence_file(found[0].id)}


async def erase(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Erase the documents of entities everywhere.

    `entity`, or `entities`; `reason`; `deadline`?: civil date; `site`?: whose they are, where it is
    gone. Answers `erased`: {index, document, erasure, origin?}, `deadline`, and `left`: why copies
    may be on this disk for now, or nothing.
    """
    deadline = values.get("deadline") or format_day(node.desk.today() + DAYS_TO_ERASE)
    done = await node.eraser.erase(
        values.get("entities") or [values["entity"]],
        site=values.get("site") or "",
        reason=values["reason"],
        deadline=deadline,
        note=note,
    )
    places = [
        {"index": one.position, "document": one.number, "erasure": one.erasure}
        | ({"origin": one.origin} if one.origin else {})
        for one in done.erased
    ]
    return {"erased": places, "deadline": deadline, "left": done.left}


_TRAILED: Final = (
    alone,
    join,
    put_keys,
    admit,
    new_root,
    recover_member,
    refuse,
    renew_epoch,
    set_membership,
    change_membership,
    erase,
    put_withholding,
    publish_policy,
)
"""What is no act of the catalogue and is on the trail all the same."""

_FOR_OFFICERS: Final[Mapping[Operation, tuple[OfficerRole, ...]]] = {
    **dict.fromkeys(
        (
            appeals,
            application_at,
            applications,
            assessors,
            complaint_at,
            complaint_show,
            complaints,
            document,
            documents,
            entities,
            inbox,
            keys,
            label_at,
            label_entity,
            members,
            own_organisations,
            refusal,
            relations,
            status,
        ),
        (),
    ),
    officer_list: (OfficerRole.REGISTRAR, OfficerRole.ADMINISTRATOR),
    officer_show: (OfficerRole.REGISTRAR, OfficerRole.ADMINISTRATOR),
    pseudonyms: (OfficerRole.REGISTRAR, OfficerRole.ADMINISTRATOR),
    rehearse: (OfficerRole.REGISTRAR,),
    **dict.fromkeys(
        (
            drop_plan,
            officer_trail,
            plan_anchor,
            plan_approval,
            plan_keys,
            plan_successor,
            plan_withholding,
            unlock,
        ),
        (OfficerRole.ADMINISTRATOR,),
    ),
}
"""What tells more than the public may know, or makes ready what only some may do, and for whom; no
role is any officer. As over the API, where it is asked there."""

FOR_ALL: Final = (
    application,
    certificate,
    check,
    check_many,
    codelist_at,
    codelists,
    criteria,
    criteria_in_force,
    directory,
    directory_organisations,
    evidence,
    evidence_file,
    export_policy,
    identity,
    invite,
    label,
    labels,
    lineage,
    offers,
    page,
    policy,
    statistics,
    sync,
    watch,
)
"""What anybody may ask of this node, or could find out at another."""

JUDGED: Final = (act, import_rows, publish_codelist, publish_criteria, relate, unrelate, *CHANGES)
"""What says for itself who may have it done, and is on the trail as an act."""

OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.__name__: operation
    for operation in (
        on_trail(append, role=OfficerRole.REGISTRAR),
        on_trail(hand_over, role=OfficerRole.DECIDER),
        on_trail(take_over, role=OfficerRole.DECIDER),
        *map(on_trail, _TRAILED),
        *(for_officers(operation, *roles) for operation, roles in _FOR_OFFICERS.items()),
        *FOR_ALL,
        *JUDGED,
    )
}
