"""Labels that change sites, one by one: handing over, and taking over what is offered (XFER)."""

from dataclasses import replace

from msgspec import UNSET, UnsetType

from sopro_node.acts.act import Act, Asking, Told, given, read_hex
from sopro_node.drafting import CURRENT, Draft
from sopro_node.officer_roles import OfficerRole
from sopro_node.taking import LABELS, Taker
from sopro_node.transferring import (
    act_on_members,
    handover,
    head_of,
    offered_label,
    own_label,
)
from sopro_registry.fields import CertificateNumber, CivilDate, SiteCode, parse_day

Day = CivilDate | UnsetType


class Handover(Told, frozen=True, kw_only=True):
    """That another site is to decide on a label, as soon as it has taken it over.

    Attributes:
        label: number of the label.
        to: code of the site.
        effective_date: civil date; today if not given.
    """

    label: CertificateNumber
    to: SiteCode
    effective_date: Day = UNSET


class Takeover(Told, frozen=True, kw_only=True):
    """That this site decides on a label from now on which is offered to it.

    Attributes:
        label: number of the label.
        effective_date: civil date; today if not given, and never before what its site has decided.
    """

    label: CertificateNumber
    effective_date: Day = UNSET


async def plan_handover(asking: Asking[Handover]) -> Draft:
    """Draft what hands a label over; nobody decides on it until the other site has taken it over.

    Raises:
        NotFoundError: no log here has that label.
        RefusedError: another site decides on it.
    """
    told, node = asking.told, asking.node
    stage = own_label(node, told.label)
    await act_on_members(node)
    day = told.effective_date or asking.today
    values = handover(node, to=told.to, day=day, decider=asking.person)
    return asking.draft(LABELS, values, entity=stage.entity)


async def plan_takeover(asking: Asking[Takeover]) -> Draft:
    """Draft what takes a label over, with its holder and its offering before it where they are new.

    Raises:
        NotFoundError: it is not offered to this site.
    """
    told, node = asking.told, asking.node
    stage = offered_label(node, told.label)
    await act_on_members(node)
    day = parse_day(told.effective_date or asking.today, field="effective_date")
    *before, draft = Taker(node, asking.person, day).draft(stage)
    head = head_of(node, draft.entity) if draft.entity is not None else None
    seen = read_hex(told.prev) or (CURRENT if head else None)
    return replace(draft, values=given(draft.values), before=before, seen=seen)


_DECIDER = (OfficerRole.DECIDER,)
ACTS = (
    Act(
        "transfer.out", "POST", "/transfers/out", _DECIDER, Handover, plan_handover,
        "Hand a label over to another site, which then has to take it over.",
    ),
    Act(
        "transfer.in", "POST", "/transfers/in", _DECIDER, Takeover, plan_takeover,
        "Take over a label that is offered, its holder and what it offers with it.",
        turn=lambda node: node.taking,
    ),
)  # fmt: skip
