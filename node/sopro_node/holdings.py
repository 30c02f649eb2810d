"""The logs this node holds, in memory, and the one way they grow.

A `Step` extends one log by verified entries: it judges them, projects them and writes everything in
the caller's transaction. Only after the commit does `HeldLog` change; a failed step leaves nothing.
All of it runs on the writer's thread; other threads only read what a commit has published.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from sopro_node.ahead import Ahead, decode_ahead, encode_ahead
from sopro_node.bundles import blank, pack_entries, unpack_entries
from sopro_node.numbers import Numbers
from sopro_node.store.base import CosignedRow, DocumentRow, LogRow, Reader, Store
from sopro_node.store.tables import StoreTables
from sopro_node.tree import Edge, LogTree
from sopro_node.verify import CheckedBundle, Held
from sopro_protocol.bundle import Item, Withheld, leaf_of
from sopro_protocol.errors import FormatError, NotFoundError, VerificationError, WithheldError
from sopro_protocol.merkle import CompactRange, leaf_hash, root_of
from sopro_protocol.record import parse_entry
from sopro_protocol.status import StatusTree
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import FAMILIES, decode_state
from sopro_registry.directory import Directory
from sopro_registry.family import KeySpan, Place, Waiting, Withholding
from sopro_registry.fields import epoch_of
from sopro_registry.label import Label
from sopro_registry.projection import Judgement, Ledger
from sopro_registry.status import status_tree
from sopro_registry.tables import Cursor
from sopro_registry.witnesses import Publication

OWN: Final = 1
_PER_FLUSH: Final = 16
_CURSOR: Final = msgspec.msgpack.Decoder(Cursor)
_LABEL: Final = msgspec.msgpack.Decoder(Label)
_DIRECTORY_FAMILIES: Final = tuple(
    name for name, family in FAMILIES.items() if family.place is Place.COORDINATOR
)


class HeldLog:
    """One log: its tree, its cursor, the entries after the last full bundle.

    Attributes:
        number: its number in the database; 1 is the node's own.
        checkpoint: the signed note served for it; empty before the first.
        signed_size: size of that note; 0 before the first.
        cosigned: that note with the cosignatures known; or one of a head before it, or empty.
        witnessed: note of the newest head known that had a quorum, with its cosignatures.
        witnessed_size: of that head; 0 for none.
        ahead: the head that the entries beyond `signed_size` are proven under; None where there
            are none.
        mirrored_size: up to which another node holds it too; of our own log only.
        withheld: entries whose bytes are not here any more, by position; replaced, not changed.
        statuses: the status tree as far as the log is judged, never changed but replaced; None
            until somebody needs it.
    """

    statuses: StatusTree | None = None

    def __init__(self, row: LogRow, *, tree: LogTree) -> None:
        self.number = row.log
        self.origin = row.origin
        self.cosigned = b""
        self.witnessed = b""
        self.witnessed_size = 0
        self.mirrored_size = 0
        self.sign(row.checkpoint)
        self.ahead = decode_ahead(row.ahead)
        self.cursor = decode_cursor(row.cursor)
        self.tree = tree
        self.withheld: Mapping[int, Withholding] = {}

    @property
    def site(self) -> str:
        """The site's code, the second part of the origin."""
        return self.origin.split("/")[1]

    @property
    def path(self) -> str:
        """Where nodes serve this log: `/log/<site>/<epoch>`."""
        return "/log/" + self.origin.split("/", 1)[1]

    @property
    def size(self) -> int:
        """Number of entries stored."""
        return self.tree.size

    @property
    def shown_size(self) -> int:
        """Number of entries that a signed head which is at hand covers."""
        return self.size if self.ahead else self.signed_size

    def sign(self, checkpoint: bytes) -> None:
        """Serve a signed note this node has made or verified."""
        self.checkpoint = checkpoint
        self.signed_size = int(checkpoint.split(b"\n", 2)[1]) if checkpoint else 0

    def publication(self, index: int) -> Publication:
        """Say how far an entry has come; what another site wrote is mirrored here."""
        return Publication(
            accepted=index < self.size,
            published=index < self.signed_size,
            witnessed=index < self.witnessed_size,
            mirrored=index < (self.mirrored_size if self.number == OWN else self.size),
        )

    @property
    def note(self) -> bytes:
        """The note to serve: the checkpoint, with the cosignatures on it where any are known."""
        checkpoint, cosigned = self.checkpoint, self.cosigned
        return cosigned if cosigned.startswith(checkpoint) else checkpoint

    @property
    def keys(self) -> tuple[KeySpan, ...]:
        """Every key of the site, as far as the log is judged."""
        return self.cursor.keys


def decode_cursor(data: bytes) -> Cursor:
    """Read a log's cursor from its row.

    Raises:
        FormatError: it is damaged.
    """
    try:
        return _CURSOR.decode(data) if data else Cursor()
    except msgspec.MsgspecError as error:
        raise FormatError(
            f"the database is damaged: what is stored beside a log cannot be read ({error}); "
            "'sopro reindex' makes it anew from the entries"
        ) from None


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
        self._store.cut_witness_head(held.origin)
        self._store.put_cosigned(CosignedRow(held.origin, b"", b""))
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

    def step(self, held: HeldLog, *, root_key: bytes) -> "Step":
        """Begin to extend a log."""
        return Step(self, self._store, held, root_key=root_key)

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size.

        Raises:
            Waiting: it is not here up to that size.
        """
        held = self.coordinator
        if held is None or size > held.cursor.projected:
            raise Waiting(size)
        return held.tree.root_at(size)


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
        store.put_documents(held.number, self._documents)
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
