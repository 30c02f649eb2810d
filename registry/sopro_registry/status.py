"""The leaf of a label in its site's status tree: how it stands and what is decided for later.

A leaf follows from the decisions on one label alone, never from a clock. It is written as of the
earliest civil date on Earth at the claimed time of the last of them; a decision that holds from a
later day is pending. Whoever has the leaf computes the status on any day from `since` on, expiry
too, exactly as `label.status_at` does from the decisions (SPEC section STATUS).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.encoding import Canonical, decode, encode_struct
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.status import StatusTree, status_leaf_hash
from sopro_registry.fields import Bytes32, CertificateNumber, CivilDate, day_of, format_day
from sopro_registry.label import Decision, Label, Status, lapse

MAX_LEAF: Final = 4096
MAX_PENDING: Final = 16

State = Literal["none", "active", "suspended", "revoked", "terminated", "transferred", "refused"]


class Standing(Protocol):
    """What a leaf says of a label from one day on."""

    @property
    def state(self) -> State: ...  # noqa: D102  # as in the table of the specification
    @property
    def since(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def suspended_until(self) -> str | UnsetType: ...  # noqa: D102  # likewise
    @property
    def valid_until(self) -> str | UnsetType: ...  # noqa: D102  # likewise


class Pending(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a decision leaves that holds only from a later day on.

    Attributes:
        since: the first civil date on which it holds.
        state: what the label is then.
        suspended_until: last civil date of the suspension, where it is suspended.
        valid_until: last civil date of validity; absent where there is no end or none is known.
    """

    since: CivilDate
    state: State
    suspended_until: CivilDate | UnsetType = UNSET
    valid_until: CivilDate | UnsetType = UNSET


class Leaf(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One leaf of the status tree; fields as in `Pending` where they are the same.

    Attributes:
        answers_until: last civil date the leaf says anything about; absent where it does for ever.
        certificate: number of the label.
        decision: entry id of the last decision on it.
        pending: what holds later, by rising days.
        since: from which civil date it stands so; absent where that is unknown or not yet.
        state: how it stands.
        suspended_until: as above.
        valid_until: as above.
    """

    answers_until: CivilDate | UnsetType = UNSET
    certificate: CertificateNumber
    decision: Bytes32
    pending: Annotated[list[Pending], Meta(min_length=1, max_length=MAX_PENDING)] | UnsetType = (
        UNSET
    )
    since: CivilDate | UnsetType = UNSET
    state: State
    suspended_until: CivilDate | UnsetType = UNSET
    valid_until: CivilDate | UnsetType = UNSET


_LEAF: Final = Canonical(Leaf)


def format_leaf(label: Label) -> bytes:
    """Write the leaf of a label that was granted (SPEC STATUS-4 to STATUS-6)."""
    standing, later = _split(label.decisions, label.recorded)
    pending, beyond = later[:MAX_PENDING], later[MAX_PENDING:]
    leaf = Leaf(
        answers_until=_date(beyond[0].effective - 1) if beyond else UNSET,
        certificate=label.number,
        decision=label.last,
        pending=[
            Pending(
                since=format_day(one.effective),
                state=_state(one),
                suspended_until=_date(one.suspended_until),
                valid_until=_date(one.until),
            )
            for one in pending
        ]
        or UNSET,
        since=_date(standing.effective) if standing else UNSET,
        state=_state(standing) if standing else "none",
        suspended_until=_date(standing.suspended_until) if standing else UNSET,
        valid_until=_date(standing.until) if standing else UNSET,
    )
    return encode_struct(leaf)


def _split(decisions: Sequence[Decision], day: int) -> tuple[Decision | None, list[Decision]]:
    """Part the decision that stands on a day from those that hold on some later day.

    A later one that never holds, because one behind it in the log holds from the same day or
    an earlier, is left out.
    """
    pending: list[Decision] = []
    for decision in reversed(decisions):
        if decision.effective <= day:
            return decision, pending[::-1]
        if not pending or decision.effective < pending[-1].effective:
            pending.append(decision)
    return None, pending[::-1]


def _state(decision: Decision) -> State:
    word: State = decision.status.word  # type: ignore[assignment]  # never `expired`
    return word


def _date(day: int) -> str | UnsetType:
    return format_day(day) if day else UNSET


def parse_leaf(data: bytes) -> Leaf:
    """Read a leaf strictly (SPEC STATUS-4).

    Raises:
        FormatError: it is not canonical (`enc.*`), or no leaf (`sta.leaf`).
    """
    leaf = _LEAF.read(data) if len(data) <= MAX_LEAF else None
    if leaf is None:
        leaf = _explain(data)
    days = [one.since for one in _standings(leaf) if one.since is not UNSET]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise FormatError("status leaf: its days do not rise", code="sta.leaf")
    try:
        _check_days(leaf)
    except RefusedError as error:
        raise FormatError(f"status leaf: {error}", code="sta.leaf") from None
    return leaf


def _check_days(leaf: Leaf) -> None:
    days = [("answers_until", leaf.answers_until)]
    for one in _standings(leaf):
        days += [("since", one.since), ("suspended_until", one.suspended_until)]
        days.append(("valid_until", one.valid_until))
    for field, day in days:
        if day is not UNSET:
            day_of(day, field=field)


def _explain(data: bytes) -> Leaf:
    """Say why bytes are no leaf; a field that this version does not know is no leaf's."""
    value = decode(data, limit=MAX_LEAF)
    try:
        _LEAF.convert(value)
    except msgspec.ValidationError as error:
        raise FormatError(f"status leaf: {error}", code="sta.leaf") from None
    raise FormatError("status leaf: a field that none has", code="sta.leaf")


def _pending(leaf: Leaf) -> list[Pending]:
    return [] if leaf.pending is UNSET else leaf.pending


def _standings(leaf: Leaf) -> list[Standing]:
    return [leaf, *_pending(leaf)]


def standing_on(leaf: Leaf, day: int) -> tuple[Status, Standing] | None:
    """Say how a label stands on a day and from what that follows (SPEC STATUS-7).

    None for a day before the leaf's `since` or after its `answers_until`: what is then stands in
    the decisions only.
    """
    if leaf.answers_until is not UNSET and day > day_of(leaf.answers_until, field="answers_until"):
        return None
    for one in reversed(_pending(leaf)):
        if day_of(one.since, field="since") <= day:
            return _lapse(one, day), one
    if leaf.since is UNSET or day_of(leaf.since, field="since") <= day:
        return _lapse(leaf, day), leaf
    return None


def _lapse(standing: Standing, day: int) -> Status:
    until = standing.valid_until
    ends = 0 if until is UNSET else day_of(until, field="valid_until")
    return lapse(Status[standing.state.upper()], ends, day)


def status_tree(labels: Iterable[Label]) -> StatusTree:
    """Build the status tree of a log from its labels, in any order (SPEC STATUS-3)."""
    leaves = {
        label.status_index: status_leaf_hash(format_leaf(label))
        for label in labels
        if label.status_index >= 0
    }
    return StatusTree(leaves[index] for index in range(len(leaves)))
