"""What a record family is: a typed body, a role, a place, and one rule that says what follows.

A family's `apply` is handed a fact (a verified record), the state its entity had, and a view of
everything else the rule may look at. It returns a `Change` or raises RefusedError, whose code is
the reason an entry is void. The same `apply` judges our own drafts and mirrored entries.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from sopro_protocol.encoding import Canonical
from sopro_protocol.keys import Role
from sopro_protocol.record import Record
from sopro_registry.assessment import CriteriaSet
from sopro_registry.fields import Head

B = TypeVar("B", bound=Struct)
S = TypeVar("S", bound=Struct)


class Place(StrEnum):
    """In which logs a family counts."""

    ANY = "any log"
    COORDINATOR = "the coordinator's log"
    MEMBER = "the log of an admitted member"
    CARETAKER = "the log of an admitted member, or the coordinator's"


class Membership(Protocol):
    """What rules of other families read of a site's membership."""

    @property
    def country(self) -> str:
        """Of the site."""
        ...

    @property
    def origin(self) -> str:
        """Origin of the site's log."""
        ...

    @property
    def prefix(self) -> str:
        """The second part of the site's certificate numbers."""
        ...

    @property
    def root(self) -> bytes:
        """The site's root key."""
        ...

    @property
    def site(self) -> str:
        """The site's code."""
        ...

    @property
    def status(self) -> str:
        """The status of the membership."""
        ...


class Scheme(Protocol):
    """What rules of other families read of a scheme."""

    @property
    def grace_days(self) -> int:
        """Days after the end of validity in which a renewal is still one."""
        ...

    @property
    def max_validity_months(self) -> int:
        """The longest a grant or renewal may hold."""
        ...

    @property
    def status(self) -> str:
        """Whether new labels may be granted under it."""
        ...


class View(Protocol):
    """What a rule may look at besides its own entity; all of it follows from the logs."""

    @property
    def origin(self) -> str:
        """Origin of the log."""
        ...

    @property
    def site(self) -> str:
        """Code of the log's site."""
        ...

    @property
    def index(self) -> int:
        """Position of the entry being judged."""
        ...

    @property
    def grants(self) -> int:
        """Number of grants before this position."""
        ...

    @property
    def keys_record(self) -> bytes | None:
        """Entry id of the latest site_keys record."""
        ...

    @property
    def acted_on(self) -> Head | None:
        """The coordinator's head that counts at this position."""
        ...

    @property
    def states_status(self) -> bool:
        """Whether a log_state before this position states the root of the status tree."""
        ...

    @property
    def is_coordinator(self) -> bool:
        """Whether this is the coordinator's log."""
        ...

    @property
    def is_import_closed(self) -> bool:
        """Whether no decision of an existing register counts any more."""
        ...

    @property
    def withheld(self) -> int:
        """Number of entries that are withheld by a record before this position."""
        ...

    @property
    def stated(self) -> int:
        """Position of the last log_state record before this position; -1 for none."""
        ...

    @property
    def misstated(self) -> int:
        """Position of the last log_state record before this position that is void."""
        ...

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash of an earlier entry."""
        ...

    def is_withheld(self, index: int) -> bool:
        """Say whether an earlier entry was judged without its bytes."""
        ...

    def status_root(self) -> bytes | None:
        """Return the root of the status tree here; None where this version cannot tell."""
        ...

    def exists_named(self, family: str, name: str) -> bool:
        """Say whether an entity bears this name in this log."""
        ...

    def named(self, family: str, name: str) -> bytes | None:
        """Return the entity that bears this name in this log; None where none does."""
        ...

    def exists(self, family: str, entity: bytes) -> bool:
        """Say whether this log holds such an entity."""
        ...

    def state(self, family: str, entity: bytes) -> Struct | None:
        """Return the state of an entity of this log; None where it has none of that family."""
        ...

    def membership(self) -> Membership | None:
        """Return this site's membership at the coordinator's size it acted on."""
        ...

    def members(self) -> Iterable[Membership]:
        """Return every membership at the coordinator's size it acted on."""
        ...

    def may_receive(self, site: str) -> bool:
        """Say whether a site is another admitted member, at the coordinator's size it acted on."""
        ...

    def may_take(self, origin: str, *, is_orphaned: bool) -> bool:
        """Say whether labels of another member's log may be taken over, at that size.

        Those that nobody handed over are orphaned: only the successor of a member that has left
        or was expelled may take them.
        """
        ...

    def looks_after(self, origin: str) -> bool:
        """Say whether a log is one of a site that is gone, which this one looks after, there."""
        ...

    def end_while_away(self, origin: str) -> int | None:
        """Return where the log of a site that has left ended, there; None where it is none."""
        ...

    def scheme(self, name: str) -> Scheme | None:
        """Return a scheme at the coordinator's size it acted on."""
        ...

    def criterion(self, scheme: str, code: str, *, version: int = 0) -> Struct | None:
        """Return a version of a criterion, or the latest, at that size."""
        ...

    def criteria(self, scheme: str, *, version: int = 0) -> CriteriaSet | None:
        """Return a version of a scheme's criteria as it stands for this site, or the latest."""
        ...

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size; raises `Waiting`."""
        ...


class Waiting(Exception):  # noqa: N818 - not an error: the entry is judged later
    """The coordinator's log is not here up to the size an entry acted on."""

    def __init__(self, size: int) -> None:
        super().__init__(f"waiting for the coordinator's log up to size {size}")
        self.size = size


