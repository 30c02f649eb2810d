"""What an organisation of this site is to others."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_node.acts.act import Act, Asking, Hex16, Told, read_hex
from sopro_node.drafting import CURRENT, Draft
from sopro_node.heldlog import OWN
from sopro_node.officer_roles import OfficerRole
from sopro_registry.families import organisation_relation
from sopro_registry.fields import CivilDate, SiteCode
from sopro_registry.relations import Kind, relations_entity


class Related(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One relation.

    Attributes:
        kind: what the organisation is to the other.
        organisation: entity of the other.
        since: civil date from which it holds; today if not given.
        site: code of the site that registered the other; not given where this one did.
    """

    kind: Kind
    organisation: Hex16
    since: CivilDate | UnsetType = UNSET
    site: SiteCode | UnsetType = UNSET


class Relations(Told, frozen=True, kw_only=True):
    """Every relation of an organisation from now on.

    Attributes:
        relations: what is not among them holds no more.
    """

    relations: Annotated[list[Related], Meta(max_length=32)]


async def plan_relations(asking: Asking[Relations]) -> Draft:
    """Draft what an organisation is to others; `prev` is of its relations, not of itself."""
    organisation = asking.entity or b""
    entity = relations_entity(organisation)
    values = {
        "organisation": organisation,
        "relations": [_stated(one, asking.today) for one in asking.told.relations],
    }
    is_there = asking.node.reader.entity(OWN, entity) is not None
    seen = read_hex(asking.told.prev) or (CURRENT if is_there else None)
    return Draft(organisation_relation.FAMILY.name, values, entity=entity, seen=seen)


def _stated(one: Related, today: str) -> dict[str, Any]:
    values: dict[str, Any] = {"since": today} | msgspec.to_builtins(one)
    return values | {"organisation": bytes.fromhex(one.organisation)}


ACTS = (
    Act(
        "organisation.relate", "PUT", "/organisations/{entity}/relations",
        (OfficerRole.REGISTRAR,), Relations, plan_relations,
        "Say what an organisation is to others from now on; what is not given is no more.",
    ),
)  # fmt: skip
