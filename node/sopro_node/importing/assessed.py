"""Applications, evaluations and complaints of an existing register, from rows to drafts.

They are records like those that are made here, only of days gone by: the rules of their families
hold for them, and a register that knows less than those ask for keeps it as text instead.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sopro_node.deciders import nearest_names
from sopro_node.documents import structured
from sopro_node.importing.fields import Kind
from sopro_node.importing.plan import FAMILY_OF, Known, Planned, Verdict, entity_of, known_of
from sopro_node.importing.readings import Item, differences
from sopro_node.importing.spool import Spooled
from sopro_node.importing.suggest import did_you_mean
from sopro_protocol.errors import SoproError
from sopro_registry.application import Step
from sopro_registry.assessment import Level

Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]

_MOST_COMPARED: Final = 1000
_AUTHORISE: Final = "'sopro assessor authorise' says who may evaluate, and from when on"


class Assessed:
    """Plans rows of these kinds; asks the node for what they refer to."""

    def __init__(self, kind: Kind, call: Call, secret: bytes, *, is_dry: bool) -> None:
        self._kind = kind
        self._call = call
        self._secret = secret
        self._is_dry = is_dry
        # People whom the site has not known, with known names that are nearly theirs; and those
        # of them whom the file makes known, because they have assessed what is their own.
        self._near: dict[str, list[str]] = {}
        self._new: set[str] = set()
        self._people: dict[str, bytes | None] = {}
        self._sites: dict[str, str] = {}
        self._authorisations: Sequence[Mapping[str, Any]] | None = None

    async def plan(self, groups: Sequence[Sequence[Spooled]]) -> list[Planned]:
        """Plan the rows of several keys."""
        items = [row.item for rows in groups for row in rows if row.item is not None]
        known = await self._known(FAMILY_OF[self._kind], (item.key for item in items))
        if self._kind is Kind.APPLICATIONS:
            offerings = await self._known("offering", (item.reference for item in items))
            holders = await self._known("organisation", (item.event for item in items))
            there = offerings | holders
        else:
            there = await self._known(
                "label_decision", (item.reference for item in items if item.reference)
            )
        if self._kind is Kind.EVALUATIONS:
            await self._meet(items)
        elif self._kind is Kind.COMPLAINTS:
            await self._find_sites(items, there)
        return [one for rows in groups for one in self._plan_key(rows, known, there)]

    async def _known(self, family: str, keys: Iterable[Sequence[str]]) -> dict[bytes, Known]:
        entities = list(dict.fromkeys(entity_of(self._secret, family, key) for key in keys))
        if not entities:
            return {}
        answer = await self._call("entities", {"entities": entities, "with_body": True})
        return {
            entity: known_of(row)
            for entity, row in zip(entities, answer["rows"], strict=True)
            if row is not None
        }

    async def _meet(self, items: Iterable[Item]) -> None:
        """Learn the pseudonyms of assessors, and what they may do."""
        if self._authorisations is None:
            self._authorisations = (await self._call("assessors", {}))["assessors"]
        for is_self in (False, True):
            names = {
                str(item.values["assessor"])
                for item in items
                if (item.values["level"] == Level.SELF) is is_self
            }
            new = sorted(name for name in names if not self._people.get(name))
            if new:
                asked = {"names": new, "create": is_self and not self._is_dry}
                answer = await self._call("pseudonyms", asked)
                self._people |= answer["people"]
                self._near = answer["near"] | self._near
                self._new |= set(answer["near"]) if is_self else set()

    def new_people(self) -> dict[str, list[str]]:
        """Return whom the file makes known, with names of others that are nearly theirs."""
        new = sorted(self._new)
        others = new if len(new) <= _MOST_COMPARED else []
        return {
            name: list(dict.fromkeys([*self._near[name], *nearest_names(name, others)]))
            for name in new
        }

    async def _find_sites(self, items: Iterable[Item], there: Mapping[bytes, Known]) -> None:
        """Learn whose labels complaints are about."""
        for item in items:
            number = self._number(item, there)
            if number and number not in self._sites:
                try:
                    self._sites[number] = (await self._call("label", {"number": number}))["site"]
                except SoproError:
                    self._sites[number] = ""

    def _plan_key(
        self, rows: Sequence[Spooled], known: Mapping[bytes, Known], there: Mapping[bytes, Known]
    ) -> list[Planned]:
        """Plan the rows of one key: there is one of it, and the first row says what it is."""
        planned: list[Planned] = []
        first: Spooled | None = None
        for row in rows:
            item = row.item
            if item is None:
                planned.append(Planned(row, Verdict.BAD, row.problem))
            elif first is not None and first.item is not None:
                if item.values != first.item.values or item.reference != first.item.reference:
                    reason = f"line {first.line} gave this key with other values; keep one row"
                    planned.append(Planned(row, Verdict.BAD, reason))
                else:
                    planned.append(Planned(row, Verdict.UNCHANGED))
            else:
                first = row
                held = known.get(entity_of(self._secret, FAMILY_OF[self._kind], item.key))
                planned.append(_PLANS[self._kind](self, row, item, held, there))
        return planned

    # Applications.

    def plan_application(
        self, row: Spooled, item: Item, held: Known | None, there: Mapping[bytes, Known]
    ) -> Planned:
        """Plan an application: that it came in, and where it is now."""
        applicant = entity_of(self._secret, "organisation", item.event)
        offering = entity_of(self._secret, "offering", item.reference)
        for entity, name, key in (
            (applicant, "organisation", item.event),
            (offering, "offering", item.reference),
        ):
            if entity not in there:
                return _not_there(row, name, key)
        step, submitted = item.values["step"], item.values["submitted_on"]
        values = {
            "applicant": applicant,
            "criteria_version": int(item.values["criteria_version"]),
            "effective_date": submitted,
            "kind": item.values["kind"],
            "offering": offering,
            "scheme": item.values["scheme"],
            "step": Step.SUBMITTED.value,
        }
        is_first = step == Step.SUBMITTED
        now = values | {
            "effective_date": item.values.get("effective_date", submitted),
            "step": step,
        }
        if held is None:
            before = None if is_first else self._draft(item, values, None)
            after = now if not is_first else values
            draft = self._draft(item, after, None)
            if before is not None:
                draft["seen"] = b""
            return Planned(row, Verdict.DRAFTED, draft=draft, before=before)
        if is_first or not differences(now, held.body):
            return Planned(row, Verdict.UNCHANGED)
        return Planned(row, Verdict.DRAFTED, draft=self._draft(item, now, held))

    # Evaluations.

    def plan_evaluation(
        self, row: Spooled, item: Item, held: Known | None, there: Mapping[bytes, Known]
    ) -> Planned:
        """Plan an evaluation of a label."""
        label = entity_of(self._secret, "label_decision", item.reference)
        if label not in there:
            return _not_there(row, "label", item.reference)
        values = dict(item.values)
        name = str(values.pop("assessor"))
        assessor = self._assessor(name, str(there[label].state["scheme"]), item)
        if isinstance(assessor, str):
            return Planned(row, Verdict.BAD, assessor, field="assessor")
        values |= {
            "assessors": [assessor],
            "criteria_version": int(values["criteria_version"]),
            "label": label,
        }
        if held is not None and not differences(values, held.body):
            return Planned(row, Verdict.UNCHANGED)
        return Planned(row, Verdict.DRAFTED, draft=self._draft(item, values, held))

    def _assessor(self, name: str, scheme: str, item: Item) -> dict[str, bytes] | str:
        """Return who evaluated with what allowed it, or what is missing for that."""
        person = self._people.get(name)
        if item.values["level"] == Level.SELF:
            return {"person": person or bytes(16)}
        day = item.values["performed_on"]
        rights = [
            one
            for one in self._authorisations or ()
            if (one["person"], one["scheme"]) == (person, scheme)
        ]
        if not rights:
            meant = did_you_mean(next(iter(self._near.get(name, ())), ""))
            reason = f"nobody of that name is authorised for scheme {scheme!r}; {_AUTHORISE}"
            return f"{reason}{meant}"
        right = max(rights, key=lambda one: one["valid_from"] <= day <= one["valid_until"])
        return {"authorisation": right["entity"], "person": right["person"]}

    # Complaints.

    def plan_complaint(
        self, row: Spooled, item: Item, held: Known | None, there: Mapping[bytes, Known]
    ) -> Planned:
        """Plan a complaint about a label; its words go to the label's site alone."""
        number = self._number(item, there)
        if not number:
            return _not_there(row, "label", item.reference)
        site = self._sites.get(number, "")
        if not site:
            reason = f"no log here has the label {number}"
            return Planned(row, Verdict.BAD, reason, field="certificate")
        values = {**item.values, "certificate": number}
        if held is not None and not differences(values, held.body):
            return Planned(row, Verdict.UNCHANGED)
        draft = self._draft(item, values, held)
        if text := item.fields.get("text"):
            words = structured("complaint", {"text": text}, visibility="parties")
            told = {"name": words.name, "content": words.content, "parties": [site]}
            draft["documents"].append({**told, "visibility": words.visibility})
        return Planned(row, Verdict.DRAFTED, draft=draft)

    def _number(self, item: Item, there: Mapping[bytes, Known]) -> str:
        """Return the number of the label that a complaint is about; empty where it has none."""
        if number := item.values.get("certificate"):
            return str(number)
        label = there.get(entity_of(self._secret, "label_decision", item.reference))
        return str(label.state["number"]) if label is not None and item.reference else ""

    def _draft(self, item: Item, values: Mapping[str, Any], held: Known | None) -> dict[str, Any]:
        family = FAMILY_OF[self._kind]
        return {
            "family": family,
            "values": dict(values),
            "entity": entity_of(self._secret, family, item.key),
            "seen": held.head if held else None,
            "documents": _kept(family, item),
        }


def _kept(family: str, item: Item) -> list[dict[str, Any]]:
    """Make the public document of what no field is for, where there is any."""
    if "kept" not in item.fields:
        return []
    document = structured(family, {"kept": item.fields["kept"]})
    return [{"name": document.name, "content": document.content}]


def _not_there(row: Spooled, name: str, key: Sequence[str]) -> Planned:
    what = {"label": "decisions"}.get(name, f"{name}s")
    shown = " / ".join(key)
    reason = f"{name} {shown!r} has not been imported; import the {what} first"
    return Planned(row, Verdict.BAD, reason, field=name)


_PLANS: Final = {
    Kind.APPLICATIONS: Assessed.plan_application,
    Kind.EVALUATIONS: Assessed.plan_evaluation,
    Kind.COMPLAINTS: Assessed.plan_complaint,
}
