"""Complaints about labels of any site, what the label's site makes of them, and appeals."""

import dataclasses
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from sopro_node.acts.act import Act, Asking, Hex16, Text, Told, named_document, read_hex
from sopro_node.complaining import appeals, complaint_at
from sopro_node.drafting import Draft
from sopro_node.entities import label_entity, last_record, refusal
from sopro_node.heldlog import OWN
from sopro_node.node import Node
from sopro_node.officer_roles import OfficerRole
from sopro_protocol.errors import FormatError, NotFoundError, RefusedError
from sopro_registry.complaints import AppealStep, ComplaintStep
from sopro_registry.fields import CertificateNumber, CivilDate, Count, Origin

Day = CivilDate | UnsetType


class Complaint(Told, frozen=True, kw_only=True):
    """A complaint that was received.

    Attributes:
        label: number of the label, of any site.
        kind: what it is about.
        text: in words; only this site and that of the label read it.
        received_on: civil date; today if not given.
    """

    label: CertificateNumber
    kind: Literal["non_conformity", "misuse", "procedure"]
    text: Text = ""
    received_on: Day = UNSET


class Withdrawal(Told, frozen=True, kw_only=True):
    """That a complaint is kept up no longer."""

    withdrawn_on: Day = UNSET


class ComplaintAnswer(Told, frozen=True, kw_only=True):
    """What the label's site makes of a complaint, by the officer.

    Attributes:
        origin: of the log that the complaint is in.
        index: position of its first record there.
        step: where the site is with it.
    """

    origin: Origin
    index: Count
    step: ComplaintStep
    effective_date: Day = UNSET


class Appeal(Told, frozen=True, kw_only=True):
    """An appeal that was received.

    Attributes:
        label: number of the label that was decided on; a refusal has none.
        application: entity of the application that was refused, or of its refusal.
        decision: its entry; the last one if not given.
        text: the grounds; only this site reads them.
    """

    label: CertificateNumber | UnsetType = UNSET
    application: Hex16 | UnsetType = UNSET
    decision: Count | UnsetType = UNSET
    text: Text = ""
    received_on: Day = UNSET


class Panel(Told, frozen=True, kw_only=True):
    """Who decides on an appeal, in the place of any panel before.

    Attributes:
        panel: pseudonyms of people whom this site knows, who took no part in what it is against.
    """

    panel: Annotated[list[Hex16], Meta(min_length=1, max_length=16)]
    effective_date: Day = UNSET


class Outcome(Told, frozen=True, kw_only=True):
    """What a panel has decided, or that the appeal was withdrawn; the officer records it."""

    step: AppealStep
    effective_date: Day = UNSET


async def plan_complaint(asking: Asking[Complaint]) -> Draft:
    """Draft a complaint; the site of the label may read its words.

    Raises:
        NotFoundError: no log here has that label.
    """
    told = asking.told
    home = asking.node.desk.label(told.label).site
    words = named_document("complaint", {"text": told.text}, visibility="parties")
    if words is not None:
        words = dataclasses.replace(words, parties=(home,))
    values = {
        "certificate": told.label,
        "kind": told.kind,
        "received_on": told.received_on or asking.today,
    }
    return asking.draft("complaint", values, document=words)


async def plan_withdrawal(asking: Asking[Withdrawal]) -> Draft:
    """Draft that a complaint is kept up no longer.

    Raises:
        NotFoundError: this site's log has no such complaint.
    """
    entity = asking.entity or b""
    held = asking.node.reader.entity(OWN, entity)
    last = last_record(asking.node, entity)
    if held is None or last is None or held.family != "complaint":
        raise NotFoundError(f"this site's log has no complaint {entity.hex()}")
    values = last[2] | {"withdrawn_on": asking.told.withdrawn_on or asking.today}
    return asking.draft("complaint", values, entity=entity)


async def plan_answer(asking: Asking[ComplaintAnswer]) -> Draft:
    """Draft a step of the label's site.

    Raises:
        NotFoundError: this node holds no such complaint.
        RefusedError: the label is another site's, or nobody says who answers.
    """
    told, node = asking.told, asking.node
    person = _somebody(asking, "complaint", "answers")
    held = await complaint_at(node, {"origin": told.origin, "index": told.index})
    if held["site"] != node.identity.site:
        raise RefusedError(
            f"{held['certificate']} is a label of {held['site'] or 'a site unknown here'}, "
            "which answers complaints about it",
            code="cpl.subject",
        )
    values = {
        "complaint": held["entry_id"],
        "effective_date": told.effective_date or asking.today,
        "index": told.index,
        "label": held["label"],
        "origin": told.origin,
        "person": person,
        "step": told.step.value,
    }
    return asking.draft("complaint_answer", values, entity=held["answer"])


