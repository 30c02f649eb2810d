"""What commands ask about relations of organisations: state one, take it back, follow them."""

from collections.abc import Iterator, Mapping
from typing import Any

from sopro_node.acting import act
from sopro_node.heldlog import OWN
from sopro_node.node import Node
from sopro_node.operators import BY
from sopro_protocol.errors import NotFoundError, RefusedError
from sopro_registry.catalogue import decode_state
from sopro_registry.families import organisation, organisation_relation
from sopro_registry.fields import epoch_of, format_day, parse_day
from sopro_registry.relations import (
    Kind,
    Place,
    Relation,
    Relations,
    Statement,
    follow_relations,
    relations_entity,
)

Answer = dict[str, Any]

_FAMILY = organisation_relation.FAMILY.name


async def relate(node: Node, values: Mapping[str, Any]) -> Answer:
    """State what an organisation of this site is to another.

    `organisation`, `other`: entities; `kind`; `site`?: of the other, where that is not this one;
    `since`?: civil date. Answers `index` and `relations`, as the record has them.

    Raises:
        RefusedError: a rule forbids it, or it is related to that one already.
    """
    held, site = _held(node, values["organisation"]), _site_of(node, values)
    if any((one.organisation, one.site) == (values["other"], site) for one in held):
        raise RefusedError(
            "the two are related already; take that back first: sopro organisation unrelate",
            code="rel.subject",
        )
    since = values.get("since")
    day = parse_day(since, field="since") if since else node.desk.today()
    relation = Relation(Kind(values["kind"]), values["other"], site, day)
    return await _state(node, values, [*held, relation])


async def unrelate(node: Node, values: Mapping[str, Any]) -> Answer:
    """Take a relation back that was stated by mistake. `organisation`, `other`; `site`?.

    Raises:
        NotFoundError: there is none.
    """
    held, site = _held(node, values["organisation"]), _site_of(node, values)
    kept = [one for one in held if (one.organisation, one.site) != (values["other"], site)]
    if len(kept) == len(held):
        raise NotFoundError("this site states no relation between the two")
    return await _state(node, values, kept)


async def relations(node: Node, values: Mapping[str, Any]) -> Answer:
    """Say what this site states of an organisation of its own. `organisation`: entity.

    Answers `entity`, on which its relations stand, `head`: `prev` of who states them next, None
    where nothing is stated yet, and `relations`.

    Raises:
        NotFoundError: no such organisation is registered here.
    """
    subject = values["organisation"]
    if _organisation(node, Place(node.identity.site, subject)) is None:
        raise NotFoundError(f"this site has no organisation {subject.hex()}")
    entity = relations_entity(subject)
    row = node.reader.entity(OWN, entity)
    return {
        "entity": entity,
        "head": row.head if row else None,
        "relations": [_plain(one) for one in _held(node, subject)],
    }


async def lineage(node: Node, values: Mapping[str, Any]) -> Answer:
    """Follow the relations of an organisation across sites, whoever states them.

    `organisation`: entity; `site`?: this one if not given; `at`?: civil date. Answers `members`:
    {site, entity, name, status, is_known}, the organisation first; `statements`: {site, entity,
    kind, other_site, other, since, is_confirmed}; `is_cut`.

    Raises:
        NotFoundError: no organisation with that entity is known here.
    """
    first = Place(values.get("site") or node.identity.site, values["organisation"])
    if _organisation(node, first) is None:
        raise NotFoundError(f"no organisation {first.entity.hex()} of {first.site} is known here")
    at = values.get("at")
    found = follow_relations(first, stated(node), day=parse_day(at, field="at") if at else None)
    return {
        "members": [_describe(node, place) for place in found.members],
        "statements": [_say(one) for one in found.statements],
        "is_cut": found.is_cut,
    }


def stated(node: Node) -> Iterator[tuple[str, Relations]]:
    """Go through the relations that sites state; of several logs of one the newest counts."""
    newest: dict[tuple[str, bytes], Relations] = {}
    for held in sorted(node.holdings.logs.values(), key=lambda one: epoch_of(one.origin)):
        for _, _, data in node.reader.entities(held.number, _FAMILY):
            state = decode_state(_FAMILY, data)
            if isinstance(state, Relations):
                newest[held.site, state.organisation] = state
    for (site, _), state in newest.items():
        yield site, state


def _site_of(node: Node, values: Mapping[str, Any]) -> str:
    """Return the site of the other organisation; empty where it is this one."""
    site = values.get("site") or ""
    return "" if site == node.identity.site else site


def _held(node: Node, entity: bytes) -> list[Relation]:
    row = node.reader.entity(OWN, relations_entity(entity))
    state = decode_state(_FAMILY, row.state) if row and isinstance(row.state, bytes) else None
    return state.relations if isinstance(state, Relations) else []


async def _state(node: Node, values: Mapping[str, Any], held: list[Relation]) -> Answer:
    told = [{**_plain(one), "organisation": one.organisation.hex()} for one in held]
    done = await act(
        node,
        {
            "act": "organisation.relate",
            "told": {"relations": told},
            "entity": values["organisation"],
            BY: values.get(BY),
        },
    )
    return {"index": done["index"], "relations": done["values"]["relations"]}


def _plain(one: Relation) -> Answer:
    return {
        "kind": one.kind.value,
        "organisation": one.organisation,
        "since": format_day(one.since),
        **({"site": one.site} if one.site else {}),
    }


def _organisation(node: Node, place: Place) -> tuple[int, organisation.State] | None:
    """Return an organisation with the number of the newest log of its site that has it."""
    logs = [one for one in node.holdings.logs.values() if one.site == place.site]
    for held in sorted(logs, key=lambda one: epoch_of(one.origin), reverse=True):
        row = node.reader.entity(held.number, place.entity)
        if row is not None and isinstance(row.state, bytes):
            state = decode_state(row.family, row.state)
            if isinstance(state, organisation.State):
                return held.number, state
    return None


def _describe(node: Node, place: Place) -> Answer:
    found = _organisation(node, place)
    fields = node.desk.document_fields(found[0], found[1].index) if found else {}
    return {
        "site": place.site,
        "entity": place.entity,
        "name": str(fields.get("legal_name", "")),
        "status": found[1].status if found else "",
        "is_known": found is not None,
    }


def _say(one: Statement) -> Answer:
    return {
        "site": one.subject.site,
        "entity": one.subject.entity,
        "kind": one.kind.value,
        "other_site": one.other.site,
        "other": one.other.entity,
        "since": format_day(one.since),
        "is_confirmed": one.is_confirmed,
    }
