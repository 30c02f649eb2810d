"""The one way a held log grows: a step judges entries, projects them, and writes everything.

All of it in the caller's transaction, on the writer's thread. Only after the commit does `HeldLog`
change; a failed step leaves nothing. Other threads only read what a commit has published.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from sopro_node.ahead import Ahead, encode_ahead
from sopro_node.bundles import blank, pack_entries
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.numbers import Numbers
from sopro_node.store.base import Store
from sopro_node.store.rows import DocumentRow, LogRow
from sopro_node.store.tables import StoreTables
from sopro_node.tree import Edge
from sopro_node.verify import CheckedBundle, Held
from sopro_protocol.bundle import Item, Withheld, leaf_of
from sopro_protocol.errors import VerificationError
from sopro_protocol.merkle import root_of
from sopro_protocol.status import StatusTree
from sopro_protocol.tile import WIDTH
from sopro_registry.family import Waiting, Withholding
from sopro_registry.fields import epoch_of
from sopro_registry.projection import Judgement, Ledger
from sopro_registry.tables import Cursor

_PER_FLUSH: Final = 16


class _Added(NamedTuple):
    """An entry of a step: its bytes or what is left, its hash, whether its signatures are valid."""

    item: Item
    leaf: bytes
    is_verified: bool


class Step:
    """One log growing in one transaction, inside which it is made.

    Attributes:
        is_anew: whether every entry is judged again, because the coordinator has ended the log
            below what was judged, or an entry that was judged is withheld.
        ledger: what follows from the log.
        tables: where that is gathered.
        numbers: of labels.
        ahead: the head that entries beyond the signed one are proven under.
    """

    ledger: Ledger
    tables: StoreTables
    numbers: Numbers

    def __init__(self, holdings: Holdings, store: Store, held: HeldLog, *, root_key: bytes) -> None:
        self.held = held
        self._holdings = holdings
        self._store = store
        self._root_key = root_key
        self._is_coordinator = held.origin == holdings.coordinator_origin
        self._directory = holdings.directory
        if self._is_coordinator:
            self._directory = holdings.directory.copy()
        self._withheld = dict(held.withheld)
        self._fresh: dict[int, Withholding] = {}
        edge = held.tree.edge
        self.range = edge.range.copy()
        self._full = edge.full
        self._tail = list(edge.entries)
        self._tail_leaves = list(edge.leaves)
        self._new: list[_Added] = []
        self._bundles: list[tuple[int, bytes, bytes]] = []
        self._documents: list[DocumentRow] = []
        self.own_entries: list[bytes] = []
        self._is_waiting = False
        self.ahead: Ahead | None = held.ahead
        self.is_anew = False
        self._verified: tuple[range, set[int]] = (range(0), set())
        if holdings.is_overtaken(held):
            self._begin_anew()
        else:
            cursor = msgspec.structs.replace(held.cursor)
            self._begin(cursor, holdings.statuses(held).copy())

    def _begin(self, cursor: Cursor, statuses: StatusTree) -> None:
        store, held = self._store, self.held
        root_of_coordinator = self._holdings.coordinator_root
        new = self._new

        def leaf_at(index: int) -> bytes:
            # Not a method: the ledger would hold this step and all its entries in a circle, which
            # stays until the collector runs, and that is seldom.
            if index >= held.size:
                return new[index - held.size].leaf
            return held.tree.leaves(index // WIDTH)[index % WIDTH]

        self.tables = StoreTables(store, held.number, coordinator_root=root_of_coordinator)
        epoch = epoch_of(held.origin)
        self.numbers = Numbers(store, self.tables, log=held.number, epoch=epoch)
        self.ledger = Ledger(
            origin=held.origin,
            root_key=self._root_key,
            cursor=cursor,
            tables=self.tables,
            directory=self._directory,
            is_coordinator=self._is_coordinator,
            leaf_at=leaf_at,
            statuses=statuses,
            withholdings=self._withheld,
        )

    def _begin_anew(self) -> None:
        """Judge every entry again, from the first.

        The signatures of an entry that counted were valid, and nothing changes that.
        """
        if not self.is_anew:
            judged = self.held.cursor.projected
            voids = self._store.voids(self.held.number, start=0, limit=judged)
            self._verified = range(judged), {position for position, _ in voids}
        self.is_anew = True
        self._store.clear_indexes(self.held.number)
        self._begin(Cursor(), StatusTree())

    @property
    def size(self) -> int:
        """Number of entries, with those of this step."""
        return self.range.size

    @property
    def beginning(self) -> tuple[bytes, ...]:
        """Leaf hash of entry 0, with the entries of this step; none while there is none."""
        if self.held.size:
            return (self.held.tree.root_at(1),)
        return tuple(one.leaf for one in self._new[:1])

    def find(self, leaf: bytes) -> int | None:
        """Return where an entry lies, with those of this step; None where it is not in the log."""
        for number, one in enumerate(self._new):
            if one.leaf == leaf:
                return self.held.size + number
        return self.held.tree.find(leaf)

    @property
    def is_waiting(self) -> bool:
        """Whether entries of the log wait for the coordinator's log, so that none can follow."""
        return self._is_waiting

    @property
    def tail(self) -> Held:
        """The entries after the last full bundle, with those of this step."""
        return Held(tuple(self._tail), tuple(self._tail_leaves))

    def catch_up(self) -> None:
        """Judge whatever is here and is not judged yet, or counts no longer the same.

        Entries had to wait for the coordinator's log, or are judged anew.
        """
        while not self._is_waiting and self.ledger.index < self.held.size + len(self._new):
            index = self.ledger.index
            for one in self._from(index):
                if not self._judge(one):
                    break
            if index // WIDTH % _PER_FLUSH == _PER_FLUSH - 1 and index < self.held.size:
                self.tables.flush(self._store)

    def _from(self, index: int) -> Iterable[_Added]:
        """Go through entries from a position on, of the log as it is held up to a bundle's end."""
        held = self.held
        if index >= held.size:
            return islice(self._new, index - held.size, None)
        bundle, offset = divmod(index, WIDTH)
        items = self._holdings.bundle_of(self._store, held, bundle)[offset:]
        judged, voids = self._verified
        return (
            _Added(item, leaf_of(item), is_verified=position in judged and position not in voids)
            for position, item in enumerate(items, index)
        )

    def explain(self, withholdings: Iterable[Withholding]) -> None:
        """Take in why entries that are to be added have no bytes (SPEC WITHHOLD-9)."""
        for one in withholdings:
            self._withheld[one.index] = self._fresh[one.index] = one
            self.ledger.expect(one)

    def check_explained(self, size: int) -> None:
        """Check that every entry without bytes under a head is withheld by a record that counts.

        Args:
            size: of the head.

        Raises:
            VerificationError: `wdh.gap`, one is not, or that is not judged yet.
        """
        judged = min(self.ledger.index, size)
        if any(one.index < size and one.record >= judged for one in self._withheld.values()):
            raise VerificationError(
                f"{self.held.origin}: an entry is withheld by a record that is not judged yet; it "
                "is looked at again when the coordinator's log is here",
                code="wdh.gap",
            )

    def add(
        self, entries: Sequence[Item], leaves: Sequence[bytes], verified: Sequence[bool]
    ) -> None:
        """Add entries behind the log's end.

        Args:
            entries: their bytes, or what is left of those that were explained.
            leaves: their hashes.
            verified: whether every signature on each was found valid.

        Raises:
            VerificationError: `wdh.gap`, `wdh.state`, one is withheld and should not be.
        """
        for item, leaf, is_verified in zip(entries, leaves, verified, strict=True):
            self._take(item, leaf, is_verified)
            self._push(item, leaf)
        self.catch_up()

    def add_bundle(self, bundle: CheckedBundle) -> None:
        """Add a full bundle as it was received; the one before must be full.

        Raises:
            VerificationError: as `add`.
        """
        added = map(_Added, bundle.entries, bundle.leaves, bundle.verified)
        if Withheld in map(type, bundle.entries):
            for one in added:
                self._take(*one)
        else:
            self._new.extend(added)
        self._bundles.append((bundle.number, bundle.root, bundle.frame))
        self._documents.extend(bundle.documents)
        self.range.append_subtree(bundle.root, level=8)
        self.tables.expect(bundle.entities)
        self.catch_up()

    def add_judged(self, data: bytes, judgement: Judgement) -> None:
        """Add an entry of our own that was judged already.

        Raises:
            VerificationError: `wdh.state`, it withholds what cannot be withheld; nothing may be
                written then.
        """
        self._take(data, judgement.entry_id, is_verified=True)
        self._push(data, judgement.entry_id)
        self.own_entries.append(data)
        self._commit(judgement)
        self.catch_up()

    def add_documents(self, documents: Iterable[DocumentRow]) -> None:
        """Add documents that belong to entries of this step."""
        self._documents.extend(documents)

    def _take(self, item: Item, leaf: bytes, is_verified: bool) -> None:
        if isinstance(item, Withheld):
            index = self.held.size + len(self._new)
            known = self._withheld.get(index)
            if known is None or (known.leaf, known.record) != item:
                raise VerificationError(
                    f"{self.held.origin}: entry {index} is withheld without a record",
                    code="wdh.gap",
                )
        self._new.append(_Added(item, leaf, is_verified))

    def _judge(self, one: _Added) -> bool:
        """Judge and commit the next entry; False where the one after it is not to be judged now."""
        data = b"" if isinstance(one.item, Withheld) else one.item
        try:
            judgement = self.ledger.judge(data, entry_id=one.leaf, verified=one.is_verified)
        except Waiting:
            self._is_waiting = True
            return False
        return self._commit(judgement)

    def _commit(self, judgement: Judgement) -> bool:
        """Commit a judgement; False where the log has to be judged anew because of it."""
        self.ledger.commit(judgement)
        overtaken = self.ledger.overtaken
        if overtaken is None:
            return True
        self._withheld[overtaken.index] = self._fresh[overtaken.index] = overtaken
        self._begin_anew()
        return False

    def _push(self, item: Item, leaf: bytes) -> None:
        self._tail.append(item)
        self._tail_leaves.append(leaf)
        self.range.append(leaf)
        if len(self._tail) == WIDTH:
            number = self.size // WIDTH - 1
            frame = pack_entries(self._tail)
            self._bundles.append((number, root_of(self._tail_leaves), frame))
            self._tail, self._tail_leaves = [], []

    def _remove_bytes(self) -> None:
        """Leave nothing of entries that are withheld from now on."""
        bundles: dict[int, dict[int, Withheld]] = {}
        for one in self._fresh.values():
            number, place = divmod(one.index, WIDTH)
            bundles.setdefault(number, {})[place] = Withheld(one.leaf, one.record)
        for number, places in bundles.items():
            if number == self.size // WIDTH:
                for place, left in places.items():
                    self._tail[place] = left
            elif number >= self._full:
                at = number - self._full
                _, root, frame = self._bundles[at]
                self._bundles[at] = (number, root, blank(frame, places))
            else:
                frame = self._store.bundle(self.held.number, number) or b""
                root = self.held.tree.roots[number]
                self._store.put_bundles(self.held.number, [(number, root, blank(frame, places))])
        self._store.put_withheld(self.held.number, self._fresh.values())

    def write(self, *, checkpoint: bytes) -> None:
        """Write everything, inside the caller's transaction.

        Args:
            checkpoint: the signed note to serve from now on.
        """
        held, store = self.held, self._store
        if self._fresh:
            self._remove_bytes()
        full = (self.size // WIDTH) * WIDTH
        if self._bundles:
            store.put_bundles(held.number, self._bundles)
            store.cut_entries(held.number, full)
        kept = 0 if self._bundles else len(held.tree.edge.entries)
        if len(self._tail) > kept:
            store.put_entries(held.number, full + kept, self._tail[kept:])
        store.documents.put(held.number, self._documents)
        self.tables.flush(store)
        cursor = msgspec.msgpack.encode(self.ledger.cursor)
        root = self.range.root()
        ahead = encode_ahead(self.ahead)
        store.set_log(LogRow(held.number, held.origin, self.size, root, checkpoint, cursor, ahead))

    def publish(self, *, checkpoint: bytes) -> None:
        """Show the committed step to readers."""
        # First, so that whoever has read a row from before the commit sees that it may be old.
        self._holdings.published += 1
        self._holdings.takeovers += self.tables.has_taken
        held = self.held
        edge = Edge(self._full + len(self._bundles), self._tail, self._tail_leaves, self.range)
        # First of all: no answer may be kept as one that knows what it does not.
        if held.origin == self._holdings.coordinator_origin:
            self._holdings.directory = self._directory
        held.tree.grow((root for _, root, _ in self._bundles), edge)
        held.cursor = self.ledger.cursor
        held.withheld = self._withheld
        self._holdings.rejudged += self.is_anew
        self._holdings.changed_documents += bool(self.tables.has_erased or self._fresh)
        self.ledger.statuses.settle()
        held.statuses = self.ledger.statuses
        held.sign(checkpoint)
        # After the checkpoint: whoever compares heads reads them in the other order.
        held.ahead = self.ahead
