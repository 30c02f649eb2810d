"""The logs this node holds, in memory, and what is read of them; `Step` makes one of them grow."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from sopro_node.bundles import unpack_entries
from sopro_node.heldlog import OWN, HeldLog
from sopro_node.store.base import Reader, Store
from sopro_node.store.rows import CosignedRow, LogRow
from sopro_node.tree import LogTree
from sopro_protocol.bundle import Item, Withheld, leaf_of
from sopro_protocol.errors import FormatError, NotFoundError, WithheldError
from sopro_protocol.merkle import CompactRange, leaf_hash
from sopro_protocol.record import parse_entry
from sopro_protocol.status import StatusTree
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import FAMILIES, decode_state
from sopro_registry.directory import Directory
from sopro_registry.family import Place, Waiting
from sopro_registry.fields import epoch_of
from sopro_registry.label import Label
from sopro_registry.status import status_tree
from sopro_registry.tables import Cursor

_LABEL: Final = msgspec.msgpack.Decoder(Label)
_DIRECTORY_FAMILIES: Final = tuple(
    name for name, family in FAMILIES.items() if family.place is Place.COORDINATOR
)


class Holdings:
    """Every log this node holds, and the coordinator's directory.

    Attributes:
        logs: every log held, by origin; replaced as a whole, because the writer's thread begins and
            drops logs while others go through them.
        rejudged: how often a log was judged anew since this process began.
        changed_documents: how often documents were erased or came late, or entries were withheld,
            since then; whoever keeps copies drops them.
        discarded: how many logs have been discarded since the start; what was kept of any log's
            answers before is of no use then.
        published: how many commits were shown to readers, or are about to be.
        takeovers: how many of them said in one log that a label of another is taken over.
        restarts: how often another history of the coordinator's log was taken instead of the
            one held; everything that rested on it is judged anew.
    """

    def __init__(self, store: Store, *, own: str, coordinator: str | None) -> None:
        self._store = store
        self.own_origin = own
        self.coordinator_origin = coordinator
        self.logs: Mapping[str, HeldLog] = {}
        self.discarded = 0
        self._last_number = OWN
        self.published = 0
        self.takeovers = 0
        self.restarts = 0
        self.directory = Directory()
        self.rejudged = 0
        self.changed_documents = 0
        for row in store.logs():
            self._load(row)
        self.reload_directory()

    def _load(self, row: LogRow) -> HeldLog:
        tree = LogTree(
            self._store.bundle_roots(row.log),
            self._store.entries(row.log, 0),
            load_leaves=lambda number: [
                leaf_of(item) for item in self.read_bundle(self._store, row.log, number)
            ],
        )
        if (tree.size, tree.root()) != (row.size, row.root):
            raise FormatError(
                f"{row.origin}: the entries on disk do not lead to the stored root at size "
                f"{row.size}; the database is damaged, restore it or sync this site anew"
            )
        held = HeldLog(row, tree=tree)
        held.withheld = {one.index: one for one in self._store.withheld(row.log)}
        self._hold(held)
        self._last_number = max(self._last_number, row.log)
        return held

    @staticmethod
    def read_bundle(store: Reader, log: int, number: int) -> list[Item]:
        """Return the entries of a full bundle, and what is left of withheld ones."""
        frame = store.bundle(log, number)
        if frame is None:
            raise NotFoundError(f"log {log}: no bundle {number}")
        return unpack_entries(frame)

    def reload_directory(self) -> None:
        """Read the coordinator's directory from its tables."""
        self.directory = Directory()
        held = self.logs.get(self.coordinator_origin or "")
        if held is None:
            return
        for family in _DIRECTORY_FAMILIES:
            for _, _, state in self._store.entities(held.number, family):
                self.directory.put(decode_state(family, state))

    @property
    def own(self) -> HeldLog:
        """The node's own log."""
        return self.logs[self.own_origin]

    @property
    def coordinator(self) -> HeldLog | None:
        """The coordinator's log, where this node holds it."""
        return self.logs.get(self.coordinator_origin or "")

    @property
    def era(self) -> tuple[int, int, int, int]:
        """What answers about one log rest on besides its size; another one where it changes."""
        coordinator = self.coordinator
        size = coordinator.cursor.projected if coordinator else 0
        return self.rejudged, self.discarded, size, self.takeovers

    def at_path(self, site: str, epoch: str) -> HeldLog:
        """Find a log by the path it is served under.

        Raises:
            NotFoundError: this node does not hold it.
        """
        federation = self.own_origin.split("/")[0]
        held = self.logs.get(f"{federation}/{site}/{epoch}")
        if held is None:
            raise NotFoundError(f"this node holds no log of {site!r} in epoch {epoch!r}")
        return held

    def is_other(self, held: HeldLog) -> bool:
        """Say whether a log begins otherwise than the membership names it (SPEC EPOCH-9)."""
        beginning = self.directory.beginning(held.origin)
        return beginning is not None and held.tree.root_at(1) != leaf_hash(beginning)

    def is_shown(self, held: HeldLog) -> bool:
        """Say whether others are shown a log: any, but a later one that no membership names yet.

        Another directory of the site may have begun it too (SPEC EPOCH-9).
        """
        if held.number != OWN or epoch_of(held.origin) == 1:
            return True
        is_known = held.origin in self.directory.logs(held.site)
        return is_known and not self.is_other(held)

    def begin(self, origin: str) -> HeldLog:
        """Begin to hold a log, inside the caller's transaction."""
        number = OWN if origin == self.own_origin else self._last_number + 1
        row = LogRow(number, origin, 0, CompactRange().root(), b"", b"")
        self._store.put_log(row)
        held = self._load(row)
        held.statuses = StatusTree()
        return held

    def statuses(self, held: HeldLog) -> StatusTree:
        """Return a log's status tree, built from its labels when it is first asked for.

        It is kept in memory and not stored: an index makes it anew in some microseconds for each
        label, while keeping its changed hashes would cost every sync. On the writer's thread.
        """
        if held.statuses is None:
            rows = self._store.entities(held.number, "label_decision")
            held.statuses = status_tree(_LABEL.decode(state) for _, _, state in rows)
            held.statuses.settle()
        return held.statuses

    def forget(self, origin: str) -> None:
        """Undo `begin` after its transaction failed."""
        self._let_go(origin)

    def _hold(self, held: HeldLog) -> None:
        self.logs = {**self.logs, held.origin: held}

    def _let_go(self, origin: str) -> None:
        self.logs = {name: held for name, held in self.logs.items() if name != origin}

    def discard(self, held: HeldLog) -> None:
        """Drop a mirrored log and what follows from it, in a transaction of its own.

        Its number is not given to another log while this process lives, so that nothing that was
        remembered by it is mistaken for the new one's.
        """
        with self._store.transaction():
            self._store.drop_log(held.number)
        self._let_go(held.origin)
        self.discarded += 1

    def give_up(self, held: HeldLog) -> Directory:
        """Drop the coordinator's log, and every judgement that rests on it.

        Inside the caller's transaction, in which another history of that log begins. Returns the
        directory until now, for `take_back` where the transaction fails.
        """
        self._store.drop_log(held.number)
        self._store.others.cut_witness_head(held.origin)
        self._store.others.put_cosigned(CosignedRow(held.origin, b"", b""))
        for row in self._store.logs():
            self._store.clear_indexes(row.log)
            self._store.set_log(row._replace(cursor=b""))
        self._let_go(held.origin)
        directory, self.directory = self.directory, Directory()
        return directory

    def take_back(self, held: HeldLog, directory: Directory) -> None:
        """Undo `give_up` in memory after its transaction failed."""
        self._hold(held)
        self.directory = directory

    def begin_judging_anew(self) -> None:
        """Take notice of a committed `give_up`: every other log waits for being judged."""
        for held in self.logs.values():
            if held.origin != self.coordinator_origin:
                held.cursor = Cursor()
                held.statuses = None
        self.discarded += 1
        self.rejudged += 1
        self.restarts += 1

    def entry(self, store: Reader, held: HeldLog, position: int) -> bytes:
        """Return an entry's bytes.

        Raises:
            NotFoundError: the log is not that long.
            WithheldError: it is withheld.
        """
        if not 0 <= position < held.size:
            raise NotFoundError(f"{held.origin}: no entry {position}, the log has {held.size}")
        bundle, offset = divmod(position, WIDTH)
        item = self.bundle_of(store, held, bundle)[offset]
        if isinstance(item, Withheld):
            raise WithheldError(
                f"{held.origin}: entry {position} is withheld, entry {item.record} says why"
            )
        return item

    def record(self, store: Reader, held: HeldLog, position: int) -> bytes:
        """Return the bytes of a record, or of the one that holds instead of a withheld one.

        Raises:
            FormatError: it is no entry.
            NotFoundError: the log is not that long.
            WithheldError: it is withheld, and nothing holds instead.
        """
        withheld = held.withheld.get(position)
        if withheld is not None and withheld.instead:
            return withheld.instead
        return parse_entry(self.entry(store, held, position)).record

    def bundle_of(self, store: Reader, held: HeldLog, number: int) -> Sequence[Item]:
        """Return the entries of a bundle, full or not, and what is left of withheld ones."""
        edge = held.tree.edge
        if number == edge.full:
            return edge.entries
        return self.read_bundle(store, held.number, number)

    def is_overtaken(self, held: HeldLog) -> bool:
        """Say whether the coordinator has ended a log below what is judged (SPEC MEM-7)."""
        endings = self.directory.endings(held.origin)[held.cursor.endings :]
        return any(ending.size < held.cursor.projected for ending in endings)

    def is_behind(self, held: HeldLog) -> bool:
        """Say whether entries of a log wait for being judged, or for being judged anew."""
        return held.cursor.projected < held.size or self.is_overtaken(held)

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size.

        Raises:
            Waiting: it is not here up to that size.
        """
        held = self.coordinator
        if held is None or size > held.cursor.projected:
            raise Waiting(size)
        return held.tree.root_at(size)