class KeySpan(Struct, frozen=True, array_like=True):
    """A key of a site and the range of log positions at which it counts (SPEC STATE-4, STATE-12).

    Attributes:
        role: what it is for.
        public: the public key.
        key_id: its id.
        since: first position at which it counts.
        until: the position after the last; None while it is in force.
        cut: size from which it counts no more, where it was cut off.
    """

    role: str
    public: bytes
    key_id: bytes
    since: int
    until: int | None = None
    cut: int | None = None

    @property
    def end(self) -> int | None:
        """The position after the last at which it counts, cut off or not."""
        ends = [end for end in (self.until, self.cut) if end is not None]
        return min(ends) if ends else None

    def counts_at(self, position: int) -> bool:
        """Say whether a record at a position may be signed by it."""
        # Asked for every record, so in full.
        return (
            self.since <= position
            and (self.until is None or position < self.until)
            and (self.cut is None or position < self.cut)
        )

    def signs_head(self, size: int) -> bool:
        """Say whether it is a log key that may sign a head of that size (SPEC KEY-9)."""
        if self.role != Role.LOG or self.since > size:
            return False
        end = self.end
        return end is None or size <= end


class LabelIndex(NamedTuple):
    """The columns by which labels are found and counted."""

    number: str
    status: int
    settled: int
    until: int
    year: int


class Decided(NamedTuple):
    """What is counted of a decision.

    Attributes:
        action: what was decided.
        reason: its code; empty for none.
        year: of its effect; 0 where the date is unknown.
        days: from the application to the decision; -1 where it decides none.
    """

    action: str
    reason: str
    year: int
    days: int


class Erased(NamedTuple):
    """A document that is erased: its place, the record that says so, and by when.

    `origin` is that of the log it is in, empty where that is the log of the record.
    """

    position: int
    number: int
    erasure: int
    deadline: int
    origin: str = ""


class Withholding(Struct, frozen=True, array_like=True):
    """An entry whose bytes are shown no more.

    Attributes:
        index: its position.
        leaf: its leaf hash.
        record: position of the withhold record.
        reason: why.
        instead: the record that holds at its position; empty for none.
    """

    index: int
    leaf: bytes
    record: int
    reason: str
    instead: bytes


class Change(Struct, Generic[S], frozen=True, gc=False):
    """What follows from a fact.

    Attributes:
        state: the entity's new state.
        names: under which the entity can be found in its log.
        left: number of a label that leaves this log, under which it is found if it comes back.
        label: its columns, where it is a label.
        keys: the site's keys from the next position on.
        acted_on: the coordinator's head that rules read from the next position on.
        is_grant: whether it took the next status index.
        counted: what the statistics count: an action and a year (0 where the date is unknown).
        decided: the same more closely: why, and how long it took.
        recounted: how a decision was counted that is corrected, and how it counts from here on.
        erased: a document that is kept and shown no more.
        status_index: a label's place in the status tree, where it has changed; else -1.
        states_status: whether it states the root of the status tree.
        withheld: an entry whose bytes are kept and shown no more.
        decides: entity of the application that it decides; empty for none.
        closes_import: day on which the taking over of an existing register ended: none of its
            decisions counts from here on; 0 where it goes on.
    """

    state: S
    names: tuple[str, ...] = ()
    left: str = ""
    label: LabelIndex | None = None
    keys: tuple[KeySpan, ...] | None = None
    acted_on: Head | None = None
    is_grant: bool = False
    counted: tuple[str, int] | None = None
    decided: Decided | None = None
    recounted: tuple[Decided, Decided] | None = None
    erased: Erased | None = None
    status_index: int = -1
    states_status: bool = False
    withheld: Withholding | None = None
    decides: bytes = b""
    closes_import: int = 0


class Fact(Struct, Generic[B], frozen=True, gc=False):
    """A decoded record of a known family, at its place in a log."""

    index: int
    entry_id: bytes
    record: Record
    body: B
    signers: tuple[bytes, ...]


def _complete_nothing(
    values: Mapping[str, Any], _state: Struct | None, _view: View
) -> Mapping[str, Any]:
    return values


def _name_nobody(_body: Struct, _state: Struct | None, _view: View) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class Family(Generic[B, S]):
    """A record family of one major version.

    Attributes:
        name: for example `label_decision`.
        major: version; within one, fields are only added.
        body: struct type, fields in alphabetical order.
        state: struct type of what follows for an entity.
        role: of the keys that may sign it.
        place: the logs in which it counts.
        apply: the rule.
        complete: sets what only the append can know, in a draft's values.
        newcomer: names a public key that may sign a record although the site has not named it
            yet, from the body, the entity's state and what the rule may look at.
    """

    name: str
    major: int
    body: type[B]
    state: type[S]
    role: Role
    place: Place
    apply: Callable[[Fact[B], S | None, View], Change[S]]
    complete: Callable[[Mapping[str, Any], S | None, View], Mapping[str, Any]] = _complete_nothing
    newcomer: Callable[[B, S | None, View], bytes | None] = _name_nobody

    @property
    def title(self) -> str:
        """The family as records name it: `label_decision/1`."""
        return f"{self.name}/{self.major}"

    def reader(self) -> Canonical[B]:
        """Return the strict reader of this family's bodies."""
        return Canonical(self.body)
