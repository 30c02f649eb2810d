"""To whom people are tied: for them they are no third party and judge nothing (SPEC ASS-22).

An authorisation may name the body that its person works for. It leaves a name behind, by which all
authorisations of a person are found: another one makes nobody independent. Organisations that
relations make one have the same people.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from sopro_protocol.errors import RefusedError
from sopro_registry.authorisation import Authorisation
from sopro_registry.family import View
from sopro_registry.relations import MOST_ONE, ONE, Place, Relations, naming_name, relations_entity

MOST_OF_PERSON: Final = 64
"""Authorisations of one person."""

_AUTHORISATION: Final = "assessor_authorisation"
_RELATION: Final = "organisation_relation"


def authorisation_name(person: bytes, number: int) -> str:
    """Name an authorisation of a person by its number among them, from 0."""
    return f"of {person.hex()} {number}"


def authorisations_of(person: bytes, view: View) -> Iterator[Authorisation]:
    """Go through the authorisations that a log has of a person, in its order."""
    for number in range(MOST_OF_PERSON):
        entity = view.named(_AUTHORISATION, authorisation_name(person, number))
        held = None if entity is None else view.state(_AUTHORISATION, entity)
        if not isinstance(held, Authorisation):
            return
        yield held


def is_tied(person: bytes, organisations: Iterable[bytes], day: int, view: View) -> bool:
    """Say whether somebody is tied on a day to an organisation, or to what is one with it.

    Where too many organisations hang together to be followed, whoever is tied to any is tied to
    them.
    """
    tied = {one for held in authorisations_of(person, view) for one in held.ties(day)}
    if not tied:
        return False
    for organisation in set(organisations) - {b""}:
        found = one_with(organisation, view)
        if found is None or not tied.isdisjoint(found):
            return True
    return False


def offered_by(offering: bytes, view: View) -> bytes:
    """Return the organisation whose offering that is; empty where it is not here."""
    return bytes(getattr(view.state("offering", offering), "organisation", b""))


def one_with(organisation: bytes, view: View) -> set[bytes] | None:
    """Return the organisations of a log that are one with one of them, itself too.

    None where there are more than `MOST_ONE`, those of other sites counted, or more than so many
    have ever said to be one with one of them.
    """
    first = Place("", organisation)
    members, waiting = {first}, [first]
    while waiting:
        place = waiting.pop()
        if view.exists_named(_RELATION, naming_name(place, MOST_ONE)):
            return None
        new = set(_neighbours(place, view)) - members
        members |= new
        waiting += new
        if len(members) > MOST_ONE:
            return None
    return {place.entity for place in members if not place.site}


def _neighbours(place: Place, view: View) -> Iterator[Place]:
    """Go through what an organisation is said to be one with, by itself and by others."""
    if not place.site:
        yield from _stated(relations_entity(place.entity), view)[1]
    for number in range(MOST_ONE):
        entity = view.named(_RELATION, naming_name(place, number))
        if entity is None:
            return
        subject, others = _stated(entity, view)
        if place in others:
            yield subject


def _stated(entity: bytes, view: View) -> tuple[Place, list[Place]]:
    """Return whose relations stand on an entity, and what that is one with by them."""
    held = view.state(_RELATION, entity)
    if not isinstance(held, Relations):
        return Place("", b""), []
    others = [Place(one.site, one.organisation) for one in held.relations if one.kind in ONE]
    return Place("", held.organisation), others


def next_authorisation(person: bytes, view: View) -> str:
    """Return the name of a person's next authorisation.

    Raises:
        RefusedError: `ass.authority` where there are as many as there may be.
    """
    numbers = range(MOST_OF_PERSON)
    number = bisect_left(
        numbers,
        True,
        key=lambda one: not view.exists_named(_AUTHORISATION, authorisation_name(person, one)),
    )
    if number == MOST_OF_PERSON:
        raise RefusedError(
            f"authorisation: {person.hex()[:8]} has {MOST_OF_PERSON} authorisations, and no more "
            "are taken; go on with one of them",
            code="ass.authority",
        )
    return authorisation_name(person, number)
