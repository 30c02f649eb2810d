"""What commands ask about assessments: applications with how far they have come, and assessors."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from sopro_node.deciders import find_decider, known_people, nearest_names, same_name
from sopro_node.heldlog import OWN
from sopro_node.node import Node
from sopro_protocol.errors import NotFoundError
from sopro_registry.application import Application, decided_name, stage
from sopro_registry.assessment import Evaluation, Review
from sopro_registry.authorisation import Authorisation
from sopro_registry.catalogue import decode_state
from sopro_registry.fields import format_day
from sopro_registry.label import Label

Answer = dict[str, Any]


async def applications(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List this site's applications, oldest first. Answers `applications`, as `application_at`."""
    evaluations, reviews = _by_application(node)
    found = [
        (state.steps[0][0], _describe(node, entity, state, evaluations, reviews))
        for entity, state in _states(node, "label_application")
        if isinstance(state, Application)
    ]
    return {"applications": [answer for _, answer in sorted(found, key=lambda one: one[0])]}


async def application_at(node: Node, values: Mapping[str, Any]) -> Answer:
    """Describe one application. `entity`. Answers its fields, `stage`, `evaluations`, `reviews`.

    `decision`, where one was made: `entity` and `head` of what it is on, its entry `index`, what
    was decided, the `reason` and the day `decided_on` as corrected since, `number` of the label.

    Raises:
        NotFoundError: this site has no such application.
    """
    entity = values["entity"]
    row = node.reader.entity(OWN, entity)
    state = decode_state(row.family, row.state) if row and isinstance(row.state, bytes) else None
    if not isinstance(state, Application):
        raise NotFoundError(f"this site has no application {entity.hex()}")
    return _describe(node, entity, state, *_by_application(node))


async def assessors(node: Node, _values: Mapping[str, Any]) -> Answer:
    """List the authorisations of assessors. Answers `assessors`."""
    answers = [
        {
            "entity": entity,
            "person": state.person,
            "scheme": state.scheme,
            "status": state.versions[-1].status,
            "level": state.versions[-1].level,
            "criteria": list(state.versions[-1].criteria),
            "valid_from": format_day(state.versions[-1].valid_from),
            "valid_until": format_day(state.versions[-1].valid_until),
        }
        for entity, state in _states(node, "assessor_authorisation")
        if isinstance(state, Authorisation)
    ]
    return {"assessors": sorted(answers, key=lambda one: (one["scheme"], one["person"]))}


async def pseudonyms(node: Node, values: Mapping[str, Any]) -> Answer:
    """Find people by their names. `names`; `create`: whether who has none gets one.

    Answers `people`: name to pseudonym, None where the site knows nobody of that name; `near`: by
    name of whom it has not known, those that it knows and that are nearly the same.
    """
    known = known_people(node.folder)
    spelled = {name: same_name(name, known) for name in values["names"]}
    new = [name for name, held in spelled.items() if held is None]
    near = await asyncio.to_thread(lambda: {name: nearest_names(name, known) for name in new})
    return {
        "people": {
            name: known[held]
            if held is not None
            else (find_decider(node.folder, name, is_new=True) if values["create"] else None)
            for name, held in spelled.items()
        },
        "near": near,
    }


async def criteria_in_force(node: Node, values: Mapping[str, Any]) -> Answer:
    """Find the version of a scheme's criteria that applies today. `scheme`. Answers `version`.

    Raises:
        NotFoundError: the scheme has none that applies.
    """
    scheme, directory = values["scheme"], node.holdings.directory
    latest = directory.criteria_set(scheme)
    for version in range(latest.version if latest else 0, 0, -1):
        found = directory.criteria_set(scheme, version=version)
        if found is not None and found.applies_from <= node.desk.today():
            return {"version": version}
    raise NotFoundError(
        f"scheme {scheme!r} has no criteria that apply today; the coordinator publishes them "
        "with 'sopro criteria publish'"
    )


def _states(node: Node, family: str) -> Iterator[tuple[bytes, object]]:
    for entity, _, data in node.reader.entities(OWN, family):
        yield entity, decode_state(family, data)


_Found = dict[bytes, list[tuple[bytes, Any]]]


def _by_application(node: Node) -> tuple[_Found, _Found]:
    evaluations: _Found = {}
    reviews: _Found = {}
    for found, family, kind in (
        (evaluations, "evaluation", Evaluation),
        (reviews, "review", Review),
    ):
        for entity, state in _states(node, family):
            if isinstance(state, kind):
                found.setdefault(state.application, []).append((entity, state))
    return evaluations, reviews


def _describe(
    node: Node, entity: bytes, state: Application, evaluations: _Found, reviews: _Found
) -> Answer:
    found = sorted(evaluations.get(entity, ()), key=lambda one: one[1].index)
    reviewed = sorted(reviews.get(entity, ()), key=lambda one: one[1].index)
    decided = node.reader.named(OWN, "label_application", decided_name(entity))
    return {
        "entity": entity,
        "stage": stage(
            state,
            evaluated=[one.index for _, one in found],
            reviewed=[one.index for _, one in reviewed],
            is_decided=decided is not None,
        ),
        "step": state.step,
        "kind": state.kind,
        "applicant": state.applicant,
        "offering": state.offering,
        "label": state.label,
        "scheme": state.scheme,
        "criteria_version": state.criteria_version,
        "submitted": format_day(state.submitted),
        "evaluations": [one for one, _ in found],
        "reviews": [{"entity": one, "outcome": review.outcome} for one, review in reviewed],
        "decision": _describe_decision(node, decided, [one for one, _ in reviewed]),
    }


def _describe_decision(node: Node, entity: bytes | None, reviews: list[bytes]) -> Answer | None:
    """Say how an application was decided; None where it is not, or nothing can be said of it."""
    row = node.reader.entity(OWN, entity) if entity is not None else None
    state = decode_state(row.family, row.state) if row and isinstance(row.state, bytes) else None
    if row is None or not isinstance(state, Label):
        return None
    places = [index for index, _, review in state.people if review in reviews]
    found = [one for one in state.decisions if one.index in places]
    if not found:
        return None
    decision = found[-1]
    said = next((one for one in state.reasons if one.index == decision.index), None)
    day = said.refused if said and said.refused else decision.decided
    return {
        "entity": entity,
        "head": row.head,
        "index": decision.index,
        "action": decision.action.value,
        "number": state.number,
        "reason": said.code if said else "",
        "decided_on": format_day(day),
    }
