"""withhold/1: an entry that should never have been logged is shown no more (SPEC WITHHOLD).

Its bytes go everywhere, its leaf hash stays. What it meant for later entries is kept by a record
in its stead, which the withhold record holds: so whoever has seen the bytes and whoever never will
come to the same states. The log_state records in between vouch for it that nothing was hidden:
each must count as before.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.encoding import MAX_RECORD, decode
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role
from sopro_protocol.record import Record, read_record
from sopro_registry.family import Change, Fact, Family, Place, View, Withholding
from sopro_registry.fields import Bytes32, Count

Reason = Literal["personal_data", "court_order", "mistake", "other"]

MOST: Final = 256
UNTOUCHABLE: Final = frozenset(
    {"site_keys", "log_state", "withhold", "erasure", "orphan_erasure", "anchor"}
)
"""Families whose records keep their bytes: what follows from them cannot be said without."""

_LABELS: Final = "label_decision"
# Another site's label rests on what no log_state of this one states.
_TRANSFERS: Final = ("transfer_in", "transfer_out")


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry that nobody may keep or show from now on.

    Attributes:
        index: its position in this log.
        instead: a record that holds at that position, without what should never have been logged.
        leaf: its leaf hash.
        reason: why, without a word about anybody.
    """

    index: Count
    instead: Annotated[bytes, Meta(min_length=1, max_length=MAX_RECORD)] | UnsetType = UNSET
    leaf: Bytes32
    reason: Reason


class State(Struct, frozen=True, array_like=True):
    """What is withheld, and by which entry."""

    index: int
    withheld: int
    reason: str


def withholding_of(body: Body, *, record: int) -> Withholding:
    """Return what a withhold record at a position says."""
    instead = b"" if body.instead is UNSET else body.instead
    return Withholding(body.index, body.leaf, record, body.reason, instead)


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Withhold an entry of this log.

    Raises:
        RefusedError: `wdh.coordinator` in the coordinator's log; `wdh.index` where no log_state
            stands between the two; `wdh.leaf` for another leaf hash; `wdh.again` for a second
            record on the entity or the entry, one on a withhold record, and too many;
            `wdh.instead` where what holds instead cannot; `wdh.state` where a log_state in
            between does not count.
    """
    body = fact.body
    if view.is_coordinator:
        raise RefusedError(
            "withhold: the coordinator's log is what everybody's rules read; nothing of it can be "
            "withheld",
            code="wdh.coordinator",
        )
    _check_place(fact, state, view)
    if body.instead is not UNSET:
        _check_instead(body.instead, view)
    # As long as the entry was judged by its bytes, that says nothing about how it is without.
    if view.is_withheld(body.index) and view.misstated > body.index:
        raise RefusedError(
            f"withhold: without entry {body.index} the log_state at {view.misstated} is void, so "
            "it hides what the log has stated",
            code="wdh.state",
        )
    return Change(
        State(fact.index, body.index, body.reason),
        names=(str(body.index), f"by {fact.index}"),
        withheld=withholding_of(body, record=fact.index),
    )


def _check_place(fact: Fact[Body], state: State | None, view: View) -> None:
    body = fact.body
    if body.index >= fact.index or view.stated <= body.index:
        raise RefusedError(
            f"withhold: entry {body.index} is not before this one with a log_state between them",
            code="wdh.index",
        )
    if view.leaf(body.index) != body.leaf:
        raise RefusedError(
            f"withhold: entry {body.index} has another leaf hash than {body.leaf.hex()[:16]}...",
            code="wdh.leaf",
        )
    is_known = view.exists_named("withhold", str(body.index))
    if state is not None or is_known or view.exists_named("withhold", f"by {body.index}"):
        raise RefusedError(
            f"withhold: entry {body.index} is withheld already, or withholds another, or this is "
            "no first record on its entity",
            code="wdh.again",
        )
    if view.withheld >= MOST:
        raise RefusedError(f"withhold: a log withholds at most {MOST} entries", code="wdh.again")


def read_instead(data: bytes) -> Record:
    """Read a record that is to hold instead of a withheld one.

    Raises:
        RefusedError: `wdh.instead`, it is no record or of a family that keeps its bytes.
    """
    try:
        record, _ = read_record(data, {})
    except FormatError as error:
        raise RefusedError(f"withhold: instead: {error}", code="wdh.instead") from None
    name = record.family.split("/")[0]
    if name in UNTOUCHABLE or is_transfer(record) or record.documents:
        raise RefusedError(
            f"withhold: a record of {record.family} cannot hold instead, if it is about the log "
            "itself or a transfer, or has documents",
            code="wdh.instead",
        )
    return record


def is_transfer(record: Record) -> bool:
    """Say whether a record hands a label over to another site or takes one over."""
    body = decode(bytes(record.body))
    is_decision = record.family.split("/")[0] == _LABELS
    return is_decision and isinstance(body, dict) and body.get("action") in _TRANSFERS


def _check_instead(data: bytes, view: View) -> None:
    record = read_instead(data)
    if record.log != view.origin:
        raise RefusedError(
            f"withhold: instead: belongs to the log {record.log[:80]!r}", code="wdh.instead"
        )


FAMILY = Family("withhold", 1, Body, State, Role.ROOT, Place.ANY, apply)
