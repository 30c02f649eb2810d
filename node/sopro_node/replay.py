"""Judging a log again from its first entry, for audit and reindex."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from sopro_node.bundles import unpack_entries
from sopro_node.store.base import Reader
from sopro_node.store.rows import LogRow
from sopro_node.tree import LogTree
from sopro_node.verify import CheckedBundle
from sopro_protocol.bundle import Item, Withheld, leaf_of
from sopro_protocol.errors import VerificationError
from sopro_protocol.merkle import root_of
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import encode_state
from sopro_registry.directory import Directory
from sopro_registry.family import Decided, Erased, LabelIndex, Waiting, Withholding
from sopro_registry.projection import Judgement, Ledger
from sopro_registry.tables import Cursor, EntityRow, Tables, Void

_HASH: Final = 32


class MemoryTables:
    """`registry.tables.Tables` in memory, sharing nothing with a store.

    Attributes:
        entities: row by entity, states encoded.
        names: entity by family and name.
        labels: columns by entity.
        voids: reason by position.
        counts: number of decisions by action and year.
        decided: number of decisions by what is counted of them.
        erased: documents of this log, by position and number.
        orphan_erased: documents of others: origin, position, number.
    """

    def __init__(self, coordinator_root: Callable[[int], bytes]) -> None:
        self.coordinator_root = coordinator_root
        self.entities: dict[bytes, EntityRow] = {}
        self.names: dict[tuple[str, str], bytes] = {}
        self.labels: dict[bytes, LabelIndex] = {}
        self.voids: dict[int, Void] = {}
        self.counts: Counter[tuple[str, int]] = Counter()
        self.decided: Counter[Decided] = Counter()
        self.erased: dict[tuple[int, int], Erased] = {}
        self.orphan_erased: set[tuple[str, int, int]] = set()
        self._numbers: set[str] = set()

    def entity(self, entity: bytes) -> EntityRow | None:
        """Return an entity's row."""
        return self.entities.get(entity)

    def put_entity(self, entity: bytes, row: EntityRow) -> None:
        """Keep an entity's row."""
        state = encode_state(row.state) if isinstance(row.state, Struct) else row.state
        self.entities[entity] = EntityRow(
            row.family, row.head, state, undetermined=row.undetermined
        )

    def has_name(self, family: str, name: str) -> bool:
        """Say whether an entity bears the name; a label's name is its number."""
        if family == "label_decision":
            return name in self._numbers
        return (family, name) in self.names

    def named(self, family: str, name: str) -> bytes | None:
        """Return the entity that bears the name; None where none does."""
        return self.names.get((family, name))

    def put_name(self, family: str, name: str, entity: bytes) -> None:
        """Keep a name."""
        self.names[family, name] = entity

    def put_label(self, entity: bytes, label: LabelIndex) -> None:
        """Keep a label's columns."""
        self.labels[entity] = label
        self._numbers.add(label.number)

    def put_void(self, index: int, void: Void) -> None:
        """Keep why an entry is void."""
        self.voids[index] = void

    def count(self, action: str, year: int, more: int = 1) -> None:
        """Add to the decisions of a kind in a year."""
        self.counts[action, year] += more

    def count_decided(self, decided: Decided, more: int = 1) -> None:
        """Add to the decisions of a kind, for a reason, that took as long."""
        self.decided[decided] += more

    def erase(self, erased: Erased) -> None:
        """Keep what was erased."""
        if erased.origin:
            self.orphan_erased.add((erased.origin, erased.position, erased.number))
        else:
            self.erased[erased.position, erased.number] = erased


