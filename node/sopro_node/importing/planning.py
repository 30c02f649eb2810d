"""Planning a batch of rows over what the node's log holds on them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sopro_node.importing.assessed import Assessed
from sopro_node.importing.fields import Kind
from sopro_node.importing.lives import plan_label
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.plan import (
    FAMILY_OF,
    REFERS_TO,
    Known,
    Planned,
    Verdict,
    entity_of,
    known_of,
    plan_thing,
)
from sopro_node.importing.sameness import why_another, why_another_offering
from sopro_node.importing.spool import Spooled
from sopro_node.importing.standing import plan_standing

Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Planner:
    """Plans batches of rows, each of whole groups of one key.

    Args:
        kind: of the rows.
        mapping: of the file.
        call: reaches the node.
        secret: of the importer.
        assessed: plans kinds that have a planner of their own.
    """

    def __init__(
        self,
        kind: Kind,
        mapping: SourceMapping,
        call: Call,
        secret: bytes,
        *,
        assessed: Assessed | None,
    ) -> None:
        self._kind = kind
        self._mapping = mapping
        self._call = call
        self._secret = secret
        self._assessed = assessed

    async def plan(self, groups: Sequence[list[Spooled]]) -> list[Planned]:
        """Plan a batch: drafts for the node, or why there are none."""
        kind = self._kind
        if self._assessed is not None:
            return await self._assessed.plan(groups)
        keys = [_first(rows) for rows in groups]
        entities = [entity_of(self._secret, FAMILY_OF[kind], key) for key, _ in keys]
        known = await self._known(entities, with_content=True)
        refers = REFERS_TO.get(kind)
        referred = [entity_of(self._secret, refers, key) for _, key in keys] if refers else []
        there = await self._known(list(dict.fromkeys(referred)), with_content=False)
        planned: list[Planned] = []
        for number, rows in enumerate(groups):
            held = known.get(entities[number])
            is_referred = not refers or referred[number] in there
            if kind is Kind.DECISIONS:
                plan = plan_label if self._mapping.columns_of("order") else plan_standing
                found = plan(rows, held, secret=self._secret, is_referred=is_referred)
            else:
                found = plan_thing(
                    kind,
                    rows,
                    held,
                    secret=self._secret,
                    takes_first=self._mapping.repeated_keys == "first",
                    is_referred=is_referred,
                )
            for one in found if held is not None else ():
                one.is_change = True
                self._judge_sameness(one, held)
            planned += found
        return planned

    def _judge_sameness(self, one: Planned, held: Known | None) -> None:
        """Hold back what would take over an organisation or offering of somebody else."""
        item, reasons = one.row.item, self._mapping.changed_keys
        if held is None or one.draft is None or item is None:
            return
        if self._kind is Kind.ORGANISATIONS:
            reason, is_sure = why_another(item, held, reasons)
        elif self._kind is Kind.OFFERINGS:
            whose = one.draft["values"]["organisation"]
            reason, is_sure = why_another_offering(item, whose, held, reasons)
        else:
            return
        if is_sure:
            one.verdict, one.reason, one.draft = Verdict.BAD, reason, None
        else:
            one.remark = reason

    async def _known(self, entities: list[bytes], *, with_content: bool) -> dict[bytes, Known]:
        if not entities:
            return {}
        asked = {
            "entities": entities,
            "with_body": with_content,
            "with_decisions": with_content and self._kind is Kind.DECISIONS,
        }
        answer = await self._call("entities", asked)
        return {
            entity: known_of(row)
            for entity, row in zip(entities, answer["rows"], strict=True)
            if row is not None
        }


def _first(rows: Sequence[Spooled]) -> tuple[list[str], list[str]]:
    """Return the key of a group and of what its rows refer to, from the first one understood."""
    for row in rows:
        if row.item is not None:
            return row.item.key, row.item.reference
    return [], []
