"""The registry's tables of one log, gathered in memory and written with their transaction."""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from sopro_node.store.base import Reader, Store
from sopro_node.store.listing import Listing
from sopro_registry.catalogue import decode_state
from sopro_registry.family import Decided, Erased, LabelIndex
from sopro_registry.tables import EntityRow, Void


class StoreTables:
    """`registry.tables.Tables` on a store: reads fall through, writes wait for `flush`.

    Attributes:
        has_erased: whether a document was erased.
        has_taken: whether a label was taken over from another log.
    """

    def __init__(
        self, store: Reader, log: int, *, coordinator_root: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._log = log
        self._coordinator_root = coordinator_root
        self._entities: dict[bytes, EntityRow | None] = {}
        self._changed: dict[bytes, EntityRow] = {}
        self._before: dict[bytes, bytes] = {}
        self._listing = Listing(log, self._state)
        self._names: dict[tuple[str, str], bytes] = {}
        self._labels: dict[bytes, LabelIndex] = {}
        self._numbers: set[str] = set()
        self._voids: list[tuple[int, Void]] = []
        self._counts: Counter[tuple[str, int]] = Counter()
        self._decided: Counter[Decided] = Counter()
        self._erased: list[Erased] = []
        self.has_erased = False
        self.has_taken = False

    def entity(self, entity: bytes) -> EntityRow | None:
        """Return an entity's row."""
        try:
            return self._entities[entity]
        except KeyError:
            row = self._entities[entity] = self._store.entity(self._log, entity)
            if row is not None and isinstance(row.state, bytes):
                self._before[entity] = row.state
            return row

    def expect(self, entities: Sequence[bytes]) -> None:
        """Look entities up together that will be asked for one by one."""
        wanted = [entity for entity in entities if entity not in self._entities]
        self._entities |= dict.fromkeys(wanted)
        for entity, row in self._store.entities_of(self._log, wanted):
            self._entities[entity] = row
            if isinstance(row.state, bytes):
                self._before[entity] = row.state

    def _state(self, entity: bytes) -> Struct | None:
        row = self.entity(entity)
        if row is None or row.state is None:
            return None
        return decode_state(row.family, row.state) if isinstance(row.state, bytes) else row.state

    def put_entity(self, entity: bytes, row: EntityRow) -> None:
        """Keep an entity's row."""
        self._entities[entity] = self._changed[entity] = row

    def has_name(self, family: str, name: str) -> bool:
        """Say whether an entity of this log bears the name."""
        if (family, name) in self._names or (family == "label_decision" and name in self._numbers):
            return True
        return self._store.named(self._log, family, name) is not None

    def named(self, family: str, name: str) -> bytes | None:
        """Return the entity of this log that bears the name; None where none does."""
        return self._names.get((family, name)) or self._store.named(self._log, family, name)

    def put_name(self, family: str, name: str, entity: bytes) -> None:
        """Keep a name."""
        self._names[family, name] = entity
        self.has_taken = self.has_taken or family == "label_decision"

    def put_label(self, entity: bytes, label: LabelIndex) -> None:
        """Keep the columns by which a label is found."""
        self._labels[entity] = label
        self._numbers.add(label.number)

    def put_void(self, index: int, void: Void) -> None:
        """Keep why an entry is void."""
        self._voids.append((index, void))

    def count(self, action: str, year: int, more: int = 1) -> None:
        """Add to the decisions of a kind in a year."""
        self._counts[action, year] += more

    def count_decided(self, decided: Decided, more: int = 1) -> None:
        """Add to the decisions of a kind, for a reason, that took as long."""
        self._decided[decided] += more

    def erase(self, erased: Erased) -> None:
        """Drop a document for ever."""
        self._erased.append(erased)
        self.has_erased = True

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size; raises `Waiting`."""
        return self._coordinator_root(size)

    def flush(self, store: Store) -> None:
        """Write what has changed, inside the caller's transaction, and gather anew."""
        log = self._log
        self._listing.write(store, self._changed, self._before)
        store.put_entities(log, self._changed.items())
        store.put_names(log, [(*key, entity) for key, entity in self._names.items()])
        store.put_labels(log, self._labels.items())
        store.put_voids(log, self._voids)
        store.put_counts(log, [(*key, count) for key, count in self._counts.items()])
        store.directory.add_decided(log, self._decided)
        if self._erased:
            store.documents.erase(log, self._erased)
        self._forget()

    def _forget(self) -> None:
        self._entities.clear()
        self._changed.clear()
        self._before.clear()
        self._names.clear()
        self._labels.clear()
        self._numbers.clear()
        self._voids.clear()
        self._counts.clear()
        self._decided.clear()
        self._erased.clear()
