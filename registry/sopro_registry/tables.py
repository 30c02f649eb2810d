"""What the registry asks of whoever keeps its tables, and the rows it keeps there.

Tables belong to one log. Everything in them follows from the logs; `reindex` rebuilds them.
"""

from typing import Protocol

from msgspec import Struct

from sopro_registry.family import Decided, Erased, KeySpan, LabelIndex
from sopro_registry.fields import Head


class Void(Struct, frozen=True, array_like=True):
    """Why an entry counts for nothing; the code is the same on every node."""

    code: str
    message: str


class EntityRow:
    """One entity of a log: its family, the entry that speaks last on it, and its state."""

    __slots__ = ("family", "head", "state", "undetermined")

    def __init__(
        self,
        family: str,
        head: bytes,
        state: Struct | bytes | None,
        *,
        undetermined: bool = False,
    ) -> None:
        self.family = family
        self.head = head
        self.state = state
        self.undetermined = undetermined


class Cursor(Struct, array_like=True):
    """How far a log is projected and what holds at that position.

    Attributes:
        projected: number of entries judged.
        last_time: claimed time of the last record that counts.
        keys: every key of the site.
        keys_record: entry id of the latest site_keys record.
        acted_on: the coordinator's head named by the latest log_state.
        grants: number of grants, the next status index.
        voids: number of void entries.
        uninterpreted: number of records of unknown families or undetermined entities.
        endings: how many endings of the log by the coordinator the judgements know.
        states_status: a log_state has stated the root of the status tree.
        knows_status: no label is undetermined, so this version can compute that root.
        key_records: positions of the site_keys records that count.
        withheld: number of withhold records that count.
        stated: position of the last log_state record, void or not; -1 for none.
        misstated: position of the last one that is void.
        is_import_closed: no decision of an existing register counts any more.
        import_closed_on: the day on which that began; 0 where it has not.
    """

    projected: int = 0
    last_time: int = 0
    keys: tuple[KeySpan, ...] = ()
    keys_record: bytes | None = None
    acted_on: Head | None = None
    grants: int = 0
    voids: int = 0
    uninterpreted: int = 0
    endings: int = 0
    states_status: bool = False
    knows_status: bool = True
    key_records: tuple[int, ...] = ()
    withheld: int = 0
    stated: int = -1
    misstated: int = -1
    is_import_closed: bool = False
    import_closed_on: int = 0


class Tables(Protocol):
    """The tables of one log."""

    def entity(self, entity: bytes) -> EntityRow | None:
        """Return an entity's row; changing it needs `put_entity`."""
        ...

    def put_entity(self, entity: bytes, row: EntityRow) -> None:
        """Keep an entity's row."""
        ...

    def has_name(self, family: str, name: str) -> bool:
        """Say whether an entity of this log bears the name; a label's name is its number."""
        ...

    def named(self, family: str, name: str) -> bytes | None:
        """Return the entity of this log that bears the name; None where none does; no labels."""
        ...

    def put_name(self, family: str, name: str, entity: bytes) -> None:
        """Keep a name."""
        ...

    def put_label(self, entity: bytes, label: LabelIndex) -> None:
        """Keep the columns by which a label is found."""
        ...

    def put_void(self, index: int, void: Void) -> None:
        """Keep why an entry is void."""
        ...

    def count(self, action: str, year: int, more: int = 1) -> None:
        """Add to the decisions of a kind in a year."""
        ...

    def count_decided(self, decided: Decided, more: int = 1) -> None:
        """Add to the decisions of a kind, for a reason, that took as long."""
        ...

    def erase(self, erased: Erased) -> None:
        """Drop a document for ever."""
        ...

    def coordinator_root(self, size: int) -> bytes:
        """Return the root of the coordinator's log at a size.

        Raises:
            Waiting: the coordinator's log is not here, or not projected, up to that size.
        """
        ...
