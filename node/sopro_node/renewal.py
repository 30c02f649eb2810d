"""What is to be renewed by a day: keys, and statements of conformance (SPEC STATE-14, MEM-12).

Nothing that counts follows from these days. They are here so that people are told in time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sopro_node import clock
from sopro_node.keyrecords import read_renewals
from sopro_node.node import Node
from sopro_protocol.keys import Role
from sopro_registry.families import site_membership
from sopro_registry.family import KeySpan
from sopro_registry.fields import parse_day

STATEMENT_DAYS: Final = 60
"""So long before its end a statement is warned of: a run, and an admission, take their time."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be renewed by a day.

    Attributes:
        site: whose it is.
        key: the key; None for the statement of conformance.
        by: the last day, a civil date.
        days: from today to that day; below 0 after it.
        seconds: until that day is over.
    """

    site: str
    key: KeySpan | None
    by: str
    days: int
    seconds: float


def due_keys(node: Node) -> list[Due]:
    """List the keys of this site that are to be replaced by a day, the first day first."""
    held = node.log.held
    said = read_renewals(node.reader, node.holdings, held)
    found = [
        _due(node, node.identity.site, said[span.public], span)
        for span in held.keys
        if span.public in said and span.counts_at(held.size)
    ]
    return sorted(found, key=lambda one: one.days)


def due_statements(node: Node) -> list[Due]:
    """List the members' statements of conformance that have a last day, the first day first."""
    found = [
        _due(node, member.site, member.conformance_until)
        for member in node.holdings.directory.members()
        if isinstance(member.conformance_until, str) and member.status in ("admitted", "suspended")
    ]
    return sorted(found, key=lambda one: one.days)


def is_stale(member: site_membership.Body, *, today: int) -> bool:
    """Say whether a member's statement of conformance has ended."""
    until = member.conformance_until
    return isinstance(until, str) and today > parse_day(until, field="conformance_until")


def _due(node: Node, site: str, by: str, key: KeySpan | None = None) -> Due:
    day = parse_day(by, field="renew_by")
    seconds = (clock.end_of_day(day, node.identity.zone) - clock.now()) / 1000
    return Due(site, key, by, day - node.desk.today(), seconds)


def list_due(node: Node) -> list[Due]:
    """List what the people of this node are to be warned of now.

    These are the keys of the site and its statement of conformance; at the coordinator, the
    statements of all members.
    """
    ours = [
        one
        for one in due_statements(node)
        if node.identity.coordinator or one.site == node.identity.site
    ]
    keys_from = node.settings.warn_days
    statements_from = max(keys_from, STATEMENT_DAYS)
    return [
        *(one for one in due_keys(node) if one.days <= keys_from),
        *(one for one in ours if one.days <= statements_from),
    ]


def warn_due(node: Node) -> Iterator[str]:
    """Say what is to be renewed soon, or should have been, and how."""
    for one in list_due(node):
        is_over = one.days < 0
        if one.key is not None:
            what = f"the {one.key.role} key {one.key.key_id.hex()[:16]}"
            was = "was" if is_over else "is"
            yield (
                f"{what} {was} to be replaced by {one.by} ({say_days(one.days)}): "
                f"{_how_to_replace(node, one.key)}"
            )
            continue
        whose = "this site's" if one.site == node.identity.site else f"{one.site}'s"
        how = (
            f"once it has a new one: sopro members change {node.folder} {one.site} "
            "--statement POSITION"
            if node.identity.coordinator
            else "run the conformance suite again and send the statement to the coordinator"
        )
        ends = "ended" if is_over else "ends"
        yield f"{whose} statement of conformance {ends} on {one.by} ({say_days(one.days)}); {how}"


def _how_to_replace(node: Node, key: KeySpan) -> str:
    if key.role == Role.ROOT.value:
        return f"sopro keys rotate {node.folder} root puts its successor in its place"
    return f"sopro keys rotate {node.folder} {key.role}"


def say_days(days: int) -> str:
    """Say how far a day is from today."""
    if days == 0:
        return "today"
    count = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f"in {count}" if days > 0 else f"{count} ago"
