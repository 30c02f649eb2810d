"""What the coordinator publishes for all, and when a site ends taking over its old register."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sopro_node.acts.act import Act, Asking, Told
from sopro_node.drafting import Draft
from sopro_node.heldlog import OWN
from sopro_node.memberships import must_coordinate
from sopro_node.officer_roles import OfficerRole
from sopro_registry.families import criteria_set, criterion, scheme
from sopro_registry.fields import CivilDate


class Scheme(Told, frozen=True, kw_only=True):
    """A scheme as it is from now on."""

    scheme: scheme.Body


class Criterion(Told, frozen=True, kw_only=True):
    """A criterion's next version."""

    criterion: criterion.Body


class CriteriaSet(Told, frozen=True, kw_only=True):
    """The next version of a scheme's criteria."""

    criteria_set: criteria_set.Body


class ImportClosed(Told, frozen=True, kw_only=True):
    """That no decision of an existing register comes in any more."""

    effective_date: CivilDate | UnsetType = UNSET


async def plan_scheme(asking: Asking[Scheme]) -> Draft:
    """Draft a scheme.

    Raises:
        RefusedError: this node is not the coordinator.
    """
    body = asking.told.scheme
    return _plan(asking, "scheme", body.scheme, body)


async def plan_criterion(asking: Asking[Criterion]) -> Draft:
    """Draft a criterion.

    Raises:
        RefusedError: this node is not the coordinator.
    """
    body = asking.told.criterion
    return _plan(asking, "criterion", f"{body.scheme} {body.code}", body)


async def plan_criteria_set(asking: Asking[CriteriaSet]) -> Draft:
    """Draft a version of a scheme's criteria.

    Raises:
        RefusedError: this node is not the coordinator.
    """
    body = asking.told.criteria_set
    return _plan(asking, "criteria_set", body.scheme, body)


def _plan(asking: Asking[Any], family: str, name: str, body: Struct) -> Draft:
    must_coordinate(asking.node)
    entity = asking.node.reader.named(OWN, family, name)
    values = msgspec.to_builtins(body, builtin_types=(bytes,))
    return asking.draft(family, values, entity=entity)


async def plan_import_closed(asking: Asking[ImportClosed]) -> Draft:
    """Draft the end of taking over an existing register."""
    day = asking.told.effective_date
    values = {"effective_date": asking.today if day is UNSET else day}
    return asking.draft("import_closed", values)


_ADMINISTRATOR = (OfficerRole.ADMINISTRATOR,)
ACTS = (
    Act(
        "scheme.publish", "POST", "/schemes", _ADMINISTRATOR, Scheme, plan_scheme,
        "Publish a scheme, at the coordinator.",
    ),
    Act(
        "criterion.publish", "POST", "/criteria", _ADMINISTRATOR, Criterion, plan_criterion,
        "Publish a criterion's next version, at the coordinator.",
    ),
    Act(
        "criteria_set.publish", "POST", "/criteria-sets", _ADMINISTRATOR,
        CriteriaSet, plan_criteria_set,
        "Publish the next version of a scheme's criteria, at the coordinator.",
    ),
    Act(
        "import.close", "POST", "/import-closed", _ADMINISTRATOR, ImportClosed, plan_import_closed,
        "End the taking over of an existing register, for ever.",
    ),
)  # fmt: skip
