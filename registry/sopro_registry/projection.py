"""What follows from a log, entry by entry: the same for our own and for mirrored entries.

An entry is judged first, from tables that are only read, and then committed. A draft of our own
that would be void is refused before it is appended; a mirrored entry that is void stays in the
log, is served, and counts for nothing. The order of the checks is fixed (SPEC VOID), so that every
node gives the same reason.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import Role, key_id
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.record import (
    Entry,
    ReadRecord,
    Record,
    check_signatures,
    parse_entry,
    read_record,
)
from sopro_protocol.status import StatusTree, status_leaf_hash
from sopro_registry.application import decided_name
from sopro_registry.assessment import CriteriaSet
from sopro_registry.catalogue import FAMILIES, READERS, decode_state
from sopro_registry.directory import Directory
from sopro_registry.families import site_membership, withhold
from sopro_registry.family import (
    Change,
    Decided,
    Fact,
    Family,
    KeySpan,
    Membership,
    Place,
    Scheme,
    Withholding,
)
from sopro_registry.fields import Head, site_of
from sopro_registry.label import LEFT
from sopro_registry.status import format_leaf
from sopro_registry.tables import Cursor, EntityRow, Tables, Void

_LABELS: Final = "label_decision"
_APPLICATIONS: Final = "label_application"
_STATES: Final = "log_state"
_ORDINARY_ROLES: Final = frozenset({Role.REGISTRAR.value, Role.DECISION.value})
_ROLES: Final = {name: frozenset({family.role.value}) for name, family in FAMILIES.items()}


class Judgement(Struct, frozen=True, gc=False):
    """What an entry would do to the tables.

    Attributes:
        index: its position.
        entry_id: its leaf hash.
        record: None where the entry cannot be decoded.
        void: why it counts for nothing.
        change: what follows; None where it is void or not interpreted.
        undetermined: its entity cannot be judged by this version from here on.
        stands_in: void, because it is withheld, but what follows is what holds in its stead.
        contradicts: it withholds an entry under the root key and is void all the same.
    """

    index: int
    entry_id: bytes
    record: Record | None = None
    void: Void | None = None
    change: Change[Any] | None = None
    undetermined: bool = False
    stands_in: bool = False
    contradicts: bool = False


class Ledger:
    """One log being judged; it is the `View` that rules are handed.

    Attributes:
        index: position of the entry being judged.
        statuses: the status tree at that position.
        withholdings: entries that count for nothing by their bytes, by position.
        overtaken: what the last entry committed withholds and was judged by its bytes before: the
            log has to be judged anew with it.
    """

    def __init__(  # noqa: PLR0913  # what a log is judged from
        self,
        *,
        origin: str,
        root_key: bytes,
        cursor: Cursor,
        tables: Tables,
        directory: Directory,
        is_coordinator: bool,
        leaf_at: Callable[[int], bytes],
        statuses: StatusTree | None = None,
        withholdings: Mapping[int, Withholding] = MappingProxyType({}),
    ) -> None:
        self.origin = origin
        self.site = origin.split("/")[1]
        self.cursor = cursor
        self.is_coordinator = is_coordinator
        self.statuses = statuses if statuses is not None else StatusTree()
        self.withholdings = dict(withholdings)
        self._withheld_by = {one.record: one for one in withholdings.values()}
        self._leaf_at = leaf_at
        self.overtaken: Withholding | None = None
        self._root_key = root_key
        self._tables = tables
        self._directory = directory
        self._take_keys(cursor.keys)
        self._membership: tuple[Head | None, Membership | None] = (None, None)

    def expect(self, withholding: Withholding) -> None:
        """Judge an entry that comes later as one that is withheld by a record behind it."""
        self.withholdings[withholding.index] = withholding
        self._withheld_by[withholding.record] = withholding

    @property
    def is_explained(self) -> bool:
        """Whether every record that withholds an entry has been judged."""
        return all(record < self.index for record in self._withheld_by)

    # What rules may look at (family.View).

    @property
    def index(self) -> int:
        """Position of the entry being judged."""
        return self.cursor.projected

    @property
    def grants(self) -> int:
        """Number of grants before this position."""
        return self.cursor.grants

    @property
    def keys_record(self) -> bytes | None:
        """Entry id of the latest site_keys record."""
        return self.cursor.keys_record

    @property
    def acted_on(self) -> Head | None:
        """The coordinator's head that counts at this position."""
        return self.cursor.acted_on

    @property
    def states_status(self) -> bool:
        """Whether a log_state before this position states the root of the status tree."""
        return self.cursor.states_status

    def status_root(self) -> bytes | None:
        """Return the root of the status tree here; None where this version cannot tell."""
        return self.statuses.root() if self.cursor.knows_status else None

    @property
    def is_import_closed(self) -> bool:
        """Whether no decision of an existing register counts any more."""
        return self.cursor.is_import_closed

    @property
    def withheld(self) -> int:
        """Number of entries that are withheld by a record before this position."""
        return self.cursor.withheld

    @property
    def stated(self) -> int:
        """Position of the last log_state record before this position; -1 for none."""
        return self.cursor.stated

    @property
    def misstated(self) -> int:
        """Position of the last log_state record before this position that is void."""
        return self.cursor.misstated

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash of an earlier entry."""
        return self._leaf_at(index)

    def is_withheld(self, index: int) -> bool:
        """Say whether an earlier entry was judged without its bytes."""
        return index in self.withholdings

    def exists(self, family: str, entity: bytes) -> bool:
        """Say whether this log holds such an entity."""
        row = self._tables.entity(entity)
        return row is not None and row.family == family and row.state is not None

    def state(self, family: str, entity: bytes) -> Struct | None:
        """Return the state of an entity of this log; None where it has none of that family."""
        row = self._tables.entity(entity)
        if row is None or row.family != family or row.state is None:
            return None
        # Decoded here and not in the row, which is not this entry's.
        return decode_state(family, row.state) if isinstance(row.state, bytes) else row.state

    def exists_named(self, family: str, name: str) -> bool:
        """Say whether an entity bears this name in this log."""
        return self._tables.has_name(family, name)

    def named(self, family: str, name: str) -> bytes | None:
        """Return the entity that bears this name in this log; None where none does."""
        return self._tables.named(family, name)

    def membership(self) -> Membership | None:
        """Return this site's membership at the coordinator's size it acted on."""
        if self.is_coordinator:
            return self._directory.membership(self.site, size=self.index)
        # Asked for every record; it is another one only where the site acts on another head.
        acted_on = self.cursor.acted_on
        if acted_on is not self._membership[0]:
            found = self._directory.membership(self.site, size=acted_on.size) if acted_on else None
            self._membership = (acted_on, found)
        return self._membership[1]

    def members(self) -> Iterable[Membership]:
        """Return every membership at the coordinator's size it acted on."""
        size = self._coordinator_size()
        return self._directory.members(size=size) if size is not None else ()

    def may_receive(self, site: str) -> bool:
        """Say whether a site is another admitted member, at the coordinator's size it acted on."""
        member = self._other_member(site)
        return member is not None and member.status == "admitted"

    def may_take(self, origin: str, *, is_orphaned: bool) -> bool:
        """Say whether labels of another log of a member may be taken over, at that size."""
        site, size = site_of(origin), self._coordinator_size()
        logs = self._directory.logs(site, size=size)
        if origin not in logs or size is None:
            return False
        if site == self.site:
            # Of an earlier epoch nobody hands over anything: it has ended.
            return is_orphaned and self.origin in logs[logs.index(origin) + 1 :]
        member = self._other_member(site)
        has_gone = member is not None and member.status in ("left", "expelled")
        return not is_orphaned or (
            member is not None and has_gone and member.successor == self.site
        )

    def looks_after(self, origin: str) -> bool:
        """Say whether a log is one of a site that is gone, which this one looks after, there."""
        site, size = site_of(origin), self._coordinator_size()
        if size is None or origin not in self._directory.logs(site, size=size):
            return False
        coordinator = self.site if self.is_coordinator else ""
        return self._directory.caretaker(site, size=size, coordinator=coordinator) == self.site

    def end_while_away(self, origin: str) -> int | None:
        """Return where the log of a site that has left ended, there; None where it is none."""
        return self._directory.end_while_away(origin, size=self._coordinator_size())

    def _other_member(self, site: str) -> site_membership.Body | None:
        size = self._coordinator_size()
        if site == self.site or size is None:
            return None
        return self._directory.membership(site, size=size)

    def scheme(self, name: str) -> Scheme | None:
        """Return a scheme at the coordinator's size it acted on."""
        size = self._coordinator_size()
        return None if size is None else self._directory.scheme(name, size=size)

    def criterion(self, scheme: str, code: str, *, version: int = 0) -> Struct | None:
        """Return a version of a criterion, or the latest, at that size."""
        size = self._coordinator_size()
        if size is None:
            return None
        return self._directory.criterion(scheme, code, version=version, size=size)

    def criteria(self, scheme: str, *, version: int = 0) -> CriteriaSet | None:
        """Return a version of a scheme's criteria as it stands for this site, or the latest."""
        size, membership = self._coordinator_size(), self.membership()
        if size is None:
            return None
        country = membership.country if membership else ""
        return self._directory.criteria_set(scheme, version=version, size=size, country=country)

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size; raises `Waiting`."""
        return self._tables.coordinator_root(size)

    def _coordinator_size(self) -> int | None:
        if self.is_coordinator:
            return self.index
        return self.acted_on.size if self.acted_on else None

    # Judging and committing.

    def judge(
        self, data: bytes, *, entry_id: bytes | None = None, verified: bool = False
    ) -> Judgement:
        """Judge the entry at the next position from tables that are only read (SPEC VOID).

        Args:
            data: the entry's bytes, or anything where it is withheld.
            entry_id: its leaf hash, where the caller has it.
            verified: every signature was found valid under the key whose id it names.

        Raises:
            Waiting: the entry acts on a size of the coordinator's log that is not here.
        """
        withholding = self.withholdings.get(self.index)
        if withholding is not None:
            return self._judge_withheld(withholding)
        entry_id = entry_id or leaf_hash(data)
        try:
            entry = parse_entry(data)
            read = read_record(entry.record, READERS)
        except FormatError as error:
            return Judgement(self.index, entry_id, void=Void(error.code, str(error)))
        try:
            change, undetermined = self._judge_record(entry, read, entry_id, verified=verified)
        except (RefusedError, VerificationError, FormatError) as error:
            void = Void(error.code, str(error))
            contradicts = self._is_contradiction(entry, read)
            return Judgement(self.index, entry_id, read.record, void, contradicts=contradicts)
        return Judgement(
            self.index, entry_id, read.record, change=change, undetermined=undetermined
        )

    def _judge_withheld(self, withholding: Withholding) -> Judgement:
        """Judge what holds instead of a withheld entry, whose bytes nobody looks at."""
        index, leaf = self.index, withholding.leaf
        void = Void(
            "entry.withheld", f"withheld by entry {withholding.record}: {withholding.reason}"
        )
        if not withholding.instead:
            return Judgement(index, leaf, void=void)
        try:
            read = read_record(withholding.instead, READERS)
        except FormatError:
            return Judgement(index, leaf, void=void)
        try:
            change, undetermined = self._judge_record(None, read, leaf, verified=True)
        except (RefusedError, VerificationError, FormatError):
            return Judgement(index, leaf, read.record, void)
        return Judgement(index, leaf, read.record, void, change, undetermined, stands_in=True)

    def _is_contradiction(self, entry: Entry, read: ReadRecord) -> bool:
        """Say whether a void record withholds under the root key what is not withheld by another.

        Whoever has never seen the entry would find that it counts (SPEC WITHHOLD-6).
        """
        record, body = read
        if not isinstance(body, withhold.Body) or record.log != self.origin or self.is_coordinator:
            return False
        if body.index >= self.index or self.leaf(body.index) != body.leaf:
            return False
        roots = {
            key: span.public for key, span in self._spans.items() if span.role == Role.ROOT.value
        }
        try:
            check_signatures(entry, roots)
        except VerificationError:
            return False
        return not self.exists_named("withhold", str(body.index))

    def commit(self, judgement: Judgement) -> None:
        """Put a judgement into the tables and go on to the next position.

        Raises:
            VerificationError: `wdh.state` or `wdh.gap`, the log contradicts what it withholds.
        """
        self._check_withholding(judgement)
        cursor = self.cursor
        if judgement.void is not None:
            cursor.voids += 1
            self._tables.put_void(judgement.index, judgement.void)
        if judgement.record is not None:
            self._put_entity(judgement.record, judgement)
        if judgement.record is not None and (judgement.void is None or judgement.stands_in):
            if judgement.void is None:
                cursor.last_time = judgement.record.time
            if judgement.change is None:
                cursor.uninterpreted += 1
            else:
                self._put_change(judgement.record, judgement.change, judgement.entry_id)
        if judgement.record is not None and _split_title(judgement.record.family)[0] == _STATES:
            cursor.stated = judgement.index
            if judgement.void is not None:
                cursor.misstated = judgement.index
        cursor.projected += 1
        cursor.endings = len(self._directory.endings(self.origin))

    def _check_withholding(self, judgement: Judgement) -> None:
        """Hold the record that withholds an entry to what was said of it before it was judged."""
        expected = self._withheld_by.get(judgement.index)
        found = judgement.change.withheld if judgement.change is not None else None
        if judgement.contradicts:
            message = judgement.void.message if judgement.void else ""
            raise VerificationError(
                f"{self.origin}: entry {judgement.index} withholds another under the root key and "
                f"is void: {message}",
                code="wdh.state",
            )
        if expected is not None and found != expected:
            raise VerificationError(
                f"{self.origin}: entry {expected.index} is withheld without a record: entry "
                f"{judgement.index}, which is said to be it, is none that counts",
                code="wdh.gap",
            )
        if found is not None and self.withholdings.get(found.index, found) != found:
            raise VerificationError(
                f"{self.origin}: entry {found.index} is withheld by entry {found.record}, and "
                "another was named",
                code="wdh.gap",
            )

    def _judge_record(
        self, entry: Entry | None, read: ReadRecord, entry_id: bytes, *, verified: bool
    ) -> tuple[Change[Any] | None, bool]:
        record, body = read
        if record.log != self.origin:
            raise RefusedError(f"record: belongs to the log {record.log[:80]!r}", code="hos.replay")
        name, major = _split_title(record.family)
        family = FAMILIES.get(name)
        if entry is not None:
            self._check_signers(entry, family, read, verified=verified)
        row = self._tables.entity(record.entity)
        _check_chain(record, row, name)
        if record.time < self.cursor.last_time:
            raise RefusedError("record: its time falls", code="rec.time")
        if family is None:
            return None, False
        if major != family.major or _asks_too_much(record, family):
            return None, True
        if row is not None and row.undetermined:
            return None, True
        self._check_place(family)
        if isinstance(body, FormatError):
            raise body
        signers = tuple(key for key, _ in entry.signatures) if entry else ()
        fact: Fact[Any] = Fact(self.index, entry_id, record, body, signers)
        return family.apply(fact, self._state(row), self), False

    def _check_signers(
        self,
        entry: Entry,
        family: Family[Any, Any] | None,
        read: ReadRecord,
        *,
        verified: bool,
    ) -> None:
        """Check that every signature is valid and by a key that may sign this, here."""
        roles = _ORDINARY_ROLES if family is None else _ROLES[family.name]
        keys = self._public_keys
        for signer, _ in entry.signatures:
            span = self._spans.get(signer) or self._newcomer(family, read, signer)
            if span is None:
                raise VerificationError(
                    f"record: signed with a key that is not this site's, {signer.hex()[:16]}",
                    code="sig.unknown-key",
                )
            if not span.counts_at(self.index):
                raise VerificationError(
                    f"record: signed with a key that does not count at position {self.index}",
                    code="sig.key-retired",
                )
            if span.role not in roles:
                raise VerificationError(
                    f"record: a {span.role} key may not sign this family", code="sig.role"
                )
            if signer not in keys:
                keys = {**keys, signer: span.public}
        if not verified:
            check_signatures(entry, keys)

    def _newcomer(
        self, family: Family[Any, Any] | None, read: ReadRecord, signer: bytes
    ) -> KeySpan | None:
        """Return a key that no record names yet but its family admits here (SPEC STATE-5)."""
        if family is None or not isinstance(read.body, family.body):
            return None
        row = self._tables.entity(read.record.entity)
        state = self._state(row) if row is not None and row.family == family.name else None
        public = family.newcomer(read.body, state, self)
        if public is None or key_id(public) != signer:
            return None
        return KeySpan(family.role.value, public, signer, self.index)

    def _check_place(self, family: Family[Any, Any]) -> None:
        if family.place is Place.COORDINATOR and not self.is_coordinator:
            raise RefusedError(
                f"{family.name}: counts only in the coordinator's log", code="lbl.competence"
            )
        if family.place not in (Place.MEMBER, Place.CARETAKER):
            return
        if family.place is Place.CARETAKER and self.is_coordinator:
            return
        if self.acted_on is None:
            raise RefusedError(
                f"{family.name}: this site has not joined the federation", code="mem.inactive"
            )
        membership = self.membership()
        if membership is None or membership.status != "admitted":
            status = membership.status if membership else "unknown to the coordinator"
            raise RefusedError(f"{family.name}: this site is {status}", code="mem.inactive")
        if membership.origin != self.origin:
            raise RefusedError(
                f"{family.name}: the log of this site is {membership.origin}", code="mem.inactive"
            )
        for ending in self._directory.endings(self.origin):
            if ending.covers(self.index, acted_on=self.acted_on.size):
                raise RefusedError(
                    f"{family.name}: the coordinator has ended this log at position {ending.size}",
                    code="mem.inactive",
                )

    def _state(self, row: EntityRow | None) -> Struct | None:
        if row is None or row.state is None:
            return None
        if isinstance(row.state, bytes):
            row.state = decode_state(row.family, row.state)
        return row.state

    def _put_entity(self, record: Record, judgement: Judgement) -> None:
        row = self._tables.entity(record.entity)
        if not _continues(record, row):
            # Heads form a hash chain: were an entry off the chain to become the head, an old one
            # appended once more would make the successors it had count once more.
            return
        if row is None:
            row = EntityRow(_split_title(record.family)[0], judgement.entry_id, None)
        row.head = judgement.entry_id
        row.undetermined = row.undetermined or judgement.undetermined
        if row.undetermined and row.family == _LABELS:
            self.cursor.knows_status = False
        if judgement.change is not None:
            row.state = judgement.change.state
        self._tables.put_entity(record.entity, row)

    def _put_change(self, record: Record, change: Change[Any], entry_id: bytes) -> None:
        family, _ = _split_title(record.family)
        for name in change.names:
            self._tables.put_name(family, name, record.entity)
        if change.left:
            self._tables.put_name(LEFT, change.left, record.entity)
        if change.decides:
            name = decided_name(change.decides)
            self._tables.put_name(_APPLICATIONS, name, record.entity)
        if change.label is not None:
            self._tables.put_label(record.entity, change.label)
        if change.counted is not None:
            self._tables.count(*change.counted)
        if change.decided is not None:
            self._tables.count_decided(change.decided)
        if change.recounted is not None:
            self._count_again(*change.recounted)
        if change.erased is not None:
            self._tables.erase(change.erased)
        self._put_cursor(change, entry_id)
        if self.is_coordinator:
            self._directory.put(change.state)

    def _count_again(self, was: Decided, now: Decided) -> None:
        """Count a decision as it was corrected, and no more as it was (SPEC LBL-29)."""
        for decided, more in ((was, -1), (now, 1)):
            self._tables.count(decided.action, decided.year, more)
            self._tables.count_decided(decided, more)

    def _put_cursor(self, change: Change[Any], entry_id: bytes) -> None:
        if change.withheld is not None:
            self.cursor.withheld += 1
            is_known = change.withheld.index in self.withholdings
            self.overtaken = None if is_known else change.withheld
        if change.is_grant:
            self.cursor.grants += 1
        if change.status_index >= 0:
            leaf = format_leaf(change.state)
            self.statuses.put(change.status_index, status_leaf_hash(leaf))
        if change.closes_import:
            if not self.cursor.is_import_closed:
                self.cursor.import_closed_on = change.closes_import
            self.cursor.is_import_closed = True
        if change.states_status:
            self.cursor.states_status = True
        if change.keys is not None:
            self.cursor.keys_record = entry_id
            self.cursor.key_records = (*self.cursor.key_records, self.index)
            self._take_keys(change.keys)
        if change.acted_on is not None:
            self.cursor.acted_on = change.acted_on

    def _take_keys(self, keys: tuple[KeySpan, ...]) -> None:
        self.cursor.keys = keys
        self._spans = {span.key_id: span for span in keys}
        if not keys:
            # Entry 0 is signed by the root key that the membership record (or the invite) names.
            root = key_id(self._root_key)
            self._spans[root] = KeySpan(Role.ROOT.value, self._root_key, root, 0)
        self._public_keys = {span.key_id: span.public for span in self._spans.values()}


@lru_cache(maxsize=256)
def _split_title(title: str) -> tuple[str, int]:
    """Split a family's title into name and major."""
    name, major = title.split("/")
    return name, int(major)


def _check_chain(record: Record, row: EntityRow | None, family: str) -> None:
    """Hold an entity to one family and each record on it to the one before."""
    if not _continues(record, row):
        raise RefusedError(
            "record: 'prev' is not the last entry on its entity", code="lbl.conflict"
        )
    if row is not None and row.family != family:
        raise RefusedError(
            f"record: its entity belongs to the family {row.family}", code="rec.family"
        )


def _continues(record: Record, row: EntityRow | None) -> bool:
    """Say whether a record names the last entry on its entity, none on the first."""
    prev = record.prev if isinstance(record.prev, bytes) else None
    return prev == (row.head if row else None)


def _asks_too_much(record: Record, family: Family[Any, Any]) -> bool:
    """Say whether a reader of this version would miss something it must understand."""
    if not isinstance(record.crit, list):
        return False
    known = set(family.body.__struct_fields__)
    return any(name not in known for name in record.crit)
