"""From rows of one key and what the log holds on them to the drafts that are missing.

Nothing here reads or writes: the same rows over the same log always give the same plan, and over a
log that has them already an empty one. That is what makes an import repeatable.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec

from sopro_node.documents import structured
from sopro_node.importing.fields import Kind
from sopro_node.importing.readings import Item, differences
from sopro_node.importing.spool import Spooled
from sopro_protocol.encoding import encode

_CONTEXT: Final = "sopro-import/1"

FAMILY_OF: Final = {
    Kind.ORGANISATIONS: "organisation",
    Kind.OFFERINGS: "offering",
    Kind.DECISIONS: "label_decision",
    Kind.APPLICATIONS: "label_application",
    Kind.EVALUATIONS: "evaluation",
    Kind.COMPLAINTS: "complaint",
}
REFERS_TO: Final = {Kind.OFFERINGS: "organisation", Kind.DECISIONS: "offering"}


class Verdict(Enum):
    """What becomes of a row without asking the node."""

    DRAFTED = "drafted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    BAD = "bad"


@dataclass(slots=True)
class Planned:
    """A row with its verdict: a draft for the node, or why there is none.

    Attributes:
        row: as spooled.
        verdict: without asking the node.
        reason: of a refusal or an error.
        draft: for the office operation `append`.
        is_expected: a refusal that the mapping's own words foresee.
        field: of the mapping that the reason is about.
        before: another draft that has to come in first.
        remark: what a person should look at, although the row goes its way.
        is_change: the register had what the row is about.
    """

    row: Spooled
    verdict: Verdict
    reason: str = ""
    draft: dict[str, Any] | None = None
    is_expected: bool = False
    field: str = "key"
    before: dict[str, Any] | None = None
    remark: str = ""
    is_change: bool = False

    @property
    def drafts(self) -> list[dict[str, Any]]:
        """What is to be appended, in order."""
        return [one for one in (self.before, self.draft) if one is not None]


def entity_of(secret: bytes, family: str, key: Sequence[str]) -> bytes:
    """Return the entity of a thing of the source: without the secret, a random one."""
    return _digest(secret, family, key)


def source_of(secret: bytes, key: Sequence[str], event: Sequence[str]) -> bytes:
    """Return the digest by which a decision of the source is found again."""
    return _digest(secret, "source", [*key, "", *event])


def _digest(secret: bytes, what: str, parts: Sequence[str]) -> bytes:
    return hmac.digest(secret, msgspec.msgpack.encode([_CONTEXT, what, *parts]), hashlib.sha256)[
        :16
    ]


class Stated(NamedTuple):
    """What a decision in the log says: its body, and its public document where there is one."""

    body: Mapping[str, Any]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What the log holds on an entity, as the office operation `entities` answers it.

    Attributes:
        head: entry id of its last record.
        state: of its family.
        body: of its last record; of a label none.
        fields: of its public document.
        decisions: of a label, by their positions in the log, with what each of them says.
    """

    head: bytes
    state: Mapping[str, Any]
    body: Mapping[str, Any]
    fields: Mapping[str, Any]
    decisions: Mapping[int, Stated] = field(default_factory=dict)


def known_of(row: Mapping[str, Any]) -> Known:
    """Read a row of the answer of `entities`."""
    stated = {one["index"]: Stated(one["body"], one["fields"]) for one in row["decisions"]}
    return Known(row["head"], row["state"], row["body"], row["fields"], stated)


# Organisations and offerings: one version for each key.


def plan_thing(
    kind: Kind,
    rows: Sequence[Spooled],
    known: Known | None,
    *,
    secret: bytes,
    takes_first: bool,
    is_referred: bool,
) -> list[Planned]:
    """Plan the rows of one organisation or offering.

    Args:
        kind: what they are.
        rows: of one key.
        known: what the log holds on it.
        secret: of the importer.
        takes_first: later rows of the key may say something else; the first counts.
        is_referred: the organisation of an offering is in the log.
    """
    planned: list[Planned] = []
    first: Spooled | None = None
    for row in rows:
        if row.item is None:
            planned.append(Planned(row, Verdict.BAD, row.problem))
        elif not is_referred:
            reason = not_there(kind, row.item)
            planned.append(Planned(row, Verdict.BAD, reason, field=REFERS_TO[kind]))
        elif first is not None and first.item is not None:
            planned.append(_plan_repeat(first, row, row.item, takes_first=takes_first))
        else:
            first = row
            planned.append(_plan_version(kind, row, row.item, known, secret=secret))
    return planned


def not_there(kind: Kind, item: Item) -> str:
    """Say that what a row refers to is not in the log."""
    name = REFERS_TO[kind]
    shown = " / ".join(item.reference)
    return f"{name} {shown!r} has not been imported; import the {name}s first"


def _plan_repeat(first: Spooled, row: Spooled, item: Item, *, takes_first: bool) -> Planned:
    before = first.item
    assert before is not None  # noqa: S101  # only rows that were understood come first
    differ = differences(before.values | before.fields, item.values | item.fields)
    if before.reference != item.reference:
        differ.append("organisation")
    if differ and not takes_first:
        reason = f"line {first.line} gave this key with another {', '.join(differ)}; keep one row"
        return Planned(row, Verdict.BAD, reason)
    return Planned(row, Verdict.UNCHANGED)


def _plan_version(
    kind: Kind, row: Spooled, item: Item, known: Known | None, *, secret: bytes
) -> Planned:
    family = FAMILY_OF[kind]
    values = dict(item.values)
    if kind is Kind.OFFERINGS:
        values["organisation"] = entity_of(secret, "organisation", item.reference)
    if known is not None and _says_the_same(item, values, known):
        return Planned(row, Verdict.UNCHANGED)
    draft = {
        "family": family,
        "values": values,
        "entity": entity_of(secret, family, item.key),
        "seen": known.head if known else None,
        "documents": documents_of(family, item.fields),
    }
    return Planned(row, Verdict.DRAFTED, draft=draft)


def documents_of(family: str, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make the public document of a record, where there is anything for it."""
    if not fields:
        return []
    document = structured(family, fields)
    return [{"name": document.name, "content": document.content}]


def _says_the_same(item: Item, values: Mapping[str, Any], known: Known) -> bool:
    differ = differences(values, known.body)
    if not item.is_dated:
        # The source does not say since when; the day of the first import stays.
        differ = [name for name in differ if name != "effective_date"]
    return not differ and encode(item.fields) == encode(dict(known.fields))
