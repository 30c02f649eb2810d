"""Decisions on labels: granting one, and everything that happens to it."""

from typing import Any, Final

from msgspec import UNSET, UnsetType

from sopro_node.acts.act import Act, Asking, Hex16, Told, given, read_hex
from sopro_node.assessing import application_at
from sopro_node.drafting import Draft
from sopro_node.entities import label_entity, refusal
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.families.label_decision import ReasonCode
from sopro_registry.fields import CertificateNumber, CivilDate, Code, Count
from sopro_registry.label import ANSWERING, Action
from sopro_registry.scope import ScopeBody

FIRST: Final = (Action.GRANT, Action.REFUSE, Action.TRANSFER_IN)
_GIVING: Final = (Action.GRANT, Action.RENEW, Action.EXTEND_SCOPE, Action.TRANSFER_IN)
VALIDITY: Final = (Action.GRANT, Action.RENEW, Action.TRANSFER_IN)
Day = CivilDate | UnsetType


class Decision(Told, frozen=True, kw_only=True):
    """A decision by the officer: the first on an offering, or one on a label.

    Attributes:
        action: what is decided.
        label: number of the label, but on the first decision.
        application: entity of the application that it decides; it names offering and scheme. A
            correction names by it what was refused, which has no number.
        review: entity; the application's last one if not given.
        offering: entity of what the label is for, on the first decision.
        scheme: on the first decision.
        number: to give to a new label; the next free one if not given.
        decided_on: civil date; today if not given.
        effective_date: civil date; the first of validity, or today, if not given.
        valid_from: civil date; when it takes effect if not given.
        valid_until: last civil date of validity.
        reason_code: why.
        suspended_until: last civil date of a suspension.
        appeal_until: last civil date for an appeal.
        scope: areas and procurement codes that the label holds for; empty for all of them.
        corrects: entry of the wrong decision, for a correction; the refusal's if not given.
        refused_on: civil date on which it was refused, for a correction of a refusal.
    """

    action: Action
    label: CertificateNumber | UnsetType = UNSET
    application: Hex16 | UnsetType = UNSET
    review: Hex16 | UnsetType = UNSET
    offering: Hex16 | UnsetType = UNSET
    scheme: Code = "sopro"
    number: CertificateNumber | UnsetType = UNSET
    decided_on: Day = UNSET
    effective_date: Day = UNSET
    valid_from: Day = UNSET
    valid_until: Day = UNSET
    reason_code: ReasonCode | UnsetType = UNSET
    suspended_until: Day = UNSET
    appeal_until: Day = UNSET
    scope: ScopeBody | UnsetType = UNSET
    corrects: Count | UnsetType = UNSET
    refused_on: Day = UNSET


async def plan_decision(asking: Asking[Decision]) -> Draft:
    """Draft a decision by the officer.

    Raises:
        FormatError: a first decision names a label, a later one names none, or it hands a label
            over, which names who is to have it.
        NotFoundError: the label or the application is not here.
        RefusedError: the label is another site's by now, or the application is not reviewed.
    """
    told, node = asking.told, asking.node
    if told.action is Action.TRANSFER_OUT:
        # Handed over to nobody it would be lost: no site could take it over, and nobody decide.
        raise FormatError(
            "decision: a label is handed over to another site, which is not named here; POST "
            "/api/v1/office/transfers/out or 'sopro transfer out DIRECTORY NUMBER --to SITE' does "
            "that",
            code="ofc.body",
        )
    if told.action in FIRST and told.label is not UNSET:
        raise FormatError(
            f"decision: {told.action.value} begins a label, got one in 'label'; to give it a "
            "certain number, give 'number'",
            code="ofc.body",
        )
    _check_reason(told)
    entity, found = await _decided_on(node, told)
    values = (
        _dates(asking)
        | {
            "action": told.action.value,
            "appeal_until": told.appeal_until,
            "basis": "assessed",
            "certificate": told.number,
            "corrects": told.corrects,
            "decider": asking.person,
            "reason_code": told.reason_code,
            "refused_on": told.refused_on,
            # Not as a map: an empty scope says something, and an empty map would be left out.
            "scope": told.scope,
            "suspended_until": told.suspended_until,
        }
        | found
    )
    return asking.draft("label_decision", values, entity=entity)


def _check_reason(told: Decision) -> None:
    """Hold a decision that gives something to reasons for giving: it is counted by them.

    Raises:
        FormatError: its reason is one for holding a label back or ending it.
    """
    if told.action not in _GIVING or told.reason_code in (UNSET, "other", *ANSWERING):
        return
    raise FormatError(
        f"decision: {told.reason_code} is a reason to refuse, suspend, reduce or end a label; "
        f"expected for {told.action.value} none, other, {' or '.join(ANSWERING)}",
        code="ofc.body",
    )


async def _decided_on(node: Node, told: Decision) -> tuple[bytes | None, dict[str, Any]]:
    """Return what a decision is on, None for something new, and what it rests on or corrects.

    Raises:
        FormatError: it does not say, or in two ways.
    """
    if told.action in FIRST:
        return None, await _assessed(node, told)
    if told.action is Action.CORRECT and told.application is not UNSET:
        if told.label is not UNSET:
            raise FormatError(
                "decision: expected 'label', or for a refusal 'application', one of the two",
                code="ofc.body",
            )
        refused = await refusal(node, {"application": read_hex(told.application)})
        wrong = refused["refused"] if told.corrects is UNSET else told.corrects
        return refused["entity"], {"corrects": wrong}
    if told.label is UNSET:
        more = ", or of a refused application in 'application'"
        raise FormatError(
            f"decision: {told.action.value} needs the number of a label in 'label'"
            f"{more if told.action is Action.CORRECT else ''}",
            code="ofc.body",
        )
    entity = bytes((await label_entity(node, {"number": told.label}))["entity"])
    return entity, await _assessed(node, told)


def _dates(asking: Asking[Decision]) -> dict[str, Any]:
    told, today = asking.told, asking.today
    effective = told.effective_date or told.valid_from or today
    values = {
        "decided_on": told.decided_on or today,
        "effective_date": effective,
        "valid_from": told.valid_from,
        "valid_until": told.valid_until,
    }
    return values | (
        {"valid_from": told.valid_from or effective} if told.action in VALIDITY else {}
    )


async def _assessed(node: Node, told: Decision) -> dict[str, Any]:
    """Return what a decision is about and what it rests on; its application gives most of it."""
    begins = {"offering": read_hex(told.offering), "scheme": told.scheme}
    fields: dict[str, Any] = begins if told.action in FIRST else {}
    review = read_hex(told.review)
    if told.application is UNSET:
        return given(fields | {"review": review})
    held = await application_at(node, {"entity": read_hex(told.application)})
    if review is None:
        if not held["reviews"]:
            raise RefusedError("decision: its application is not reviewed yet", code="ass.subject")
        review = held["reviews"][-1]["entity"]
    if not held["label"]:
        fields |= {"offering": held["offering"], "scheme": held["scheme"]}
    return given(fields | {"application": held["entity"], "review": review})


ACTS = (
    Act(
        "decision.add",
        "POST",
        "/decisions",
        (OfficerRole.DECIDER,),
        Decision,
        plan_decision,
        "Decide, as the officer: grant a label on an offering, or act on one by its number.",
    ),
)