class Replay:
    """One log judged from its entries alone, every signature verified here or before.

    Attributes:
        origin: of the log.
        ledger: what follows from it.
        judged_until: position at which judging stops; beyond it only hashes are taken.
        is_waiting: an entry acts on a size of the coordinator's log that is not there, or
            withholds one whose bytes were judged.
        overtaken: that one.
    """

    def __init__(
        self,
        origin: str,
        root_key: bytes,
        *,
        tables: Tables,
        directory: Directory,
        is_coordinator: bool,
        judged_until: int | None = None,
    ) -> None:
        self.origin = origin
        self.judged_until = judged_until
        self.is_waiting = False
        self.overtaken: Withholding | None = None
        self.ledger = Ledger(
            origin=origin,
            root_key=root_key,
            cursor=Cursor(),
            tables=tables,
            directory=directory,
            is_coordinator=is_coordinator,
            leaf_at=self._leaf_at,
        )
        self._roots: list[bytes] = []
        self._leaves: list[bytes] = []
        self._tail: list[Item] = []
        self._tail_leaves: list[bytes] = []

    def explain(self, withholdings: Iterable[Withholding]) -> None:
        """Take in why entries that are fed later have no bytes, or are not judged by them."""
        for one in withholdings:
            self.ledger.expect(one)

    def feed(self, entries: Sequence[Item]) -> list[Judgement]:
        """Take the next bundle, which is full unless it is the last; return what was judged.

        Raises:
            VerificationError: `wdh.gap`, `wdh.state`, an entry is withheld and should not be.
        """
        leaves: list[bytes] = [leaf_of(item) for item in entries]
        bundle = CheckedBundle(0, list(entries), leaves, root_of(leaves), [False] * len(entries))
        return self.feed_checked(bundle)

    def feed_checked(self, bundle: CheckedBundle) -> list[Judgement]:
        """Take the next bundle, whose signatures were checked where the bundle says so.

        Raises:
            VerificationError: as `feed`.
        """
        if len(bundle.entries) == WIDTH:
            self._roots.append(bundle.root)
            self._leaves.append(b"".join(bundle.leaves))
        else:
            self._tail, self._tail_leaves = bundle.entries, bundle.leaves
        return [
            judgement
            for item, leaf, is_verified in zip(
                bundle.entries, bundle.leaves, bundle.verified, strict=True
            )
            if (judgement := self._judge(item, leaf, is_verified=is_verified)) is not None
        ]

    def _judge(self, item: Item, leaf: bytes, *, is_verified: bool) -> Judgement | None:
        is_far_enough = self.judged_until is not None and self.ledger.index >= self.judged_until
        if self.is_waiting or is_far_enough:
            return None
        if isinstance(item, Withheld) and not self._is_explained(item):
            raise VerificationError(
                f"entry {self.ledger.index} is withheld without a record", code="wdh.gap"
            )
        try:
            data = b"" if isinstance(item, Withheld) else item
            judgement = self.ledger.judge(data, entry_id=leaf, verified=is_verified)
        except Waiting:
            self.is_waiting = True
            return None
        withheld = judgement.change.withheld if judgement.change is not None else None
        if withheld is not None and withheld.index not in self.ledger.withholdings:
            # What comes before would have to be judged anew; whoever holds the log does that.
            self.overtaken = withheld
            self.is_waiting = True
            return None
        self.ledger.commit(judgement)
        return judgement

    def public_keys(self) -> dict[bytes, bytes]:
        """Return the site's public keys by id, as far as the log is judged."""
        return {span.key_id: span.public for span in self.ledger.cursor.keys}

    def _is_explained(self, item: Withheld) -> bool:
        known = self.ledger.withholdings.get(self.ledger.index)
        return known is not None and (known.leaf, known.record) == item

    def _leaf_at(self, index: int) -> bytes:
        bundle, offset = divmod(index, WIDTH)
        if bundle == len(self._leaves):
            return self._tail_leaves[offset]
        return self._leaves[bundle][offset * _HASH : (offset + 1) * _HASH]

    def last_root(self) -> bytes:
        """Return the hash of the last full bundle's subtree."""
        return self._roots[-1]

    def tree(self) -> LogTree:
        """Return the tree of what was fed."""
        return LogTree(self._roots, self._tail, load_leaves=self._split)

    def _split(self, bundle: int) -> list[bytes]:
        joined = self._leaves[bundle]
        return [joined[at : at + _HASH] for at in range(0, len(joined), _HASH)]


def read_bundles(store: Reader, row: LogRow) -> Iterator[list[Item]]:
    """Go through a stored log bundle by bundle.

    Raises:
        FormatError: a bundle is missing or damaged; the ones before have been given.
    """
    full, width = divmod(row.size, WIDTH)
    for number in range(full):
        yield unpack_entries(store.bundle(row.log, number) or b"")
    if width:
        yield store.entries(row.log, full * WIDTH)
