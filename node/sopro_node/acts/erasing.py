"""Erasing one document of a record, here and at every member."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from sopro_node.acts.act import Act, Asking, Told
from sopro_node.drafting import Draft
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_registry.families import erasure
from sopro_registry.fields import CivilDate, Count, format_day

DAYS_TO_ERASE: Final = 30


class Erasure(Told, frozen=True, kw_only=True):
    """That nobody may keep or show a document of this site's log from now on.

    Attributes:
        index: position of its record.
        document: its number among the documents of the record, from 0.
        reason: published with it; without a word about anybody.
        deadline: civil date by which every member has erased it; in 30 days if not given.
    """

    index: Count
    document: Annotated[int, Meta(ge=0, le=255)] = 0
    reason: erasure.Reason
    deadline: CivilDate | UnsetType = UNSET


async def plan_erasure(asking: Asking[Erasure]) -> Draft:
    """Draft the erasure of a document; what names people goes, the record stays."""
    told, today = asking.told, asking.node.desk.today()
    values = {
        "deadline": told.deadline or format_day(today + DAYS_TO_ERASE),
        "document": told.document,
        "index": told.index,
        "reason": told.reason,
    }
    return Draft(erasure.FAMILY.name, values)


async def _leave_nothing(node: Node) -> None:
    await node.eraser.follow()


ACTS = (
    Act(
        "document.erase", "POST", "/erasures", (OfficerRole.ADMINISTRATOR,), Erasure, plan_erasure,
        "Erase a document of a record, here and at every member; for ever.",
        _leave_nothing,
    ),
)  # fmt: skip