async def plan_appeal(asking: Asking[Appeal]) -> Draft:
    """Draft an appeal against a decision of this site.

    Raises:
        FormatError: it names no decision, or in two ways.
        NotFoundError: this site has no such label, or has refused no such application.
    """
    told = asking.told
    if (told.label is UNSET) == (told.application is UNSET):
        raise FormatError(
            "appeal: expected 'label', or for a refusal 'application', one of the two",
            code="ofc.body",
        )
    entity, own = await _appealed(asking.node, told)
    values = {
        "decision": told.decision if told.decision is not UNSET else (own or [0])[-1],
        "effective_date": told.received_on or asking.today,
        "label": entity,
        "step": AppealStep.RECEIVED.value,
    }
    grounds = named_document("appeal", {"text": told.text}, visibility="site")
    return asking.draft("appeal", values, document=grounds)


async def _appealed(node: Node, told: Appeal) -> tuple[bytes, list[int]]:
    """Return what was decided on, and the entries of this site's decisions on it."""
    if isinstance(told.label, UnsetType):
        found = await refusal(node, {"application": read_hex(told.application)})
        return found["entity"], found["decisions"]
    site = node.identity.site
    own = [one.index for one in node.desk.label(told.label).history if one.site == site]
    return (await label_entity(node, {"number": told.label}))["entity"], own


async def plan_panel(asking: Asking[Panel]) -> Draft:
    """Draft who decides on an appeal.

    Raises:
        NotFoundError: this site has no such appeal.
    """
    values = await _step(asking, AppealStep.PANEL, asking.told.effective_date)
    panel = sorted(set(map(bytes.fromhex, asking.told.panel)))
    return asking.draft("appeal", values | {"panel": panel}, entity=asking.entity)


async def plan_outcome(asking: Asking[Outcome]) -> Draft:
    """Draft how an appeal ends; an officer records it as one of its panel.

    Raises:
        NotFoundError: this site has no such appeal.
        RefusedError: the officer is not on its panel, or nobody says who records it.
    """
    held = await _held(asking)
    person = _somebody(asking, "appeal", "records how it ends")
    if held["panel"] and person not in held["panel"]:
        raise RefusedError("appeal: how it ends is recorded by one of its panel", code="ofc.person")
    values = await _step(asking, asking.told.step, asking.told.effective_date)
    return asking.draft("appeal", values | {"person": person}, entity=asking.entity)


def _somebody(asking: Asking[Any], what: str, does: str) -> bytes:
    """Return who does something that is done by somebody.

    Raises:
        RefusedError: nobody is named.
    """
    if asking.person is None:
        raise RefusedError(
            f"{what}: expected who {does}, and nobody is named; name them with --by, or act as an "
            "officer: sopro --as NAME",
            code="ofc.person",
        )
    return asking.person


async def _held(asking: Asking[Any]) -> dict[str, Any]:
    known = (await appeals(asking.node, {}))["appeals"]
    found = next((one for one in known if one["entity"] == asking.entity), None)
    if found is None:
        raise NotFoundError(f"this site has no appeal {(asking.entity or b'').hex()}")
    return dict(found)


async def _step(asking: Asking[Any], step: AppealStep, day: Day) -> dict[str, Any]:
    held = await _held(asking)
    return {
        "decision": held["decision"],
        "effective_date": day or asking.today,
        "label": held["label"],
        "step": step.value,
    }


_REGISTRAR = (OfficerRole.REGISTRAR,)
ACTS = (
    Act(
        "complaint.add", "POST", "/complaints", _REGISTRAR, Complaint, plan_complaint,
        "Record a complaint about a label; its site sees it and must answer.",
    ),
    Act(
        "complaint.withdraw", "POST", "/complaints/{entity}/withdrawal", _REGISTRAR,
        Withdrawal, plan_withdrawal,
        "Record that a complaint is kept up no longer.",
    ),
    Act(
        "complaint.answer", "POST", "/complaint-answers", _REGISTRAR,
        ComplaintAnswer, plan_answer,
        "Take a complaint about a label of this site a step further, as who had no part in it.",
    ),
    Act(
        "appeal.add", "POST", "/appeals", _REGISTRAR, Appeal, plan_appeal,
        "Record an appeal against a decision of this site.",
    ),
    Act(
        "appeal.panel", "POST", "/appeals/{entity}/panel",
        (OfficerRole.REGISTRAR, OfficerRole.ADMINISTRATOR), Panel, plan_panel,
        "Name who decides on an appeal, anew where a panel cannot.",
    ),
    Act(
        "appeal.decide", "POST", "/appeals/{entity}/outcome",
        (OfficerRole.DECIDER,), Outcome, plan_outcome,
        "Record what the officer's panel has decided, or that the appeal was withdrawn.",
    ),
)  # fmt: skip
